//! Whether a cell is whole: for a front end's Enter key, which runs it or begins a new line, and for the error of one that is run half written.

use super::dependencies::header;

/// How whole a text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completeness {
    Complete,
    /// More must follow; `indent` is the whitespace with which the next line begins.
    Incomplete {
        indent: String,
    },
    /// Nothing that follows can make Rust of it.
    Invalid,
}

/// Tells whether Rust code (and `:dep` lines above it) is whole.
pub fn is_complete(code: &str) -> Completeness {
    let Ok(header) = header(code, 0) else { return Completeness::Invalid };
    match ending(header.body(code)) {
        Ending::Whole => Completeness::Complete,
        Ending::Open { depth, .. } => Completeness::Incomplete { indent: "    ".repeat(depth) },
        Ending::InStatement => Completeness::Incomplete { indent: String::new() },
        Ending::Wrong => Completeness::Invalid,
    }
}

/// What is missing at the end of a cell that was run half written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfinished {
    /// Line of the code, from 0, and character in it, from 0: what was opened, else where the code ends.
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) words: String,
}

/// Says what is missing where code (without `:dep` lines) ends too early. The parser that cuts cells into statements leaves such an end out.
pub(crate) fn unfinished(code: &str) -> Option<Unfinished> {
    let (at, words) = match ending(code) {
        Ending::Whole | Ending::Wrong => return None,
        Ending::Open { at, opened, .. } => (at, format!("{opened} is never closed")),
        Ending::InStatement => (
            code.trim_end().len(),
            "its last statement ends too early: a `;`, or the rest of an expression, is missing".to_owned(),
        ),
    };
    let before = &code[..at];
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
    Some(Unfinished { line: before.matches('\n').count(), column, words })
}

/// How code ends.
enum Ending {
    Whole,
    /// Within brackets, a comment or a text.
    Open {
        /// So many brackets are open.
        depth: usize,
        /// Where the innermost begins, in bytes, and what it is.
        at: usize,
        opened: String,
    },
    InStatement,
    /// Nothing that follows can make Rust of it.
    Wrong,
}

fn ending(code: &str) -> Ending {
    match scan(code) {
        Brackets::Crossed => Ending::Wrong,
        Brackets::Open { depth, at, opened } => Ending::Open { depth, at, opened },
        Brackets::Matched => match syn::parse_str::<syn::Block>(&format!("{{{code}\n}}")) {
            Ok(_) => Ending::Whole,
            Err(error) if at_the_end(&error, code) => Ending::InStatement,
            Err(_) => Ending::Wrong,
        },
    }
}

/// Whether an error complains of what does not come any more.
fn at_the_end(error: &syn::Error, body: &str) -> bool {
    // The body begins on line 1 of the text that was parsed; the closing brace stands on a line of its own behind it.
    error.span().start().line > body.lines().count().max(1) || error.to_string().starts_with("unexpected end of input")
}

enum Brackets {
    Matched,
    /// So many are open; or a comment or a text is. `at` is where the innermost begins.
    Open {
        depth: usize,
        at: usize,
        opened: String,
    },
    /// A bracket is closed that was not opened.
    Crossed,
}

fn scan(code: &str) -> Brackets {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut rest = code;
    let text_at = |at: usize| Brackets::Open { depth: 0, at, opened: "the text".to_owned() };
    while let Some(first) = rest.chars().next() {
        let at = code.len() - rest.len();
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => match comment(rest) {
                Some(length) => length,
                None => return Brackets::Open { depth: open.len(), at, opened: "the comment".to_owned() },
            },
            '"' => match text(rest, 1) {
                Some(length) => length,
                None => return text_at(at),
            },
            '\'' => quote(rest),
            'r' | 'b' | 'c' if raw_start(rest).is_some() => {
                match raw_start(rest).and_then(|(start, hashes)| raw(rest, start, hashes)) {
                    Some(length) => length,
                    None => return text_at(at),
                }
            }
            '(' | '[' | '{' => {
                open.push((at, first));
                1
            }
            ')' | ']' | '}' => {
                let opening = match first {
                    ')' => '(',
                    ']' => '[',
                    _ => '{',
                };
                if open.pop().map(|(_, opened)| opened) != Some(opening) {
                    return Brackets::Crossed;
                }
                1
            }
            // A word at once, so that an `r` or `b` within it begins no text.
            _ if first.is_alphanumeric() || first == '_' => {
                rest.find(|character: char| !(character.is_alphanumeric() || character == '_')).unwrap_or(rest.len())
            }
            other => other.len_utf8(),
        };
        rest = &rest[length..];
    }
    match open.last() {
        None => Brackets::Matched,
        Some((at, bracket)) => Brackets::Open { depth: open.len(), at: *at, opened: format!("`{bracket}`") },
    }
}

