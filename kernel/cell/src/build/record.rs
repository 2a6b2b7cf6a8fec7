//! rustc's command line for a cell, recorded once for each set of dependencies: with it a cell is compiled without asking cargo, and without
//! waiting for cargo's lock.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::cargo;

/// Names the file to record into; who is started with it stands in for rustc.
pub(crate) const RECORD: &str = "KERNWERK_CELL_RECORD";

/// The name that evcxr gives to the crate of every cell.
const CELL_CRATE: &str = "ctx";

/// A recorded command line, without what differs from host to host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    arguments: Vec<String>,
    /// What cargo tells rustc (`CARGO_*`), and where its libraries are.
    environment: BTreeMap<String, String>,
    /// The `Cargo.lock` of the dependencies: nothing more than they need.
    #[serde(default)]
    pub(super) lock: String,
}

impl Record {
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let record: Self = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        let whole = record.dependencies().all(|path| path.exists()) && !record.lock.is_empty();
        whole.then_some(record)
    }

    /// Completes the record in `path` with the lock file of the dependencies.
    pub(super) fn complete(path: &Path, lock: String) -> io::Result<()> {
        let record: Self = serde_json::from_slice(&std::fs::read(path)?).map_err(io::Error::other)?;
        std::fs::write(path, serde_json::to_vec(&Self { lock, ..record }).map_err(io::Error::other)?)
    }

    /// The compiled dependencies that the command line names.
    fn dependencies(&self) -> impl Iterator<Item = &Path> {
        let following = self.arguments.iter().skip(1);
        let externs = self.arguments.iter().zip(following).filter(|(flag, _)| *flag == "--extern");
        externs.filter_map(|(_, value)| Some(Path::new(value.split_once('=')?.1)))
    }

    /// Stands for everything that is recorded.
    pub(crate) fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let variables = self.environment.iter().flat_map(|(name, value)| [name, value]);
        for part in self.arguments.iter().chain(variables) {
            hasher.update(part.as_bytes()).update(&[0]);
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Adds the recorded arguments and environment to a command for rustc.
    pub(crate) fn apply(&self, command: &mut Command) {
        command.args(&self.arguments).envs(&self.environment);
    }
}

/// What the record of a command line depends on. evcxr writes dependencies in any order.
pub(super) fn key(manifest: &str, target: &str) -> String {
    let mut lines: Vec<&str> = manifest.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    lines.extend(cargo::settings(manifest));
    for line in lines.into_iter().chain([target]) {
        hasher.update(line.as_bytes()).update(b"\n");
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// Stands in for rustc under cargo: records the command line when it is a cell's, and then fails without a word, because the cell is
/// compiled elsewhere; passes everything else on.
pub(crate) fn write(file: &Path) -> ! {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let texts: Vec<String> = arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    if texts.windows(2).any(|pair| pair[0] == "--crate-name" && pair[1] == CELL_CRATE) {
        let record = Record { arguments: portable(&texts[1..]), environment: environment(), lock: String::new() };
        let code =
            match serde_json::to_vec(&record).map_err(io::Error::other).and_then(|body| std::fs::write(file, body)) {
                Ok(()) => 1,
                Err(error) => {
                    eprintln!("error: cannot record how cells are compiled: {error}");
                    2
                }
            };
        std::process::exit(code);
    }
    let Some((program, arguments)) = arguments.split_first() else { std::process::exit(2) };
    let error = std::os::unix::process::CommandExt::exec(Command::new(program).args(arguments).env_remove(RECORD));
    eprintln!("error: {}: {error}", PathBuf::from(program).display());
    std::process::exit(2)
}

/// The arguments that hold for any host: not where sources and outputs lie, nor how messages look. The crate's identity is always the same,
/// so that a type defined in a cell stays the same type when a dependency is added.
fn portable(arguments: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--out-dir" => {
                rest.next();
            }
            "-C" => {
                let Some(value) = rest.next() else { break };
                if !["incremental=", "metadata=", "extra-filename="].iter().any(|start| value.starts_with(start)) {
                    kept.extend([argument.clone(), value.clone()]);
                }
            }
            other
                if ["--emit=", "--json=", "--error-format=", "--diagnostic-width="]
                    .iter()
                    .any(|start| other.starts_with(start)) => {}
            other if other.ends_with("src/lib.rs") => {}
            _ => kept.push(argument.clone()),
        }
    }
    kept.extend(["-C".to_owned(), "metadata=kernwerk".to_owned()]);
    kept
}

fn environment() -> BTreeMap<String, String> {
    let wanted = |name: &str| {
        name == "LD_LIBRARY_PATH"
            || name == "CARGO"
            || name == "CARGO_CRATE_NAME"
            || name.starts_with("CARGO_PKG_")
            || name == "CARGO_PRIMARY_PACKAGE"
    };
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| wanted(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_dependencies_does_not_matter() {
        let manifest = |lines: &str| format!("[package]\nname = \"ctx\"\n\n[dependencies]\n{lines}\n");
        let (one, other) = (manifest("a = \"1\"\nb = \"2\""), manifest("b = \"2\"\na = \"1\""));
        assert_eq!(key(&one, "x"), key(&other, "x"));
        assert_ne!(key(&one, "x"), key(&manifest("a = \"1\""), "x"));
        assert_ne!(key(&one, "x"), key(&one, "y"));
    }

    #[test]
    fn what_differs_from_host_to_host_is_left_out() {
        let line = "--crate-name ctx --edition=2024 src/lib.rs --error-format=json --json=artifacts --crate-type cdylib --emit=dep-info,link \
                    -C opt-level=2 -C metadata=abc -C incremental=/x --out-dir /y -L dependency=/z --extern a=/z/liba.rlib -Cprefer-dynamic";
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        assert_eq!(
            portable(&arguments).join(" "),
            "--crate-name ctx --edition=2024 --crate-type cdylib -C opt-level=2 -L dependency=/z --extern a=/z/liba.rlib -Cprefer-dynamic \
             -C metadata=kernwerk"
        );
        let record = Record { arguments: portable(&arguments), environment: BTreeMap::new(), lock: String::new() };
        assert_eq!(record.dependencies().collect::<Vec<_>>(), [Path::new("/z/liba.rlib")]);
    }
}
