//! What the text of a Rust cell says beyond its names: whether it has code beside magics, calls methods, brings traits into
//! scope, declares variables `mut`, or shares state that changes behind an immutable name.
//!
//! This is a scanner, not a parser, and errs on the side of seeing too much: a slice may then be larger, never wrong.

use std::collections::BTreeSet;

use super::files::{self, SideEffects};
use super::functions::{Function, names, parts};

/// Types and words that let a value change although its name is not `mut`, or is changed through another name.
const SHARED: [&str; 15] = [
    "Cell",
    "RefCell",
    "OnceCell",
    "LazyCell",
    "UnsafeCell",
    "Mutex",
    "RwLock",
    "OnceLock",
    "LazyLock",
    "Sender",
    "Receiver",
    "SyncSender",
    "channel",
    "thread_local",
    "unsafe",
];
/// Macros of the standard library that need no trait that a cell could have brought into scope.
const PLAIN_MACROS: [&str; 17] = [
    "println",
    "print",
    "eprintln",
    "eprint",
    "format",
    "format_args",
    "vec",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "panic",
    "matches",
    "unreachable",
    "concat",
    "stringify",
    "env",
];

/// What the text of a cell shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// There is Rust code (or a command such as `:dep`) beside the magics.
    pub code: bool,
    /// Calls something that a trait in scope may provide: a method, a path such as `Type::new`, or a macro.
    pub calls: bool,
    /// May bring a trait into scope: it has a `use` or a `trait` at its top level.
    pub provides: bool,
    /// Brings something into scope without a name: `use … as _`.
    pub unnamed: bool,
    /// Adds methods or operators to a type: it has an `impl` at its top level.
    pub implements: bool,
    /// Has items at its top level. They are compiled anew with every later cell, so their names are looked up there.
    pub late: bool,
    /// Defines a macro by rules, whose names are looked up only where it is used.
    pub macros: bool,
    /// Names of items: functions, types, constants, modules, macros.
    pub items: BTreeSet<String>,
    /// Names that a `let` at the top level may bind.
    pub variables: BTreeSet<String>,
    /// Makes values that can change behind an immutable name.
    pub shared: bool,
    /// Names declared with `mut`.
    pub mutable: BTreeSet<String>,
    /// What it does outside of its variables where it runs; what its items do is another question.
    pub effects: SideEffects,
    /// Names in what runs of it.
    pub names: BTreeSet<String>,
    /// Its items, as far as they may have side effects.
    pub functions: Vec<Function>,
    /// Takes addresses, and has whole numbers of their size.
    pub addresses: bool,
}

/// Reads the text of a cell in Rust; its magics are passed over.
pub(crate) fn scan(text: &str) -> Facts {
    let mut facts = Facts::default();
    let tokens = tokens(text, &mut facts);
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate() {
        let before = |back: usize| index.checked_sub(back).map(|at| &tokens[at]);
        let after = |ahead: usize| tokens.get(index + ahead);
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => depth = depth.saturating_sub(1),
            Token::Word(word) => {
                facts.code = true;
                read_word(word, depth, before(1), &mut facts);
                let is_member = before(1) == Some(&Token::Mark('.')) && before(2) != Some(&Token::Mark('.'));
                let is_called = matches!(after(1), Some(Token::Mark('(' | ':')));
                let is_path = before(1) == Some(&Token::Mark(':')) && before(2) == Some(&Token::Mark(':'));
                let is_macro = after(1) == Some(&Token::Mark('!')) && after(2) != Some(&Token::Mark('='));
                facts.calls |= is_member && is_called;
                facts.calls |= is_path && is_called;
                facts.calls |= is_macro && !PLAIN_MACROS.contains(word);
                if depth == 0 {
                    read_declaration(&tokens[index..], &mut facts);
                }
            }
            Token::Mark(_) | Token::Text(_) => facts.code = true,
        }
    }
    let parts = parts(&tokens);
    (facts.effects, facts.names) = (files::read(&parts.running), names(&parts.running));
    facts.functions = parts.functions;
    facts.addresses = takes_addresses(&tokens);
    facts
}

/// The string literals of the Rust code in `text`.
pub(super) fn literals(text: &str) -> BTreeSet<String> {
    let literal = |token: Token<'_>| match token {
        Token::Text(text) => Some(text.to_owned()),
        Token::Word(_) | Token::Mark(_) => None,
    };
    tokens(text, &mut Facts::default()).into_iter().filter_map(literal).collect()
}

