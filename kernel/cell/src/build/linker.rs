//! How cells are linked. By default rustc starts the C compiler, which starts a wrapper, which starts the linker: three processes that cost
//! more than the linking of a cell. Where it can be, the linker is started directly.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::cache::{Cache, scratch};
use super::toolchain::Toolchain;
use crate::home;

/// Objects of the C compiler that a shared library is linked with.
const OBJECTS: &[&str] = &["crtbeginS.o", "crtendS.o"];

/// A cell that needs the C library, the C compiler's and Rust's.
const TRIAL: &str = "#[unsafe(no_mangle)]\npub extern \"C\" fn trial() { println!(\"{:?}\", std::panic::catch_unwind(|| 1.5_f64.sin())); }\n";

/// Arguments for rustc that have it start a linker directly; none where they have not been seen to work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Linker {
    pub(super) arguments: Vec<String>,
}

impl Linker {
    /// The linker for this toolchain: mold where there is one, else the one that comes with Rust. What was found out is kept in the cache.
    pub(crate) fn find(cache: &Cache, toolchain: &Toolchain) -> Self {
        let candidates = candidates(toolchain);
        let key = blake3::hash(format!("{candidates:?}{TRIAL}").as_bytes()).to_hex();
        let file = cache.directory.join(format!("linker-{}.json", &key[..16]));
        let known = fs::read(&file).ok().and_then(|body| serde_json::from_slice(&body).ok());
        known.unwrap_or_else(|| {
            let found = Self::choose(candidates, cache, toolchain);
            // Else it is found out again.
            let _ = serde_json::to_vec(&found).map(|body| fs::write(&file, body));
            found
        })
    }

    fn choose(candidates: Vec<(PathBuf, &'static str)>, cache: &Cache, toolchain: &Toolchain) -> Self {
        if candidates.is_empty() {
            return Self::default();
        }
        let Some(places) = Places::find() else { return Self::default() };
        let linkers = candidates.into_iter().map(|(program, flavor)| places.linker(&program, flavor));
        linkers.into_iter().find(|linker| linker.works(cache, toolchain)).unwrap_or_default()
    }

    /// Whether it links a cell that leaves nothing open.
    fn works(&self, cache: &Cache, toolchain: &Toolchain) -> bool {
        let Ok(scratch) = scratch(&cache.directory) else { return false };
        let source = scratch.path().join("trial.rs");
        let mut command = Command::new(&toolchain.rustc);
        home::clean(&mut command);
        command.args(["--edition=2024", "--crate-type=cdylib", "-Cprefer-dynamic", "-o"]);
        command.arg(scratch.path().join("trial.so")).arg(&source).args(&self.arguments);
        fs::write(&source, TRIAL).is_ok() && command.output().is_ok_and(|output| output.status.success())
    }
}

/// Linkers that may be started directly, the better ones first, with rustc's names for their kinds.
fn candidates(toolchain: &Toolchain) -> Vec<(PathBuf, &'static str)> {
    if !toolchain.target.ends_with("-linux-gnu") {
        return Vec::new();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mold = std::env::split_paths(&path).map(|directory| directory.join("mold"));
    let ours = toolchain.sysroot.join("lib/rustlib").join(&toolchain.target).join("bin/rust-lld");
    let mold = mold.map(|path| (path, "ld"));
    mold.chain([(ours, "ld.lld")]).filter(|(path, _)| path.is_file()).collect()
}

/// Where the C compiler has what it links with.
struct Places {
    directories: Vec<PathBuf>,
    objects: Vec<PathBuf>,
}

impl Places {
    fn find() -> Option<Self> {
        let directories = directories(&ask("-print-search-dirs")?);
        let object = |name: &&str| {
            let path = PathBuf::from(ask(&format!("-print-file-name={name}"))?.trim());
            path.is_file().then_some(path)
        };
        let objects = OBJECTS.iter().map(object).collect::<Option<Vec<PathBuf>>>()?;
        Some(Self { directories, objects })
    }

    fn linker(&self, program: &Path, flavor: &str) -> Linker {
        let mut arguments = vec![format!("-Clinker={}", program.display()), format!("-Clinker-flavor={flavor}")];
        // What is open is an error here, and the C compiler's turn, rather than a cell that cannot be loaded. For so little, threads cost time.
        arguments.extend(["--no-undefined", "--threads=1"].map(|argument| format!("-Clink-arg={argument}")));
        arguments.extend(self.directories.iter().map(|path| format!("-Lnative={}", path.display())));
        arguments.extend(self.objects.iter().map(|path| format!("-Clink-arg={}", path.display())));
        Linker { arguments }
    }
}

fn ask(question: &str) -> Option<String> {
    let output = Command::new("cc").arg(question).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The directories in which the C compiler says that it looks for libraries.
fn directories(answer: &str) -> Vec<PathBuf> {
    let line = answer.lines().find_map(|line| line.strip_prefix("libraries: ="));
    let paths = line.into_iter().flat_map(|line| line.split(':'));
    let mut directories = Vec::new();
    // It names many that are not there, and many by several names.
    for path in paths.filter_map(|path| fs::canonicalize(path).ok()) {
        if !directories.contains(&path) {
            directories.push(path);
        }
    }
    directories
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_that_are_there_are_named_once() {
        let answer = "install: /nowhere\nprograms: =/bin\nlibraries: =/usr/../usr/lib/:/nowhere/at/all/:/usr/lib/\n";
        assert_eq!(directories(answer), [fs::canonicalize("/usr/lib").unwrap()]);
        assert!(directories("").is_empty());
    }
}
