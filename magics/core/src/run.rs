//! Running cells in a fresh process: what promotion asks for its proof and its replay.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Cancelled, Captured, CellStatus, Effect, Network, Parameter, Shown, Surroundings, Work};

/// A cell to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCell {
    /// Its place in the artifact, from 1.
    pub ordinal: u32,
    pub source: String,
    /// It failed when it was recorded and is expected to fail again: the run goes on behind it.
    #[serde(default)]
    pub may_fail: bool,
    /// Variables whose values are wanted when it has ended, as [`CellOutcome::bindings`].
    #[serde(default)]
    pub values: Vec<String>,
}

/// A table or corpus of another lab that the run reads in place of one of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    pub resource: crate::Resource,
    pub name: String,
    pub version: u64,
    /// Where the data set lies: a directory or an object store's URI.
    pub uri: String,
    /// Digest of the content at that version, as whoever asks for the run has found it: the run need not read it all again.
    pub digest: String,
}

/// A table that a cell is not to make, because an earlier run kept it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenTable {
    /// It is bound before the first cell from this ordinal on.
    pub ordinal: u32,
    pub name: String,
    /// An Arrow IPC file.
    pub path: PathBuf,
}

/// What stands between a run's cells and the network where they speak HTTP.
#[derive(Clone, PartialEq, Eq)]
pub enum Cassette {
    /// The network answers, and what is said is written down.
    Record {
        /// What is left out of it: placeholders, with the values in whose places they stand.
        secrets: BTreeMap<String, String>,
        /// Headers that say nothing of what is asked, beside those that never do.
        ignored_headers: BTreeSet<String>,
    },
    /// What was written down answers, and the network is not asked: the bytes of the tape.
    Play { tape: Vec<u8> },
}

impl std::fmt::Debug for Cassette {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if matches!(self, Self::Record { .. }) { "Record" } else { "Play" })
    }
}

/// Where a run's process finds the proxy that stands between its cells and the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyAddress {
    /// The Unix socket that takes requests.
    pub requests: PathBuf,
    /// The Unix socket that is told which cell begins.
    pub steps: PathBuf,
    /// The certificate that clients have to trust, as a file of PEM.
    pub authority: PathBuf,
    /// A file with the password that clients have to give, where they need one.
    #[serde(default)]
    pub password: Option<PathBuf>,
}

/// What went through the cassette of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchanged {
    /// The bytes of what was written down, where that was asked for.
    pub tape: Option<Vec<u8>>,
    /// How many requests it has answers to.
    pub exchanges: usize,
    /// The cells that were answered at least once, by their ordinals.
    pub steps: BTreeSet<u32>,
    pub unanswered: Vec<Unanswered>,
    /// What a secret still stands in on the tape, which therefore must not be kept: the cell that asked, by its ordinal, and in words what.
    pub leaks: Vec<(u32, String)>,
}

/// What a cell asked that got no answer of a service's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// The ordinal of the cell.
    pub cell: u32,
    /// Such as `POST http://service/ask is not on the cassette`.
    pub words: String,
    /// The headers, in lower case, for which alone it is none of the requests that were recorded.
    pub headers: Vec<String>,
}

/// A fresh process's whole task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequest {
    /// Working directory of the cells; inside the run's own lab.
    pub directory: PathBuf,
    /// The run's own lab; the process makes it when there is none.
    pub lab: PathBuf,
    pub principal: Option<String>,
    pub pins: Vec<Pin>,
    pub cells: Vec<RunCell>,
    /// Values in place of those that the cells give to their parameters, by name, as people write them.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// In the order of their ordinals.
    #[serde(default)]
    pub given: Vec<GivenTable>,
    /// Whether the cells are of Python; else they are of Rust and magics.
    #[serde(default)]
    pub python: bool,
    pub surroundings: Surroundings,
    /// The versions of crates with which cells of Rust are compiled; none leaves them to the machine.
    #[serde(default)]
    pub lock: Option<CrateLock>,
    /// What cells show is wanted in all of its forms, too, as [`CellOutcome::shown`].
    #[serde(default)]
    pub shown: bool,
    /// For the [`Runner`] alone, which gives the process the proxy's address in its place.
    #[serde(skip)]
    pub cassette: Option<Cassette>,
    #[serde(default)]
    pub proxy: Option<ProxyAddress>,
    /// The cells are wanted as a program, too, once all of them have run.
    #[serde(default)]
    pub program: Option<ProgramRequest>,
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