fn takes_addresses(tokens: &[Token<'_>]) -> bool {
    let has = |names: &[&str]| tokens.iter().any(|token| matches!(token, Token::Word(word) if names.contains(word)));
    let is_pointer =
        |pair: &[Token<'_>]| pair[0] == Token::Mark('*') && matches!(pair[1], Token::Word("mut" | "const"));
    let points = has(&["as_ptr", "as_mut_ptr", "addr_of", "addr_of_mut", "raw", "into_raw"]);
    (points || tokens.windows(2).any(is_pointer)) && has(&["usize", "u64", "isize", "i64", "addr", "expose_provenance"])
}

fn read_word(word: &str, depth: usize, before: Option<&Token<'_>>, facts: &mut Facts) {
    match word {
        "use" | "trait" if depth == 0 => facts.provides = true,
        "static" => facts.shared = true,
        _ => {}
    }
    facts.shared |= SHARED.contains(&word) || word.starts_with("Atomic");
    match before {
        Some(Token::Word("mut")) => _ = facts.mutable.insert(word.to_owned()),
        Some(Token::Word("as")) => facts.unnamed |= word == "_",
        _ => {}
    }
}

/// Reads what the tokens from a word of the top level on declare.
fn read_declaration(tokens: &[Token<'_>], facts: &mut Facts) {
    let [Token::Word(keyword), rest @ ..] = tokens else { return };
    match *keyword {
        "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" | "mod" | "macro_rules" => {
            let is_name = |token: &&Token<'_>| matches!(token, Token::Word(word) if *word != "mut");
            if let Some(Token::Word(name)) = rest.iter().take(2).find(is_name) {
                facts.items.insert((*name).to_owned());
            }
            facts.macros |= *keyword == "macro_rules";
            facts.late = true;
        }
        "impl" => (facts.implements, facts.late) = (true, true),
        "use" => facts.late = true,
        "let" => {
            // Up to the value; a type among them does no harm.
            let pattern = rest.iter().take_while(|token| !matches!(token, Token::Mark('=' | ';')));
            facts.variables.extend(pattern.filter_map(|token| match token {
                Token::Word(word) => Some((*word).to_owned()),
                Token::Mark(_) | Token::Text(_) => None,
            }));
        }
        _ => {}
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    Mark(char),
    /// A string literal.
    Text(&'a str),
}

/// The words, marks and string literals of the Rust code in `text`, without comments and magics.
pub(super) fn tokens<'a>(text: &'a str, facts: &mut Facts) -> Vec<Token<'a>> {
    let mut tokens = Vec::new();
    let mut depth = 0usize;
    let mut line_start = true;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if line_start && depth == 0 {
            let line = rest.trim_start_matches([' ', '\t']);
            if let Some(after) = after_magic(line) {
                rest = after;
                continue;
            }
            if line.starts_with(':') && !line.starts_with("::") {
                facts.code = true;
                rest = after_line(line);
                continue;
            }
        }
        line_start = first == '\n';
        rest = if let Some(after) = after_comment(rest) {
            after
        } else if let Some((literal, after)) = literal(rest) {
            facts.code = true;
            tokens.extend(literal.map(Token::Text));
            after
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(Token::Word(&rest[..end]));
            &rest[end..]
        } else {
            match first {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if !first.is_whitespace() {
                tokens.push(Token::Mark(first));
            }
            &rest[first.len_utf8()..]
        };
    }
    tokens
}

/// What follows the magic that begins `line`: the next line, and for `%%` the next `%%` magic.
fn after_magic(line: &str) -> Option<&str> {
    let is_magic = |line: &str, sign: &str| {
        line.strip_prefix(sign).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
    };
    if is_magic(line, "%%") {
        let mut rest = after_line(line);
        while !rest.is_empty() && !is_magic(rest, "%%") {
            rest = after_line(rest);
        }
        return Some(rest);
    }
    if !is_magic(line, "%") {
        return None;
    }
    let mut rest = line;
    loop {
        let (this, next) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = next;
        if !this.trim_end().ends_with('\\') || rest.is_empty() {
            return Some(rest);
        }
    }
}

fn after_line(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, rest)| rest)
}

/// What follows the comment that begins `text`. A line comment's newline is left, for it begins a line.
fn after_comment(text: &str) -> Option<&str> {
    if text.starts_with("//") {
        return Some(text.find('\n').map_or("", |end| &text[end..]));
    }
    let mut rest = text.strip_prefix("/*")?;
    let mut depth = 1;
    while depth > 0 && !rest.is_empty() {
        rest = if let Some(after) = rest.strip_prefix("*/") {
            depth -= 1;
            after
        } else if let Some(after) = rest.strip_prefix("/*") {
            depth += 1;
            after
        } else {
            skip_one(rest)
        };
    }
    Some(rest)
}

/// The string literal (none for a character) that begins `text`, and what follows it. A lifetime is passed over with it.
fn literal(text: &str) -> Option<(Option<&str>, &str)> {
    if let Some(rest) = text.strip_prefix('\'') {
        return Some((None, after_quote(rest)));
    }
    let prefix = ["br", "cr", "r", "b", "c", ""]
        .into_iter()
        .find(|prefix| text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['"', '#'])))?;
    let rest = &text[prefix.len()..];
    if !prefix.contains('r') {
        return plain_string(rest.strip_prefix('"')?);
    }
    let hashes = rest.bytes().take_while(|byte| *byte == b'#').count();
    let body = rest[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = body.find(&close);
    let inner = &body[..end.unwrap_or(body.len())];
    Some((Some(inner), end.map_or("", |end| &body[end + close.len()..])))
}

