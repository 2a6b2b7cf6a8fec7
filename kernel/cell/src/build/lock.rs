//! Which versions of dependencies are chosen: ours first, then whatever was ever chosen with this toolchain; or those that a host is bound to.
//!
//! cargo drops from its lock file what the present manifest does not use, and evcxr shows it a different manifest from moment to moment. So
//! the file is put together anew around each call, and what cargo adds to it is kept for all notebooks. For the same reason cargo cannot be
//! told `--locked`: what it chose is compared afterwards, before anything of it is compiled.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kernwerk_wire::CrateLock;

use super::cache::Cache;
use super::sources;

const HEADER: &str = "version = 4\n";
const BEGIN: &str = "[[package]]\n";

/// Where cargo has the lock file of the package in `directory`.
pub(super) fn file(directory: &Path) -> PathBuf {
    directory.join("Cargo.lock")
}

/// Puts the known versions into the lock file of the package in `directory`, those that a host is bound to before others.
pub(super) fn fill(cache: &Cache, bound: Option<&CrateLock>, directory: &Path) {
    let mut lock = Lock::default();
    if let Some(bound) = bound {
        lock.add(&bound.text);
    }
    if bound.is_none_or(|bound| !bound.is_exact) {
        lock.add_known(cache);
    }
    // Without the file cargo chooses versions by itself; a host that is bound to others refuses them.
    let _ = std::fs::write(file(directory), lock.text());
}

/// Keeps what cargo has added to the lock file in `directory`. What a host is bound to is nobody else's choice.
pub(super) fn keep(cache: &Cache, bound: Option<&CrateLock>, directory: &Path) {
    if bound.is_some() {
        return;
    }
    let mut lock = Lock::default();
    lock.add_known(cache);
    let before = lock.packages.len();
    if let Ok(text) = std::fs::read_to_string(file(directory)) {
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

/// That cells built with the versions in the text `chosen` are built with those that a host is bound to.
///
/// # Errors
/// In words, which crates are not.
pub(super) fn check(bound: Option<&CrateLock>, chosen: &str) -> Result<(), String> {
    let Some(bound) = bound else { return Ok(()) };
    let wanted: Vec<Package<'_>> = packages(&bound.text).collect();
    let others: Vec<String> =
        packages(chosen).filter_map(|package| package.differs_from(&wanted, bound.is_exact)).collect();
    if others.is_empty() { Ok(()) } else { Err(others.join("; ")) }
}

/// Stands for what a host is bound to.
pub(super) fn digest(bound: &CrateLock) -> String {
    let kind: &[u8] = if bound.is_exact { b"exact" } else { b"first" };
    blake3::Hasher::new().update(kind).update(bound.text.as_bytes()).finalize().to_hex()[..16].to_owned()
}

/// A package that has a source; the others are somebody's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Package<'a> {
    /// All lines about it.
    text: &'a str,
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    source: &'a str,
    pub(super) checksum: Option<&'a str>,
}

impl Package<'_> {
    /// In words, what is otherwise than in `wanted`; none where nothing is. Unless all has to be in it, only what has a compatible version there
    /// is looked at.
    fn differs_from(&self, wanted: &[Package<'_>], is_exact: bool) -> Option<String> {
        let Package { name, version, .. } = self;
        let others: Vec<&Package<'_>> =
            wanted.iter().filter(|other| other.name == *name && other.source == self.source).collect();
        if let Some(same) = others.iter().find(|other| other.version == *version) {
            let is_same = same.checksum.zip(self.checksum).is_none_or(|(one, other)| one == other);
            return (!is_same).then(|| format!("crate `{name}` {version} has another checksum than is pinned"));
        }
        let pinned: Vec<&str> = others
            .iter()
            .filter(|other| is_exact || compatible(other.version) == compatible(version))
            .map(|other| other.version)
            .collect();
        match pinned[..] {
            [] if is_exact => Some(format!("crate `{name}` {version} would be needed, and no version of it is pinned")),
            [] => None,
            _ => Some(format!("crate `{name}` would be {version}, and is pinned to {}", pinned.join(" and "))),
        }
    }
}

/// The packages with a source in the text of a lock file.
pub(super) fn packages(text: &str) -> impl Iterator<Item = Package<'_>> {
    text.split(BEGIN).skip(1).filter_map(|text| {
        let value = |key: &str| {
            let start = format!("{key} = \"");
            text.lines().find_map(|line| line.strip_prefix(start.as_str())?.strip_suffix('"'))
        };
        let (name, version, source) = (value("name")?, value("version")?, value("source")?);
        Some(Package { text: text.trim_end(), name, version, source, checksum: value("checksum") })
    })
}

