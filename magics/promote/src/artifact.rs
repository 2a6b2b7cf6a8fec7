//! An artifact on the disk: `pipelines/NAME/VERSION/`, its manifest, and how versions are found and put in place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use kernwerk_core::{Work, near};
use kernwerk_store::Lab;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Error;
use crate::bundle::to_json;
use crate::damage;
use crate::files::{digest, make_directory, read_file, write_file};
use crate::names::{LATEST, check_name};
use crate::pipeline::{FORMAT, Pipeline, StepRecord};
use crate::proof::Proof;
use crate::registry::{History, Removal, labelled, removals};
use crate::sealed::{self, LARGEST_FILE, LARGEST_TEXT};

/// Where artifacts lie, in the lab's root.
pub(crate) const PIPELINES: &str = "pipelines";
pub(crate) const PIPELINE: &str = "pipeline.toml";
pub(crate) const MANIFEST: &str = "MANIFEST.json";
pub(crate) const NOTEBOOK: &str = "notebook.ipynb";
/// A slice of Python as a script.
pub(crate) const SCRIPT: &str = "pipeline.py";
pub(crate) const PROOF: &str = "attestations/proof.json";
/// What lies in here is measured or signed, and no part of the identity.
pub(crate) const ATTESTATIONS: &str = "attestations";
/// The lab's `kernwerk.toml` as it was; under another name, so that the artifact is not taken for a lab.
pub(crate) const CONFIG: &str = "lab.toml";
/// How the directory of a version begins that is on its way out.
pub(crate) const REMOVED: &str = ".removed-";
/// How long who waits for a lock sleeps between two looks.
pub(crate) const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// An artifact as people name it: `NAME`, `NAME@3` or `NAME@production`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub name: String,
    pub which: Which,
}

/// Which version of an artifact is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    Latest,
    Version(u32),
    /// The one that holds a stage or an alias.
    Label(String),
}

impl Reference {
    /// The latest version of an artifact.
    ///
    /// # Errors
    /// [`Error::BadReference`] where no artifact can be called so.
    pub fn latest(name: &str) -> Result<Self, Error> {
        check_name(name).map_err(|_| Error::BadReference { text: name.to_owned(), meant: None })?;
        Ok(Self { name: name.to_owned(), which: Which::Latest })
    }

    pub(crate) fn version(name: &str, version: u32) -> Result<Self, Error> {
        Ok(Self { which: Which::Version(version), ..Self::latest(name)? })
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, which) = text.split_once('@').unwrap_or((text, LATEST));
        // A number has one way to be written: whoever writes another may mean something else by it.
        let number = which.parse().ok().filter(|number: &u32| *number > 0 && number.to_string() != which);
        let meant = number.map(|number| format!("{name}@{number}")).filter(|_| check_name(name).is_ok());
        let bad = || Error::BadReference { text: text.to_owned(), meant: meant.clone() };
        let which = which.parse().map_err(|()| bad())?;
        Self::latest(name).map(|latest| Self { which, ..latest }).map_err(|_| bad())
    }
}

impl FromStr for Which {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match version_number(text) {
            Some(version) => Ok(Self::Version(version)),
            None if text == LATEST => Ok(Self::Latest),
            // No label begins with a digit.
            None => check_name(text).map(|()| Self::Label(text.to_owned())).map_err(|_| ()),
        }
    }
}

/// A version of an artifact on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    pub name: String,
    pub version: u32,
    pub directory: PathBuf,
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}@{}", self.name, self.version)
    }
}

impl Location {
    /// What names it.
    pub fn reference(&self) -> Reference {
        Reference { name: self.name.clone(), which: Which::Version(self.version) }
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.directory.join(relative)
    }

    /// What is wrong with one of its files, in words that begin with `it`; of the directory itself where `file` is empty.
    pub(crate) fn broken(&self, file: &str, message: impl fmt::Display) -> Error {
        Error::BrokenArtifact { artifact: self.to_string(), file: file.to_owned(), message: message.to_string() }
    }

    /// That one of its files cannot be read.
    pub(crate) fn unreadable(&self, file: &str) -> impl FnOnce(std::io::Error) -> Error {
        move |error| self.broken(file, damage::unreadable(&error))
    }

