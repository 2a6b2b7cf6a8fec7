//! Puts an export in its place: whole or not at all, and never over what is somebody's own.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use uuid::Uuid;

use super::Made;
use crate::Error;
use crate::files::{digest, make_directory, read_file, write_file};

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
