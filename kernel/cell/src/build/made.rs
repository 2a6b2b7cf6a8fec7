//! What the cells' own compiler makes of sources that this program carries: once per toolchain, for all notebooks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cache::{Cache, scratch};
use super::toolchain::{self, Toolchain};
use crate::error::Error;

/// What a worker loads first, and cells are linked with.
const SUPPORT: Source = Source {
    name: SUPPORT_CRATE,
    kind: "dylib",
    file: ("libkernwerk_support-", ".so"),
    texts: &[
        ("lib.rs", include_str!("../worker/support/lib.rs")),
        ("runtime.rs", include_str!("../worker/support/runtime.rs")),
        ("spill.rs", include_str!("../worker/support/spill.rs")),
    ],
};
/// What stands where evcxr looks for cargo.
const COURIER: Source =
    Source { name: "courier", kind: "bin", file: ("courier-", ""), texts: &[("main.rs", include_str!("courier.rs"))] };

/// The name under which cells know [`Companions::support`].
pub(super) const SUPPORT_CRATE: &str = "kernwerk_support";

/// The compiled files.
#[derive(Clone, Debug)]
pub(crate) struct Companions {
    pub(crate) support: PathBuf,
    pub(crate) courier: PathBuf,
}

struct Source {
    name: &'static str,
    kind: &'static str,
    /// What stands before and behind the digest in the file's name.
    file: (&'static str, &'static str),
    /// Files and what is in them; the first is the root.
    texts: &'static [(&'static str, &'static str)],
}

impl Companions {
    /// Finds them in the cache, or makes them.
    pub(crate) fn find(cache: &Cache, toolchain: &Toolchain) -> Result<Self, Error> {
        // Side by side: rustc takes a third of a second for each.
        std::thread::scope(|scope| {
            let make = |source: &'static Source| scope.spawn(move || source.make(cache, toolchain));
            let [support, courier] = [&SUPPORT, &COURIER].map(make).map(|thread| {
                thread.join().unwrap_or_else(|_| Err(Error::Start("a part of it could not be compiled".to_owned())))
            });
            Ok(Self { support: support?, courier: courier? })
        })
    }
}

impl Source {
    fn make(&self, cache: &Cache, toolchain: &Toolchain) -> Result<PathBuf, Error> {
        let texts: Vec<&str> = self.texts.iter().map(|(_, text)| *text).collect();
        let digest = blake3::hash(texts.join("\n").as_bytes()).to_hex();
        let name = format!("{}{}{}", self.file.0, &digest[..16], self.file.1);
        let made = cache.directory.join(&name);
        if made.is_file() {
            return Ok(made);
        }
        let scratch = scratch(&cache.directory)?;
        for (file, text) in self.texts {
            let path = scratch.path().join(file);
            fs::write(&path, text).map_err(Error::file("write", &path))?;
        }
        // Under its own name already: a library's name stands in it.
        let (source, compiled) = (scratch.path().join(self.texts[0].0), scratch.path().join(&name));
        let mut command = Command::new(&toolchain.rustc);
        crate::home::clean(&mut command);
        command.args(["--edition", "2024", "--crate-type", self.kind, "--crate-name", self.name]);
        command.args(["-Copt-level=1", "-Cstrip=debuginfo", "-Cmetadata=kernwerk"]);
        if self.kind != "bin" {
            // The library may be moved, the standard library stays: an absolute path to it.
            let place = toolchain.sysroot.join("lib/rustlib").join(&toolchain.target).join("lib");
            command.args(["-Cprefer-dynamic", "-Crpath=no"]);
            command.arg(format!("-Clink-arg=-Wl,-rpath,{}", place.display()));
        }
        command.arg("-o").arg(&compiled).arg(&source);
        toolchain::run(&mut command)?;
        fs::rename(&compiled, &made).map_err(Error::file("write", &made))?;
        Ok(made)
    }
}

/// The arguments that have a cell find the support library at `path`.
pub(super) fn extern_support(path: &Path) -> [String; 2] {
    ["--extern".to_owned(), format!("{SUPPORT_CRATE}={}", path.display())]
}
