//! Operations under way, kept so that a death in the middle is noticed.

use kernwerk_core::Resource;
use rusqlite::{Row, params};
use serde_json::json;
use uuid::Uuid;

use super::{Failure, Ledger, from_word, now, to_word};
use crate::Error;

/// An operation under way, or cut off.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) id: Uuid,
    /// Which process, as the lab knows it.
    pub(crate) process: Uuid,
    /// Which process, as people know it.
    pub(crate) process_number: u32,
    pub(crate) operation: String,
    pub(crate) subject: String,
    /// The data set that is being written.
    pub(crate) dataset: Option<(Resource, String)>,
    /// RFC 3339, UTC; set by [`Ledger::begin_intent`].
    pub(crate) begun_at: String,
}

impl Ledger {
    /// Notes that an operation begins. What it is about is looked up by its name later, so that one with a secret in it is refused.
    pub(crate) fn begin_intent(&self, intent: &Intent) -> Result<(), Error> {
        let name = intent.dataset.as_ref().map(|(_, name)| name);
        self.refuse_secrets(&format!("the name `{}`", intent.subject), &json!([intent.subject, name]))?;
        let insert = "INSERT INTO intent (id, process, process_number, operation, subject, resource, name, begun_at) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.transact(|transaction| {
            let resource = intent.dataset.as_ref().map(|(resource, _)| to_word(resource)).transpose()?;
            let values = params![
                intent.id.to_string(),
                intent.process.to_string(),
                intent.process_number,
                intent.operation,
                intent.subject,
                resource,
                intent.dataset.as_ref().map(|(_, name)| name),
                now(),
            ];
            transaction.prepare_cached(insert)?.execute(values)?;
            Ok(())
        })
    }

    pub(crate) fn end_intent(&self, id: Uuid) -> Result<(), Error> {
        self.transact(|transaction| {
            transaction.prepare_cached("DELETE FROM intent WHERE id = ?1")?.execute([id.to_string()])?;
            Ok(())
        })
    }

    /// All operations under way or cut off, oldest first.
    pub(crate) fn intents(&self) -> Result<Vec<Intent>, Error> {
        self.ask(|connection| {
            let mut statement = connection.prepare_cached("SELECT * FROM intent ORDER BY begun_at, id")?;
            let rows = statement.query_map([], |row| Ok(read(row)))?;
            rows.map(|row| row?).collect()
        })
    }
}

fn read(row: &Row<'_>) -> Result<Intent, Failure> {
    let resource: Option<String> = row.get("resource")?;
    let name: Option<String> = row.get("name")?;
    Ok(Intent {
        id: uuid(row, "id")?,
        process: uuid(row, "process")?,
        process_number: row.get("process_number")?,
        operation: row.get("operation")?,
        subject: row.get("subject")?,
        dataset: resource.map(from_word).transpose()?.zip(name),
        begun_at: row.get("begun_at")?,
    })
}

fn uuid(row: &Row<'_>, column: &str) -> rusqlite::Result<Uuid> {
    Ok(Uuid::parse_str(&row.get::<_, String>(column)?).unwrap_or_default())
}
