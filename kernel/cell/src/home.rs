//! A cell host's own directory, and what the processes that it starts must know: all of them are this same program, and read it from here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use kernwerk_wire::{Confinement, CrateLock};
use serde::{Deserialize, Serialize};

use crate::build::Linker;
use crate::error::Error;

/// Names the directory of the cell host to whom it concerns.
const VARIABLE: &str = "KERNWERK_CELL_HOME";
/// Says which part a process below the cell host plays, where its name does not.
pub(crate) const ROLE: &str = "KERNWERK_CELL_ROLE";
/// Where a running cell finds the user's answer to its question.
const ANSWER: &str = "KERNWERK_ANSWER";
/// Variables that the cell host sets or removes for evcxr and rust-analyzer; cells and cargo see the user's own values.
const OURS: &[&str] = &[
    "PATH",
    "CARGO",
    "CARGO_HOME",
    "CARGO_NET_OFFLINE",
    "CARGO_TARGET_DIR",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "RUST_BACKTRACE",
    "RUST_SRC_PATH",
    "RUSTUP_AUTO_INSTALL",
];
/// Variables that would change how cells are compiled, so that notebooks could not share what is compiled.
const MEDDLING: &[&str] = &[
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
];

/// The directory of one cell host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Home {
    pub(crate) root: PathBuf,
    /// This program.
    pub(crate) program: PathBuf,
    /// Working directory of the cells.
    pub(crate) directory: PathBuf,
    /// What is shared by all notebooks with the same toolchain; see [`crate::build::Cache`].
    pub(crate) cache: PathBuf,
    /// The preludes' sources.
    pub(crate) sources: PathBuf,
    pub(crate) cargo: PathBuf,
    pub(crate) rustc: PathBuf,
    /// The compiled `support.rs`.
    pub(crate) support: PathBuf,
    /// How cells are linked.
    pub(crate) linker: Linker,
    /// The user's own values of the variables that we change.
    pub(crate) environment: BTreeMap<String, Option<String>>,
    /// What cells are to find around them in place of the user's environment; none where they are a notebook's.
    pub(crate) confinement: Option<Confinement>,
    /// The versions of crates that cells are compiled with; none leaves them to the machine.
    pub(crate) lock: Option<CrateLock>,
    /// A configuration that has cargo take packed crates, where they lie beside.
    pub(crate) vendored: Option<PathBuf>,
}

impl Home {
    /// The home of the cell host above this process, if there is one.
    pub(crate) fn of_this_process() -> Option<Self> {
        let root = PathBuf::from(std::env::var_os(VARIABLE)?);
        serde_json::from_slice(&std::fs::read(root.join("home.json")).ok()?).ok()
    }

    /// Writes the home down for the processes to come.
    pub(crate) fn save(&self) -> Result<(), Error> {
        let path = self.root.join("home.json");
        let body = serde_json::to_vec(self).map_err(|error| Error::Start(error.to_string()))?;
        std::fs::write(&path, body).map_err(Error::file("write", &path))
    }

    /// evcxr's crate, whose source is the cell.
    pub(crate) fn package(&self) -> PathBuf {
        self.root.join("cell")
    }