    /// Reads one of its files that holds JSON; `bytes` are its content.
    pub(crate) fn json<T: DeserializeOwned>(&self, file: &str, bytes: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(bytes).map_err(|error| self.broken(file, damage::no_json(bytes, &error)))
    }

    /// That it was removed.
    pub(crate) fn removed(&self, removal: &Removal) -> Error {
        let Removal { at, by, why, .. } = removal.clone();
        Error::Removed { artifact: self.to_string(), at, by, why, is_here: self.directory.is_dir() }
    }

    /// Reads `pipeline.toml`.
    pub(crate) fn pipeline(&self) -> Result<Pipeline, Error> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let text = self.text(PIPELINE)?;
        let no_toml = |error: toml::de::Error| self.broken(PIPELINE, damage::no_toml(&text, &error));
        let head: Head = toml::from_str(&text).map_err(no_toml)?;
        if head.format > FORMAT {
            return Err(Error::NewerArtifact { path: self.path(PIPELINE), found: head.format, known: FORMAT });
        }
        let pipeline: Pipeline = toml::from_str(&text).map_err(no_toml)?;
        match pipeline.fault() {
            Some(fault) => Err(self.broken(PIPELINE, fault)),
            None => Ok(pipeline),
        }
    }

    /// Reads `MANIFEST.json`, and with it the artifact's identity: the digest of the manifest.
    pub(crate) fn manifest(&self) -> Result<(Manifest, String), Error> {
        let text = self.text(MANIFEST)?;
        let manifest: Manifest = self.json(MANIFEST, text.as_bytes())?;
        if manifest.format > FORMAT {
            return Err(Error::NewerArtifact { path: self.path(MANIFEST), found: manifest.format, known: FORMAT });
        }
        // What means the same in other bytes is another identity, and readers that differ in what they make of it help an attacker.
        if to_json(&manifest) != text.as_bytes() {
            return Err(self.broken(MANIFEST, "it is not as Kernwerk writes it"));
        }
        let mut paths = BTreeSet::new();
        for ManifestFile { path, .. } in &manifest.files {
            if !sealed::is_inside(path) || !paths.insert(path) {
                return Err(self.broken(MANIFEST, format!("`{path}` is not in the artifact, or is listed twice")));
            }
        }
        Ok((manifest, digest(text.as_bytes())))
    }

    /// Reads `attestations/proof.json`; none where it was taken away.
    pub(crate) fn proof(&self) -> Result<Option<Proof>, Error> {
        let Some(bytes) = self.attestation(PROOF)? else { return Ok(None) };
        self.json(PROOF, &bytes).map(Some)
    }

    /// Reads one of the artifact's files as text.
    pub(crate) fn text(&self, file: &str) -> Result<String, Error> {
        let bytes = sealed::read(&self.directory, file, LARGEST_TEXT).map_err(self.unreadable(file))?;
        String::from_utf8(bytes).map_err(|_| self.broken(file, "it is not UTF-8"))
    }

    /// Reads the text of a step's cell, as it was run: without the newline that ends the file.
    pub(crate) fn cell(&self, step: &StepRecord) -> Result<String, Error> {
        let mut text = self.text(&step.file)?;
        if text.ends_with('\n') {
            text.pop();
        }
        Ok(text)
    }

    /// Reads one of the artifact's files.
    pub(crate) fn bytes(&self, file: &str) -> Result<Vec<u8>, Error> {
        sealed::read(&self.directory, file, LARGEST_FILE).map_err(self.unreadable(file))
    }

    /// Reads what lies in `attestations/`, by path; what is no plain file is left out.
    pub(crate) fn attestations(&self) -> Result<BTreeMap<String, Vec<u8>>, Error> {
        let directory = self.path(ATTESTATIONS);
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(self.unreadable(ATTESTATIONS)(error)),
        };
        let mut found = BTreeMap::new();
        for entry in entries {
            let entry = entry.map_err(Error::io("list", &directory))?;
            let name = format!("{ATTESTATIONS}/{}", entry.file_name().to_string_lossy());
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                found.insert(name.clone(), self.attestation(&name)?.unwrap_or_default());
            }
        }
        Ok(found)
    }

    /// Reads a file that may be missing.
    pub(crate) fn attestation(&self, file: &str) -> Result<Option<Vec<u8>>, Error> {
        match sealed::read(&self.directory, file, LARGEST_TEXT) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unreadable(file)(error)),
        }
    }
}

