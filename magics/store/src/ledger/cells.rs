//! The cell log: each execution of a cell, from which promotion slices.

use std::time::SystemTime;

use kernwerk_core::{BoundValue, CellId, CellStatus, Channel, Effect, Language, Names};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Failure, Ledger, from_word, moment, to_word};
use crate::Error;

/// A cell that begins to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCell {
    /// Path relative to the lab (see [`crate::Lab::relative`]), or `shell`.
    pub notebook: String,
    /// The kernel session: which memory the cell ran in.
    pub process: Uuid,
    pub execution_count: u32,
    pub language: Language,
    pub text: String,
    pub names: Names,
}

/// How a cell ended.
#[derive(Clone, Debug, PartialEq)]
pub struct CellEnd {
    pub status: CellStatus,
    pub effects: Vec<Effect>,
    /// What its magics bound or stored.
    pub bindings: Vec<BoundValue>,
    pub outputs: Vec<OutputRecord>,
    pub wall_seconds: f64,
    /// None where it was not measured.
    pub cpu_seconds: Option<f64>,
}

/// What is kept of an output: enough to compare it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRecord {
    pub channel: Channel,
    /// A file suffix, as in [`kernwerk_core::Captured`].
    pub format: String,
    /// blake3 of the bytes, hexadecimal.
    pub digest: String,
    /// How many bytes it has.
    pub bytes: u64,
    pub volatile: bool,
}

/// An execution of a cell as the log holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct CellRecord {
    pub id: CellId,
    /// RFC 3339, UTC.
    pub started_at: String,
    pub cell: NewCell,
    /// None for a cell that runs, or whose process died with it.
    pub end: Option<CellEnd>,
}

impl CellRecord {
    /// How the cell ended; [`CellStatus::Running`] when it has not.
    pub fn status(&self) -> CellStatus {
        self.end.as_ref().map_or(CellStatus::Running, |end| end.status)
    }
}

const COLUMNS: &str = "id, started_at, notebook, process, execution_count, language, text, names, status, effects, bindings, \
                       outputs, wall_seconds, cpu_seconds";

impl Ledger {
    /// Logs that a cell begins to run.
    pub fn begin_cell(&self, cell: &NewCell) -> Result<CellId, Error> {
        self.begin_cell_at(cell, SystemTime::now())
    }

    /// Logs that a cell began to run at `started`: one that runs already, or ran before there was a lab to log it in.
    pub fn begin_cell_at(&self, cell: &NewCell, started: SystemTime) -> Result<CellId, Error> {
        let insert = "INSERT INTO cell (notebook, process, execution_count, language, text, names, started_at, status) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id";
        self.transact(|transaction| {
            let values = params![
                self.masked(&cell.notebook),
                cell.process.to_string(),
                cell.execution_count,
                to_word(&cell.language)?,
                self.masked(&cell.text),
                self.masked_json(&cell.names)?,
                moment(started.into()),
                to_word(&CellStatus::Running)?,
            ];
            let id = transaction.prepare_cached(insert)?.query_row(values, |row| row.get(0))?;
            Ok(CellId(id))
        })
    }

    /// Logs how a cell ended, and its names: running it may have shown uses that its text does not.
    pub fn finish_cell(&self, id: CellId, names: &Names, end: &CellEnd) -> Result<(), Error> {
        let update = "UPDATE cell SET status = ?2, effects = ?3, bindings = ?4, outputs = ?5, wall_seconds = ?6, \
                      cpu_seconds = ?7, names = ?8 WHERE id = ?1";
        self.transact(|transaction| {
            let values = params![
                id.0,
                to_word(&end.status)?,
                self.masked_json(&end.effects)?,
                self.masked_json(&end.bindings)?,
                serde_json::to_string(&end.outputs)?,
                end.wall_seconds,
                end.cpu_seconds,
                self.masked_json(names)?,
            ];
            transaction.prepare_cached(update)?.execute(values)?;
            Ok(())
        })
    }

    /// All executions of a notebook's cells in the order in which they began, over all its kernel sessions.
    pub fn cells(&self, notebook: &str) -> Result<Vec<CellRecord>, Error> {
        let select = format!("SELECT {COLUMNS} FROM cell WHERE notebook = ?1 ORDER BY id");
        let notebook = self.masked(notebook);
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(&select)?;
            let rows = statement.query_map([&notebook], |row| Ok(read(row)))?;
            rows.map(|row| row?).collect()
        })
    }

    /// One execution.
    pub fn cell(&self, id: CellId) -> Result<Option<CellRecord>, Error> {
        let select = format!("SELECT {COLUMNS} FROM cell WHERE id = ?1");
        self.ask(|connection| {
            let found = connection.prepare_cached(&select)?.query_row([id.0], |row| Ok(read(row))).optional()?;
            found.transpose()
        })
    }

    /// The sessions that have cells in the log, the one with the latest cell first.
    pub fn sessions(&self) -> Result<Vec<SessionRecord>, Error> {
        let select =
            "SELECT notebook, process, count(*) AS cells FROM cell GROUP BY notebook, process ORDER BY max(id) DESC";
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(select)?;
            let rows = statement.query_map([], |row| {
                Ok(SessionRecord {
                    notebook: row.get("notebook")?,
                    process: Uuid::parse_str(&row.get::<_, String>("process")?).unwrap_or_default(),
                    cells: row.get("cells")?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The notebooks that have cells in the log, sorted.
    pub fn notebooks(&self) -> Result<Vec<String>, Error> {
        self.ask(|connection| {
            let mut statement = connection.prepare_cached("SELECT DISTINCT notebook FROM cell ORDER BY notebook")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

/// A process that ran cells of a notebook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    pub notebook: String,
    pub process: Uuid,
    pub cells: u32,
}

fn read(row: &Row<'_>) -> Result<CellRecord, Failure> {
    Ok(CellRecord {
        id: CellId(row.get("id")?),
        started_at: row.get("started_at")?,
        cell: NewCell {
            notebook: row.get("notebook")?,
            process: Uuid::parse_str(&row.get::<_, String>("process")?).unwrap_or_default(),
            execution_count: row.get("execution_count")?,
            language: from_word(row.get("language")?)?,
            text: row.get("text")?,
            names: serde_json::from_str(&row.get::<_, String>("names")?)?,
        },
        end: read_end(row)?,
    })
}

fn read_end(row: &Row<'_>) -> Result<Option<CellEnd>, Failure> {
    // Of the columns of the end all are set or none.
    let Some(wall_seconds) = row.get("wall_seconds")? else {
        return Ok(None);
    };
    Ok(Some(CellEnd {
        status: from_word(row.get("status")?)?,
        effects: serde_json::from_str(&row.get::<_, String>("effects")?)?,
        bindings: serde_json::from_str(&row.get::<_, String>("bindings")?)?,
        outputs: serde_json::from_str(&row.get::<_, String>("outputs")?)?,
        wall_seconds,
        cpu_seconds: row.get("cpu_seconds")?,
    }))
}
