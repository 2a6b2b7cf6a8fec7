//! Which versions of dependencies are chosen: ours first, then whatever was ever chosen with this toolchain.
//!
//! cargo drops from its lock file what the present manifest does not use, and evcxr shows it a different manifest from moment to moment. So
//! the file is put together anew around each call, and what cargo adds to it is kept for all notebooks.

use std::collections::BTreeSet;
use std::path::Path;

use super::cache::{Cache, default_root};
use super::sources;
use super::toolchain::Toolchain;

const HEADER: &str = "version = 4\n";

/// The versions of crates that cells of notebooks in `directory` are built with on this machine, as the text of a `Cargo.lock` of all that were ever
/// chosen; none without a toolchain.
pub fn locked_crates(directory: &Path) -> Option<String> {
    let toolchain = Toolchain::find(directory).ok()?;
    let cache = Cache::open(&default_root(), &toolchain).ok()?;
    Some(known(&cache).text())
}

/// Puts the known versions into the lock file of the package in `directory`.
pub(super) fn fill(cache: &Cache, directory: &Path) {
    // Without the file cargo chooses versions by itself, at worst other ones.
    let _ = std::fs::write(directory.join("Cargo.lock"), known(cache).text());
}

/// Keeps what cargo has added to the lock file in `directory`.
pub(super) fn keep(cache: &Cache, directory: &Path) {
    let mut lock = known(cache);
    let before = lock.packages.len();
    if let Ok(text) = std::fs::read_to_string(directory.join("Cargo.lock")) {
        lock.add(&text);
    }
    if lock.packages.len() > before {
        // Atomically, because other hosts read it; losing a choice costs no more than making it again.
        let scratch = directory.join("Cargo.lock.kept");
        if std::fs::write(&scratch, lock.text()).is_ok() {
            let _ = std::fs::rename(&scratch, cache.lock());
        }
    }
}

fn known(cache: &Cache) -> Lock {
    let mut lock = Lock::default();
    lock.add(sources::LOCK);
    if let Ok(text) = std::fs::read_to_string(cache.lock()) {
        lock.add(&text);
    }
    lock
}

/// The packages of several lock files.
#[derive(Debug, Default)]
struct Lock {
    packages: Vec<String>,
    /// Name, source and range of compatible versions: of these there is one each.
    seen: BTreeSet<(String, String, String)>,
}

impl Lock {
    /// Adds the packages of a lock file that have a source (the others are somebody's own) and no compatible version here yet.
    fn add(&mut self, text: &str) {
        for package in text.split("[[package]]\n").skip(1) {
            let value = |key: &str| {
                let start = format!("{key} = \"");
                package.lines().find_map(|line| line.strip_prefix(start.as_str())?.strip_suffix('"'))
            };
            let (Some(name), Some(version), Some(source)) = (value("name"), value("version"), value("source")) else {
                continue;
            };
            if self.seen.insert((name.to_owned(), source.to_owned(), compatible(version))) {
                self.packages.push(package.trim_end().to_owned());
            }
        }
    }

    fn text(&self) -> String {
        let mut text = HEADER.to_owned();
        for package in &self.packages {
            text.push_str("\n[[package]]\n");
            text.push_str(package);
            text.push('\n');
        }
        text
    }
}

/// What all versions that may replace each other have in common: all up to the first number that is not zero.
fn compatible(version: &str) -> String {
    let mut range = Vec::new();
    for number in version.split(['.', '-', '+']).take(3) {
        range.push(number);
        if number != "0" {
            break;
        }
    }
    range.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> String {
        format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"registry\"\n\n")
    }

    #[test]
    fn compatible_versions() {
        assert_eq!(compatible("1.2.3"), "1");
        assert_eq!(compatible("0.2.3"), "0.2");
        assert_eq!(compatible("0.0.3+x"), "0.0.3");
    }

    #[test]
    fn the_first_of_compatible_versions_stays() {
        let mut lock = Lock::default();
        lock.add(&format!(
            "version = 4\n\n{}{}",
            package("a", "1.0.1"),
            "[[package]]\nname = \"mine\"\nversion = \"0.1.0\"\n"
        ));
        lock.add(&format!("{}{}", package("a", "1.0.2"), package("a", "2.0.0")));
        let text = lock.text();
        assert!(text.starts_with("version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.1\"\n"), "{text}");
        assert!(text.contains("2.0.0") && !text.contains("1.0.2") && !text.contains("mine"), "{text}");
    }

    #[test]
    fn the_preludes_lock_file_is_read() {
        let mut lock = Lock::default();
        lock.add(sources::LOCK);
        assert!(lock.text().contains("name = \"polars\""));
    }
}
