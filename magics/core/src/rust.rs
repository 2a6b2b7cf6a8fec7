//! What is known of a cell of Rust beyond which names it reads, makes and changes: how it touches them, what it calls, and what its items are.
//! A slicer that knows the whole notebook decides with it what a cell may have changed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What a cell of Rust does, found by reading its text, and the types that the compiler gave its variables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RustNames {
    /// How it touches names from earlier cells. Each name that it uses is here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub touches: BTreeMap<String, BTreeSet<Touch>>,
    /// How it touches what it had from the names: what a method gave, an element, a borrow that lies behind a lock.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub through: BTreeMap<String, BTreeSet<Touch>>,
    /// Names that it gives another value as a whole, whatever happens, and before it reads anything of them.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub assigns: BTreeSet<String>,
    /// Methods, functions that belong to types, and macros that it calls or names: the last parts of their names.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub calls: BTreeSet<String>,
    /// It has macros that are not the standard library's: what they call does not stand in the text.
    #[serde(skip_serializing_if = "is_false")]
    pub calls_any: bool,
    /// Traits that it asks of types: `T: Area`, `dyn Area`, `trait Solid: Area`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub bounds: BTreeSet<String>,
    /// What the imports of its own scope name: `std::fmt::Write`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub imports: BTreeSet<String>,
    /// Its traits, with their functions.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub traits: BTreeMap<String, BTreeMap<String, Receiver>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub implementations: Vec<Implementation>,
    /// Its structs, enums, unions and type aliases: the types in them, as source. Empty where there are none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub structures: BTreeMap<String, String>,
    /// The types of variables that it names, behind it, as source.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, String>,
}

/// How a value is touched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Touch {
    /// It is read, and no more.
    Read,
    /// It, or a part of it, is assigned to, or borrowed so that it can be.
    Written,
    /// It is called.
    Called,
    /// It is given to a function of which nothing is known.
    Given,
    /// It is put into a text.
    Shown,
    /// A method is called on it that the standard library has for values that it leaves as they are.
    Reading(String),
    /// Another method is called on it.
    Method(String),
}

/// A block `impl`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Implementation {
    /// The type that it is for, where that is one name.
    pub subject: Option<String>,
    /// The trait: the last part of its name.
    pub of: Option<String>,
    /// Its functions. Constants and types stand among them.
    pub functions: BTreeMap<String, Receiver>,
}

/// How a function takes the value that it is a method of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Receiver {
    /// It is no method.
    None,
    /// `self`
    Value,
    /// `&self`
    Shared,
    /// `&mut self`, or a type of its own.
    Mutable,
}

impl RustNames {
    /// Adds what a later part of the same cell does. `defined` and `used` are what the parts before it made and read.
    pub fn follow(&mut self, part: Self, defined: &BTreeSet<String>, used: &BTreeSet<String>) {
        let join = |all: &mut BTreeMap<String, BTreeSet<Touch>>, more: BTreeMap<String, BTreeSet<Touch>>| {
            for (name, touches) in more {
                all.entry(name).or_default().extend(touches);
            }
        };
        join(&mut self.touches, part.touches);
        join(&mut self.through, part.through);
        self.assigns.extend(part.assigns.into_iter().filter(|name| !defined.contains(name) && !used.contains(name)));
        self.calls.extend(part.calls);
        self.calls_any |= part.calls_any;
        self.bounds.extend(part.bounds);
        self.imports.extend(part.imports);
        self.traits.extend(part.traits);
        self.implementations.extend(part.implementations);
        self.structures.extend(part.structures);
        self.types.extend(part.types);
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