/// `MANIFEST.json`: a digest of every file of the artifact but itself and the attestations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    /// Sorted by path.
    pub files: Vec<ManifestFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Relative to the artifact, with `/`.
    pub path: String,
    pub bytes: u64,
    pub blake3: String,
}

impl Manifest {
    /// The manifest of files that are still in memory.
    pub(crate) fn of(files: &BTreeMap<String, Vec<u8>>) -> Self {
        let files = files.iter().map(|(path, bytes)| ManifestFile {
            path: path.clone(),
            bytes: bytes.len() as u64,
            blake3: digest(bytes),
        });
        Self { format: FORMAT, files: files.collect() }
    }
}

fn pipelines(lab: &Lab) -> PathBuf {
    lab.root().join(PIPELINES)
}

/// Whether something lies where an artifact of this name has its versions, in what is or may become a lab's root.
pub fn is_published(root: &Path, name: &str) -> bool {
    check_name(name).is_ok() && root.join(PIPELINES).join(name).is_dir()
}

/// Where the versions of an artifact lie, and its history.
pub(crate) fn home(lab: &Lab, name: &str) -> PathBuf {
    pipelines(lab).join(name)
}

/// The names of the lab's artifacts, sorted.
pub(crate) fn names(lab: &Lab) -> Vec<String> {
    let mut names = subdirectories(&pipelines(lab));
    names.retain(|name| check_name(name).is_ok());
    names
}

/// The versions of an artifact, oldest first.
pub(crate) fn versions(lab: &Lab, name: &str) -> Vec<u32> {
    let directories = subdirectories(&home(lab, name));
    let mut versions: Vec<u32> = directories.iter().filter_map(|name| version_number(name)).collect();
    versions.sort_unstable();
    versions
}

/// The number of a version as directories and people write it, without a sign and zeros before it.
fn version_number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|version: &u32| *version > 0 && version.to_string() == text)
}

fn subdirectories(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let directories = entries.flatten().filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = directories.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names
}

pub(crate) fn location(lab: &Lab, name: &str, version: u32) -> Location {
    Location { name: name.to_owned(), version, directory: home(lab, name).join(version.to_string()) }
}

/// The versions of an artifact that were not removed, oldest first. Files of a removed one may be here again.
///
/// # Errors
/// Those of reading the history.
pub(crate) fn present_versions(lab: &Lab, name: &str) -> Result<Vec<u32>, Error> {
    let removed = removals(lab, name)?;
    Ok(versions(lab, name).into_iter().filter(|version| !removed.contains_key(version)).collect())
}

/// Finds the artifact that `reference` names.
///
/// # Errors
/// [`Error::UnknownArtifact`], [`Error::UnknownVersion`], [`Error::UnknownLabel`]; [`Error::Removed`]; [`Error::BrokenArtifact`] where a
/// link or a file lies in its place; those of reading the history.
pub(crate) fn find(lab: &Lab, reference: &Reference) -> Result<Location, Error> {
    let name = &reference.name;
    if let Which::Label(label) = &reference.which {
        return if versions(lab, name).is_empty() { Err(unknown(lab, name)) } else { labelled(lab, name, label) };
    }
    let removed = removals(lab, name)?;
    if let Which::Version(version) = reference.which
        && let Some(removal) = removed.get(&version)
    {
        return Err(location(lab, name, version).removed(removal));
    }
    let present: Vec<u32> = versions(lab, name).into_iter().filter(|version| !removed.contains_key(version)).collect();
    let version = match reference.which {
        Which::Version(version) => version,
        _ => present.last().copied().ok_or_else(|| unknown(lab, name))?,
    };
    let location = location(lab, name, version);
    check_place(lab, &location)?;
    match present.contains(&version) {
        true => Ok(location),
        false if present.is_empty() => Err(unknown(lab, name)),
        false => Err(Error::UnknownVersion { name: name.clone(), version, versions: present }),
    }
}

/// That no link and no file lies where the version has its directory.
pub(crate) fn check_place(lab: &Lab, location: &Location) -> Result<(), Error> {
    for path in [&home(lab, &location.name), &location.directory] {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        let kind = metadata.file_type();
        if kind.is_symlink() {
            return Err(location.broken("", "it is a link, which is not followed"));
        }
        if !kind.is_dir() {
            return Err(location.broken("", "a file lies in the place of its directory"));
        }
    }
    Ok(())
}

