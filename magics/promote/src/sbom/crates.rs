//! The Rust crates of an artifact: from the lock file that it holds, else as far as its cells name them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::catalog::Shown;
use crate::error::Error;

const LOCK: &str = "Cargo.lock";
/// The registry that package URLs mean where they name none, as cargo's lock files name it.
const DEFAULT_REGISTRY: &str = concat!("registry+https://github.com/rust-lang/crates", ".io-index");

/// A crate that the cells were compiled with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Crate {
    pub name: String,
    /// None where only a cell names it.
    pub version: Option<String>,
    /// None of a local one, whose sources are part of Kernwerk or of the artifact.
    pub source: Option<String>,
    /// SHA-256 of the package, hexadecimal.
    pub checksum: Option<String>,
    /// What the cell asked for, where no lock says what it got.
    pub requirement: Option<String>,
    /// The crates that it needs itself, by their places in the list.
    pub needs: Vec<usize>,
    /// The cells name it, or what is compiled with each of them.
    pub is_direct: bool,
}

impl Crate {
    /// Its package URL; none of a local one.
    pub fn purl(&self) -> Option<String> {
        if self.version.is_some() && self.source.is_none() {
            return None;
        }
        let version = self.version.as_ref().map(|version| format!("@{}", encode(version))).unwrap_or_default();
        let from = match self.source.as_deref() {
            Some(source) if source != DEFAULT_REGISTRY => match source.strip_prefix("git+") {
                Some(_) => format!("?vcs_url={}", encode(source)),
                None => format!("?repository_url={}", encode(source)),
            },
            _ => String::new(),
        };
        Some(format!("pkg:cargo/{}{version}{from}", encode(&self.name)))
    }
}

/// Percent-encoded, but for what is plain in every part of a package URL.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The crates, and whether a lock file says that these are all.
///
/// # Errors
/// [`Error::BrokenArtifact`] where the lock file cannot be read.
pub(crate) fn crates(shown: &Shown) -> Result<(Vec<Crate>, bool), Error> {
    let is_lock = |path: &&str| path.rsplit('/').next() == Some(LOCK);
    let locks = shown.manifest.files.iter().map(|file| file.path.as_str()).filter(is_lock);
    let Some(lock) = locks.min_by_key(|path| path.len()) else {
        let named = if shown.pipeline.python.is_some() { Vec::new() } else { named(&shown.cells) };
        let is_all = named.is_empty();
        return Ok((named, is_all));
    };
    let text = shown.location.text(lock)?;
    locked(&text).map(|crates| (crates, true)).map_err(|reason| shown.location.broken(lock, reason))
}

/// The crates that `:dep` lines name.
fn named(cells: &[String]) -> Vec<Crate> {
    let mut named = BTreeMap::new();
    for line in cells.iter().flat_map(|cell| cell.lines()) {
        let Some(rest) = line.trim().strip_prefix(":dep").filter(|rest| rest.starts_with(char::is_whitespace)) else {
            continue;
        };
        let (name, requirement) = match rest.split_once('=') {
            Some((name, requirement)) => (name.trim(), Some(requirement.trim().trim_matches('"').to_owned())),
            None => (rest.trim(), None),
        };
        named.insert(name.to_owned(), requirement);
    }
    let crates = named.into_iter().map(|(name, requirement)| Crate {
        name,
        version: None,
        source: None,
        checksum: None,
        requirement,
        needs: Vec::new(),
        is_direct: true,
    });
    crates.collect()
}

#[derive(Deserialize)]
struct LockFile {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

/// The packages of a lock file (cargo's format, version 3 and 4), but for the local one that nothing needs: that is the artifact itself.
fn locked(text: &str) -> Result<Vec<Crate>, String> {
    let lock: LockFile = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let find = |dependency: &str| {
        let mut words = dependency.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next());
        let source = words.next().map(|source| source.trim_matches(['(', ')']));
        lock.package.iter().position(|package| {
            package.name == name
                && version.is_none_or(|version| package.version == version)
                && source.is_none_or(|source| package.source.as_deref() == Some(source))
        })
    };
    let needs: Vec<Vec<usize>> = lock
        .package
        .iter()
        .map(|package| package.dependencies.iter().filter_map(|needed| find(needed)).collect())
        .collect();
    let needed: BTreeSet<usize> = needs.iter().flatten().copied().collect();
    let is_root = |place: usize| lock.package[place].source.is_none() && !needed.contains(&place);
    let direct: BTreeSet<usize> =
        (0..needs.len()).filter(|place| is_root(*place)).flat_map(|place| needs[place].clone()).collect();
    let kept: Vec<usize> = (0..needs.len()).filter(|place| !is_root(*place)).collect();
    let crates = kept.iter().map(|place| {
        let package = &lock.package[*place];
        let inside = needs[*place].iter().filter_map(|needed| kept.binary_search(needed).ok());
        Crate {
            name: package.name.clone(),
            version: Some(package.version.clone()),
            source: package.source.clone(),
            checksum: package.checksum.clone(),
            requirement: None,
            needs: inside.collect(),
            is_direct: direct.contains(place),
        }
    });
    Ok(crates.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_gives_crates_with_what_they_need() {
        let package = |name: &str, version: &str, rest: &str| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n{rest}\n")
        };
        let source = format!("source = \"{DEFAULT_REGISTRY}\"\nchecksum = \"{}\"\n", "a".repeat(64));
        let text = [
            "version = 4\n".to_owned(),
            package("artifact", "1.0.0", "dependencies = [\"rand 0.9.0\", \"prelude\"]\n"),
            package("prelude", "0.1.0", "dependencies = [\"serde\"]\n"),
            package("rand", "0.8.0", &source),
            package("rand", "0.9.0", &format!("{source}dependencies = [\"serde\"]\n")),
            package("serde", "1.0.0", &source),
            package("forked", "1.0.0", "source = \"git+https://example.org/x?rev=1#abc\"\n"),
        ];
        let crates = locked(&text.concat()).expect("a lock file");
        let of = |name: &str, version: &str| {
            crates.iter().position(|one| one.name == name && one.version.as_deref() == Some(version)).expect(name)
        };
        assert!(crates.iter().all(|one| one.name != "artifact"));
        assert_eq!(crates[of("rand", "0.9.0")].needs, [of("serde", "1.0.0")]);
        assert!(crates[of("rand", "0.9.0")].is_direct && !crates[of("serde", "1.0.0")].is_direct);
        assert_eq!(crates[of("rand", "0.8.0")].purl().as_deref(), Some("pkg:cargo/rand@0.8.0"));
        assert_eq!(crates[of("prelude", "0.1.0")].purl(), None);
        let forked = crates[of("forked", "1.0.0")].purl().expect("a package URL");
        assert_eq!(forked, "pkg:cargo/forked@1.0.0?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fx%3Frev%3D1%23abc");
    }

    #[test]
    fn without_a_lock_file_the_cells_say_what_they_ask_for() {
        let cells = [":dep polars\nlet x = 1;".to_owned(), "  :dep rand = \"0.9\"\n:depth\n".to_owned()];
        let named = named(&cells);
        let shown: Vec<_> = named.iter().map(|one| (one.name.as_str(), one.requirement.as_deref())).collect();
        assert_eq!(shown, [("polars", None), ("rand", Some("0.9"))]);
        assert_eq!(named[1].purl().as_deref(), Some("pkg:cargo/rand"));
    }
}