/// The length of a block comment, which may hold others.
fn comment(rest: &str) -> Option<usize> {
    let mut depth = 0;
    let mut at = 0;
    loop {
        let opening = rest[at..].find("/*").map(|found| at + found);
        let closing = at + rest[at..].find("*/")?;
        match opening.filter(|opening| *opening < closing) {
            Some(opening) => {
                depth += 1;
                at = opening + 2;
            }
            None => {
                depth -= 1;
                at = closing + 2;
                if depth == 0 {
                    return Some(at);
                }
            }
        }
    }
}

/// The length of a text with escapes whose inside begins at `start`.
fn text(rest: &str, start: usize) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in rest[start..].char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(start + at + 1),
            _ => {}
        }
    }
    None
}

/// The length of a character, or of the quotation mark alone where it begins a lifetime.
fn quote(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    match characters.next() {
        // The escaped character itself may be a quotation mark.
        Some((_, '\\')) => characters.skip(1).find(|(_, character)| *character == '\'').map_or(1, |(at, _)| at + 1),
        Some(_) => match characters.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}

/// Where the inside of a raw text begins, and its number of hashes: `r"`, `r#"`, `br"`, `cr##"`.
fn raw_start(rest: &str) -> Option<(usize, usize)> {
    let after = rest.strip_prefix("br").or_else(|| rest.strip_prefix("cr")).or_else(|| rest.strip_prefix('r'))?;
    let quoted = after.trim_start_matches('#');
    let hashes = after.len() - quoted.len();
    quoted.starts_with('"').then(|| (rest.len() - quoted.len() + 1, hashes))
}

fn raw(rest: &str, start: usize, hashes: usize) -> Option<usize> {
    let end = format!("\"{}", "#".repeat(hashes));
    rest[start..].find(&end).map(|at| start + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_cells() {
        for code in [
            "",
            "1 + 1",
            "let x = 1;",
            "fn f() {\n    1;\n}",
            ":dep polars\nuse polars::prelude::*;",
            "let s = r#\"a \" {\"#;",
            "let c = '{'; let q = '\\''; fn f<'a>(x: &'a str) {}",
            "/* { /* ( */ */ let b = b\"}\";",
            "let s = \"\\\"{\";",
            "use std::fmt; struct A; impl A {} A",
            "println!(\"{}\", 1)",
            "// only words {",
            // It can be read, and rustc says what is wrong with it.
            "let x = 1y;",
        ] {
            assert_eq!(is_complete(code), Completeness::Complete, "{code}");
        }
    }

    #[test]
    fn cells_that_go_on() {
        let indent = |code: &str| match is_complete(code) {
            Completeness::Incomplete { indent } => Some(indent.len()),
            _ => None,
        };
        assert_eq!(indent("fn f() {"), Some(4));
        assert_eq!(indent("fn f() {\n    if x {\n"), Some(8));
        assert_eq!(indent("let s = \"open"), Some(0));
        assert_eq!(indent("let s = r#\"open\""), Some(0));
        assert_eq!(indent("/* open"), Some(0));
        assert_eq!(indent("let x = vec![1,"), Some(4));
        assert_eq!(indent("let x ="), Some(0));
        assert_eq!(indent("let x = 5"), Some(0));
        assert_eq!(indent("1 +"), Some(0));
        assert_eq!(indent("foo."), Some(0));
        assert_eq!(indent("#[derive(Debug)]"), Some(0));
    }

    #[test]
    fn what_is_missing_is_said_where_it_is() {
        let said = |code: &str| unfinished(code).map(|found| (found.line, found.column, found.words));
        let open = |line, column, what: &str| Some((line, column, format!("{what} is never closed")));
        assert_eq!(said("let a = 1;\nfor é in (0..3) {\n"), open(1, 16, "`{`"));
        assert_eq!(said("let s = \"open"), open(0, 8, "the text"));
        assert_eq!(said("{ /* open"), open(0, 2, "the comment"));
        let ends = [("let a = 1;;; let b = ", (0, 20)), ("let a = 1;\nfoo.  \n\n", (1, 4)), ("1 +", (0, 3))];
        for (code, place) in ends {
            let (line, column, words) = said(code).expect(code);
            assert!(words.starts_with("its last statement"), "{words}");
            assert_eq!((line, column), place, "{code}");
        }
        for code in ["", "1 + 1", "let x = ;", "}", "a b", "// only words {"] {
            assert_eq!(said(code), None, "{code}");
        }
    }

    #[test]
    fn what_will_never_be_rust() {
        for code in ["let x = ;", "}", "fn f() }", "let one two = 2;", ":quit", "a b", "(]"] {
            assert_eq!(is_complete(code), Completeness::Invalid, "{code}");
        }
    }
}
