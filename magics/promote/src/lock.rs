//! The crates of an artifact of Rust: the `Cargo.lock` with which its cells were compiled in the proof run, and are compiled in every run after it.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::{CrateLock, Work};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::artifact::{Location, PIPELINE};
use crate::pipeline::Pipeline;
use crate::slice::has_code;
use crate::vendor;

/// Where an artifact has it.
pub(crate) const LOCK: &str = "Cargo.lock";
/// The registry that package URLs mean where they name none, as cargo's lock files name it.
pub(crate) const DEFAULT_REGISTRY: &str = concat!("registry+https://github.com/rust-lang/crates", ".io-index");
/// Begins the names of what cells import, whose sources are part of Kernwerk.
const PRELUDES: &str = "kernwerk-prelude";

/// What the cells of Rust were compiled with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedRust {
    /// The lock file, relative to the artifact: all crates, with their checksums.
    pub lock: String,
    /// The crates among them that cells ask for themselves, by their names, with their versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub crates: BTreeMap<String, String>,
}

impl PinnedRust {
    /// Reads the text of a lock file; the error says in words why it is none.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let direct = read(text)?.into_iter().filter(|one| one.is_direct && !one.is_ours());
        let mut crates: BTreeMap<String, String> = BTreeMap::new();
        for one in direct {
            // Two versions of one crate may go by two names.
            let versions = crates.entry(one.name).or_default();
            let comma = if versions.is_empty() { "" } else { ", " };
            versions.push_str(&format!("{comma}{}", one.version));
        }
        Ok(Self { lock: LOCK.to_owned(), crates })
    }
}

/// The lock file of an artifact for its runs, which have to have all of its versions; none of one without code of Rust, whose cells are `texts`.
///
/// # Errors
/// [`Error::BrokenArtifact`] where there should be one and is not, or crates beside the artifact are not those of the file.
pub(crate) fn of_runs(
    location: &Location,
    pipeline: &Pipeline,
    texts: &[String],
    work: &Work,
) -> Result<Option<CrateLock>, Error> {
    match &pipeline.rust {
        Some(rust) => {
            let packed = vendor::beside(location, work)?;
            Ok(Some(CrateLock { text: location.text(&rust.lock)?, is_exact: true, packed }))
        }
        None if pipeline.python.is_none() && texts.iter().any(|text| has_code(text)) => Err(location
            .broken(PIPELINE, "its cells have code of Rust, and it does not say with which crates they are compiled")),
        None => Ok(None),
    }
}

/// The crates of an artifact; none where it names no lock file.
///
/// # Errors
/// [`Error::BrokenArtifact`] where the lock file cannot be read.
pub(crate) fn crates(location: &Location, pipeline: &Pipeline) -> Result<Option<Vec<Crate>>, Error> {
    let Some(rust) = &pipeline.rust else { return Ok(None) };
    let text = location.text(&rust.lock)?;
    read(&text).map(Some).map_err(|reason| location.broken(&rust.lock, reason))
}

/// The versions of each crate, by its name, for people to compare.
pub(crate) fn versions(crates: &[Crate]) -> BTreeMap<String, String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in crates.iter().filter(|one| !one.is_ours()) {
        versions.entry(&one.name).or_default().insert(&one.version);
    }
    let listed = versions
        .into_iter()
        .map(|(name, versions)| (name.to_owned(), versions.into_iter().collect::<Vec<_>>().join(", ")));
    listed.collect()
}

/// A crate that the cells are compiled with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Crate {
    pub name: String,
    pub version: String,
    /// None of a local one, whose sources are part of Kernwerk or of the user's directory.
    pub source: Option<String>,
    /// SHA-256 of the package, hexadecimal.
    pub checksum: Option<String>,
    /// The crates that it needs itself, by their places in the list.
    pub needs: Vec<usize>,
    /// The cells name it, or it is what they import of Kernwerk.
    pub is_direct: bool,
}

impl Crate {
    /// Whether it is a part of Kernwerk.
    pub fn is_ours(&self) -> bool {
        self.source.is_none() && self.name.starts_with(PRELUDES)
    }

    /// Whether it comes from a registry, where its version never changes.
    pub fn is_of_registry(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.starts_with("registry+") || source.starts_with("sparse+"))
    }
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

/// The packages of a lock file (cargo's format, version 3 and 4), but for the local one that nothing needs: those are the cells themselves.
pub(crate) fn read(text: &str) -> Result<Vec<Crate>, String> {
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
            version: package.version.clone(),
            source: package.source.clone(),
            checksum: package.checksum.clone(),
            needs: inside.collect(),
            is_direct: direct.contains(place),
        }
    });
    Ok(crates.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        let package = |name: &str, version: &str, rest: &str| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n{rest}\n")
        };
        let source = format!("source = \"{DEFAULT_REGISTRY}\"\nchecksum = \"{}\"\n", "a".repeat(64));
        [
            "version = 4\n".to_owned(),
            package("ctx", "1.0.0", "dependencies = [\"rand 0.9.0\", \"kernwerk-prelude\"]\n"),
            package("kernwerk-prelude", "0.1.0", "dependencies = [\"serde\"]\n"),
            package("rand", "0.8.0", &source),
            package("rand", "0.9.0", &format!("{source}dependencies = [\"serde\"]\n")),
            package("serde", "1.0.0", &source),
            package("forked", "1.0.0", "source = \"git+https://example.org/x?rev=1#abc\"\n"),
        ]
        .concat()
    }

    #[test]
    fn a_lock_file_gives_crates_with_what_they_need() {
        let crates = read(&text()).expect("a lock file");
        let of = |name: &str, version: &str| {
            crates.iter().position(|one| one.name == name && one.version == version).expect(name)
        };
        assert!(crates.iter().all(|one| one.name != "ctx"));
        assert_eq!(crates[of("rand", "0.9.0")].needs, [of("serde", "1.0.0")]);
        assert!(crates[of("rand", "0.9.0")].is_direct && !crates[of("serde", "1.0.0")].is_direct);
        assert!(crates[of("kernwerk-prelude", "0.1.0")].is_ours() && !crates[of("forked", "1.0.0")].is_of_registry());
        assert_eq!(versions(&crates)["rand"], "0.8.0, 0.9.0");
    }

    #[test]
    fn what_cells_ask_for_is_told_by_itself() {
        let pinned = PinnedRust::new(&text()).expect("a lock file");
        assert_eq!(pinned.crates, BTreeMap::from([("rand".to_owned(), "0.9.0".to_owned())]));
        assert!(PinnedRust::new("[[package]]\nname = 3").is_err());
    }
}
