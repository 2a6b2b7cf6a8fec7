//! What is compiled once per toolchain and shared by all notebooks, under `$XDG_CACHE_HOME/kernwerk/cells`.
//!
//! ```text
//! sources/DIGEST/          the preludes as this program carries them
//! TOOLCHAIN/target/        compiled dependencies: cargo's own directory, under cargo's own lock
//! TOOLCHAIN/records/       rustc's command line for a cell, for each set of dependencies
//! TOOLCHAIN/Cargo.lock     the versions that were ever chosen, so that they stay chosen
//! TOOLCHAIN/library-*/     what rust-analyzer reads of the standard library
//! TOOLCHAIN/libkernwerk_support-*.so, courier-*
//!                          what the toolchain made of sources of ours
//! TOOLCHAIN/linker-*.json  how cells are linked
//! hosts/                   the directories of cell hosts that run
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::library;
use super::sources::{self, Pinned};
use super::toolchain::Toolchain;
use crate::error::Error;

/// Begins the names of directories that go away again.
const SCRATCH: &str = ".making-";

/// Where cells' files are kept unless told otherwise.
pub(crate) fn default_root() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.or_else(|| Some(std::env::home_dir()?.join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("kernwerk").join("cells")
}

/// The shared directory of one toolchain.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    pub(crate) directory: PathBuf,
    /// The preludes' sources.
    pub(crate) sources: PathBuf,
}

impl Cache {
    /// Opens the cache below `root`, writing what is missing and quick to write.
    pub(crate) fn open(root: &Path, toolchain: &Toolchain) -> Result<Self, Error> {
        let key = blake3::hash(format!("{}\n{}", toolchain.version, toolchain.sysroot.display()).as_bytes()).to_hex();
        let directory = root.join(&key[..16]);
        fs::create_dir_all(&directory).map_err(Error::file("make", &directory))?;
        sweep(&directory);
        let sources = sources::unpack(&root.join("sources"))?;
        Ok(Self { directory, sources })
    }

    /// The cache of a cell host's home.
    pub(crate) fn at(directory: &Path, sources: &Path) -> Self {
        Self { directory: directory.to_owned(), sources: sources.to_owned() }
    }

    /// Dependencies with versions of ours.
    pub(crate) fn pinned(&self) -> Pinned {
        Pinned::new(&self.sources)
    }

    pub(super) fn target(&self) -> PathBuf {
        self.directory.join("target")
    }

    pub(super) fn records(&self) -> PathBuf {
        self.directory.join("records")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.directory.join("Cargo.lock")
    }

    /// Makes what rust-analyzer reads of the standard library.
    pub(crate) fn library(&self, toolchain: &Toolchain) -> Result<(), Error> {
        library::make(&self.directory, toolchain)
    }
}

/// Removes what was left by somebody who was killed; nothing takes a day to make.
fn sweep(directory: &Path) {
    let old = |path: &Path| {
        let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
        modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > Duration::from_secs(24 * 60 * 60)))
    };
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) && old(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A directory below `parent` that goes away again.
pub(super) fn scratch(parent: &Path) -> Result<tempfile::TempDir, Error> {
    tempfile::Builder::new().prefix(SCRATCH).tempdir_in(parent).map_err(Error::file("make a directory in", parent))
}

pub(super) fn make_directory(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(Error::file("make", path))
}
