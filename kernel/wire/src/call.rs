//! Between a running Rust cell and the kernel's engine: one connection for each call, over the kernel's own socket. The preludes have no
//! library for JSON, so the messages are flat.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Names the socket, in the environment of the processes that run cells.
pub const ENGINE_SOCKET: &str = "KERNWERK_ENGINE";
/// Names the word that must stand in each call.
pub const ENGINE_TOKEN: &str = "KERNWERK_ENGINE_TOKEN";

/// What a Rust cell asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    pub token: String,
    #[serde(flatten)]
    pub wanted: Wanted,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wanted", rename_all = "lowercase")]
pub enum Wanted {
    /// Runs a magic: its line, with or without the percent sign, and below it the lines of its body. The answer is [`Given::Magic`].
    Magic { text: String },
    /// The rows of a table or feature view at its current version. The answer is [`Given::Table`].
    Table { name: String },
    /// Gives the table in an Arrow IPC file a name that magics know, as `-> name` does. The answer is [`Given::Table`].
    Give { name: String, path: PathBuf },
    /// The names of the lab's tables. The answer is [`Given::Tables`].
    Tables,
    /// The lab's directory. The answer is [`Given::Lab`].
    Lab,
}

/// What the engine answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "lowercase")]
pub enum Given {
    Magic {
        text: String,
        html: String,
        /// `passed`, `failed` or `undecided`.
        verdict: String,
        /// It changes from run to run.
        volatile: bool,
        /// The Arrow IPC file of its rows, if it has any.
        frame: Option<PathBuf>,
    },
    /// An Arrow IPC file.
    Table {
        path: PathBuf,
    },
    Tables {
        names: Vec<String>,
    },
    Lab {
        path: PathBuf,
    },
    /// A name, what was wrong, what to do about it.
    Refused {
        name: String,
        message: String,
        hint: Option<String>,
    },
}
