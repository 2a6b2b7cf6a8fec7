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

/// What the supervisor asks of the worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Command {
    /// Loads a library and calls a function in it.
    Run { library: PathBuf, function: String },
}

/// What the worker tells the supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Happened {
    /// Code panicked; whether that ends the cell is seen later. `thread` is none for the thread that runs cells.
    Panic { message: String, file: String, line: u32, column: u32, thread: Option<String> },
    /// The library is loaded, and the function is called.
    Loaded,
    /// The function has returned.
    Done,
    /// The library could not be loaded.
    Failed { reason: String },
}
