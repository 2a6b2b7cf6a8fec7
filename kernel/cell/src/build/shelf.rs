//! Compiled cells of this notebook, so that a cell that was compiled before is not compiled again.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Cells that are kept at most, and bytes of them.
const CELLS: usize = 200;
const BYTES: u64 = 128 << 20;

/// Compiled cells by what they were made of, in a directory of their own. Those that were not used for longest go first.
#[derive(Debug)]
pub(super) struct Shelf {
    directory: PathBuf,
    /// The one used last comes last.
    cells: VecDeque<Shelved>,
    /// Names the next file.
    next: u64,
}

#[derive(Debug)]
struct Shelved {
    key: blake3::Hash,
    file: PathBuf,
    bytes: u64,
}

impl Shelf {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, cells: VecDeque::new(), next: 0 }
    }

    /// Puts a copy of the cell with this key at `place`; whether there is one. A copy, and no link: the loader takes the same file for the same
    /// library, and a cell that runs again begins with statics as they were written.
    pub(super) fn take(&mut self, key: blake3::Hash, place: &Path) -> bool {
        let Some(index) = self.cells.iter().position(|cell| cell.key == key) else { return false };
        let Some(cell) = self.cells.remove(index) else { return false };
        let copied = copy(&cell.file, place).is_ok();
        if copied {
            self.cells.push_back(cell);
        }
        copied
    }

    /// Keeps the cell that was compiled to `library`.
    pub(super) fn keep(&mut self, key: blake3::Hash, library: &Path) {
        // What cannot be kept is compiled again.
        let _ = self.try_keep(key, library);
    }

    fn try_keep(&mut self, key: blake3::Hash, library: &Path) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let file = self.directory.join(format!("{}.so", self.next));
        self.next += 1;
        // The file that is loaded now; nobody changes it.
        fs::hard_link(library, &file)?;
        let bytes = fs::metadata(&file)?.len();
        self.cells.push_back(Shelved { key, file, bytes });
        while self.cells.len() > CELLS || self.cells.iter().map(|cell| cell.bytes).sum::<u64>() > BYTES {
            let Some(oldest) = self.cells.pop_front() else { break };
            fs::remove_file(oldest.file)?;
        }
        Ok(())
    }
}

/// Copies under another name first, so that there is never half a library.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let scratch = to.with_extension("copied");
    fs::copy(from, &scratch)?;
    fs::rename(scratch, to)
}

/// Whether what rustc read beside the cell's source may be different next time: files that the source includes, variables of the environment.
/// `dependencies` is rustc's own record of them.
pub(super) fn reads_more_than_its_source(dependencies: &str) -> bool {
    dependencies.lines().any(|line| line.starts_with("# env-dep:"))
        || dependencies.lines().filter(|line| line.ends_with(':') && !line.starts_with('#')).count() != 1
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn what_is_kept_comes_back_as_another_file() {
        let directory = tempfile::tempdir().unwrap();
        let library = directory.path().join("libctx.so");
        fs::write(&library, "compiled").unwrap();
        let mut shelf = Shelf::new(directory.path().join("shelf"));
        let key = blake3::hash(b"cell");
        assert!(!shelf.take(key, &library));
        shelf.keep(key, &library);
        let again = directory.path().join("again.so");
        assert!(shelf.take(key, &again));
        assert_eq!(fs::read(&again).unwrap(), b"compiled");
        assert_ne!(fs::metadata(&again).unwrap().ino(), fs::metadata(&library).unwrap().ino());
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let directory = tempfile::tempdir().unwrap();
        let (library, out) = (directory.path().join("libctx.so"), directory.path().join("out.so"));
        fs::write(&library, "compiled").unwrap();
        let mut shelf = Shelf::new(directory.path().join("shelf"));
        let key = |number: usize| blake3::hash(&number.to_le_bytes());
        for number in 0..CELLS {
            shelf.keep(key(number), &library);
        }
        assert!(shelf.take(key(0), &out));
        shelf.keep(key(CELLS), &library);
        assert!(shelf.take(key(0), &out) && !shelf.take(key(1), &out) && shelf.take(key(2), &out));
        assert_eq!(fs::read_dir(directory.path().join("shelf")).unwrap().count(), CELLS);
    }

    #[test]
    fn included_files_and_variables_are_seen() {
        let plain = "out/libctx.so: generated/lib.rs\n\nout/ctx.d: generated/lib.rs\n\ngenerated/lib.rs:\n";
        assert!(!reads_more_than_its_source(plain));
        assert!(reads_more_than_its_source(&format!("{plain}\n# env-dep:HOME=/home/me\n")));
        assert!(reads_more_than_its_source(&format!("{plain}data.txt:\n")));
        assert!(reads_more_than_its_source(""), "a record that was not written says nothing");
    }
}
