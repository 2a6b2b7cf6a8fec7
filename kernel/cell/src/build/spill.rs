//! How the variables that a cell makes are moved to another process: code of ours in the compiled cell, which knows the type of each.
//!
//! evcxr's generated code puts each variable into its store with a line of its own, which names the variable and its type. Behind it we add two
//! functions for the worker, that write and read the variables that the cell makes: as frames (the preludes know how), by their parts (the
//! support library does), by serde where the prelude has it, or not at all. Which of these holds is for the compiler to say: the trait that is
//! the fewest references away from `PhantomData` of the type, of those that hold, is the last choice.

use std::collections::BTreeSet;
use std::path::Path;

use quote::ToTokens;
use serde::{Deserialize, Serialize};

/// Where the names of variables lie, beside a compiled cell.
pub(crate) const VARIABLES: &str = "variables.json";

/// Begins evcxr's line for a variable, and what stands between its type and its name.
const PUT: &str = "evcxr_variable_store.put_variable::<";
const NAME: &str = ">(stringify!(";
/// What evcxr's lines have that take variables out of the store.
const TAKE: &str = "evcxr_variable_store.take_variable::<";
/// evcxr's line behind the cell's own code: what is put into the store before it is new.
const BEHIND: &str = "})) {";
/// evcxr's module that holds the store.
const STORE: &str = "pub struct VariableStore {";
/// The same with a way to look at a variable and leave it there. Stands on the same line, so that lines keep their numbers.
const OPENED_STORE: &str = "impl VariableStore { pub fn kernwerk_look<T: 'static>(&self, name: &str) -> Option<&T> { self.variables.get(name)?.downcast_ref() } } pub struct VariableStore {";

/// The variables that there are once a cell has run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Variables {
    /// Those that the cell makes; the index of each is its number in the cell's functions.
    pub(crate) made: Vec<Made>,
    /// Those that were there before and are still.
    pub(crate) others: Vec<String>,
    /// The cell does nothing with variables, and those that there were are still there: it has no code, but brings dependencies, say.
    #[serde(default)]
    pub(crate) untouched: bool,
}

/// A variable that a cell makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) name: String,
    pub(crate) type_name: String,
}

impl Variables {
    /// Reads what the generated source of a cell says.
    pub(super) fn of(source: &str) -> Self {
        let behind = source.rfind(BEHIND).unwrap_or(0);
        let mut variables = Self { untouched: !source.contains(TAKE) && !source.contains(PUT), ..Self::default() };
        for (at, _) in source.match_indices(PUT) {
            let line = source[at + PUT.len()..].lines().next().unwrap_or_default();
            let Some((type_name, name)) = line.strip_suffix(';').and_then(|line| line.rsplit_once(NAME)) else {
                continue;
            };
            let Some(name) = name.split_once(')').map(|(name, _)| name.to_owned()) else { continue };
            if at < behind {
                variables.made.push(Made { name, type_name: type_name.to_owned() });
            } else {
                variables.others.push(name);
            }
        }
        variables
    }

    pub(super) fn write(&self, directory: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(directory)?;
        std::fs::write(directory.join(VARIABLES), serde_json::to_vec(self)?)
    }

    pub(crate) fn read(directory: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(directory.join(VARIABLES)).ok()?).ok()
    }
}

