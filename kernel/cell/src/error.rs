//! What can be wrong around Rust cells, beside the cells themselves.

use std::io;
use std::path::{Path, PathBuf};

use kernwerk_core::{Cancelled, Problem};

/// Why a Rust cell could not be run at all, or a part of what cells need could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("Rust cells need a Rust toolchain, and there is no `{tool}` on the PATH or in `{searched}`")]
    NoToolchain { tool: &'static str, searched: String },
    #[error("Rust cells need the sources of the standard library, and `{}` has none", sysroot.display())]
    NoLibrarySources { sysroot: PathBuf },
    #[error("`{tool}` does not work: {reason}")]
    BrokenTool { tool: PathBuf, reason: String },
    #[error("the Rust code of this cell has {size} bytes; at most {limit} can be compiled as one cell")]
    CellTooLarge { size: usize, limit: usize },
    #[error("line {line}: `{command}` is a command of evcxr that this kernel does not have")]
    UnknownCommand { command: String, line: usize },
    #[error("line {line}: `{text}` names no dependency")]
    BadDependency { text: String, line: usize },
    #[error("the program for Rust cells could not be started: {0}")]
    Start(String),
    #[error("the process that compiles Rust cells ended: {0}")]
    Gone(String),
    #[error("a Rust cell is running")]
    Busy,
    #[error("cannot {doing} `{}`: {source}", path.display())]
    File { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("the dependencies could not be built\n{0}")]
    Build(String),
    #[error("crates cannot be had in the versions that are pinned: {}", in_a_line(.0))]
    Unlocked(String),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// A problem that the cell host named itself.
    #[error("{}", .0.message)]
    Told(Problem),
}

impl Error {
    /// For `map_err` on file operations: what was being done, and to which path.
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::NoToolchain { .. } => "NoRustToolchain",
            Self::NoLibrarySources { .. } => "NoRustSources",
            Self::BrokenTool { .. } => "BrokenRustToolchain",
            Self::CellTooLarge { .. } => "CellTooLarge",
            Self::UnknownCommand { .. } => "UnknownCommand",
            Self::BadDependency { .. } => "BadDependency",
            Self::Start(_) => "CellHostNotStarted",
            Self::Gone(_) => "CellHostEnded",
            Self::Busy => "CellRunning",
            Self::File { .. } => "CellFiles",
            Self::Build(_) => "DependenciesNotBuilt",
            Self::Unlocked(_) => Problem::CRATES_NOT_LOCKED,
            Self::Cancelled(_) => Problem::INTERRUPTED,
            Self::Told(_) => "CellHost",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoToolchain { .. } => {
                "install Rust with rustup (https://rustup.rs), then `rustup component add rust-src`; magics work without it".to_owned()
            }
            Self::NoLibrarySources { .. } => {
                "run `rustup component add rust-src` (Debian's own rustc: install the package rust-src); magics work without it".to_owned()
            }
            Self::BrokenTool { .. } => "`%lab doctor` checks the toolchain; magics work without it".to_owned(),
            Self::CellTooLarge { .. } => "put data into a file and read it, or split the cell".to_owned(),
            Self::UnknownCommand { command, .. } => command_hint(command),
            Self::BadDependency { .. } => "write `:dep NAME`, `:dep NAME = \"1.2\"` or `:dep NAME = { path = \"…\" }`".to_owned(),
            Self::Gone(_) => "its variables are lost; the next Rust cell starts a new one".to_owned(),
            Self::Busy => "wait for it to end, or interrupt it".to_owned(),
            Self::Build(_) => "look at the first error above; a build that was cut off can simply be run again".to_owned(),
            Self::Unlocked(_) => "the crates have to be in cargo's cache here, or their registry within reach".to_owned(),
            Self::File { .. } => "the environment variable XDG_CACHE_HOME moves the cells' files to another place".to_owned(),
            Self::Start(_) | Self::Cancelled(_) | Self::Told(_) => return None,
        })
    }
}

/// Begins what cargo says of its progress, and of packages that nobody but evcxr knows.
const ASIDE: &[&str] = &[
    "Updating",
    "Locking",
    "Downloading",
    "Downloaded",
    "Adding",
    "Removing",
    "Caused by:",
    "note:",
    "warning:",
    "location searched",
    "required by package",
    "As a reminder",
];
/// Stand before the name of such a package.
const OF_PACKAGE: [&str; 2] = [" as a dependency of package", " of package `evcxr_"];

/// What cargo says of an error over many lines, in one.
fn in_a_line(words: &str) -> String {
    let lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
    let told = lines.filter(|line| !ASIDE.iter().any(|start| line.starts_with(start)));
    let cut = |line: &'_ str| OF_PACKAGE.iter().filter_map(|start| line.find(start)).min().unwrap_or(line.len());
    let plain: Vec<&str> = told.map(|line| &line[..cut(line)]).collect();
    plain.join("; ").trim_start_matches("error: ").to_owned()
}

/// What to write instead of one of evcxr's commands.
fn command_hint(command: &str) -> String {
    match command {
        ":quit" | ":restart" | ":clear" => "restart the kernel from the front end's menu".to_owned(),
        ":help" | ":doc" => {
            "`%feature --help` and its like explain the magics; the front end's help explains a Rust name".to_owned()
        }
        ":env" => "call `std::env::set_var` in a cell".to_owned(),
        _ => {
            "of evcxr's commands there is only `:dep`, at the top of a cell; everything else is Rust or a magic (`%…`)"
                .to_owned()
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Cancelled(cancelled) => cancelled.into(),
            Error::Told(problem) => problem,
            error => {
                let problem = Self::new(error.name(), error.to_string());
                match error.hint() {
                    Some(hint) => problem.with_hint(hint),
                    None => problem,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_words_are_told_in_a_line_and_without_what_only_evcxr_knows() {
        let words = "    Updating index\nerror: failed to get `oak` as a dependency of package `dummy v0.0.1 (/x)`\n\nCaused by:\n  it is not here\nrequired by package `dummy`\n";
        assert_eq!(in_a_line(words), "failed to get `oak`; it is not here");
    }
}
