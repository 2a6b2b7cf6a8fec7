//! What is known of the standard library's traits: which methods a cell can call only where one is imported, and which implementations are called
//! by words that do not name them.

/// The traits that have to be imported before their methods can be called, with these methods.
const IMPORTED: [(&str, &[&str]); 22] = [
    ("Any", &["type_id"]),
    ("Borrow", &["borrow"]),
    ("BorrowMut", &["borrow_mut"]),
    ("BufRead", &["consume", "fill_buf", "lines", "read_line", "read_until", "skip_until", "split"]),
    ("BuildHasher", &["build_hasher", "hash_one"]),
    ("Concat", &["concat"]),
    ("Error", &["cause", "description", "source"]),
    ("FileExt", &["read_at", "read_exact_at", "write_all_at", "write_at"]),
    ("FromStr", &["from_str"]),
    ("Hash", &["hash", "hash_slice"]),
    (
        "Hasher",
        &[
            "finish",
            "write",
            "write_u8",
            "write_u16",
            "write_u32",
            "write_u64",
            "write_usize",
            "write_i32",
            "write_i64",
        ],
    ),
    ("IsTerminal", &["is_terminal"]),
    ("OpenOptionsExt", &["custom_flags", "mode"]),
    ("PermissionsExt", &["from_mode", "mode", "set_mode"]),
    ("Pow", &["pow"]),
    ("RangeBounds", &["contains", "end_bound", "start_bound"]),
    (
        "Read",
        &["by_ref", "bytes", "chain", "read", "read_exact", "read_to_end", "read_to_string", "read_vectored", "take"],
    ),
    ("Seek", &["rewind", "seek", "seek_relative", "stream_position"]),
    ("ToSocketAddrs", &["to_socket_addrs"]),
    ("TryInto", &["try_into"]),
    ("TryFrom", &["try_from"]),
    ("Write", &["by_ref", "flush", "write", "write_all", "write_char", "write_fmt", "write_str", "write_vectored"]),
];
/// Endings of the standard library's other traits.
const TRAIT_ENDINGS: [&str; 2] = ["Ext", "Fd"];
/// The operators' traits and those of formats: importing one of them lets nobody call anything but by its own name.
const NAMED: [&str; 34] = [
    "Add",
    "AddAssign",
    "BitAnd",
    "BitOr",
    "BitXor",
    "Binary",
    "Debug",
    "Deref",
    "DerefMut",
    "Display",
    "Div",
    "DivAssign",
    "Extend",
    "FromIterator",
    "Index",
    "IndexMut",
    "IntoIterator",
    "Iterator",
    "LowerExp",
    "LowerHex",
    "Mul",
    "MulAssign",
    "Neg",
    "Not",
    "Octal",
    "Product",
    "Rem",
    "Shl",
    "Shr",
    "Sub",
    "SubAssign",
    "Sum",
    "UpperExp",
    "UpperHex",
];
/// Macros and methods that put values into texts.
const SHOWING: [&str; 16] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "eprint",
    "eprintln",
    "expect",
    "format",
    "format_args",
    "panic",
    "print",
    "println",
    "to_string",
    "unreachable",
    "unwrap",
    "write",
    "writeln",
];

/// What importing a path lets a cell call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provided {
    /// Nothing that does not name it.
    Nothing,
    /// Methods of these names.
    Methods(&'static [&'static str]),
    /// Nobody knows.
    Unknown,
}

/// What importing `path` lets a cell call.
pub(super) fn provided(path: &str) -> Provided {
    let (above, last) = path.rsplit_once("::").unwrap_or(("", path));
    let is_standard = ["std", "core", "alloc"].contains(&above.split("::").next().unwrap_or_default());
    if last == "*" {
        return Provided::Unknown;
    }
    // Functions, modules and constants.
    let is_small = last.starts_with(|c: char| c.is_lowercase() || c == '_');
    let is_constant = last.len() > 1 && last.chars().all(|c| c.is_uppercase() || c.is_numeric() || c == '_');
    if is_small || is_constant {
        return Provided::Nothing;
    }
    if !is_standard {
        return Provided::Unknown;
    }
    match IMPORTED.iter().find(|(name, _)| *name == last) {
        Some((_, methods)) => Provided::Methods(methods),
        None if NAMED.contains(&last) => Provided::Unknown,
        None if TRAIT_ENDINGS.iter().any(|ending| last.ends_with(ending)) => Provided::Unknown,
        None => Provided::Nothing,
    }
}

/// The words by which an implementation of a trait of the standard library is called, where there are no others.
pub(super) fn called_by(name: &str) -> Option<&'static [&'static str]> {
    match name {
        "Display" | "LowerHex" | "UpperHex" | "LowerExp" | "UpperExp" | "Octal" | "Binary" => Some(&SHOWING),
        "FromStr" => Some(&["parse", "from_str"]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_of_the_standard_library_are_known() {
        for nothing in
            ["std::collections::BTreeMap", "std::rc::Rc", "std::mem::swap", "std::f64::consts::PI", "rand::rngs"]
        {
            assert_eq!(provided(nothing), Provided::Nothing, "{nothing}");
        }
        assert!(matches!(provided("std::io::Write"), Provided::Methods(methods) if methods.contains(&"write_all")));
        for unknown in ["rand::Rng", "std::fmt::*", "std::os::unix::fs::MetadataExt", "polars::prelude::*"] {
            assert_eq!(provided(unknown), Provided::Unknown, "{unknown}");
        }
    }
}
