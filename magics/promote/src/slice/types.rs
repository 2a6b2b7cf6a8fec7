//! What the type of a variable says: whether its value can change behind a name that is not `mut`, or through another name.

use std::collections::{BTreeMap, BTreeSet};

use super::effects::PURE;

/// Types whose values change behind a shared reference, or are changed elsewhere.
const SHARED: [&str; 18] = [
    "Cell",
    "RefCell",
    "OnceCell",
    "LazyCell",
    "UnsafeCell",
    "Mutex",
    "RwLock",
    "OnceLock",
    "LazyLock",
    "Condvar",
    "Barrier",
    "Sender",
    "SyncSender",
    "Receiver",
    "NonNull",
    "File",
    "Ref",
    "RefMut",
];
/// Types that hold what they hold and nothing else.
const PLAIN: [&str; 46] = [
    "Arc",
    "BTreeMap",
    "BTreeSet",
    "BinaryHeap",
    "Box",
    "Bytes",
    "CharIndices",
    "Chars",
    "Cow",
    "Cycle",
    "Drain",
    "Duration",
    "Enumerate",
    "HashMap",
    "HashSet",
    "Instant",
    "IntoIter",
    "Iter",
    "Lines",
    "LinkedList",
    "NonZero",
    "Option",
    "OsString",
    "Path",
    "PathBuf",
    "Peekable",
    "PhantomData",
    "Range",
    "RangeFrom",
    "RangeInclusive",
    "Rc",
    "Result",
    "Rev",
    "Reverse",
    "Saturating",
    "Skip",
    "Split",
    "SplitWhitespace",
    "StepBy",
    "String",
    "SystemTime",
    "Take",
    "Vec",
    "VecDeque",
    "Wrapping",
    "Zip",
];
/// Types that give something else each time they are asked, by methods that elsewhere only read.
const STREAMS: [&str; 29] = [
    "BufRead",
    "BufReader",
    "Bytes",
    "CharIndices",
    "Chars",
    "Child",
    "Cursor",
    "Cycle",
    "Drain",
    "Enumerate",
    "File",
    "Iter",
    "IntoIter",
    "Iterator",
    "JoinHandle",
    "Lines",
    "Peekable",
    "Range",
    "RangeFrom",
    "RangeInclusive",
    "Read",
    "Receiver",
    "Rev",
    "Skip",
    "Split",
    "SplitWhitespace",
    "StepBy",
    "Take",
    "Zip",
];
/// Numbers that can hold an address.
const ADDRESSES: [&str; 4] = ["usize", "u64", "isize", "i64"];

/// Whether a value changes only by its own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// It does: it has to be declared `mut`.
    Plain,
    /// The type does not tell.
    Untold,
    /// It may change behind any name.
    Shared,
}

/// What the notebook's own types hold: the types in them, as source.
pub(super) type Structures = BTreeMap<String, String>;

/// What a type, given as source, says.
pub(super) fn kind(type_name: &str, own: &Structures) -> Kind {
    kind_within(type_name, own, &mut BTreeSet::new())
}

fn kind_within(type_name: &str, own: &Structures, seen: &mut BTreeSet<String>) -> Kind {
    if has_pointer(type_name) {
        return Kind::Shared;
    }
    let of_path = |path: &str| match path.rsplit("::").next().unwrap_or_default() {
        "dyn" | "impl" | "fn" => Kind::Untold,
        name if !name.starts_with(char::is_uppercase) => Kind::Plain,
        name if SHARED.contains(&name) || name.starts_with("Atomic") => Kind::Shared,
        name => match own.get(name) {
            Some(_) if !seen.insert(name.to_owned()) => Kind::Plain,
            Some(inner) => kind_within(inner, own, seen),
            None if PLAIN.contains(&name) || name.starts_with("NonZero") || name.ends_with("Error") => Kind::Plain,
            None => kind_of_foreign(path),
        },
    };
    let type_name = type_name.replace(" :: ", "::");
    type_name.split(|c: char| !is_of_word(c) && c != ':').map(of_path).max().unwrap_or(Kind::Plain)
}

/// What is to be thought of a type that is neither the notebook's own nor a known one.
fn kind_of_foreign(path: &str) -> Kind {
    match path.split_once("::") {
        None | Some(("std" | "core" | "alloc", _)) => Kind::Untold,
        Some((root, _)) if PURE.contains(&root) => Kind::Plain,
        // Another crate's may change behind a shared reference.
        Some(_) => Kind::Shared,
    }
}

/// Whether the type has a raw pointer or a mutable reference.
fn has_pointer(type_name: &str) -> bool {
    let mut signs = type_name.split_whitespace().flat_map(|part| part.split_inclusive(['*', '&', '<', '(', ',', '[']));
    let mut after_sign = false;
    // A lifetime may stand between.
    signs.any(|part| {
        let is_pointer = after_sign && ["mut", "const"].contains(&part);
        after_sign = part.ends_with(['*', '&']) || (after_sign && part.starts_with('\''));
        is_pointer
    })
}

