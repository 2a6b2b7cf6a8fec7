//! The notebook's own functions: what each does outside of its variables, and so what a cell does by calling them.
//!
//! Who is called is told by names alone. A name that is that of several functions stands for all of them, and a type for what is
//! implemented for it: the slice may then be larger, never wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::files::{self, SideEffects};
use super::scan::Token;

/// Words that begin an item.
const ITEMS: [&str; 11] =
    ["fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod", "impl", "macro_rules"];

/// What naming something may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Function {
    pub name: String,
    /// The type that it belongs to, or what else tells it from others of its name.
    pub of: Option<String>,
    pub effects: SideEffects,
    /// Names in it that may be those of others.
    pub names: BTreeSet<String>,
}

/// What runs of a cell of Rust, and what can be called later.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub running: Vec<Token<'a>>,
    pub functions: Vec<Function>,
}

/// Takes the items out of the tokens of a cell.
pub(super) fn parts<'a>(tokens: &[Token<'a>]) -> Parts<'a> {
    let mut parts = Parts::default();
    let (mut at, mut depth) = (0, 0usize);
    while let Some(token) = tokens.get(at) {
        if depth == 0
            && let Some(length) = item_length(&tokens[at..], at.checked_sub(1).map(|before| tokens[before]))
        {
            read_item(&tokens[at..at + length], None, &mut parts.functions);
            at += length;
            continue;
        }
        depth = depth_after(depth, *token);
        parts.running.push(*token);
        at += 1;
    }
    parts
}

fn depth_after(depth: usize, token: Token<'_>) -> usize {
    match token {
        Token::Mark('(' | '[' | '{') => depth + 1,
        Token::Mark(')' | ']' | '}') => depth.saturating_sub(1),
        Token::Mark(_) | Token::Word(_) | Token::Text(_) => depth,
    }
}

/// How many tokens the item takes that begins here, if one does.
fn item_length(tokens: &[Token<'_>], before: Option<Token<'_>>) -> Option<usize> {
    let Token::Word(keyword) = *tokens.first()? else { return None };
    let is_item = match tokens.get(1)? {
        Token::Word(_) => ITEMS.contains(&keyword) || keyword == "use",
        Token::Mark('<') => keyword == "impl",
        Token::Mark('!') => keyword == "macro_rules",
        Token::Mark(_) | Token::Text(_) => false,
    };
    // `*const T`, and members whose name is a word that is none everywhere.
    if !is_item || matches!(before, Some(Token::Mark('*' | '.' | '&'))) {
        return None;
    }
    let is_function = tokens.get(1) == Some(&Token::Word("fn"));
    let ends_with_block = is_function || !["const", "static", "type", "use"].contains(&keyword);
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        depth = depth_after(depth, *token);
        let ends = match token {
            Token::Mark(';') => depth == 0,
            Token::Mark('}') => depth == 0 && ends_with_block,
            Token::Mark(_) | Token::Word(_) | Token::Text(_) => false,
        };
        if ends {
            return Some(index + 1);
        }
    }
    Some(tokens.len())
}

/// Reads an item and what is in it. `of` is the type that it belongs to.
fn read_item(item: &[Token<'_>], of: Option<&str>, functions: &mut Vec<Function>) {
    let Some(Token::Word(keyword)) = item.first() else { return };
    let is_function = item.get(1) == Some(&Token::Word("fn"));
    match *keyword {
        "use" => read_aliases(item, functions),
        "impl" => read_implementation(item, functions),
        "trait" | "mod" => {
            let name = item.get(1).and_then(|token| word(*token));
            read_body(item, if *keyword == "trait" { name } else { of }, functions);
        }
        // A type does what the types in it do: what they implement runs unnamed.
        "struct" | "enum" | "union" | "type" => {
            if let Some((name, rest)) = name_and_rest(item) {
                let types = names(rest).into_iter().filter(|name| name.starts_with(char::is_uppercase)).collect();
                functions.push(Function { name, of: Some(String::new()), names: types, ..Function::default() });
            }
        }
        "const" if is_function => read_item(&item[1..], of, functions),
        _ => {
            if let Some((name, rest)) = name_and_rest(item) {
                let (effects, names) = (files::read(rest), names(rest));
                functions.push(Function { name, of: of.map(str::to_owned), effects, names });
            }
        }
    }
}

/// The name of an item, and its tokens behind it.
fn name_and_rest<'a, 't>(item: &'t [Token<'a>]) -> Option<(String, &'t [Token<'a>])> {
    let is_name = |token: &Token<'_>| matches!(token, Token::Word(word) if *word != "mut");
    let at = 1 + item.get(1..)?.iter().position(is_name)?;
    Some((word(item[at])?.to_owned(), &item[at + 1..]))
}

