//! Whether a cell of Rust may have changed a value, by what it does with it and by what the notebook's own items are.

use std::collections::BTreeMap;

use kernwerk_core::{Receiver, RustNames, Touch};

use super::types::{Kind, Structures, head, is_stream, kind, own_types};

/// Methods that leave even an iterator, a channel or a file as it is.
const LEAVING: [&str; 24] = [
    "as_path",
    "as_ref",
    "as_slice",
    "as_str",
    "borrow",
    "clone",
    "cmp",
    "contains",
    "display",
    "eq",
    "file_type",
    "is_dir",
    "is_empty",
    "is_file",
    "is_finished",
    "len",
    "metadata",
    "modified",
    "ne",
    "peek",
    "permissions",
    "size_hint",
    "thread",
    "to_string",
];
/// Methods that only look at what lies behind a lock or in an atomic number. What is done with it then counts by itself.
const LOOKING: [&str; 10] = [
    "as_deref",
    "get_ref",
    "into_inner",
    "load",
    "lock",
    "read",
    "try_borrow",
    "try_lock",
    "try_read",
    "upgrade",
];
/// Methods of the standard library's collections that change them, where a method of the notebook's own could have the same name.
const CHANGING: [&str; 27] = [
    "append",
    "clear",
    "dedup",
    "drain",
    "entry",
    "extend",
    "fill",
    "get_mut",
    "insert",
    "iter_mut",
    "next",
    "pop",
    "pop_back",
    "pop_front",
    "push",
    "push_back",
    "push_front",
    "push_str",
    "remove",
    "replace",
    "resize",
    "retain",
    "reverse",
    "sort",
    "swap",
    "take",
    "truncate",
];

/// The items of a notebook, as far as they say what a call on a value may change.
#[derive(Default)]
pub(super) struct Items {
    pub structures: Structures,
    methods: BTreeMap<String, Vec<Method>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Method {
    /// The type that has it; none for any that has the trait.
    subject: Option<String>,
    of_trait: bool,
    receiver: Receiver,
}

/// What is known of a value.
pub(super) struct Known<'a> {
    pub type_name: Option<&'a str>,
    pub mutable: bool,
    pub shared: bool,
}

impl Items {
    /// Takes in the items of a cell. Older ones of the same name stay known: values made by them may live on.
    pub fn learn(&mut self, cell: &RustNames) {
        self.structures.extend(cell.structures.clone());
        for (_, functions) in &cell.traits {
            for (name, receiver) in functions {
                self.method(name, Method { subject: None, of_trait: true, receiver: *receiver });
            }
        }
        for block in &cell.implementations {
            for (name, receiver) in &block.functions {
                let (subject, of_trait) = (block.subject.clone(), block.of.is_some());
                self.method(name, Method { subject, of_trait, receiver: *receiver });
            }
        }
    }

    fn method(&mut self, name: &str, method: Method) {
        let known = self.methods.entry(name.to_owned()).or_default();
        if !known.contains(&method) {
            known.push(method);
        }
    }

    /// Whether what the cell does with the name may change its value.
    pub fn changes(&self, cell: &RustNames, name: &str, value: &Known<'_>) -> bool {
        let any = |touches: &BTreeMap<String, _>| {
            let touches: Option<&std::collections::BTreeSet<Touch>> = touches.get(name);
            touches.into_iter().flatten().any(|touch| self.changes_by(touch, value))
        };
        // What is had from a plain value is another one, or was borrowed where that shows.
        any(&cell.touches) || (value.shared && any(&cell.through))
    }

    fn changes_by(&self, touch: &Touch, value: &Known<'_>) -> bool {
        let can_change = value.mutable || value.shared;
        match touch {
            Touch::Read => false,
            Touch::Written | Touch::Called => can_change,
            Touch::Given => value.shared,
            // An implementation of the notebook's own may change what is shared within.
            Touch::Shown => value.shared && self.holds_shared_of_own(value),
            Touch::Reading(method) => match self.own(method, value) {
                Some(changes) => changes,
                None => can_change && value.type_name.is_some_and(|name| self.is_used_up(name)) && !leaves(method),
            },
            Touch::Method(method) => match self.own(method, value) {
                Some(changes) => changes,
                None if leaves(method) => false,
                None => can_change && !(looks(method) && !value.type_name.is_some_and(is_stream)),
            },
        }
    }

    /// Whether a method of the notebook's own may change the value; none where it has no such method.
    fn own(&self, method: &str, value: &Known<'_>) -> Option<bool> {
        let all = self.methods.get(method)?;
        let can_change = value.mutable || value.shared;
        let Some(type_name) = value.type_name else {
            // Of what type it is nobody knows: the method may be another's of the same name.
            return all.iter().any(|own| own.receiver == Receiver::Mutable).then_some(can_change);
        };
        let types = own_types(type_name, &self.structures);
        let is_its = |own: &&Method| match &own.subject {
            Some(subject) => types.contains(subject.as_str()) || (own.of_trait && !self.structures.contains_key(subject)),
            None => true,
        };
        let its: Vec<&Method> = all.iter().filter(is_its).collect();
        if its.is_empty() {
            return None;
        }
        let is_head = its.iter().any(|own| own.subject.as_deref() == Some(head(type_name)));
        if !is_head && CHANGING.contains(&method) {
            return Some(can_change);
        }
        Some(its.iter().any(|own| match own.receiver {
            Receiver::Mutable => can_change,
            // It may change what is shared within.
            Receiver::Shared | Receiver::Value => value.shared && self.kind_of(own, type_name) != Kind::Plain,
            Receiver::None => false,
        }))
    }

    fn kind_of(&self, own: &Method, type_name: &str) -> Kind {
        kind(own.subject.as_deref().unwrap_or(type_name), &self.structures)
    }

    fn holds_shared_of_own(&self, value: &Known<'_>) -> bool {
        let is_shared = |own: &&str| kind(own, &self.structures) != Kind::Plain;
        value.type_name.is_none_or(|name| own_types(name, &self.structures).iter().any(is_shared))
    }

    /// Whether methods that elsewhere only read may use the value up.
    fn is_used_up(&self, type_name: &str) -> bool {
        let advances = |own: &Method| own.subject.as_deref() == Some(head(type_name));
        is_stream(type_name) || self.methods.get("next").is_some_and(|all| all.iter().any(advances))
    }
}

fn leaves(method: &str) -> bool {
    LEAVING.contains(&method)
}

fn looks(method: &str) -> bool {
    LOOKING.contains(&method)
}