/// Whether a value of the type may lead to what another name has: by a pointer, a reference, or what a closure has caught.
pub(super) fn leads_elsewhere(type_name: &str) -> bool {
    has_pointer(type_name)
        || type_name.replace("&str", "").contains('&')
        || words(type_name).any(|word| ["dyn", "impl", "NonNull", "Ref", "RefMut"].contains(&word))
}

/// Whether asking a value of the type for something may use it up.
pub(super) fn is_stream(type_name: &str) -> bool {
    words(type_name).any(|word| STREAMS.contains(&word) || word.ends_with("Reader"))
}

/// Whether what is written to a value of the type lands in a file.
pub(super) fn is_handle(type_name: &str) -> bool {
    words(type_name).any(|word| word == "File" || word.ends_with("Writer"))
}

/// Whether how many share a value of the type can be asked.
pub(super) fn is_counted(type_name: &str) -> bool {
    words(type_name).any(|word| ["Rc", "Arc", "Weak"].contains(&word))
}

/// Whether a value of the type is a program that runs, or is ready to.
pub(super) fn is_program(type_name: &str) -> bool {
    words(type_name).any(|word| word == "Command" || word == "Child")
}

/// Whether a value of the type can be called, or holds what can.
pub(super) fn holds_code(type_name: &str, own: &Structures) -> bool {
    let is_code = |text: &str| words(text).any(|word| ["dyn", "fn", "impl", "Fn", "FnMut", "FnOnce"].contains(&word));
    is_code(type_name)
        || own_types(type_name, own).into_iter().any(|name| own.get(name).is_some_and(|inner| is_code(inner)))
}

/// Whether the type is a number that can hold an address.
pub(super) fn may_be_address(type_name: &str) -> bool {
    words(type_name).any(|word| ADDRESSES.contains(&word))
}

/// The notebook's own types that a type names, or whose values it holds by way of them.
pub(super) fn own_types<'a>(type_name: &'a str, own: &'a Structures) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![type_name];
    while let Some(text) = open.pop() {
        for word in words(text) {
            if let Some(inner) = own.get(word)
                && found.insert(word)
            {
                open.push(inner);
            }
        }
    }
    found
}

/// The last part of the name of the type itself: `Tally` of `shop::Tally<u8>`.
pub(super) fn head(type_name: &str) -> &str {
    let name = type_name.split(['<', ' ']).next().unwrap_or_default();
    name.rsplit("::").next().unwrap_or_default()
}

fn words(type_name: &str) -> impl Iterator<Item = &str> {
    type_name.split(|c: char| !is_of_word(c)).filter(|word| !word.is_empty())
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '\''
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Structures {
        let types = [
            ("Tally", "Vec < i32 >"),
            ("Metronome", "std :: cell :: Cell < u32 >"),
            ("Node", "Option < Box < Node > > , Tally"),
            ("Page", "std :: rc :: Rc < std :: cell :: RefCell < String > >"),
            ("Spot", "* mut u8"),
        ];
        types.map(|(name, inner)| (name.to_owned(), inner.to_owned())).into()
    }

    #[test]
    fn what_changes_by_its_own_name_alone() {
        for plain in [
            "i32",
            "Vec<(String,f64)>",
            "std::collections::HashMap<String,Tally>",
            "&str",
            "Option<Node>",
            "std::rc::Rc<Vec<u8>>",
            "Result<i32,std::num::ParseIntError>",
            "[u8; 3]",
            "polars::frame::DataFrame",
            "()",
        ] {
            assert_eq!(kind(plain, &own()), Kind::Plain, "{plain}");
        }
    }

    #[test]
    fn what_may_change_behind_any_name() {
        for shared in [
            "std::rc::Rc<std::cell::RefCell<Vec<i32>>>",
            "&'static mut Vec<i32>",
            "*mut i32",
            "Vec<*const u8>",
            "Metronome",
            "Vec<Page>",
            "Spot",
            "std::fs::File",
            "std::sync::Arc<std::sync::atomic::AtomicU32>",
            "std::sync::mpsc::Receiver<i32>",
            "dashmap::DashMap<i32,String>",
        ] {
            assert_eq!(kind(shared, &own()), Kind::Shared, "{shared}");
        }
        for untold in ["Box<dyn Fn(i32)>", "std::thread::Thread", "fn(i32)->i32", "std::thread::JoinHandle<i32>"] {
            assert_eq!(kind(untold, &own()), Kind::Untold, "{untold}");
        }
    }

    #[test]
    fn own_types_are_found_within_others() {
        assert_eq!(own_types("Vec<Node>", &own()), ["Node", "Tally"].into());
        assert_eq!(head("shop::Tally<Node>"), "Tally");
        assert!(is_stream("std::vec::IntoIter<i32>") && !is_stream("Vec<i32>"));
        assert!(leads_elsewhere("&'static Vec<u8>") && !leads_elsewhere("Vec<&str>"));
        assert!(is_handle("std::io::BufWriter<std::fs::File>"));
    }
}
