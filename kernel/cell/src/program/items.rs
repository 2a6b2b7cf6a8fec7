//! The items of all cells: each once, and one of a name.

use std::collections::BTreeMap;

use quote::ToTokens;
use syn::{Item, UseTree};

/// Items in their order.
#[derive(Default)]
pub(super) struct Items {
    texts: Vec<String>,
    /// What stands under a name in a name space.
    names: BTreeMap<(Space, String), String>,
}

/// Names of one space exclude each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Space {
    Types,
    Values,
    Macros,
    Imports,
}

impl Items {
    /// Takes a statement that is an item; whether it is one. The error says in words that another item has its name.
    pub fn take(&mut self, text: &str) -> Result<bool, String> {
        let Ok(item) = syn::parse_str::<Item>(text) else { return Ok(false) };
        match &item {
            Item::Macro(call) if call.ident.is_none() => return Ok(false),
            Item::Verbatim(_) => return Ok(false),
            Item::Use(import) => self.import(import)?,
            item => {
                let written = item.to_token_stream().to_string();
                for (space, name) in names(item) {
                    match self.names.get(&(space, name.clone())) {
                        Some(other) if *other != written => return Err(anew(&name)),
                        _ => _ = self.names.insert((space, name), written.clone()),
                    }
                }
                self.add(text.to_owned());
            }
        }
        Ok(true)
    }

    /// As they stand in a file.
    pub fn text(&self) -> String {
        self.texts.iter().map(|text| format!("{text}\n")).collect()
    }

    fn add(&mut self, text: String) {
        if !self.texts.contains(&text) {
            self.texts.push(text);
        }
    }

    /// Takes an import apart, so that what two cells import both is there once.
    fn import(&mut self, import: &syn::ItemUse) -> Result<(), String> {
        let mut leaves = Vec::new();
        collect(&import.tree, String::new(), &mut leaves);
        let before: String = import.attrs.iter().map(|attribute| format!("{} ", attribute.to_token_stream())).collect();
        let visible = import.vis.to_token_stream().to_string();
        let root = if import.leading_colon.is_some() { "::" } else { "" };
        for (name, path) in leaves {
            let path = format!("{root}{path}");
            if let Some(name) = name {
                match self.names.get(&(Space::Imports, name.clone())) {
                    Some(other) if *other != path => return Err(anew(&name)),
                    _ => _ = self.names.insert((Space::Imports, name), path.clone()),
                }
            }
            self.add(format!("{before}{visible}{}use {path};", if visible.is_empty() { "" } else { " " }));
        }
        Ok(())
    }
}

fn anew(name: &str) -> String {
    format!("defines `{name}` anew, and a program has one of that name")
}

/// What an import brings: its name, where it has one, and its path with a new name behind it.
fn collect(tree: &UseTree, before: String, leaves: &mut Vec<(Option<String>, String)>) {
    match tree {
        UseTree::Path(path) => collect(&path.tree, format!("{before}{}::", path.ident), leaves),
        // `self` gives the module its own name, and stands in braces alone.
        UseTree::Name(name) if name.ident == "self" => {
            let path = before.trim_end_matches("::").to_owned();
            let own = path.rsplit("::").next().map(str::to_owned);
            leaves.push((own, path));
        }
        UseTree::Name(name) => leaves.push((Some(name.ident.to_string()), format!("{before}{}", name.ident))),
        UseTree::Rename(rename) => {
            let path = match rename.ident == "self" {
                true => before.trim_end_matches("::").to_owned(),
                false => format!("{before}{}", rename.ident),
            };
            let name = (rename.rename != "_").then(|| rename.rename.to_string());
            leaves.push((name, format!("{path} as {}", rename.rename)));
        }
        UseTree::Glob(_) => leaves.push((None, format!("{before}*"))),
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, before.clone(), leaves)),
    }
}

/// The names that an item defines.
fn names(item: &Item) -> Vec<(Space, String)> {
    use Space::{Macros, Types, Values};
    let one = |space, name: &syn::Ident| vec![(space, name.to_string())];
    match item {
        Item::Const(item) if item.ident == "_" => Vec::new(),
        Item::Const(item) => one(Values, &item.ident),
        Item::Enum(item) => one(Types, &item.ident),
        Item::Fn(item) => one(Values, &item.sig.ident),
        Item::Mod(item) => one(Types, &item.ident),
        Item::Static(item) => one(Values, &item.ident),
        Item::Struct(item) if matches!(item.fields, syn::Fields::Named(_)) => one(Types, &item.ident),
        Item::Struct(item) => [one(Types, &item.ident), one(Values, &item.ident)].concat(),
        Item::Trait(item) => one(Types, &item.ident),
        Item::TraitAlias(item) => one(Types, &item.ident),
        Item::Type(item) => one(Types, &item.ident),
        Item::Union(item) => one(Types, &item.ident),
        Item::Macro(item) => item.ident.iter().map(|name| (Macros, name.to_string())).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(texts: &[&str]) -> Result<String, String> {
        let mut items = Items::default();
        for text in texts {
            assert!(items.take(text)?, "{text}");
        }
        Ok(items.text())
    }

    #[test]
    fn imports_are_there_once() {
        let text = taken(&[
            "use std::collections::{BTreeMap, hash_map::{self, Entry as E}};",
            "use std::collections::BTreeMap;",
            "pub use std::fmt::*;",
            "use ::std::fmt::Write as _;",
        ]);
        let expected = "use std::collections::BTreeMap;\nuse std::collections::hash_map;\nuse std::collections::hash_map::Entry as E;\n\
                        pub use std::fmt::*;\nuse ::std::fmt::Write as _;\n";
        assert_eq!(text.as_deref(), Ok(expected));
        assert!(taken(&["use std::fmt::Result;", "use std::io::Result;"]).is_err());
    }

    #[test]
    fn one_item_has_a_name() {
        assert!(taken(&["struct A;", "impl A {}", "fn a() {}", "#[derive(Clone)] enum B { C }", "trait T {}"]).is_ok());
        assert!(taken(&["struct A { x: i32 }", "fn A() {}"]).is_ok());
        for (one, other) in [
            ("struct A;", "enum A {}"),
            ("struct A;", "fn A() {}"),
            ("const X: i32 = 1;", "static X: i32 = 1;"),
            ("macro_rules! m { () => {} }", "macro_rules! m { () => { 1 } }"),
        ] {
            assert_eq!(taken(&[one, one]).map(|text| text.lines().count()), Ok(1));
            assert!(taken(&[one, other]).is_err(), "{other}");
        }
    }

    #[test]
    fn statements_are_no_items() {
        for text in ["let x = 1;", "println!(\"x\");", "x += 1;", "f()", "{ fn f() {} }"] {
            assert_eq!(Items::default().take(text), Ok(false), "{text}");
        }
    }
}
