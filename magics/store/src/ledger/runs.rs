//! Runs: what was measured of something defined, such as the scores of a suite, each for whom it was measured.

use rusqlite::{Row, params};
use serde_json::Value;

use super::{Failure, Ledger, now};
use crate::Error;

/// A run as the ledger holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// From 1, for each kind, name and reader on its own: nobody's count tells of others' runs.
    pub number: u32,
    /// When it was recorded; RFC 3339, UTC.
    pub at: String,
    pub body: Value,
}

impl Ledger {
    /// Records a run of `name`. Only the same `reader`, whatever that text stands for, finds it again.
    pub fn add_run(&self, kind: &str, name: &str, reader: &str, body: &Value) -> Result<RunRecord, Error> {
        let last = "SELECT coalesce(max(number), 0) FROM run WHERE kind = ?1 AND name = ?2 AND reader = ?3";
        let insert = "INSERT INTO run (kind, name, reader, number, at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (name, reader) = (self.masked(name), self.masked(reader));
        self.transact(|transaction| {
            let last: u32 =
                transaction.prepare_cached(last)?.query_row(params![kind, name, reader], |row| row.get(0))?;
            let record = RunRecord { number: last + 1, at: now(), body: body.clone() };
            let values = params![kind, name, reader, record.number, record.at, self.masked_json(body)?];
            transaction.prepare_cached(insert)?.execute(values)?;
            Ok(record)
        })
    }

    /// A run by its number, or the latest.
    pub fn run(&self, kind: &str, name: &str, reader: &str, number: Option<u32>) -> Result<Option<RunRecord>, Error> {
        let select = "SELECT number, at, body FROM run WHERE kind = ?1 AND name = ?2 AND reader = ?3 \
                      AND (?4 IS NULL OR number = ?4) ORDER BY number DESC LIMIT 1";
        let (name, reader) = (self.masked(name), self.masked(reader));
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(select)?;
            let mut rows = statement.query_map(params![kind, name, reader, number], |row| Ok(read(row)))?;
            rows.next().transpose()?.transpose()
        })
    }
}

fn read(row: &Row<'_>) -> Result<RunRecord, Failure> {
    Ok(RunRecord {
        number: row.get("number")?,
        at: row.get("at")?,
        body: serde_json::from_str(&row.get::<_, String>("body")?)?,
    })
}
