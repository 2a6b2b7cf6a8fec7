//! The user's Rust toolchain: where cargo and rustc are, and which version they have.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// A toolchain that works.
#[derive(Clone, Debug)]
pub(crate) struct Toolchain {
    pub(crate) cargo: PathBuf,
    pub(crate) rustc: PathBuf,
    pub(crate) sysroot: PathBuf,
    /// The output of `rustc -vV`.
    pub(crate) version: String,
    /// The triple that it compiles for, e.g. `x86_64-unknown-linux-gnu`.
    pub(crate) target: String,
}

impl Toolchain {
    /// The toolchain that holds in `directory`: rustup's choice where there is rustup, else what stands on the PATH, else what rustup
    /// keeps in its usual place (a front end that was not started from a shell often has a shorter PATH).
    pub(crate) fn find(directory: &Path) -> Result<Self, Error> {
        let (cargo, rustc) = (tool("cargo", directory)?, tool("rustc", directory)?);
        let version = output(&rustc, ["-vV"])?;
        let target = version
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .ok_or_else(|| Error::BrokenTool { tool: rustc.clone(), reason: "`rustc -vV` names no host".to_owned() })?
            .to_owned();
        let sysroot = PathBuf::from(output(&rustc, ["--print", "sysroot"])?.trim());
        Ok(Self { cargo, rustc, sysroot, version, target })
    }

    /// The sources of the standard library, from which the types of variables are inferred.
    pub(crate) fn library_sources(&self) -> Result<PathBuf, Error> {
        let sources = self.sysroot.join("lib/rustlib/src/rust/library");
        if sources.join("std/src/lib.rs").is_file() {
            Ok(sources)
        } else {
            Err(Error::NoLibrarySources { sysroot: self.sysroot.clone() })
        }
    }
}

fn tool(name: &'static str, directory: &Path) -> Result<PathBuf, Error> {
    let usual = usual_place();
    let mut places: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    places.extend(usual.clone());
    let found = |name: &str| places.iter().map(|place| place.join(name)).find(|path| path.is_file());
    if let Some(rustup) = found("rustup") {
        let answer = Command::new(rustup).args(["which", name]).current_dir(directory).output();
        if let Ok(answer) = answer
            && answer.status.success()
        {
            return Ok(PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim()));
        }
    }
    found(name).ok_or_else(|| Error::NoToolchain {
        tool: name,
        searched: usual.map_or_else(|| "~/.cargo/bin".to_owned(), |place| place.display().to_string()),
    })
}

/// Where rustup puts the tools.
fn usual_place() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    home.map(|home| home.join("bin"))
}

fn output<const N: usize>(program: &Path, arguments: [&str; N]) -> Result<String, Error> {
    run(Command::new(program).args(arguments))
}

/// The standard output of a command that succeeds.
pub(super) fn run(command: &mut Command) -> Result<String, Error> {
    let tool = Path::new(command.get_program()).to_owned();
    let broken = |reason: String| Error::BrokenTool { tool: tool.clone(), reason };
    let output = command.output().map_err(|error| broken(error.to_string()))?;
    if !output.status.success() {
        let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
        return Err(broken(format!(
            "`{}` failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