fn plain_string(body: &str) -> Option<(Option<&str>, &str)> {
    let mut escaped = false;
    for (at, character) in body.char_indices() {
        match character {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return Some((Some(&body[..at]), &body[at + 1..])),
            _ => escaped = false,
        }
    }
    Some((Some(body), ""))
}

/// What follows the character literal or the lifetime whose quote was just read.
fn after_quote(rest: &str) -> &str {
    if let Some(escape) = rest.strip_prefix('\\') {
        let escape = skip_one(escape);
        return escape.find('\'').map_or("", |end| &escape[end + 1..]);
    }
    let after = skip_one(rest);
    match after.strip_prefix('\'') {
        Some(after) => after,
        None => rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'),
    }
}

fn skip_one(text: &str) -> &str {
    let mut characters = text.chars();
    characters.next();
    characters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magics_are_no_code() {
        for text in [
            "%rag search docs \"how do I use x.y() :: z\"",
            "\n  %lab status\n%feature list \\\n  use x",
            "%%feature define v\nselect use.trait(x)\n  %y\n%%feature sql\nselect a.b()",
            "// use x::y;\n/* trait /* x */ */",
        ] {
            assert_eq!(scan(text), Facts::default(), "{text}");
        }
        assert!(scan("let x = 7\n  % 4;").code);
        assert!(scan(":dep polars").code);
        assert!(scan("%lab status\nuse a::B;").provides);
    }

    #[test]
    fn calls_that_a_trait_may_provide_are_seen() {
        for text in ["x.area()", "x.area::<f64>()", "Rng::new(1)", "writeln!(out, \"\")", "df!(\"a\" => 1)"] {
            assert!(scan(text).calls, "{text}");
        }
        for text in
            ["x.area", "let y = x + 1;", "println!(\"{x} y.z()\")", "for i in 0..n(3) {}", "a != b", "\"a.b()\""]
        {
            assert!(!scan(text).calls, "{text}");
        }
    }

    #[test]
    fn only_the_top_level_brings_traits_into_scope() {
        assert!(scan("use std::io::Read;").provides);
        assert!(scan("pub trait Area {}").provides);
        assert!(!scan("fn f() { use std::io::Read; }").provides);
        assert!(!scan("let used = 1; // use x").provides);
    }

    #[test]
    fn items_and_variables_are_told_apart() {
        let facts = scan(
            "let (a, mut b): (u8, u8) = { let c = 1; (c, c) };\npub(crate) const fn f() {}\nstatic mut S: u8 = 1;",
        );
        assert!(["a", "b"].iter().all(|name| facts.variables.contains(*name)) && !facts.variables.contains("c"));
        assert!(["f", "S"].iter().all(|name| facts.items.contains(*name)) && facts.late && !facts.implements);
        assert!(scan("impl A { fn b() {} }").implements);
        assert!(scan("macro_rules! m { () => {} }").items.contains("m"));
        assert!(!scan("let a = if b { 1 } else { 2 };").late);
    }

    #[test]
    fn values_that_change_behind_a_name_are_seen() {
        assert!(scan("let a = Rc::new(RefCell::new(1));").shared);
        assert!(scan("static N: AtomicU32 = AtomicU32::new(0);").shared);
        assert!(!scan("let a: &'static str = \"x\"; let c = 'c'; let q = '\\'';").shared);
        assert!(scan("std::env::set_var(\"A\", \"b\")").effects.process);
    }

    #[test]
    fn literals_and_mutable_names_are_collected() {
        let facts =
            scan("let mut a = read(\"data/x.csv\", r#\"a\"b\"#, b\"c\\\"d\"); fn f(mut b: u8) {} let c = '\"';");
        assert_eq!(facts.mutable, ["a", "b"].map(String::from).into());
        assert_eq!(facts.variables, ["mut", "a", "c"].map(String::from).into());
        assert_eq!(facts.items, ["f"].map(String::from).into());
        assert_eq!(facts.effects.literals, ["data/x.csv", "a\"b", "c\\\"d"].map(String::from).into());
    }
}