    /// Stands in for a cargo home, so that rust-analyzer finds our stand-in for cargo.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("tools")
    }

    /// Where evcxr looks for the user's configuration, and finds none.
    pub(crate) fn configuration(&self) -> PathBuf {
        self.root.join("configuration")
    }

    /// Where supervisor and builds report to.
    pub(crate) fn socket(&self) -> PathBuf {
        self.root.join("socket")
    }

    /// Where builds are asked for.
    pub(crate) fn builds(&self) -> PathBuf {
        self.root.join("builds")
    }

    /// Where the supervisor waits for snapshots of the worker.
    pub(crate) fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    /// Variables on their way from one worker to another.
    pub(crate) fn spilled(&self) -> PathBuf {
        self.root.join("spilled")
    }

    /// Exists from an interrupt to the end of the cell: nothing is to be begun.
    pub(crate) fn stop_mark(&self) -> PathBuf {
        self.root.join("stop")
    }

    /// Holds the process group of a build that runs.
    pub(crate) fn build_mark(&self) -> PathBuf {
        self.root.join("build")
    }

    /// The `Cargo.lock` with which the last cell was compiled.
    pub(crate) fn compiled_lock(&self) -> PathBuf {
        self.root.join("compiled.lock")
    }

    /// Leaves for the cell that is being compiled that crates cannot be had in the versions which they have to have; in words, which.
    pub(crate) fn leave_unlocked(&self, words: &str) {
        // Without it the cell counts as one that does not compile.
        let _ = std::fs::write(self.unlocked(), words);
    }

    /// Takes what was left so, if anything was.
    pub(crate) fn take_unlocked(&self) -> Option<String> {
        let words = std::fs::read_to_string(self.unlocked()).ok()?;
        let _ = std::fs::remove_file(self.unlocked());
        Some(words)
    }

    fn unlocked(&self) -> PathBuf {
        self.root.join("unlocked")
    }

    /// The user's answer to a cell's question appears here.
    pub(crate) fn answer(&self) -> PathBuf {
        self.root.join("answer")
    }

    /// Gives this process the environment in which evcxr and rust-analyzer find our tools and nothing of the user's settings.
    /// To be called while there is one thread.
    pub(crate) fn enter(&self) {
        let meddling = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let meddling: Vec<String> =
            meddling.filter(|name| name.starts_with("EVCXR_") || MEDDLING.contains(&name.as_str())).collect();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let tools = self.tools().join("bin");
        let paths = std::iter::once(tools).chain(std::env::split_paths(&path));
        // SAFETY: the caller says that there is one thread.
        unsafe {
            for name in meddling {
                std::env::remove_var(name);
            }
            if let Ok(path) = std::env::join_paths(paths) {
                std::env::set_var("PATH", path);
            }
            std::env::set_var(VARIABLE, &self.root);
            std::env::set_var("CARGO_HOME", self.tools());
            std::env::set_var("CARGO_NET_OFFLINE", "true");
            std::env::set_var("RUSTC", &self.rustc);
            std::env::set_var("RUST_SRC_PATH", crate::build::library_place(&self.cache));
            std::env::set_var("RUSTUP_AUTO_INSTALL", "0");
            std::env::set_var("EVCXR_TMPDIR", self.package());
            std::env::set_var("EVCXR_CONFIG_DIR", self.configuration());
        }
    }

    /// A command that sees the user's environment, but for what would change how cells are compiled.
    pub(crate) fn command(&self, program: &std::path::Path) -> Command {
        let mut command = Command::new(program);
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        for name in private_names() {
            command.env_remove(name);
        }
        // Build scripts and macros of strangers' crates have nothing to ask the engine.
        command.env_remove(kernwerk_wire::ENGINE_SOCKET).env_remove(kernwerk_wire::ENGINE_TOKEN);
        clean(&mut command);
        command
    }
}

/// Removes what would change how cells are compiled.
pub(crate) fn clean(command: &mut Command) {
    for name in MEDDLING {
        command.env_remove(name);
    }
    // Wrappers may also stand in cargo's configuration; an empty one switches them off.
    command.env("RUSTC_WRAPPER", "");
}

/// The user's values of the variables that [`Home::enter`] changes.
pub(crate) fn environment() -> BTreeMap<String, Option<String>> {
    let value = |name: &&str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    OURS.iter().map(|name| ((*name).to_owned(), value(name))).collect()
}

/// Gives this process the user's environment, for cells. To be called while there is one thread.
pub(crate) fn restore_environment(home: &Home) {
    let private = private_names();
    // SAFETY: the caller says that there is one thread.
    unsafe {
        for name in private {
            std::env::remove_var(name);
        }
        for (name, value) in &home.environment {
            match value {
                Some(value) => std::env::set_var(name, value),
                None => std::env::remove_var(name),
            }
        }
        std::env::set_var(ANSWER, home.answer());
    }
}

/// Variables that only we and evcxr use.
fn private_names() -> Vec<String> {
    std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("EVCXR_") || name.starts_with("KERNWERK_CELL_"))
        .collect()
}
