//! A cell host's own directory: made at the start, gone at the end, and swept up by the next host when there was no proper end.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use kernwerk_wire::CellStart;

use crate::build::{Cache, Companions, Linker, Toolchain, vendored};
use crate::error::Error;
use crate::home::{self, Home};

const LOCK: &str = "lock";

/// A directory that lives as long as its host.
pub(super) struct Directory {
    pub(super) home: Home,
    /// Locked while the host lives.
    lock: File,
}

/// Removes a directory.
pub(super) struct Cleaner(PathBuf);

impl Directory {
    /// Makes the directory, and in the shared cache what every cell needs.
    pub(super) fn make(start: &CellStart) -> Result<Self, Error> {
        let toolchain = Toolchain::find(&start.directory)?;
        toolchain.library_sources()?;
        let cache = Cache::open(&start.cache, &toolchain)?;
        cache.library(&toolchain)?;
        let made = Companions::find(&cache, &toolchain)?;
        let linker = Linker::find(&cache, &toolchain);
        let vendored = start.lock.as_ref().map_or(Ok(None), |lock| vendored(&cache, lock))?;
        let hosts = start.cache.join("hosts");
        fs::create_dir_all(&hosts).map_err(Error::file("make", &hosts))?;
        sweep(&hosts);
        let root = tempfile::Builder::new()
            .prefix("h")
            .tempdir_in(&hosts)
            .map_err(Error::file("make a directory in", &hosts))?;
        let lock =
            locked(root.path()).ok_or_else(|| Error::Start("the host's own directory cannot be locked".to_owned()))?;
        let program = std::env::current_exe().map_err(|error| Error::Start(error.to_string()))?;
        let home = Home {
            root: root.keep(),
            program,
            directory: start.directory.clone(),
            cache: cache.directory.clone(),
            sources: cache.sources.clone(),
            cargo: toolchain.cargo,
            rustc: toolchain.rustc,
            support: made.support,
            linker,
            environment: home::environment(),
            confinement: start.confinement.clone(),
            lock: start.lock.clone(),
            vendored,
        };
        let tools = home.tools().join("bin");
        for directory in [&tools, &home.configuration(), &home.package()] {
            fs::create_dir_all(directory).map_err(Error::file("make", directory))?;
        }
        let stand_ins = [
            (tools.join("cargo"), &made.courier),
            (tools.join("rustup"), &home.program),
            (home.tools().join("program"), &home.program),
        ];
        for (link, program) in stand_ins {
            symlink(program, &link).map_err(Error::file("make", &link))?;
        }
        home.save()?;
        Ok(Self { home, lock })
    }

    pub(super) fn cleaner(&self) -> Cleaner {
        Cleaner(self.home.root.clone())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        self.cleaner().clean();
        // The lock is released with the file; from here on anybody may sweep up what could not be removed.
        let _ = self.lock.unlock();
    }
}

impl Cleaner {
    pub(super) fn clean(&self) {
        // What stays is swept up later.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The locked lock file of a directory, if nobody else has it.
fn locked(directory: &Path) -> Option<File> {
    let file = File::options().create(true).truncate(false).write(true).open(directory.join(LOCK)).ok()?;
    file.try_lock().ok()?;
    Some(file)
}

/// Removes the directories of hosts that were killed.
fn sweep(hosts: &Path) {
    for entry in fs::read_dir(hosts).into_iter().flatten().flatten() {
        // One without a lock file is just being made.
        if entry.path().join(LOCK).exists() && locked(&entry.path()).is_some() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
