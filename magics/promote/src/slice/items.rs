//! The cells that a slice needs for their traits and implementations: code calls these without naming them.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::Implementation;

use super::library::{Provided, called_by, provided};
use super::{Slicer, Why};

/// What the members of a slice call.
#[derive(Default)]
struct Calls<'a> {
    names: BTreeSet<&'a str>,
    /// Traits that they ask of types.
    bounds: BTreeSet<&'a str>,
    /// Some may call what their texts do not show.
    any: bool,
}

/// The items of the notebook, in all of its cells.
#[derive(Default)]
struct Own<'a> {
    /// Its traits: the names of their functions.
    traits: BTreeMap<&'a str, BTreeSet<&'a str>>,
    types: BTreeSet<&'a str>,
    /// Those of its types that are errors.
    errors: BTreeSet<&'a str>,
}

impl Slicer<'_> {
    /// Keeps the cells before `end` that may have brought traits into scope: the name of a method says nothing of them.
    /// `caller` is the cell whose calls they are. For an item that was compiled at `since` only those count later that replace what was in scope then.
    pub(super) fn traits(&mut self, end: usize, by: Option<usize>, caller: usize, since: Option<usize>) {
        let in_scope: BTreeSet<&str> = match since {
            Some(since) => self.log[..since].iter().flat_map(|cell| &cell.names.defines).map(String::as_str).collect(),
            None => BTreeSet::new(),
        };
        let mut redefined: BTreeSet<&str> = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for (index, step) in self.before(end) {
            let cell = &self.log[index];
            let names = &cell.names.defines;
            let is_named = !cell.names.defines_any && !step.facts.unnamed && !names.is_empty();
            let is_replaced = is_named && names.iter().all(|name| redefined.contains(name.as_str()));
            let is_too_late =
                since.is_some_and(|since| index > since && !names.iter().any(|name| in_scope.contains(name.as_str())));
            let provides = (step.facts.provides || cell.names.defines_any) && !is_too_late;
            if provides && !is_replaced && self.provides_to(index, caller) && seen.insert(cell.text.as_str()) {
                self.keep(index, by, Why::Provides);
            }
            redefined.extend(step.defines.iter().map(String::as_str));
        }
    }

    /// Whether the cell `provider` may bring into scope what the cell `caller` calls.
    fn provides_to(&self, provider: usize, caller: usize) -> bool {
        let (Some(from), Some(to)) = (&self.log[provider].names.rust, &self.log[caller].names.rust) else {
            return true;
        };
        let calls = |name: &str| to.calls_any || to.calls.contains(name);
        let of_own = from.traits.values().flat_map(|functions| functions.keys()).any(|name| calls(name));
        let of_import = |path: &String| match provided(path) {
            Provided::Nothing => false,
            Provided::Methods(methods) => methods.iter().any(|name| calls(name)),
            Provided::Unknown => true,
        };
        of_own || from.imports.iter().any(of_import)
    }

    /// Keeps the cells that add to the types of members what members call. Returns whether there are new ones.
    pub(super) fn implementations(&mut self) -> bool {
        let members = self.slice.members.keys();
        let defined: BTreeSet<&str> =
            members.clone().flat_map(|index| &self.log[*index].names.defines).map(String::as_str).collect();
        let users: Vec<usize> = members.copied().filter(|index| self.steps[*index].facts.code).collect();
        let (calls, own) = (self.calls(), self.own());
        let mut added = Vec::new();
        for (index, step) in self.before(self.log.len()) {
            let user = users.iter().find(|user| **user > index);
            let kind = step.reads.iter().find(|name| defined.contains(name.as_str()) && is_type(name));
            if let (true, false, Some(user), Some(kind)) =
                (step.facts.implements, self.slice.members.contains_key(&index), user, kind)
                && self.is_called(index, &defined, &own, &calls)
            {
                added.push((index, *user, Why::Implements(kind.clone())));
            }
        }
        let is_new = !added.is_empty();
        for (index, user, why) in added {
            self.keep(index, Some(user), why);
        }
        is_new
    }

    /// What the members call.
    fn calls(&self) -> Calls<'_> {
        let mut calls = Calls::default();
        for index in self.slice.members.keys() {
            match &self.log[*index].names.rust {
                Some(rust) => {
                    calls.names.extend(rust.calls.iter().map(String::as_str));
                    calls.bounds.extend(rust.bounds.iter().map(String::as_str));
                    calls.any |= rust.calls_any;
                }
                None => calls.any |= self.steps[*index].facts.code,
            }
        }
        calls
    }

    /// What the notebook's own items are.
    fn own(&self) -> Own<'_> {
        let mut own = Own::default();
        for rust in self.log.iter().filter_map(|cell| cell.names.rust.as_ref()) {
            for (name, functions) in &rust.traits {
                own.traits.entry(name).or_default().extend(functions.keys().map(String::as_str));
            }
            own.types.extend(rust.structures.keys().map(String::as_str));
            let errors = rust.implementations.iter().filter(|block| block.of.as_deref() == Some("Error"));
            own.errors.extend(errors.filter_map(|block| block.subject.as_deref()));
        }
        own
    }

    /// Whether one of the implementations in a cell may be called by a slice whose cells define these names.
    fn is_called(&self, index: usize, defined: &BTreeSet<&str>, own: &Own<'_>, calls: &Calls<'_>) -> bool {
        let Some(rust) = &self.log[index].names.rust else { return true };
        // Without the cell of its type there are no values of it.
        let may_have_values = |block: &&Implementation| {
            block.subject.as_deref().is_none_or(|subject| defined.contains(subject) || !own.types.contains(subject))
        };
        let mut blocks = rust.implementations.iter().filter(may_have_values);
        blocks.any(|block| calls.any || is_block_called(block, own, calls))
    }
}

fn is_block_called(block: &Implementation, own: &Own<'_>, calls: &Calls<'_>) -> bool {
    let has = |name: &str| calls.names.contains(name);
    // What a cell ends with is shown by a method of its own, if it has one.
    let by_name = block.functions.keys().any(|name| has(name) || name == "evcxr_display");
    let Some(of) = &block.of else { return by_name };
    let is_asked_for = by_name || calls.bounds.contains(of.as_str());
    if let Some(functions) = own.traits.get(of.as_str()) {
        return is_asked_for || functions.iter().any(|name| has(name));
    }
    match called_by(of) {
        Some(words) => {
            // An error has to be told.
            let is_error = block.subject.as_deref().is_some_and(|subject| own.errors.contains(subject));
            is_asked_for || is_error || words.iter().any(|word| has(word))
        }
        // Operators, conversions, loops and the end of a value call by no name.
        None => true,
    }
}

/// Whether a name is written as types and traits are.
fn is_type(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}
