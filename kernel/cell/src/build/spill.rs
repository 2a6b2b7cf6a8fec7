//! How the variables that a cell makes are moved to another process: code of ours in the compiled cell, which knows the type of each.
//!
//! evcxr's generated code puts each variable into its store with a line of its own, which names the variable and its type. Behind it we add two
//! functions for the worker, that write and read the variables that the cell makes: as frames (the preludes know how), by their parts (the
//! support library does), by serde where the prelude has it, or not at all. Which of these holds is for the compiler to say: the trait that is
//! the fewest references away from `PhantomData` of the type, of those that hold, is the last choice.

use std::path::Path;

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
        if !says_how_to_write(source) {
            ways.push_str("use ::kernwerk::SpilledBySerde as _;\n");
        }
    }
    let arms = |arm: fn(&str, &str) -> String| -> String {
        let made = variables.made.iter().enumerate();
        made.map(|(index, made)| format!("{index} => {},\n", arm(&made.name, &made.type_name))).collect()
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

/// Whether types of the notebook say themselves how serde writes them, by attributes (`skip`, `untagged`, `with`) or by hand: what is read then need
/// not be what was written.
fn says_how_to_write(source: &str) -> bool {
    let attributes =
        source.match_indices("serde").any(|(at, word)| source[at + word.len()..].trim_start().starts_with('('));
    attributes || source.contains("Serialize for ") || source.contains("Deserialize<'de> for ")
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
        assert!(says_how_to_write("struct A { #[serde (skip)] b: u8 }"));
        assert!(says_how_to_write("impl serde::Serialize for A {}"));
        assert!(!says_how_to_write("#[derive(serde::Serialize)] struct A { serde: u8 } use serde::{Serialize};"));
        let mut source = format!("{SOURCE}#[serde(untagged)] enum E {{}}");
        let variables = Variables::of(&source);
        add_to(&mut source, &variables, "\"kernwerk-prelude-polars\"");
        assert!(source.contains("SpilledByPolars") && !source.contains("SpilledBySerde"));
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
            source.contains("0 => (**store).kernwerk_look::<Vec<(String, f64)>>(\"new\")")
                && source.contains("SpilledAsFrame")
        );
        let mut source = SOURCE.to_owned();
        add_to(&mut source, &Variables::default(), "");
        assert_eq!(source, SOURCE);
    }
}
