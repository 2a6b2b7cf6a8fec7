//! Puts an export in its place: whole or not at all, and never over what is somebody's own.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kernwerk_core::Work;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Made;
use crate::Error;
use crate::artifact::copy_directory;
use crate::bundle::to_json;
use crate::files::{digest, digest_file, make_directory, read_file, write_file};

/// Stands in each exported file, with blake3 of the file in place of the zeros. The digest is of the file with the zeros.
pub(super) const MARK: &str =
    concat!("kernwerk-export: ", "0000000000000000000000000000000000000000000000000000000000000000");
const DIGITS: usize = 64;

/// What was done about a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    Written,
    /// The same lay there.
    Already,
}

/// Seals the file and puts it at `path`.
pub(super) fn place_file(path: &Path, made: &Made, overwrite: bool) -> Result<Placed, Error> {
    let bytes = sealed(&made.text).into_bytes();
    if path.symlink_metadata().is_ok() {
        let occupied = |what: &str| Err(Error::Occupied { path: path.to_owned(), what: what.to_owned() });
        if path.is_dir() {
            return occupied("a directory");
        }
        let present = if path.is_file() { read_file(path)? } else { Vec::new() };
        if present == bytes {
            return Ok(Placed::Already);
        }
        if !overwrite && !is_export(&present) {
            return occupied("a file that is no export, or was changed since it was exported");
        }
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    make_directory(directory)?;
    let beside = directory.join(format!(".kernwerk-export-{}", Uuid::new_v4().simple()));
    let put = || {
        write_file(&beside, &bytes)?;
        if made.is_executable {
            std::fs::set_permissions(&beside, Permissions::from_mode(0o755)).map_err(Error::io("write", path))?;
        }
        std::fs::rename(&beside, path).map_err(Error::io("put in place", path))
    };
    put().inspect_err(|_| _ = std::fs::remove_file(&beside))?;
    Ok(Placed::Written)
}

/// Lists the files of an exported directory.
const LIST: &str = "kernwerk-export.json";
/// What a build leaves in an exported crate.
const BUILT: &str = "target";

/// What stands in [`LIST`].
#[derive(Serialize, Deserialize)]
struct List {
    artifact: String,
    identity: String,
    /// blake3 of each file, by its path.
    files: BTreeMap<String, String>,
}

/// That an export may take the place of what lies at `path`.
pub(super) fn directory_is_free(path: &Path, overwrite: bool) -> Result<(), Error> {
    let occupied = |what: String| Err(Error::Occupied { path: path.to_owned(), what });
    let Ok(metadata) = path.symlink_metadata() else { return Ok(()) };
    if overwrite {
        return Ok(());
    }
    if !metadata.is_dir() {
        return occupied("a file".to_owned());
    }
    let list = read_file(&path.join(LIST)).ok().and_then(|bytes| serde_json::from_slice::<List>(&bytes).ok());
    let Some(list) = list else {
        let is_empty = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        return if is_empty { Ok(()) } else { occupied("a directory that is no export".to_owned()) };
    };
    let changed =
        contents(path, &Work::silent())?.into_iter().find(|(file, digest)| list.files.get(file) != Some(digest));
    match changed {
        Some((file, _)) => occupied(format!("an export whose file {file} was added or changed since")),
        None => Ok(()),
    }
}

/// Puts the directory `draft`, an export of `artifact` with its identity, at `path`, all at once.
pub(super) fn place_directory(
    draft: &Path,
    path: &Path,
    (artifact, identity): (&str, &str),
    overwrite: bool,
    work: &Work,
) -> Result<Placed, Error> {
    let list = List { artifact: artifact.to_owned(), identity: identity.to_owned(), files: contents(draft, work)? };
    let list = to_json(&list);
    directory_is_free(path, overwrite)?;
    if read_file(&path.join(LIST)).is_ok_and(|present| present == list) && directory_is_free(path, false).is_ok() {
        return Ok(Placed::Already);
    }
    write_file(&draft.join(LIST), &list)?;
    let parent = path.parent().unwrap_or(Path::new("."));
    make_directory(parent)?;
    let number = Uuid::new_v4().simple().to_string();
    let (beside, before) =
        (parent.join(format!(".kernwerk-export-{number}")), parent.join(format!(".kernwerk-replaced-{number}")));
    let put = || {
        copy_directory(draft, &beside)?;
        let had_one = path.symlink_metadata().is_ok();
        if had_one {
            std::fs::rename(path, &before).map_err(Error::io("replace", path))?;
        }
        std::fs::rename(&beside, path).map_err(|error| {
            if had_one {
                // What lay there goes back; where even that fails, it still lies beside.
                let _ = std::fs::rename(&before, path);
            }
            Error::io("put in place", path)(error)
        })
    };
    put().inspect_err(|_| _ = std::fs::remove_dir_all(&beside))?;
    if before.is_dir() {
        let _ = std::fs::remove_dir_all(&before);
    } else {
        let _ = std::fs::remove_file(&before);
    }
    Ok(Placed::Written)
}

/// blake3 of each file below a directory but for the list and what a build left, by its path.
fn contents(directory: &Path, work: &Work) -> Result<BTreeMap<String, String>, Error> {
    let is_ours =
        |entry: &walkdir::DirEntry| entry.depth() != 1 || (entry.file_name() != LIST && entry.file_name() != BUILT);
    let mut contents = BTreeMap::new();
    for entry in walkdir::WalkDir::new(directory).into_iter().filter_entry(is_ours) {
        let entry = entry.map_err(|error| Error::io("list", directory)(error.into()))?;
        if !entry.file_type().is_dir() {
            let relative = entry.path().strip_prefix(directory).unwrap_or(entry.path());
            let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            contents.insert(parts.join("/"), digest_file(entry.path(), work)?);
        }
    }
    Ok(contents)
}

/// The text with its digest in the mark.
fn sealed(text: &str) -> String {
    let Some(start) = text.find(MARK) else { return text.to_owned() };
    let end = start + MARK.len();
    format!("{}{}{}", &text[..end - DIGITS], digest(text.as_bytes()), &text[end..])
}

/// Whether this is an export as it was written.
fn is_export(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let label = &MARK[..MARK.len() - DIGITS];
    let Some(start) = text.find(label).map(|at| at + label.len()) else { return false };
    let Some(found) = text.get(start..start + DIGITS) else { return false };
    let blank = format!("{}{}{}", &text[..start], "0".repeat(DIGITS), &text[start + DIGITS..]);
    digest(blank.as_bytes()) == found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_known_until_somebody_changes_it() {
        let text = sealed(&format!("one\n# {MARK}\ntwo\n"));
        assert!(is_export(text.as_bytes()));
        for (from, to) in [("one", "One"), ("two\n", "two"), ("kernwerk-export", "kernwerk-exports")] {
            assert!(!is_export(text.replacen(from, to, 1).as_bytes()), "{from}");
        }
        assert!(!is_export(b"kernwerk-export: 12"));
    }
}
