//! Whether an artifact is still what was published: every file's digest, recomputed.

use std::collections::BTreeMap;
use std::path::Path;

use kernwerk_core::{Verdict, Work};
use kernwerk_store::Lab;

use crate::Error;
use crate::artifact::{ATTESTATIONS, Location, MANIFEST, ManifestFile, PIPELINE, Reference, find};
use crate::attested;
use crate::cassette::CASSETTE;
use crate::files::digest_file;
use crate::gates::recorded;
use crate::registry::{Approval, History, Registry};
use crate::sealed::{self, LARGEST_FILE};
use crate::trust::{Trust, check};
use crate::vendor;

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    pub location: Location,
    /// The artifact's identity as its manifest has it now.
    pub id: String,
    /// Files that the manifest lists.
    pub files: usize,
    /// Paths relative to the artifact, sorted.
    pub changed: Vec<String>,
    pub missing: Vec<String>,
    pub extra: Vec<String>,
    /// What lies beside it and is not what it should be, with the reason, one line each.
    pub unreadable: Vec<String>,
    /// The manifest itself was replaced: the proof run attests another identity.
    pub attested: Option<String>,
    /// Another artifact was put under this number: the history knows it by another identity.
    pub known_as: Option<String>,
    /// Where what lies in `attestations/` is not what was written there, one line each.
    pub attested_otherwise: Vec<String>,
    pub trust: Trust,
    /// What is wrong with its crates, where they lie beside it, one line each. They are no part of it, and [`verify`] alone looks at them.
    pub crates: Vec<String>,
    pub approvals: Vec<Approval>,
    /// What is wrong with the artifact's history, one line each. It is no finding about the version, which can be named by its number.
    pub history: Vec<String>,
    /// Events of the history that this lab has seen and that are gone, in words; as [`History::gone`].
    pub gone: Vec<String>,
}

impl Verification {
    /// Whether nothing was changed, removed or added, and the keys that count have signed.
    pub fn is_sound(&self) -> bool {
        self.findings().is_empty()
    }

    /// What is wrong, one line each.
    pub fn findings(&self) -> Vec<String> {
        let mut findings = self.changes();
        findings.extend(self.crates.iter().cloned());
        if self.trust.unsigned {
            findings.push("unsigned: none of the keys in kernwerk.toml has signed it".to_owned());
        }
        findings
    }

    /// What was changed, removed or added, what is attested and signed among it, one line each.
    pub(crate) fn changes(&self) -> Vec<String> {
        let mut changes = self.differences();
        changes.extend(self.trust.findings.iter().cloned());
        // Who reads a proof or a signature has said more than that it is not as listed.
        let is_told = |line: &&String| changes.iter().any(|change| change.starts_with(line.as_str()));
        let untold: Vec<_> = self.attested_otherwise.iter().filter(|line| !is_told(line)).cloned().collect();
        changes.extend(untold);
        changes
    }

    /// What was changed, removed or added of the artifact itself, one line each; what was attested and signed is another question.
    pub(crate) fn differences(&self) -> Vec<String> {
        let list = |paths: &[String], what: &str| -> Vec<String> {
            paths.iter().map(|path| format!("{what}: {}", describe(path))).collect()
        };
        let mut findings = list(&self.changed, "changed");
        findings.extend(list(&self.missing, "missing"));
        findings.extend(list(&self.extra, "extra"));
        findings.extend(self.unreadable.iter().map(|line| format!("changed: {line}")));
        if let Some(attested) = &self.attested {
            findings.push(format!("changed: {MANIFEST}, for the proof run attests the artifact {attested}"));
        }
        if let Some(known) = &self.known_as {
            findings.push(format!("changed: {MANIFEST}, for the history knows {} as {known}", self.location));
        }
        findings
    }

    pub fn verdict(&self) -> Verdict {
        if self.is_sound() { Verdict::Passed } else { Verdict::Failed }
    }
}

/// A path of an artifact with the cell that it belongs to: `cells/03.rs (the text of cell 3)`.
fn describe(path: &str) -> String {
    let cell = |rest: &str| rest.split(['-', '.']).next().and_then(|number| number.parse::<u32>().ok());
    let meaning = match path.split_once('/') {
        Some(("cells", rest)) => cell(rest).map(|cell| format!("the text of cell {cell}")),
        Some(("outputs", rest)) => cell(rest).map(|cell| format!("a reference output of cell {cell}")),
        None if path == CASSETTE => Some("what the network answered".to_owned()),
        _ => None,
    };
    meaning.map_or_else(|| path.to_owned(), |meaning| format!("{path} ({meaning})"))
}

