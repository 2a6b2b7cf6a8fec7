//! Between the cell host, the supervisor below it, and the worker that runs cells.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Bundle;

/// What the supervisor reports to the cell host, over a socket of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Report {
    /// There is a worker, and nothing runs in it yet.
    Ready {
        supervisor: u32,
        worker: u32,
    },
    /// A cell's code is about to run: it is loaded first.
    Running,
    /// The cell's code is loaded, and runs.
    Loaded,
    Stdout(String),
    Stderr(String),
    Display(Bundle),
    /// The value of the trailing expression comes next.
    Trailing,
    Input {
        prompt: String,
        password: bool,
    },
    /// `?` met an error.
    Failed {
        message: String,
    },
    /// A panic ended the cell's code.
    Panicked {
        message: String,
        file: String,
        line: u32,
    },
    /// The cell's code has returned and all it wrote was reported. Wants an [`Answer::Seen`].
    Done,
    /// One line for the user.
    Note(String),
    /// A build's progress, on a connection of its own.
    Progress {
        task: String,
        done: u64,
        total: u64,
    },
    /// The worker has died and all it wrote was reported. Wants an [`Answer::Seen`].
    Died {
        reason: String,
    },
    /// Another worker has taken the place of the one that died, with its variables. Wants an [`Answer::Seen`].
    Replaced {
        supervisor: u32,
        worker: u32,
        /// Whether a cell was running, which ended with the old worker.
        in_cell: bool,
        /// Why the old worker died.
        reason: String,
        kept: Kept,
    },
}

/// What a worker that took over has of the variables there were before the cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kept {
    /// Every one, as it was.
    All,
    /// Some, which were written down and read again; the others are gone.
    Some { kept: Vec<String>, gone: Vec<String> },
    /// None.
    Nothing,
}

/// What the cell host answers the supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Everything up to here has been passed on.
    Seen,
    /// The answer to [`Report::Input`].
    Input(Option<String>),
}

/// What the supervisor asks of the worker, or of a snapshot of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Command {
    /// Loads a library and calls a function in it.
    Run { library: PathBuf, function: String },
    /// To a snapshot: the worker is dead; become the worker.
    TakeOver,
    /// To a snapshot: write these variables down, and end.
    Spill { variables: Vec<Spilled> },
    /// To a fresh worker: read these variables.
    Restore { variables: Vec<Spilled> },
}

/// A variable on its way from one worker to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spilled {
    pub name: String,
    /// The compiled cell that made the variable: it has the code for variables of this type.
    pub library: PathBuf,
    /// Which of the variables that the cell made.
    pub index: usize,
    /// What is written, or read.
    pub file: PathBuf,
}

/// What the worker tells the supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Happened {
    /// Code panicked; whether that ends the cell is seen later. `thread` is none for the thread that runs cells.
    Panic { message: String, file: String, line: u32, column: u32, thread: Option<String> },
    /// The library is loaded, and the function is called.
    Loaded,
    /// The function has returned, and there is a snapshot of how things are now. One message, so that whoever dies has ended the cell or has not.
    Done { snapshot: Snapshot },
    /// The library could not be loaded.
    Failed { reason: String },
    /// From a snapshot, first thing: this one is there.
    Waiting { process: u32 },
    /// A snapshot has become the worker, and has a snapshot of its own.
    TookOver { snapshot: Snapshot },
    /// From a snapshot: these variables were written down.
    Spilled { names: Vec<String> },
    /// These variables were read.
    Restored { names: Vec<String>, snapshot: Snapshot },
}

/// A copy of the worker that sleeps until the worker is dead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Snapshot {
    Taken {
        process: u32,
        /// It can become the worker. Else threads are missing from it, since a copy has one, and it can only write variables down.
        whole: bool,
    },
    /// A copy could need so much memory that there may not be enough; both in bytes.
    NoMemory { wanted: u64, available: u64 },
    /// The system does not give one.
    Refused { reason: String },
}
