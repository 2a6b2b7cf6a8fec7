//! One execution of a cell as the slicer sees it: the ledger's record, with its times as numbers.

use chrono::DateTime;
use kernwerk_core::{BoundValue, CellId, CellStatus, Effect, Language, Names};
use kernwerk_store::{CellRecord, Lab, OutputRecord};
use uuid::Uuid;

use crate::Error;

/// One execution of a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    pub id: CellId,
    /// What the front end shows in `In [n]`.
    pub execution_count: u32,
    pub language: Language,
    pub text: String,
    pub names: Names,
    pub status: CellStatus,
    pub effects: Vec<Effect>,
    pub bindings: Vec<BoundValue>,
    pub outputs: Vec<OutputRecord>,
    /// When it began, in nanoseconds since 1970 (UTC).
    pub began: u64,
    /// When it ended, likewise; none while it runs, or where it was lost with its process.
    pub ended: Option<u64>,
}

impl Execution {
    /// How long it took; 0 where that is not known.
    pub fn seconds(&self) -> f64 {
        self.ended.map_or(0.0, |ended| ended.saturating_sub(self.began) as f64 / 1e9)
    }

    /// Names that its magics bound by `-> name`.
    pub(crate) fn bound(&self) -> impl Iterator<Item = &str> {
        self.bindings.iter().map(|binding| binding.name.as_str())
    }
}

impl From<CellRecord> for Execution {
    fn from(record: CellRecord) -> Self {
        let status = record.status();
        let began = nanoseconds(&record.started_at);
        let ended = record.end.as_ref().map(|end| began.saturating_add((end.wall_seconds.max(0.0) * 1e9) as u64));
        let (effects, bindings, outputs) =
            record.end.map_or_else(Default::default, |end| (end.effects, end.bindings, end.outputs));
        Self {
            id: record.id,
            execution_count: record.cell.execution_count,
            language: record.cell.language,
            text: record.cell.text,
            names: record.cell.names,
            status,
            effects,
            bindings,
            outputs,
            began,
            ended,
        }
    }
}

fn nanoseconds(moment: &str) -> u64 {
    let parsed = DateTime::parse_from_rfc3339(moment).ok();
    parsed.and_then(|moment| moment.timestamp_nanos_opt()).and_then(|moment| moment.try_into().ok()).unwrap_or(0)
}

/// How people call the cell with this execution count: `In[7]`.
pub(crate) fn label(execution_count: u32) -> String {
    format!("In[{execution_count}]")
}

/// The executions of one kernel session of a notebook, in the order in which they began.
pub(crate) fn read_log(lab: &Lab, notebook: &str, process: Option<Uuid>) -> Result<Vec<Execution>, Error> {
    let mut records = lab.ledger().cells(notebook)?;
    if let Some(process) = process.or_else(|| records.last().map(|last| last.cell.process)) {
        records.retain(|record| record.cell.process == process);
    }
    if records.is_empty() {
        let mut recorded = lab.ledger().notebooks()?;
        recorded.retain(|name| name != "shell" && name != notebook);
        return Err(Error::NothingRecorded { notebook: notebook.to_owned(), recorded });
    }
    Ok(records.into_iter().map(Execution::from).collect())
}
