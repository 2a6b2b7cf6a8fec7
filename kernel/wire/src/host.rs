//! Between the kernel and the cell host.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Bundle, Kept};

/// What the kernel asks of the cell host. One `Execute` at a time; the others may come in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// The first message.
    Start(CellStart),
    Execute(CellText),
    /// Asks about the code. Any number may wait for their answers, also while a cell runs.
    Ask {
        /// The answer, [`Event::Answered`], has the same.
        id: u64,
        question: Question,
    },
    /// Stops the cell that runs; nothing happens when none does.
    Interrupt,
    /// The user's answer to [`Event::Input`]; none when there is nobody to ask.
    Input(Option<String>),
}

/// A question about the code of the cells that have run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Question {
    /// Completes code at a byte offset.
    Complete { code: String, cursor: usize },
    /// Describes what stands at a byte offset.
    Inspect { code: String, cursor: usize },
    /// Which variables there are, and of which types.
    Variables,
    /// Which versions of crates the cells were compiled with.
    Lock,
}

/// How cells are to be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellStart {
    /// Working directory of the cells.
    pub directory: PathBuf,
    /// Where compiled dependencies are kept for all notebooks.
    pub cache: PathBuf,
    /// Of cells that are to find the same around them wherever they run; none where they are a notebook's.
    #[serde(default)]
    pub confinement: Option<Confinement>,
    /// The versions of crates that cells are compiled with; none leaves them to the machine.
    #[serde(default)]
    pub lock: Option<CrateLock>,
}

/// Versions of crates, and how binding they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrateLock {
    /// A `Cargo.lock`, as cargo writes it.
    pub text: String,
    /// Nothing else may be compiled. Otherwise these go before others, and what is not among them is chosen freely.
    pub is_exact: bool,
    /// A directory in which all of them lie as `NAME-VERSION.crate`, so that none has to be fetched.
    #[serde(default)]
    pub packed: Option<PathBuf>,
}

/// What cells find around them in place of the user's environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// All variables of the environment, but for our own, whose names begin with `KERNWERK_`.
    pub environment: BTreeMap<String, String>,
    /// An empty directory that the environment may name; made where it is not there.
    pub home: PathBuf,
    /// Whether cells may use the network.
    pub network: bool,
    /// The proxy through which they reach it, or what stands in its place.
    #[serde(default)]
    pub proxy: Option<Proxy>,
}

/// A proxy on a Unix socket, which clients of HTTP reach over a port of their own machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxy {
    pub socket: PathBuf,
    /// The certificate that clients have to trust, as a file of PEM.
    pub authority: PathBuf,
    /// A file with the password that clients have to give, where they need one.
    #[serde(default)]
    pub password: Option<PathBuf>,
}

/// A Rust cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellText {
    pub code: String,
    /// Lines of the notebook's cell above `code`.
    pub line: usize,
    /// Frames to bind before the code runs, if it does not fail.
    pub bindings: Vec<Binding>,
}

/// What to bind to a variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    pub name: String,
    pub to: BoundTo,
}

/// What a variable is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BoundTo {
    /// The frame in an Arrow IPC file, which must stay as it is for as long as the variable may live.
    Frame(PathBuf),
    /// A Rust expression, and its type.
    Value { kind: String, expression: String },
}

/// What the cell host tells the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    Stdout(String),
    Stderr(String),
    Display(Bundle),
    /// One line for the user.
    Note(String),
    /// Since the last cell the process that runs cells has gone down, as `reason` says, and another has taken its place.
    Replaced {
        reason: String,
        kept: Kept,
    },
    Progress {
        task: String,
        done: u64,
        total: u64,
    },
    /// The cell waits for a line from the user; the kernel answers with [`Request::Input`].
    Input {
        prompt: String,
        password: bool,
    },
    /// The processes that run cells now, for accounting.
    Processes(Vec<u32>),
    /// Where the cell's time went; stands before `Ended`.
    Timing(Phases),
    /// The variables that the text of a cell names which ended well, as they are now; stands before `Ended`.
    Variables(Vec<Variable>),
    /// The answer to `Execute`.
    Ended(Ended),
    /// The answer to `Ask`; none when nothing can be said now.
    Answered {
        id: u64,
        response: Option<Response>,
    },
    /// The answer to any request that could not be dealt with at all: a name, what was wrong, what to do about it.
    Refused {
        name: String,
        message: String,
        hint: Option<String>,
        /// The cell host cannot run anything and ends: the next one may find things mended.
        leaves: bool,
    },
}

/// Where the time of a cell went, in microseconds. What a cell did not come to, or what was not measured, is none; what it did more than once
/// (evcxr sometimes compiles a cell again) is added up. What is missing to `total` is the way between the processes and, for a notebook's first
/// cell, the start of evcxr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// Reading the cell, and inferring the types of its variables, until something is to be compiled.
    pub analyse: Option<u64>,
    /// What cargo does: its own work where dependencies are new, and what stands in for it elsewhere.
    pub cargo: Option<u64>,
    /// rustc with the linker, for the cell itself.
    pub rustc: Option<u64>,
    /// The compiled cell's way into the process that runs cells.
    pub load: Option<u64>,
    /// The cell's own code.
    pub run: Option<u64>,
    /// From the request to its answer, within the cell host.
    pub total: Option<u64>,
}

/// How a cell ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    Ok {
        result: Option<Bundle>,
    },
    CompileError {
        message: String,
        line: Option<usize>,
    },
    Panic {
        message: String,
        line: Option<usize>,
    },
    /// `?` met an error.
    Failed {
        message: String,
    },
    /// The process that runs cells is gone; another has taken its place.
    Crashed {
        reason: String,
        kept: Kept,
    },
    Interrupted {
        kept: Kept,
    },
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Response {
    Completed(Completed),
    /// Plain text and HTML, if there is something to say.
    Inspected(Option<(String, String)>),
    Variables(Vec<Variable>),
    /// The text of a `Cargo.lock`; none before the first cell was compiled.
    Lock(Option<String>),
}

/// What may stand in place of the text from `start` to `end` (byte offsets).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completed {
    pub start: usize,
    pub end: usize,
    pub matches: Vec<Candidate>,
}

/// One way to complete a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Candidate {
    pub text: String,
    /// What it is, in the words of Jupyter's front ends: `function`, `class`, `module`, `instance`, `keyword`.
    pub kind: String,
    /// The text with what belongs to it, such as a function's parentheses.
    pub label: String,
}

/// A variable of the cells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Variable {
    pub name: String,
    /// As Rust source.
    pub type_name: String,
}
