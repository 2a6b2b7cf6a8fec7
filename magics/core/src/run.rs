//! Running cells in a fresh process: what promotion asks for its proof and its replay.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Cancelled, Captured, CellStatus, Effect, Work};

/// A cell to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCell {
    /// Its place in the artifact, from 1.
    pub ordinal: u32,
    pub source: String,
    /// It failed when it was recorded and is expected to fail again: the run goes on behind it.
    #[serde(default)]
    pub may_fail: bool,
}

/// A table or corpus of another lab that the run reads in place of one of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    pub resource: crate::Resource,
    pub name: String,
    pub version: u64,
    /// Where the data set lies: a directory or an object store's URI.
    pub uri: String,
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
}

/// What a variable holds that a magic bound or a table that it stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundValue {
    pub name: String,
    /// blake3 of the Arrow file's content, hexadecimal.
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
    pub wall_seconds: f64,
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
    /// Outcomes come in the order of the cells; `on_cell` hears of each as it ends.
    fn run(
        &self,
        request: &RunRequest,
        work: &Work,
        on_cell: &mut dyn FnMut(&CellOutcome),
    ) -> Result<Vec<CellOutcome>, RunError>;
}
