//! The ledger: what happened in the lab, in one SQLite file that several processes use at once.

mod budgets;
mod cells;
mod definitions;
mod files;
mod intents;
mod migrations;
mod open;
mod runs;
mod screen;
mod state;
mod usage;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::Error;

pub(crate) use budgets::Admission;
pub use budgets::{Bound, Budget, BudgetScope, BudgetState, NewBudget, Period, Refusal, Unit};
pub use cells::{CellEnd, CellRecord, NewCell, OutputRecord, SessionRecord};
pub use definitions::Definition;
pub(crate) use files::RecordedFile;
pub(crate) use intents::Intent;
pub use runs::RunRecord;
pub use screen::{Screen, Screened};
pub use usage::{Call, Money, UsageRow};

/// The lab's records: cells, usage, definitions, runs, settings. Calls take well under a millisecond and may come from any thread.
pub struct Ledger {
    path: PathBuf,
    /// The lab's directory, for words.
    root: PathBuf,
    connection: Mutex<Connection>,
    read_only: bool,
    /// Keeps secrets out of all that is written; none until somebody gives one.
    screen: OnceLock<Box<dyn Screen>>,
    /// Holds the copy that a read-only lab reads when its own file cannot be read in place.
    _copy: Option<tempfile::TempDir>,
}

impl Ledger {
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// For reading.
    fn reader(&self) -> MutexGuard<'_, Connection> {
        // A panic between two statements leaves no half state: transactions roll back on drop.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For writing, or the error that the lab is read-only.
    fn writer(&self) -> Result<MutexGuard<'_, Connection>, Error> {
        if self.read_only {
            return Err(Error::ReadOnly { path: self.root.clone() });
        }
        Ok(self.reader())
    }

    /// Does `change` in one transaction. It begins as a writer, so that two processes queue instead of failing half-way.
    fn transact<T>(&self, change: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>) -> Result<T, Error> {
        let mut connection = self.writer()?;
        let result = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(Failure::from)
            .and_then(|transaction| {
                let answer = change(&transaction)?;
                transaction.commit()?;
                Ok(answer)
            });
        result.map_err(|failure| self.explain(failure))
    }

    /// Runs `query` on the connection.
    fn ask<T>(&self, query: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, Error> {
        query(&self.reader()).map_err(|failure| self.explain(failure))
    }

    fn explain(&self, failure: Failure) -> Error {
        match failure {
            Failure::Record(error) => Error::Record(error),
            Failure::Sql(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ReadOnly) => {
                Error::ReadOnly { path: self.root.clone() }
            }
            Failure::Sql(error) => failed(&self.path)(error),
        }
    }
}

/// What can go wrong in a statement: SQLite, or JSON in a column.
enum Failure {
    Sql(rusqlite::Error),
    Record(serde_json::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Record(error)
    }
}

fn failed(path: &Path) -> impl FnOnce(rusqlite::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::Ledger { path, source: Box::new(source) }
}

/// The moment, as records hold it: RFC 3339 in UTC with milliseconds, so that texts sort as times do.
fn now() -> String {
    moment(Utc::now())
}

fn moment(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A word of an enumeration of core, such as `running`, as a column holds it.
fn to_word(value: &impl serde::Serialize) -> Result<String, serde_json::Error> {
    match serde_json::to_value(value)? {
        serde_json::Value::String(word) => Ok(word),
        other => Ok(other.to_string()),
    }
}

fn from_word<T: serde::de::DeserializeOwned>(word: String) -> Result<T, serde_json::Error> {
    serde_json::from_value(serde_json::Value::String(word))
}