/// Recomputes the digests of an artifact's files and of the crates beside it, and checks its signatures.
///
/// # Errors
/// [`Error::UnknownArtifact`], [`Error::UnknownVersion`], [`Error::BrokenArtifact`] where there is no manifest to go by;
/// [`Error::BadKey`].
pub fn verify(lab: &Lab, reference: &Reference, work: &Work) -> Result<Verification, Error> {
    let verification = verify_location(lab, &find(lab, reference)?, work)?;
    let crates = vendor::changed(&verification.location, work)?;
    Ok(Verification { crates, ..verification })
}

pub(crate) fn verify_location(lab: &Lab, location: &Location, work: &Work) -> Result<Verification, Error> {
    let (manifest, id) = location.manifest()?;
    let mut unreadable = Vec::new();
    let proof = told(location.proof(), &mut unreadable)?.flatten();
    told(recorded(location), &mut unreadable)?;
    // Whole, and another's: it was copied here. What cannot be read is found by its digest.
    if let Ok(pipeline) = location.pipeline()
        && pipeline.name != location.name
    {
        unreadable.push(format!("{PIPELINE}: it is that of the artifact `{}`", pipeline.name));
    }
    let attested = proof.map(|proof| proof.artifact).filter(|attested| *attested != id);
    let history = History::read(lab, &location.name)?;
    let known = history.identities(location.version);
    let known_as = known.into_iter().find(|known| *known != id).map(str::to_owned);
    let approvals = Registry::of(&history).approvals(&id);
    let mut present = present_files(location)?;
    let (mut changed, mut missing) = (Vec::new(), Vec::new());
    let total = manifest.files.len() as u64;
    for (file, done) in manifest.files.iter().zip(1..) {
        match present.remove(&file.path) {
            None => missing.push(file.path.clone()),
            Some(true) if is_as_listed(location, file, work)? => {}
            Some(_) => changed.push(file.path.clone()),
        }
        work.progress("verify", done, Some(total), "files");
    }
    Ok(Verification {
        location: location.clone(),
        files: manifest.files.len(),
        changed,
        missing,
        extra: present.into_keys().collect(),
        unreadable,
        attested,
        known_as,
        attested_otherwise: attested::findings(location, &id)?,
        trust: check(lab, location)?,
        id,
        crates: Vec::new(),
        approvals,
        history: history.findings,
        gone: history.gone,
    })
}

/// What was read, or none with a line about what is wrong with it.
fn told<T>(read: Result<T, Error>, lines: &mut Vec<String>) -> Result<Option<T>, Error> {
    match read {
        Err(Error::BrokenArtifact { file, message, .. }) => {
            lines.push(format!("{file}: {message}"));
            Ok(None)
        }
        read => read.map(Some),
    }
}

/// Whether a file has the size and the digest that the manifest says; no more is read than it may have.
fn is_as_listed(location: &Location, file: &ManifestFile, work: &Work) -> Result<bool, Error> {
    match sealed::examine(&location.directory, &file.path) {
        Ok(metadata) if metadata.len() == file.bytes && file.bytes <= LARGEST_FILE => {}
        _ => return Ok(false),
    }
    Ok(digest_file(&location.path(&file.path), work)? == file.blake3)
}

/// What lies in the artifact's directory beside manifest and attestations, by relative path; whether it is a plain file. Of directories
/// only the empty ones, with `/` at the end: what is in the others says that they are there.
fn present_files(location: &Location) -> Result<BTreeMap<String, bool>, Error> {
    let root = &location.directory;
    let mut present = BTreeMap::new();
    let is_counted = |entry: &walkdir::DirEntry| {
        // JupyterLab leaves checkpoints beside every notebook that it opens.
        let top = entry.depth() == 1 && (entry.file_name() == ATTESTATIONS || entry.file_name() == MANIFEST);
        !top && entry.file_name() != ".ipynb_checkpoints"
    };
    for entry in walkdir::WalkDir::new(root).min_depth(1).into_iter().filter_entry(is_counted) {
        let entry = entry.map_err(|error| Error::io("list", root)(error.into()))?;
        let is_directory = entry.file_type().is_dir();
        if is_directory && !is_empty(entry.path()) {
            continue;
        }
        let relative = entry.path().strip_prefix(root).unwrap_or(entry.path());
        let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        let end = if is_directory { "/" } else { "" };
        present.insert(parts.join("/") + end, entry.file_type().is_file());
    }
    Ok(present)
}

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none())
}
