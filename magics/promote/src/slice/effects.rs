//! Whether running Rust code once more would do anything but make its variables again. Errs on the side of effects: what it lets pass neither
//! touches files, processes, threads or the network, nor asks for the time or for chance, as far as its words tell.

use std::collections::BTreeSet;

use super::scan::{Facts, Token, tokens};

/// Names of the standard library, and of ours, whose use has effects or gives something else each time.
const WORDS: &[&str] = &[
    "fs",
    "File",
    "OpenOptions",
    "DirBuilder",
    "net",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "process",
    "Command",
    "thread",
    "spawn",
    "unsafe",
    "extern",
    "static",
    "stdin",
    "Instant",
    "SystemTime",
    "now",
    "rand",
    "random",
    "var",
    "magic",
    "lab",
    "include_str",
    "include_bytes",
    "include",
    "UNIX_EPOCH",
    "elapsed",
    "duration_since",
    "available_parallelism",
    "metadata",
    "symlink_metadata",
    "exists",
    "try_exists",
    "is_file",
    "is_dir",
    "is_symlink",
    "canonicalize",
    "vars",
    "var_os",
    "args",
    "current_dir",
    "current_exe",
    "temp_dir",
    "save",
    "present",
    "shuffle",
    // Their order is another in each process.
    "HashMap",
    "HashSet",
    "RandomState",
];
/// How names of functions begin and of types end that read or write somewhere else, or draw lots.
const BEGINNINGS: [&str; 5] = ["scan_", "sink_", "read_", "write_", "sample"];
const ENDINGS: [&str; 3] = ["Reader", "Writer", "Backend"];

/// Crates whose functions only compute, but for what [`WORDS`] and the others name.
pub(super) const PURE: [&str; 11] = [
    "polars",
    "plotters",
    "kernwerk",
    "serde",
    "serde_json",
    "itertools",
    "regex",
    "num",
    "num_traits",
    "ndarray",
    "nalgebra",
];

/// The word of the cell's code that may have an effect, if there is one. `crates` are those that the notebook depends on.
pub(crate) fn effect(text: &str, crates: &BTreeSet<String>) -> Option<String> {
    let found = tokens(text, &mut Facts::default()).into_iter().find_map(|token| match token {
        Token::Word(word) if has_effect(word, crates) => Some(word),
        _ => None,
    });
    found.map(str::to_owned)
}

fn has_effect(word: &str, crates: &BTreeSet<String>) -> bool {
    WORDS.contains(&word)
        || BEGINNINGS.iter().any(|beginning| word.starts_with(beginning))
        || ENDINGS.iter().any(|ending| word.ends_with(ending))
        || (crates.contains(word) && !PURE.contains(&word))
}

/// The crates that a cell's `:dep` lines name, as code names them.
pub(crate) fn crates(text: &str) -> impl Iterator<Item = String> + '_ {
    let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix(":dep "));
    lines.map(|line| {
        let name = line.trim_start().split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).next();
        name.unwrap_or_default().replace('-', "_")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        effect(text, &["polars", "reqwest"].map(str::to_owned).into())
    }

    #[test]
    fn what_only_computes_has_no_effect() {
        for text in [
            "let total: f64 = prices.iter().sum();",
            "let add = Box::new(move |n: i64| n + by) as Box<dyn Fn(i64) -> i64>;",
            "println!(\"std::fs::read {}\", 1); // File::open",
            "let mean = rides.lazy().group_by([polars::prelude::col(\"zone\")]).agg([]).collect()?;",
            "%feature sql SELECT now() FROM rides\nlet n = 1;",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn what_reaches_outside_is_named() {
        for (text, word) in [
            ("let text = std::fs::read_to_string(\"a\")?;", "fs"),
            ("let frame = CsvReader::new(source).finish()?;", "CsvReader"),
            ("let page = reqwest::get(url);", "reqwest"),
            ("let begun = Instant::now();", "Instant"),
            ("magic!(\"lab status\")?;", "magic"),
            ("let worker = std::thread::scope(|s| 1);", "thread"),
            ("let age = std::time::UNIX_EPOCH.elapsed()?;", "UNIX_EPOCH"),
            ("let size = Path::new(\"a\").metadata()?.len();", "metadata"),
            ("let some = frame.sample_n_literal(5, false, true, None)?;", "sample_n_literal"),
            ("let order: Vec<i32> = numbers.collect::<HashSet<_>>().into_iter().collect();", "HashSet"),
            ("let chart = SVGBackend::new(\"a.svg\", (9, 9));", "SVGBackend"),
        ] {
            assert_eq!(of(text).as_deref(), Some(word), "{text}");
        }
    }

    #[test]
    fn dependencies_are_named_as_in_code() {
        let text = ":dep reqwest = { version = \"1\" }\n :dep polars\n:dep a-b\nlet x = 1;";
        assert_eq!(crates(text).collect::<Vec<_>>(), ["reqwest", "polars", "a_b"]);
    }
}