/// The packages of several lock files.
#[derive(Debug, Default)]
struct Lock {
    packages: Vec<String>,
    /// Name, source and range of compatible versions: of these there is one each.
    seen: BTreeSet<(String, String, String)>,
}

impl Lock {
    /// Adds the packages of a lock file of which there is no compatible version here yet.
    fn add(&mut self, text: &str) {
        for package in packages(text) {
            let range = (package.name.to_owned(), package.source.to_owned(), compatible(package.version));
            if self.seen.insert(range) {
                self.packages.push(package.text.to_owned());
            }
        }
    }

    /// Adds ours, and what was ever chosen with this toolchain.
    fn add_known(&mut self, cache: &Cache) {
        self.add(sources::LOCK);
        if let Ok(text) = std::fs::read_to_string(cache.lock()) {
            self.add(&text);
        }
    }

    fn text(&self) -> String {
        let mut text = HEADER.to_owned();
        for package in &self.packages {
            text.push('\n');
            text.push_str(BEGIN);
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

    fn bound(is_exact: bool, packages: &[(&str, &str)]) -> CrateLock {
        let packages = packages.iter().map(|(name, version)| package(name, version));
        CrateLock { text: packages.collect(), is_exact, packed: None }
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

    #[test]
    fn an_exact_lock_admits_what_is_in_it_and_nothing_else() {
        let exact = bound(true, &[("a", "1.0.1"), ("a", "0.9.0"), ("b", "1.0.0")]);
        let check = |chosen: String| check(Some(&exact), &chosen);
        assert_eq!(check(package("a", "1.0.1") + &package("b", "1.0.0")), Ok(()));
        assert_eq!(check("[[package]]\nname = \"ctx\"\nversion = \"1.0.0\"\n".to_owned()), Ok(()), "it is the cells'");
        let other = check(package("a", "1.0.2")).unwrap_err();
        assert_eq!(other, "crate `a` would be 1.0.2, and is pinned to 1.0.1 and 0.9.0");
        let missing = check(package("c", "1.0.0")).unwrap_err();
        assert!(missing.contains("crate `c` 1.0.0"), "{missing}");
        assert!(check(package("a", "1.0.1").replace("registry", "elsewhere")).is_err(), "of another source");
    }

    #[test]
    fn the_same_version_with_other_bytes_is_another() {
        let sealed =
            |checksum: &str| package("a", "1.0.1").trim_end().to_owned() + &format!("\nchecksum = \"{checksum}\"\n");
        let exact = CrateLock { text: sealed("aa"), is_exact: true, packed: None };
        assert_eq!(check(Some(&exact), &sealed("aa")), Ok(()));
        assert!(check(Some(&exact), &sealed("bb")).unwrap_err().contains("checksum"));
    }

    #[test]
    fn a_lock_that_is_not_exact_minds_its_own_versions() {
        let first = bound(false, &[("a", "1.0.1")]);
        assert_eq!(check(Some(&first), &(package("c", "1.0.0") + &package("a", "2.0.0"))), Ok(()));
        assert!(check(Some(&first), &package("a", "1.0.2")).is_err());
        assert_eq!(check(None, &package("a", "1.0.2")), Ok(()));
        assert_ne!(digest(&first), digest(&CrateLock { is_exact: true, ..first.clone() }));
    }
}