/// Adds to a generated source, in a package with this manifest, what moves the variables that the cell makes.
pub(super) fn add_to(source: &mut String, variables: &Variables, manifest: &str) {
    if variables.made.is_empty() {
        return;
    }
    *source = source.replacen(STORE, OPENED_STORE, 1);
    let mut ways = String::from("use ::kernwerk_support::{NotSpilled as _, SpilledByParts as _};\n");
    if manifest.contains("\"kernwerk-prelude") {
        ways.push_str("use ::kernwerk::SpilledAsFrame as _;\n");
    }
    if manifest.contains("\"kernwerk-prelude-polars\"") {
        ways.push_str("use ::kernwerk::SpilledByPolars as _;\n");
    }
    let has_serde = manifest.contains("\"kernwerk-prelude-polars\"");
    let unfaithful = if has_serde { Unfaithful::of(source) } else { Unfaithful::default() };
    // Where the type allows it, the last way to write a variable.
    let serde = |type_name: &str| {
        let may = has_serde && !unfaithful.has(type_name);
        if may { "#[allow(unused_imports)] use ::kernwerk::SpilledBySerde as _; " } else { "" }
    };
    let arms = |arm: fn(&str, &str) -> String| -> String {
        let made = variables.made.iter().enumerate();
        let arm = |(index, made): (usize, &Made)| {
            format!("{index} => {{ {}{} }}\n", serde(&made.type_name), arm(&made.name, &made.type_name))
        };
        made.map(arm).collect()
    };
    let write = arms(|name, type_name| {
        format!(
            "(**store).kernwerk_look::<{type_name}>(\"{name}\").is_some_and(|value| (&&&&::std::marker::PhantomData::<{type_name}>).kernwerk_write(value, path))"
        )
    });
    let read = arms(|name, type_name| {
        format!(
            "(&&&&::std::marker::PhantomData::<{type_name}>).kernwerk_read(path).map(|value| (**store).put_variable::<{type_name}>(\"{name}\", value)).is_some()"
        )
    });
    source.push_str(&function("kernwerk_spill", "if (*store).is_null() { return false; }", &ways, &write));
    let make = "if (*store).is_null() { *store = evcxr_internal_runtime::create_variable_store(); }";
    source.push_str(&function("kernwerk_restore", make, &ways, &read));
}

/// The types of the notebook that say themselves how serde writes them, by attributes (`skip`, `untagged`, `with`) or by hand, and those with such
/// types in them: what is read then need not be what was written.
#[derive(Debug, Default)]
struct Unfaithful {
    names: BTreeSet<String>,
    /// The source cannot be read: any type may be one.
    all: bool,
}

impl Unfaithful {
    fn of(source: &str) -> Self {
        let is_said = |(at, word): (usize, &str)| source[at + word.len()..].trim_start().starts_with('(');
        let by_hand = ["Serialize for ", "Deserialize<"].iter().any(|word| source.contains(word));
        if !by_hand && !source.match_indices("serde").any(is_said) {
            return Self::default();
        }
        let Ok(file) = syn::parse_file(source) else { return Self { all: true, ..Self::default() } };
        let mut types = Vec::new();
        let mut names = BTreeSet::new();
        sort_out(&file.items, &mut types, &mut names);
        loop {
            let holds = |(name, text): &&(String, String)| !names.contains(name) && has_word(text, &names);
            let Some((name, _)) = types.iter().find(holds) else { return Self { names, all: false } };
            names.insert(name.clone());
        }
    }

    fn has(&self, type_name: &str) -> bool {
        self.all || has_word(type_name, &self.names)
    }
}

/// Collects the definitions of types, as texts, and the names of those that say how they are written.
fn sort_out(items: &[syn::Item], types: &mut Vec<(String, String)>, names: &mut BTreeSet<String>) {
    for item in items {
        let (name, text) = match item {
            syn::Item::Struct(item) => (item.ident.to_string(), item.to_token_stream().to_string()),
            syn::Item::Enum(item) => (item.ident.to_string(), item.to_token_stream().to_string()),
            syn::Item::Mod(item) => {
                let items = item.content.as_ref().map(|(_, items)| items.as_slice());
                sort_out(items.unwrap_or_default(), types, names);
                continue;
            }
            syn::Item::Impl(item) => {
                let of = item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
                if of.is_some_and(|of| of.ident == "Serialize" || of.ident == "Deserialize") {
                    names.extend(words(&item.self_ty.to_token_stream().to_string()).map(str::to_owned));
                }
                continue;
            }
            _ => continue,
        };
        if text.contains("serde (") {
            names.insert(name.clone());
        }
        types.push((name, text));
    }
}