/// Reads the items between the outermost braces.
fn read_body(item: &[Token<'_>], of: Option<&str>, functions: &mut Vec<Function>) {
    let Some(open) = item.iter().position(|token| *token == Token::Mark('{')) else { return };
    let body = &item[open + 1..];
    let (mut at, mut depth) = (0, 0usize);
    while let Some(token) = body.get(at) {
        if depth == 0
            && let Some(length) = item_length(&body[at..], None)
        {
            read_item(&body[at..at + length], of, functions);
            at += length;
            continue;
        }
        depth = depth_after(depth, *token);
        at += 1;
    }
}

/// Reads the functions of an `impl`. Those of a trait run without being named, such as `drop`: they count for the type, too.
fn read_implementation(item: &[Token<'_>], functions: &mut Vec<Function>) {
    let head = item.iter().position(|token| *token == Token::Mark('{')).map_or(item, |open| &item[..open]);
    let is_for = |at: &usize| head[*at] == Token::Word("for") && head.get(at + 1) != Some(&Token::Mark('<'));
    let of_trait = (0..head.len()).find(is_for);
    let subject = subject(&head[of_trait.map_or(1, |at| at + 1)..]);
    let first = functions.len();
    read_body(item, subject, functions);
    if let (Some(subject), Some(at)) = (subject, of_trait) {
        let names = functions[first..].iter().map(|function| function.name.clone()).collect();
        let of = head[1..at].iter().filter_map(|token| word(*token)).collect::<Vec<_>>().join("::");
        functions.push(Function { name: subject.to_owned(), of: Some(of), names, ..Function::default() });
    }
}

/// The last part of the name of the type that an `impl` is for.
fn subject<'a>(head: &[Token<'a>]) -> Option<&'a str> {
    let mut depth = 0usize;
    let mut last = None;
    for token in head {
        match token {
            Token::Mark('<') => depth += 1,
            Token::Mark('>') => depth = depth.saturating_sub(1),
            Token::Word("where") => break,
            Token::Word(word) if depth == 0 => last = Some(*word),
            Token::Mark(_) | Token::Word(_) | Token::Text(_) => {}
        }
    }
    last
}

/// Reads the other names that a `use` gives: `use std::fs::write as put`.
fn read_aliases(item: &[Token<'_>], functions: &mut Vec<Function>) {
    for three in item.windows(3) {
        if let [Token::Word(original), Token::Word("as"), Token::Word(alias)] = three {
            let effects = files::read(&[Token::Word(original), Token::Mark('(')]);
            let names = [(*original).to_owned()].into();
            functions.push(Function { name: (*alias).to_owned(), of: Some("as".to_owned()), effects, names });
        }
    }
}

fn word<'a>(token: Token<'a>) -> Option<&'a str> {
    match token {
        Token::Word(word) => Some(word),
        Token::Mark(_) | Token::Text(_) => None,
    }
}

/// The words that may name something: all but fields, and what a `let` declares.
pub(super) fn names(tokens: &[Token<'_>]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (index, token) in tokens.iter().enumerate() {
        let Token::Word(word) = token else { continue };
        let before = index.checked_sub(1).map(|before| tokens[before]);
        let is_called = matches!(tokens.get(index + 1), Some(Token::Mark('(' | ':' | '!')));
        let is_field = before == Some(Token::Mark('.')) && !is_called;
        let is_declared = matches!(before, Some(Token::Word("let" | "mut")));
        if !is_field && !is_declared && !word.starts_with(|c: char| c.is_ascii_digit()) {
            names.insert((*word).to_owned());
        }
    }
    names
}

/// The functions of a notebook, as they are at one point of it.
#[derive(Default)]
pub(super) struct Functions(BTreeMap<String, BTreeMap<Option<String>, Function>>);

impl Functions {
    /// Takes in a function, in place of an older one of that name.
    pub fn learn(&mut self, function: Function) {
        self.0.entry(function.name.clone()).or_default().insert(function.of.clone(), function);
    }

