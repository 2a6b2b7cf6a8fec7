//! `attestations/MANIFEST.json`: a digest of every other file in there, of which the artifact's own manifest knows nothing.
//!
//! What is attested comes to be file by file: the proof first, later a card, a bill of materials, signatures. So that a process that dies
//! between two files leaves no contradiction, what is about to be written is listed before it is, beside what is there until then.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_store::Lab;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::artifact::{self, ATTESTATIONS, Location};
use crate::bundle::to_json;
use crate::files::{digest, write_file};
use crate::pipeline::FORMAT;

/// The list, relative to the artifact.
pub(crate) const LIST: &str = "attestations/MANIFEST.json";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    format: u32,
    /// The identity of the artifact that the files are about.
    artifact: String,
    /// BLAKE3 by path, relative to the artifact.
    files: BTreeMap<String, String>,
    /// The same of what is being written: it may be there already, or not yet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    coming: BTreeMap<String, String>,
}

impl Listed {
    fn of(identity: &str) -> Self {
        Self { format: FORMAT, artifact: identity.to_owned(), ..Self::default() }
    }

    /// Whether a file with this digest, or none, is as listed.
    fn has(&self, path: &str, found: Option<&str>) -> bool {
        let listed = self.files.get(path).map(String::as_str);
        found == listed || (found.is_some() && self.coming.get(path).map(String::as_str) == found)
    }

    fn paths(&self) -> impl Iterator<Item = &String> {
        self.files.keys().chain(self.coming.keys())
    }
}

/// The list of an artifact that is not in place yet, of files by their paths relative to it.
pub(crate) fn list<'a>(identity: &str, files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let files = files.map(|(path, bytes)| (path.to_owned(), digest(bytes))).collect();
    to_json(&Listed { files, ..Listed::of(identity) })
}

/// Puts files, by their paths relative to the artifact, among its attestations: each whole or not at all, and listed. The caller holds
/// the artifact's lock. What the list says of other files stays, whether they are as it says or not.
///
/// # Errors
/// Those of reading and writing files.
pub(crate) fn attest(lab: &Lab, location: &Location, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Error> {
    if files.is_empty() {
        return Ok(());
    }
    let staging = lab.staging_dir()?;
    let put = |path: &str, bytes: &[u8]| {
        let staged = staging.join("attested");
        write_file(&staged, bytes)?;
        artifact::replace(&staged, location, path)
    };
    let written = (|| {
        let mut listed = settled(location)?;
        listed.coming = files.iter().map(|(path, bytes)| (path.clone(), digest(bytes))).collect();
        put(LIST, &to_json(&listed))?;
        files.iter().try_for_each(|(path, bytes)| put(path, bytes))?;
        let coming = std::mem::take(&mut listed.coming);
        listed.files.extend(coming);
        put(LIST, &to_json(&listed))
    })();
    let _ = std::fs::remove_dir_all(&staging);
    written
}

/// The list as it is, without what came to be, or did not, before a process died; one of nothing where there is none that can be read.
fn settled(location: &Location) -> Result<Listed, Error> {
    let (_, identity) = location.manifest()?;
    let mut listed = read(location)?.and_then(Result::ok).unwrap_or_else(|| Listed::of(&identity));
    for (path, coming) in std::mem::take(&mut listed.coming) {
        if location.attestation(&path)?.is_some_and(|bytes| digest(&bytes) == coming) {
            listed.files.insert(path, coming);
        }
    }
    Ok(listed)
}

/// Reads the list; none where there is none, and what is wrong with it where it is no list.
fn read(location: &Location) -> Result<Option<Result<Listed, String>>, Error> {
    let bytes = match location.attestation(LIST) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        Err(Error::BrokenArtifact { message, .. }) => return Ok(Some(Err(message))),
        Err(error) => return Err(error),
    };
    // Only as it was written: white space that was changed is a change.
    let listed = serde_json::from_slice::<Listed>(&bytes).ok().filter(|listed| to_json(listed) == bytes);
    Ok(Some(listed.ok_or_else(|| "it is not as Kernwerk writes it".to_owned())))
}

/// Where what lies in `attestations/` is not what was written about the artifact with this identity, one line each.
///
/// # Errors
/// Those of listing the directory.
pub(crate) fn findings(location: &Location, identity: &str) -> Result<Vec<String>, Error> {
    let found = differences(location, identity)?;
    // Somebody may have attested something between two looks.
    if found.is_empty() { Ok(found) } else { differences(location, identity) }
}

/// The finding about a file that is listed and not there.
pub(crate) fn missing(path: &str) -> String {
    format!("missing: {path}")
}

fn differences(location: &Location, identity: &str) -> Result<Vec<String>, Error> {
    let listed = match read(location)? {
        None => return Ok(vec![format!("missing: {LIST}, which lists what was attested")]),
        Some(Err(message)) => return Ok(vec![format!("changed: {LIST}: {message}")]),
        Some(Ok(listed)) => listed,
    };
    if listed.artifact != identity {
        let of = &listed.artifact;
        return Ok(vec![format!("changed: {LIST}, for what it lists was attested of the artifact {of}")]);
    }
    let present = names(location)?;
    let mut findings = Vec::new();
    for path in listed.paths().chain(&present).collect::<BTreeSet<_>>() {
        let is_listed = listed.files.contains_key(path) || listed.coming.contains_key(path);
        // A link, a directory or what is too large is not what was written, whatever it holds.
        let found = location.attestation(path).map(|bytes| bytes.map(|bytes| digest(&bytes)));
        match found {
            Ok(found) if is_listed && listed.has(path, found.as_deref()) => {}
            Ok(None) if is_listed => findings.push(missing(path)),
            _ if is_listed => findings.push(format!("changed: {path}")),
            _ => findings.push(format!("extra: {path}")),
        }
    }
    Ok(findings)
}

/// What lies among the attestations but for the list, whatever it is, by path.
fn names(location: &Location) -> Result<BTreeSet<String>, Error> {
    let directory = location.path(ATTESTATIONS);
    let failed = Error::io("list", &directory);
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(&directory).map_err(failed)? {
        let name = entry.map_err(Error::io("list", &directory))?.file_name();
        // JupyterLab leaves checkpoints beside what it opens.
        if name != ".ipynb_checkpoints" {
            found.insert(format!("{ATTESTATIONS}/{}", name.to_string_lossy()));
        }
    }
    found.remove(LIST);
    Ok(found)
}
