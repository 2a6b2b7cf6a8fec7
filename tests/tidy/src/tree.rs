//! The repository as git sees it: which files there are, and what they say.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the repository that git does not ignore.
pub struct File {
    /// Relative to the repository's root, with `/`.
    pub path: String,
    /// Nothing for files that are not UTF-8.
    pub text: Option<String>,
}

impl File {
    pub fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|own| own == extension)
    }
}

/// The repository's root, two levels above this crate.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate lies in tests/tidy").to_path_buf()
}

/// All tracked files, and new ones that git would not ignore.
pub fn files() -> Vec<File> {
    let root = root();
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output()
        .expect("git is installed");
    assert!(
        listing.status.success(),
        "git could not list the repository's files: {}",
        String::from_utf8_lossy(&listing.stderr)
    );
    String::from_utf8(listing.stdout)
        .expect("the repository's file names are UTF-8")
        .split_terminator('\0')
        .filter_map(|path| {
            let bytes = std::fs::read(root.join(path)).ok()?;
            Some(File { path: path.to_owned(), text: String::from_utf8(bytes).ok() })
        })
        .collect()
}