fn unknown(lab: &Lab, name: &str) -> Error {
    let near = near(name, names(lab).iter().map(String::as_str).filter(|other| *other != name));
    Error::UnknownArtifact { name: name.to_owned(), near }
}

/// The right to add versions to an artifact; freed on drop and by death.
pub(crate) struct VersionLock(#[expect(dead_code, reason = "holds the lock until it is closed")] File);

/// Waits for the right to add versions to the artifact.
pub(crate) fn lock(lab: &Lab, name: &str, work: &Work) -> Result<VersionLock, Error> {
    let path = lab.data_dir().join("locks").join(format!("pipelines-{name}.lock"));
    make_directory(path.parent().unwrap_or(lab.data_dir()))?;
    let file = File::create(&path).map_err(Error::io("open", &path))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(VersionLock(file)),
            Err(std::fs::TryLockError::WouldBlock) => work.check()?,
            Err(std::fs::TryLockError::Error(source)) => return Err(Error::io("lock", &path)(source)),
        }
        std::thread::sleep(LOCK_PAUSE);
    }
}

/// Puts the finished directory `staged` in place as the next version, all at once.
pub(crate) fn place(lab: &Lab, name: &str, staged: &Path) -> Result<Location, Error> {
    let home = home(lab, name);
    make_directory(&home)?;
    // A number that the history knows is not given to another artifact, even where the files are gone.
    let known = History::sound(lab, name)?.versions();
    let taken = versions(lab, name).last().copied().max(known.last().copied());
    let version = taken.unwrap_or(0) + 1;
    let location = location(lab, name, version);
    let put = Error::io("put in place", &location.directory);
    match std::fs::rename(staged, &location.directory) {
        Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => {
            // The lab's data lies on another file system: copy next to the place, under a name that counts for nothing.
            let beside = home.join(format!(".draft-{}", Uuid::new_v4().simple()));
            copy_directory(staged, &beside)?;
            std::fs::rename(&beside, &location.directory).map_err(put)?;
        }
        renamed => renamed.map_err(put)?,
    }
    // Makes the rename last through a power cut where the file system can; it is atomic all the same.
    let _ = File::open(&home).and_then(|home| home.sync_all());
    Ok(location)
}

/// Puts a file in the place of another, or where there was none: `file` relative to the version.
pub(crate) fn replace(staged: &Path, location: &Location, file: &str) -> Result<(), Error> {
    replace_in(staged, location.directory.parent().unwrap_or(Path::new(".")), &location.path(file))
}

/// As [`replace`], anywhere below the directory where an artifact has its versions.
pub(crate) fn replace_in(staged: &Path, home: &Path, target: &Path) -> Result<(), Error> {
    make_directory(target.parent().unwrap_or(home))?;
    let put = Error::io("put in place", target);
    match std::fs::rename(staged, target) {
        Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => {
            // Where it is swept if the process dies, and where it counts for nothing until then.
            let draft = home.join(format!(".draft-{}", Uuid::new_v4().simple()));
            let beside = draft.join("file");
            write_file(&beside, &read_file(staged)?)?;
            std::fs::rename(&beside, target).map_err(put)?;
            let _ = std::fs::remove_dir(&draft);
            Ok(())
        }
        renamed => renamed.map_err(put),
    }
}

pub(crate) fn copy_directory(from: &Path, to: &Path) -> Result<(), Error> {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.map_err(|error| Error::io("copy", from)(error.into()))?;
        let target = to.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        if entry.file_type().is_dir() {
            make_directory(&target)?;
        } else {
            write_file(&target, &read_file(entry.path())?)?;
        }
    }
    Ok(())
}

/// Removes drafts of versions, and what is left of removed ones, whose process died; the caller holds the artifact's lock.
pub(crate) fn sweep_drafts(lab: &Lab, name: &str) {
    let home = home(lab, name);
    let is_left = |name: &&String| name.starts_with(".draft-") || name.starts_with(REMOVED);
    for draft in subdirectories(&home).iter().filter(is_left) {
        // What cannot be removed now is tried again by the next publication.
        let _ = std::fs::remove_dir_all(home.join(draft));
    }
}
