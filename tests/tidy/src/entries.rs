//! What may lie at the top of the repository.

use std::collections::BTreeSet;

use crate::Finding;

const DIRECTORIES: &[&str] = &["kernel", "magics", "python", "notebooks", "tests", "docs"];
const FILES: &[&str] = &["Cargo.toml", "Cargo.lock", "Makefile", "README.md", "LICENSE", "rustfmt.toml", "clippy.toml"];

/// Entries at the top that have no place there; dot files have.
pub fn check<'a>(paths: impl IntoIterator<Item = &'a str>) -> Vec<Finding> {
    let strangers: BTreeSet<&str> = paths.into_iter().filter_map(stranger).collect();
    strangers.into_iter().map(|entry| Finding::new(entry, "has no place at the top of the repository")).collect()
}

fn stranger(path: &str) -> Option<&str> {
    match path.split_once('/') {
        Some((directory, _)) => (!directory.starts_with('.') && !DIRECTORIES.contains(&directory)).then_some(directory),
        None => (!path.starts_with('.') && !FILES.contains(&path)).then_some(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_entries_and_dot_files_pass() {
        assert!(check(["Cargo.toml", ".gitignore", ".ci/run", "docs/a.md", "magics/core/src/lib.rs"]).is_empty());
    }

    #[test]
    fn strangers_are_found_once() {
        let found = check(["scripts/a.sh", "scripts/b.sh", "notes.txt"]);
        assert_eq!(found.iter().map(|finding| finding.place.as_str()).collect::<Vec<_>>(), ["notes.txt", "scripts"]);
    }
}
