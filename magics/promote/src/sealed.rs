//! Reading what may come from a stranger: nothing outside the artifact, nothing but plain files, and no more bytes than are sensible.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::{Component, Path};

/// No file of an artifact is larger; what is written here comes from memory and stays far below.
pub(crate) const LARGEST_FILE: u64 = 1 << 30;
/// No description, manifest, attestation or text of a cell is larger.
pub(crate) const LARGEST_TEXT: u64 = 32 << 20;
const LONGEST_PATH: usize = 1024;
/// What Windows takes for a device, whatever suffix it has.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// Whether `path` is relative, with `/`, and leads to the same place below any directory on any system.
pub(crate) fn is_inside(path: &str) -> bool {
    path.len() <= LONGEST_PATH && path.split('/').all(is_plain_part)
}

/// Whether a directory to run in stays in the lab; the empty one is the lab's own.
pub(crate) fn is_inside_or_root(path: &str) -> bool {
    path.is_empty() || is_inside(path)
}

/// Whether a path may name a file that an artifact was given: it climbs out of the lab only at its beginning, if at all.
pub(crate) fn is_input(path: &str) -> bool {
    let parts: Vec<Component<'_>> = Path::new(path).components().collect();
    let climbs = parts.iter().take_while(|part| matches!(part, Component::ParentDir)).count();
    let starts = usize::from(parts.first() == Some(&Component::RootDir)) + climbs;
    let below = &parts[starts..];
    !below.is_empty()
        && below.iter().all(|part| matches!(part, Component::Normal(_)))
        && path.len() <= LONGEST_PATH
        && !path.chars().any(char::is_control)
}

/// Whether a part of a path is a name on any system.
pub(crate) fn is_plain_part(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).to_ascii_lowercase();
    let letters = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = stem.len() - letters.len();
    let wanted = usize::from(matches!(letters, "com" | "lpt"));
    let is_device = DEVICES.contains(&letters) && digits == wanted;
    !(part.is_empty()
        || part == "."
        || part == ".."
        || part.ends_with(['.', ' '])
        || part.contains(|c: char| c.is_control() || matches!(c, '\\' | ':' | '<' | '>' | '"' | '|' | '?' | '*'))
        || is_device)
}

/// Reads the file `relative` below `root`, which is at most `most` bytes long. No link is followed below `root`, and what is no plain
/// file is not opened: reading a pipe would never end.
///
/// # Errors
/// In words why it cannot be read; of the kind [`std::io::ErrorKind::NotFound`] where it is not there.
pub(crate) fn read(root: &Path, relative: &str, most: u64) -> std::io::Result<Vec<u8>> {
    let metadata = examine(root, relative)?;
    if metadata.len() > most {
        return Err(other(format!("it has {} bytes, and no such file has more than {most}", metadata.len())));
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    File::open(root.join(relative))?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(other(format!("it has more than {most} bytes, which no such file has")));
    }
    Ok(bytes)
}

/// Looks at the plain file `relative` below `root` without opening it.
///
/// # Errors
/// As [`read`].
pub(crate) fn examine(root: &Path, relative: &str) -> std::io::Result<Metadata> {
    if !is_inside(relative) {
        return Err(other("it would lie outside".to_owned()));
    }
    let mut path = root.to_owned();
    let mut parts = relative.split('/').peekable();
    while let Some(part) = parts.next() {
        path.push(part);
        let metadata = path.symlink_metadata()?;
        let kind = metadata.file_type();
        if kind.is_symlink() {
            return Err(other("it is a link, which is not followed".to_owned()));
        }
        match parts.peek() {
            Some(_) if kind.is_dir() => {}
            None if kind.is_file() => return Ok(metadata),
            Some(_) => return Err(ErrorKind::NotADirectory.into()),
            None if kind.is_dir() => return Err(ErrorKind::IsADirectory.into()),
            None => return Err(other("it is no plain file".to_owned())),
        }
    }
    Err(other("it has no name".to_owned()))
}

fn other(words: String) -> std::io::Error {
    std::io::Error::other(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_artifact_are_none_on_any_system() {
        for good in
            ["pipeline.toml", "cells/01.rs", "outputs/02-größe.arrow", ".gitattributes", "src/console.rs", "a/com.rs"]
        {
            assert!(is_inside(good), "{good}");
        }
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/../../x",
            "a/./x",
            "a//x",
            "a/",
            "C:\\x",
            "C:x",
            "\\\\host\\share",
            "a\\..\\x",
            "nul",
            "cells/CON.rs",
            "lpt1.txt",
            "a.",
            "a ",
            "a\u{1b}[2J",
            "a\nb",
            "a\0b",
            "x:stream",
            &"a/".repeat(600),
        ] {
            assert!(!is_inside(bad), "{bad:?}");
        }
        for good in ["data/a.csv", "../shared/a b.csv", "/data/a.csv", "../../a"] {
            assert!(is_input(good), "{good}");
        }
        for bad in ["", "..", "/", "data/../../x", "../a/../../x", "./x", "a\u{7}"] {
            assert!(!is_input(bad), "{bad:?}");
        }
    }

    #[test]
    fn only_plain_files_of_the_expected_size_are_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        std::fs::create_dir(root.join("inside")).expect("a directory");
        std::fs::write(root.join("inside/file"), "12345").expect("a file");
        assert_eq!(read(root, "inside/file", 5).expect("it is read"), b"12345");
        assert!(read(root, "inside/file", 4).is_err() && read(root, "inside", 5).is_err());
        assert!(read(root, "inside/../inside/file", 5).is_err());
        let missing = read(root, "missing", 5).expect_err("it is not there");
        assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("inside", root.join("link")).expect("a link");
            std::os::unix::fs::symlink("inside/file", root.join("file")).expect("a link");
            assert!(read(root, "link/file", 5).is_err() && read(root, "file", 5).is_err());
        }
    }
}
