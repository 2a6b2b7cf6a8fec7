//! Which files an ingest reads.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use kernwerk_store::Lab;
use walkdir::{DirEntry, WalkDir};

use super::Format;
use crate::Error;

/// A file to read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SourceFile {
    pub path: PathBuf,
    /// The path as the corpus names it; see [`Lab::relative`].
    pub source: String,
    pub format: Format,
}

/// What the given paths lead to.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// In order of their sources; none twice.
    pub files: Vec<SourceFile>,
    /// Sources of the given paths themselves: each stands for itself and for all below it.
    pub roots: Vec<String>,
    /// Files in given directories that are of no kind that is read.
    pub left_out: Vec<String>,
    /// Hidden files and directories in given directories, which are left out.
    pub hidden: Vec<String>,
    /// What is in given directories and cannot be read.
    pub unread: Vec<Unread>,
}

/// A file, or a directory with all below it, that could not be read.
#[derive(Debug)]
pub(crate) struct Unread {
    /// As the corpus would name it.
    pub source: String,
    pub error: Error,
}

/// Finds the files below `paths`. What a path names itself is read as text if its name promises nothing else; in a directory,
/// hidden entries and other kinds of files are left out.
pub(crate) fn find(lab: &Lab, paths: &[PathBuf]) -> Result<Found, Error> {
    let mut found = Found::default();
    let mut files: BTreeMap<String, SourceFile> = BTreeMap::new();
    for path in paths {
        found.roots.push(source_of(lab, path)?);
        let metadata = std::fs::metadata(path).map_err(Error::reading(path))?;
        if metadata.is_dir() {
            for (path, format) in below(path, lab, &mut found) {
                match source_of(lab, &path) {
                    Ok(source) => {
                        files.insert(source.clone(), SourceFile { path, source, format });
                    }
                    Err(error) => found.unread.push(Unread { source: lab.relative(&path), error }),
                }
            }
        } else {
            let (source, format) = (source_of(lab, path)?, Format::of(path).unwrap_or(Format::Text));
            files.insert(source.clone(), SourceFile { path: path.clone(), source, format });
        }
    }
    found.files = files.into_values().collect();
    Ok(found)
}

/// The files of stored sources, without those that are gone; and those of which nobody can tell.
pub(crate) fn stored(lab: &Lab, sources: &BTreeSet<String>) -> (Vec<SourceFile>, Vec<Unread>) {
    let (mut files, mut unread) = (Vec::new(), Vec::new());
    for source in sources {
        let path = lab.root().join(source);
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                let format = Format::of(&path).unwrap_or(Format::Text);
                files.push(SourceFile { path, source: source.clone(), format });
            }
            // A directory in its place is not it.
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => unread.push(Unread { source: source.clone(), error: Error::reading(&path)(error) }),
        }
    }
    (files, unread)
}

fn source_of(lab: &Lab, path: &Path) -> Result<String, Error> {
    match path.to_str() {
        Some(_) => Ok(lab.relative(path)),
        None => Err(Error::BadPath { path: path.to_owned() }),
    }
}

fn below(directory: &Path, lab: &Lab, found: &mut Found) -> Vec<(PathBuf, Format)> {
    let Found { left_out, hidden, unread, .. } = found;
    let mut is_shown = |entry: &DirEntry| {
        let is_hidden = entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".");
        // The lab's own data is nobody's documents.
        if is_hidden && entry.path() != lab.data_dir() {
            hidden.push(lab.relative(entry.path()));
        }
        !is_hidden
    };
    let mut files = Vec::new();
    for entry in WalkDir::new(directory).sort_by_file_name().into_iter().filter_entry(&mut is_shown) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(directory).to_owned();
                let source =
                    error.into_io_error().unwrap_or_else(|| std::io::Error::other("the directory contains itself"));
                unread.push(Unread { source: lab.relative(&path), error: Error::Unreadable { path, source } });
                continue;
            }
        };
        if entry.file_type().is_dir() {
            continue;
        }
        // What a directory is given for ends with it: a link may lead anywhere.
        let leads_out = entry.path_is_symlink() && !stays_below(directory, entry.path());
        match Format::of(entry.path()) {
            Some(format) if entry.path().is_file() && !leads_out => files.push((entry.into_path(), format)),
            _ => left_out.push(lab.relative(entry.path())),
        }
    }
    files
}

fn stays_below(directory: &Path, link: &Path) -> bool {
    let (directory, target) = (directory.canonicalize(), link.canonicalize());
    directory.is_ok_and(|directory| target.is_ok_and(|target| target.starts_with(directory)))
}