/// A crate that is to be made of cells of Rust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramRequest {
    /// Where its files go. Who asks adds `inputs/`: the tables that magics bound as `STEP-NAME.arrow`, with two digits of the step or more,
    /// `digests.txt` and `directory.txt`.
    pub directory: PathBuf,
    /// The name of the package.
    pub name: String,
    /// The first number of its version.
    pub version: u32,
    /// What it is, in a line.
    pub title: String,
    /// Whether the sources of its dependencies are to lie beside.
    pub vendor: bool,
}

/// What became of a [`ProgramRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProgramTold {
    Written,
    /// The cells have no such form; in words, which of them and why.
    Refused(String),
}

/// What cells of Python ran in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Such as `CPython`.
    pub implementation: String,
    /// Such as `3.11.2`.
    pub version: String,
    /// Installed packages by their names, with their versions.
    pub packages: BTreeMap<String, String>,
    /// What packages say of their licences, by their names: an SPDX expression, or the words of older metadata. Told where somebody
    /// asks for an environment, and of those that say something.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub licences: BTreeMap<String, String>,
}

/// What a run of Python tells at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonTold {
    /// Where it ran, with the packages that its cells used.
    pub environment: Environment,
    /// Each cell as plain Python: its magics are calls.
    pub code: Vec<String>,
}

/// What a run of Rust tells at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RustTold {
    /// The `Cargo.lock` with which the cells were compiled: nothing more than they need. None where no cell has code of Rust.
    pub lock: Option<String>,
}

/// What a variable holds: a table that a magic bound, or a value of Python that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundValue {
    pub name: String,
    /// blake3 of the table's content, or of the value's canonical form; hexadecimal.
    pub digest: String,
}

/// What one cell did in the fresh process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellOutcome {
    pub ordinal: u32,
    pub status: CellStatus,
    pub outputs: Vec<Captured>,
    pub bindings: Vec<BoundValue>,
    pub effects: Vec<Effect>,
    /// The parameters that it declared, with the values that they had in this run.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// Where it was wanted: what the cell showed, as a front end would keep it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<Shown>,
    pub wall_seconds: f64,
}

/// What a run gave.
#[derive(Clone, Debug, PartialEq)]
pub struct RunResult {
    /// In the order of the cells.
    pub outcomes: Vec<CellOutcome>,
    /// Of a run of Python.
    pub python: Option<PythonTold>,
    /// Of a run of Rust and magics in which all cells have run.
    pub rust: Option<RustTold>,
    pub network: Network,
    /// Where there was a cassette.
    pub exchanged: Option<Exchanged>,
    /// Where a program was wanted and all cells have run.
    pub program: Option<ProgramTold>,
}

/// The run could not be done, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("the process for the cells could not be started: {0}")]
    Start(String),
    #[error("the process for the cells ended before cell {ordinal} was done: {reason}")]
    Died { ordinal: u32, reason: String },
}

/// Runs cells in a fresh process, one after the other, to the end or to the first that fails and may not.
pub trait Runner: Send + Sync {
    /// `on_cell` hears of each outcome as its cell ends.
    fn run(
        &self,
        request: &RunRequest,
        work: &Work,
        on_cell: &mut dyn FnMut(&CellOutcome),
    ) -> Result<RunResult, RunError>;

    /// The Python that runs cells of Python, with those of `packages` that are installed there.
    fn environment(&self, packages: &[&str], work: &Work) -> Result<Environment, RunError>;
}
