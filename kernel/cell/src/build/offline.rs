//! cargo for a package that is no cell: without the network, and with the versions that cells were built with.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kernwerk_wire::CrateLock;

use super::cache::{Cache, default_root};
use super::lock;
use super::toolchain::Toolchain;
use crate::error::Error;
use crate::home::clean;

/// cargo in one package.
pub(crate) struct OfflineCargo {
    cargo: PathBuf,
    rustc: PathBuf,
    cache: Cache,
    package: PathBuf,
}

impl OfflineCargo {
    /// The cargo that holds in the directory `package`.
    pub(crate) fn find(package: &Path) -> Result<Self, Error> {
        let toolchain = Toolchain::find(package)?;
        let cache = Cache::open(&default_root(), &toolchain)?;
        Ok(Self { cargo: toolchain.cargo, rustc: toolchain.rustc, cache, package: package.to_owned() })
    }

    /// Puts the versions of `first`, and then all that are known, into the package's lock file; cargo takes out those that it does not need.
    pub(crate) fn fill_lock(&self, first: Option<&CrateLock>) {
        lock::fill(&self.cache, first, &self.package);
    }

    /// That the package's lock file has the versions of `first`, as far as it has these crates.
    ///
    /// # Errors
    /// In words, which crates have others.
    pub(crate) fn check_lock(&self, first: Option<&CrateLock>) -> Result<(), String> {
        lock::check(first, &std::fs::read_to_string(lock::file(&self.package)).unwrap_or_default())
    }

    /// Runs cargo to its end: what it wrote, or its words where it failed.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.cargo);
        clean(&mut command);
        command.args(arguments).arg("--offline").current_dir(&self.package).stdin(Stdio::null());
        command.env("RUSTC", &self.rustc).env("CARGO_TERM_COLOR", "never");
        let ran = command.output().map_err(|error| error.to_string())?;
        let words = String::from_utf8_lossy(&ran.stderr);
        match ran.status.success() {
            true => Ok(String::from_utf8_lossy(&ran.stdout).into_owned()),
            false => Err(words.trim().trim_start_matches("error: ").to_owned()),
        }
    }
}
