//! Whether a cell of Rust may have changed a value, by what it does with it and by what the notebook's own items are.

use std::collections::BTreeMap;

use kernwerk_core::{Receiver, RustNames, Touch};

use super::types::{Kind, Structures, head, is_stream, kind, own_types};

/// Methods that leave even an iterator, a channel or a file as it is, or that none of these has.
const LEAVING: [&str; 35] = [
    "as_bytes",
    "as_path",
    "as_ref",
    "as_slice",
    "as_str",
    "binary_search",
    "borrow",
    "clone",
    "cmp",
    "contains",
    "contains_key",
    "display",
    "ends_with",
    "eq",
    "file_type",
    "first",
    "get",
    "is_dir",
    "is_empty",
    "is_file",
    "is_finished",
    "iter",
    "keys",
    "len",
    "metadata",
    "modified",
    "ne",
    "peek",
    "permissions",
    "size_hint",
    "starts_with",
    "thread",
    "to_string",
    "values",
    "windows",
];
/// Types of which every method gives another value, but for the few that say in their names what they do.
const VALUES: [&str; 17] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128",
    "usize", "str",
];
/// Methods that only look at what lies behind a lock or in an atomic number. What is done with it then counts by itself.
const LOOKING: [&str; 10] =
    ["as_deref", "get_ref", "into_inner", "load", "lock", "read", "try_borrow", "try_lock", "try_read", "upgrade"];
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
        for functions in cell.traits.values() {
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
                None if leaves(method) || value.type_name.is_some_and(|name| is_value(name, method)) => false,
                None => can_change && (!looks(method) || value.type_name.is_some_and(is_stream)),
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
            Some(subject) => {
                types.contains(subject.as_str()) || (own.of_trait && !self.structures.contains_key(subject))
            }
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
        let held = own_types(type_name, &self.structures);
        let is_held = |name: &&str| self.structures.get(*name).is_some_and(|inner| is_stream(inner));
        let advances = |own: &Method| {
            own.subject.as_deref().is_some_and(|subject| subject == head(type_name) || held.contains(subject))
        };
        is_stream(type_name)
            || held.iter().any(is_held)
            || self.methods.get("next").is_some_and(|all| all.iter().any(advances))
    }
}

fn leaves(method: &str) -> bool {
    LEAVING.contains(&method)
}

/// Whether a method of a number, a sign or a borrowed text gives another one and leaves it as it is.
fn is_value(type_name: &str, method: &str) -> bool {
    let name = type_name.trim_start_matches("&'static ").trim_start_matches('&');
    let changes = method.starts_with("make_ascii_") || method.ends_with("_assign") || method == "clone_from";
    VALUES.contains(&name) && !changes
}

fn looks(method: &str) -> bool {
    LOOKING.contains(&method)
}

#[cfg(test)]
mod tests {
    use kernwerk_core::Implementation;

    use super::*;

    fn items() -> Items {
        let block = |subject: &str, of: Option<&str>, functions: &[(&str, Receiver)]| Implementation {
            subject: Some(subject.to_owned()),
            of: of.map(str::to_owned),
            functions: functions.iter().map(|(name, receiver)| ((*name).to_owned(), *receiver)).collect(),
        };
        let structures = [
            ("Tally", "Vec < i32 >"),
            ("Metronome", "std :: cell :: Cell < u32 >"),
            ("Dice", "u32"),
            ("Feed", "std :: vec :: IntoIter < u32 >"),
        ];
        let mut items = Items::default();
        items.learn(&RustNames {
            structures: structures.map(|(name, inner)| (name.to_owned(), inner.to_owned())).into(),
            implementations: vec![
                block(
                    "Tally",
                    None,
                    &[("note", Receiver::Mutable), ("told", Receiver::Shared), ("push", Receiver::Shared)],
                ),
                block("Metronome", None, &[("beat", Receiver::Shared)]),
                block("Dice", Some("Iterator"), &[("next", Receiver::Mutable)]),
                block("Dice", None, &[("get", Receiver::Mutable)]),
            ],
            ..RustNames::default()
        });
        items
    }

    fn changes(type_name: &str, mutable: bool, shared: bool, direct: &[Touch], through: &[Touch]) -> bool {
        let touches = |touches: &[Touch]| [("x".to_owned(), touches.iter().cloned().collect())].into();
        let cell = RustNames { touches: touches(direct), through: touches(through), ..RustNames::default() };
        items().changes(&cell, "x", &Known { type_name: Some(type_name), mutable, shared })
    }

    fn method(name: &str) -> Touch {
        Touch::Method(name.to_owned())
    }

    fn reading(name: &str) -> Touch {
        Touch::Reading(name.to_owned())
    }

    #[test]
    fn a_plain_value_changes_by_its_name_alone() {
        let changes = |mutable, touch| changes("Vec<i32>", mutable, false, &[touch], &[]);
        for touch in [Touch::Written, Touch::Called, method("push")] {
            assert!(changes(true, touch.clone()) && !changes(false, touch));
        }
        for touch in [Touch::Read, Touch::Given, Touch::Shown, reading("iter")] {
            assert!(!changes(true, touch));
        }
    }

    #[test]
    fn what_is_shared_changes_by_what_is_done_behind_it() {
        let changes = |direct, through: &[Touch]| changes("Rc<RefCell<Vec<i32>>>", false, true, &[direct], through);
        assert!(changes(method("borrow_mut"), &[]) && changes(Touch::Given, &[]) && changes(Touch::Written, &[]));
        assert!(changes(reading("iter"), &[method("set")]));
        assert!(!changes(reading("borrow"), &[reading("len"), Touch::Shown]));
        assert!(!changes(method("lock"), &[reading("unwrap")]) && changes(method("lock"), &[method("push")]));
    }

    #[test]
    fn methods_of_the_notebooks_own_are_known() {
        let of = |type_name, shared, touch| changes(type_name, true, shared, &[touch], &[]);
        assert!(of("Tally", false, method("note")) && !of("Tally", false, method("told")));
        assert!(!of("Tally", false, method("push")), "its own `push` takes `&self`");
        assert!(of("Vec<Tally>", false, method("push")), "that of a vector does not");
        assert!(of("Metronome", true, method("beat")), "it changes behind `&self`");
        assert!(of("Dice", false, reading("get")), "a method of its own has the name of one that reads");
        assert!(of("Other", false, method("told")), "a method of another type");
    }

    #[test]
    fn what_gives_something_else_each_time_is_used_up() {
        let of = |type_name, touch| changes(type_name, true, false, &[touch], &[]);
        for type_name in ["std::vec::IntoIter<i32>", "Box<dyn Iterator<Item=i32>>", "Dice"] {
            assert!(of(type_name, reading("find")) && !of(type_name, reading("len")), "{type_name}");
        }
        for type_name in ["Feed", "Vec<Dice>", "Option<Feed>"] {
            assert!(of(type_name, reading("find")) && !of(type_name, reading("iter")), "what is in `{type_name}` is");
        }
        assert!(!of("Vec<i32>", reading("find")));
        for type_name in ["f64", "&'static str", "char"] {
            assert!(!of(type_name, method("log")) && of(type_name, method("clone_from")), "{type_name}");
        }
    }
}