    /// The name is not that of such a function any more.
    pub fn forget(&mut self, name: &str, of: &str) {
        if let Some(functions) = self.0.get_mut(name) {
            functions.remove(&Some(of.to_owned()));
        }
    }

    /// What naming these may do, in a cell that has functions of its `own`.
    pub fn reached<'a>(&'a self, names: impl IntoIterator<Item = &'a str>, own: &'a [Function]) -> SideEffects {
        let mut found = SideEffects::default();
        let mut open: Vec<&str> = names.into_iter().collect();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        while let Some(name) = open.pop() {
            if !seen.insert(name) {
                continue;
            }
            let own = || own.iter().filter(|function| function.name == name);
            let is_older = |function: &&Function| own().any(|newer| newer.of == function.of);
            let known = self.0.get(name).into_iter().flat_map(BTreeMap::values).filter(|function| !is_older(function));
            for function in own().chain(known) {
                found.join(&function.effects);
                open.extend(function.names.iter().map(String::as_str));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::scan;
    use super::*;

    /// The functions of these cells, each learned in turn.
    fn functions(cells: &[&str]) -> Functions {
        let mut functions = Functions::default();
        for cell in cells {
            scan(cell).functions.into_iter().for_each(|function| functions.learn(function));
        }
        functions
    }

    fn writes(cells: &[&str], running: &str) -> bool {
        let facts = scan(running);
        let functions = functions(cells);
        facts.effects.writes || functions.reached(facts.names.iter().map(String::as_str), &facts.functions).writes
    }

    #[test]
    fn what_a_function_does_is_not_what_its_cell_does() {
        let facts = scan("fn keep(n: i64) { std::fs::write(\"a\", n.to_string()).unwrap(); }\nlet x = 1;");
        assert_eq!(facts.effects, SideEffects::default());
        assert!(facts.functions[0].effects.writes && facts.functions[0].effects.literals.contains("a"));
        assert!(scan("fn f() {}\nstd::fs::write(\"a\", \"b\")?;").effects.writes);
        assert!(scan("{ fn f() { std::fs::write(\"a\", \"b\").unwrap(); } f() }").effects.writes);
    }

    #[test]
    fn calls_reach_what_the_called_do() {
        let write = "std::fs::write(\"a\", \"b\").unwrap();";
        for (cell, running) in [
            (format!("fn keep() {{ {write} }}"), "keep();"),
            (format!("fn keep() {{ {write} }}\nfn all() {{ keep() }}"), "all();"),
            (format!("impl Shop {{ pub const fn keep(&self) {{ {write} }} }}"), "shop.keep();"),
            (format!("trait Kept {{ fn keep(&self) {{ {write} }} }}"), "5.keep();"),
            (
                format!("impl<T: Clone> Drop for Log<T> where T: Copy {{ fn drop(&mut self) {{ {write} }} }}"),
                "let _ = Log(1);",
            ),
            (
                format!("struct Shop {{ log: Log }}\nimpl Drop for Log {{ fn drop(&mut self) {{ {write} }} }}"),
                "let s = Shop::new();",
            ),
            (format!("macro_rules! keep {{ () => {{ {write} }} }}"), "keep!();"),
            (format!("mod shop {{ pub fn keep() {{ {write} }} }}"), "shop::keep();"),
            (format!("static KEPT: LazyLock<u8> = LazyLock::new(|| {{ {write} 1 }});"), "let x = *KEPT;"),
            (format!("pub(crate) async unsafe fn keep() {{ {write} }}"), "let f = keep;"),
            ("use std::fs::write as put;".to_owned(), "put(\"a\", \"b\")?;"),
        ] {
            assert!(writes(&[&cell], running), "{cell}");
            assert!(!writes(&[&cell], "let keep = 1; let n = shop_of.keep;"), "{cell}");
        }
    }

    #[test]
    fn a_function_that_is_written_anew_is_another() {
        let old = "fn keep() { std::fs::write(\"a\", \"b\").unwrap(); }";
        assert!(!writes(&[old, "fn keep() {}"], "keep();"));
        assert!(!writes(&[old], "fn keep() {}\nkeep();"));
        assert!(writes(&[old, "impl Shop { fn keep(&self) {} }"], "shop.keep();"));
    }

    #[test]
    fn functions_that_call_each_other_come_to_an_end() {
        assert!(!writes(&["fn a() { b() }\nfn b() { a() }"], "a();"));
    }
}