fn has_word(text: &str, names: &BTreeSet<String>) -> bool {
    words(text).any(|word| names.contains(word))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// A function for the worker; names that cells may have taken for themselves are written out.
fn function(name: &str, begin: &str, ways: &str, arms: &str) -> String {
    format!(
        "\n#[doc(hidden)]\n#[unsafe(no_mangle)]\npub extern \"C\" fn {name}(store: *mut *mut evcxr_internal_runtime::VariableStore, \
         index: ::std::primitive::usize, path: *const ::std::primitive::u8, length: ::std::primitive::usize) -> ::std::primitive::bool {{\n\
         #[allow(unused_imports)]\n{ways}::kernwerk_support::guarded(&mut || unsafe {{\n{begin}\nlet path = ::kernwerk_support::path(path, length);\n\
         match index {{\n{arms}_ => false,\n}}\n}})\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "mod evcxr_internal_runtime {\npub struct VariableStore {\n    variables: X,\n}\n}\n\
        let a = \"})) {\";\nevcxr_variable_store.put_variable::<Vec<(String, f64)>>(stringify!(new), new);\n})) { \n  Ok(_) => {}\n}}\n\
        evcxr_variable_store.put_variable::<Box<dyn Fn(i32) -> i32>>(stringify!(old), old);\nevcxr_variable_store\n}\n";

    #[test]
    fn new_variables_are_told_from_old_ones() {
        let variables = Variables::of(SOURCE);
        assert_eq!(variables.made, [Made { name: "new".to_owned(), type_name: "Vec<(String, f64)>".to_owned() }]);
        assert_eq!(variables.others, ["old"]);
    }

    #[test]
    fn types_that_say_how_serde_writes_them_are_not_written_by_it() {
        let source = "mod m { #[derive(Serialize)] struct A { #[serde ( skip )] b: u8 } }\nstruct Holds { list: Vec<A> }\nstruct Plain { serde: u8 }\n\
            impl serde::Serialize for ByHand { }\nenum Above { Of(Holds) }";
        let unfaithful = Unfaithful::of(source);
        for (type_name, found) in
            [("Vec<m::A>", true), ("Holds", true), ("Option<Above>", true), ("ByHand", true), ("Vec<Plain>", false)]
        {
            assert_eq!(unfaithful.has(type_name), found, "{type_name}");
        }
        assert!(!Unfaithful::of("#[derive(serde::Serialize)] struct A; use serde::{Serialize};").has("A"));
        assert!(Unfaithful::of("#[serde(skip)] not Rust").has("A"), "what cannot be read may be anything");
        let mut source = SOURCE.to_owned();
        let variables = Variables::of(&source);
        add_to(&mut source, &variables, "\"kernwerk-prelude-polars\"");
        assert!(source.contains("SpilledByPolars") && source.contains("SpilledBySerde"));
    }

    #[test]
    fn a_cell_without_code_leaves_variables_alone() {
        assert!(Variables::of("pub extern \"C\" fn run_user_code_3(\nmut x: *mut u8) -> *mut u8 {x}\n").untouched);
        let taken = "let x = evcxr_variable_store.take_variable::<u8>(stringify!(x));\n})) {\n";
        assert_eq!(Variables::of(taken), Variables::default(), "what is taken and not put back is gone");
        assert!(!Variables::of(SOURCE).untouched);
    }

    #[test]
    fn lines_keep_their_numbers_and_nothing_is_added_for_nothing() {
        let mut source = SOURCE.to_owned();
        add_to(&mut source, &Variables::of(SOURCE), "kernwerk = { package = \"kernwerk-prelude\" }");
        assert!(source.lines().zip(SOURCE.lines()).skip(2).all(|(ours, theirs)| ours == theirs));
        assert!(
            source.contains("0 => { (**store).kernwerk_look::<Vec<(String, f64)>>(\"new\")")
                && source.contains("SpilledAsFrame")
        );
        let mut source = SOURCE.to_owned();
        add_to(&mut source, &Variables::default(), "");
        assert_eq!(source, SOURCE);
    }
}
