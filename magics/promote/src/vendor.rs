//! The crates of an artifact beside its versions, so that a replay needs no registry.
//!
//! They lie in `pipelines/NAME/crates/` as the registry gives them out, each once for all versions. `Cargo.lock`, which is a part of each
//! identity, has the SHA-256 of every one of them: they need no other seal, and are no part of an identity.

use std::path::{Path, PathBuf};

use kernwerk_core::Work;
use kernwerk_store::Lab;

use crate::Error;
use crate::artifact::{self, Location};
use crate::damage;
use crate::files::{read_file, write_file};
use crate::lock::{Crate, DEFAULT_REGISTRY, crates};
use crate::sealed::{self, LARGEST_FILE};
use crate::trust::sha256;

/// Beside the versions.
const CRATES: &str = "crates";

/// What lies beside an artifact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vendored {
    /// The crates that the artifact needs.
    pub crates: usize,
    /// How many of them were not there yet.
    pub added: usize,
    /// The size of all of them together, packed.
    pub bytes: u64,
}

/// Puts the crates of an artifact beside it, as cargo has fetched them into its home.
///
/// # Errors
/// [`Error::NotVendored`] where one is not of the usual registry, or cargo does not have it; nothing is written then.
pub fn vendor(lab: &Lab, location: &Location, cargo_home: &Path, work: &Work) -> Result<Vendored, Error> {
    let needed = needed(location)?;
    let (mut reasons, mut vendored) = (Vec::new(), Vendored { crates: needed.len(), ..Vendored::default() });
    let mut fetched = Vec::new();
    for (one, done) in needed.iter().zip(1..) {
        work.check()?;
        match fetch(one, cargo_home) {
            Ok(bytes) => {
                vendored.bytes += bytes.len() as u64;
                fetched.push((file(one), bytes));
            }
            Err(reason) => reasons.push(reason),
        }
        work.progress("crates", done, Some(needed.len() as u64), "crates");
    }
    if !reasons.is_empty() {
        return Err(Error::NotVendored { artifact: location.to_string(), reasons });
    }
    let _lock = artifact::lock(lab, &location.name, work)?;
    let home = artifact::home(lab, &location.name);
    let staging = lab.staging_dir()?;
    for (file, bytes) in fetched {
        let target = home.join(&file);
        if read_file(&target).is_ok_and(|there| there == bytes) {
            continue;
        }
        let staged = staging.join("crate");
        write_file(&staged, &bytes)?;
        artifact::replace_in(&staged, &home, &target)?;
        vendored.added += 1;
    }
    let _ = std::fs::remove_dir_all(&staging);
    Ok(vendored)
}

/// The directory in which the crates of an artifact lie packed; none where not all of them do.
///
/// # Errors
/// [`Error::BrokenArtifact`] for one that is not what the lock file says.
pub(crate) fn beside(location: &Location, work: &Work) -> Result<Option<PathBuf>, Error> {
    let Some(home) = location.directory.parent() else { return Ok(None) };
    if !home.join(CRATES).is_dir() {
        return Ok(None);
    }
    let Ok(needed) = needed(location) else { return Ok(None) };
    for one in &needed {
        work.check()?;
        match packed(home, one) {
            Packed::There => {}
            Packed::Missing => return Ok(None),
            Packed::Other(message) => return Err(location.broken(&format!("../{}", file(one)), message)),
        }
    }
    Ok((!needed.is_empty()).then(|| home.join(CRATES)))
}

/// What is wrong with the crates that lie beside an artifact, one line each. None of them has to be there, and others lie there for its
/// other versions.
///
/// # Errors
/// An interrupt.
pub(crate) fn changed(location: &Location, work: &Work) -> Result<Vec<String>, Error> {
    let mut changed = Vec::new();
    // What cannot be read of the artifact itself is told by whoever looks at that.
    let (Some(home), Ok(needed)) = (location.directory.parent(), needed(location)) else { return Ok(changed) };
    for one in needed {
        work.check()?;
        if let Packed::Other(message) = packed(home, &one) {
            changed.push(format!("changed: ../{}: {message}", file(&one)));
        }
    }
    Ok(changed)
}

/// A crate as it lies beside an artifact.
enum Packed {
    There,
    Missing,
    /// Something else lies in its place; in words, which begin with `it`.
    Other(String),
}

fn packed(home: &Path, one: &Crate) -> Packed {
    match sealed::read(home, &file(one), LARGEST_FILE) {
        Ok(bytes) if is_of(one, &bytes) => Packed::There,
        Ok(_) => Packed::Other("it is not the crate of which Cargo.lock has the checksum".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Packed::Missing,
        Err(error) => Packed::Other(damage::unreadable(&error)),
    }
}

/// The crates that have to be fetched from somewhere. Those of Kernwerk are part of its program, and local ones lie where the cells' files do.
fn needed(location: &Location) -> Result<Vec<Crate>, Error> {
    let mut crates = crates(location, &location.pipeline()?)?.unwrap_or_default();
    crates.retain(|one| one.source.is_some());
    match crates.iter().find(|one| one.source.as_deref() != Some(DEFAULT_REGISTRY) || one.checksum.is_none()) {
        Some(one) => Err(Error::NotVendored {
            artifact: location.to_string(),
            reasons: vec![format!("crate `{}` comes from elsewhere than the usual registry", one.name)],
        }),
        None => Ok(crates),
    }
}

/// Relative to the artifact's home.
fn file(one: &Crate) -> String {
    format!("{CRATES}/{}-{}.crate", one.name, one.version)
}

fn is_of(one: &Crate, bytes: &[u8]) -> bool {
    one.checksum.as_deref().is_some_and(|checksum| checksum.eq_ignore_ascii_case(&sha256(bytes)))
}

/// Reads a crate as cargo has fetched it; the error says in words why there is none.
fn fetch(one: &Crate, cargo_home: &Path) -> Result<Vec<u8>, String> {
    let name = format!("{}-{}.crate", one.name, one.version);
    let caches = std::fs::read_dir(cargo_home.join("registry").join("cache")).into_iter().flatten().flatten();
    let mut found = caches.filter_map(|cache| read_file(&cache.path().join(&name)).ok());
    found.find(|bytes| is_of(one, bytes)).ok_or_else(|| format!("cargo does not have {name} here"))
}
