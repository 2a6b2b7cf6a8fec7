//! Small state of the lab: its identity, settings, and digests that were computed once.

use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::{Failure, Ledger};
use crate::Error;

const LAB: &str = "lab";

impl Ledger {
    /// A setting of the lab, if it was ever set.
    pub fn setting(&self, key: &str) -> Result<Option<String>, Error> {
        self.ask(|connection| look_up(connection, "SELECT value FROM setting WHERE key = ?1", key))
    }

    /// Sets a setting of the lab.
    pub fn set_setting(&self, key: &str, value: &str) -> Result<(), Error> {
        let upsert =
            "INSERT INTO setting (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.put(upsert, key, &self.masked(value))
    }

    /// Gives the lab its identity, unless it has one.
    pub(crate) fn make_lab_id(&self) -> Result<(), Error> {
        if self.setting(LAB)?.is_some() {
            return Ok(());
        }
        let insert = "INSERT INTO setting (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING";
        self.put(insert, LAB, &Uuid::new_v4().to_string())
    }

    /// The lab's identity; the nil UUID for a read-only directory that never was a lab for writing.
    pub(crate) fn lab_id(&self) -> Result<Uuid, Error> {
        let text = self.setting(LAB)?.unwrap_or_default();
        Ok(Uuid::parse_str(&text).unwrap_or_default())
    }

    /// The content digest that was computed for `source`, which names a version of a data set.
    pub(crate) fn content(&self, source: &str) -> Result<Option<String>, Error> {
        self.ask(|connection| look_up(connection, "SELECT digest FROM content WHERE source = ?1", &self.masked(source)))
    }

    /// Keeps a content digest; a read-only lab computes it each time.
    pub(crate) fn keep_content(&self, source: &str, digest: &str) -> Result<(), Error> {
        if self.is_read_only() {
            return Ok(());
        }
        let insert = "INSERT INTO content (source, digest) VALUES (?1, ?2) ON CONFLICT (source) DO NOTHING";
        self.put(insert, &self.masked(source), digest)
    }

    fn put(&self, statement: &str, key: &str, value: &str) -> Result<(), Error> {
        self.transact(|transaction| {
            transaction.prepare_cached(statement)?.execute([key, value])?;
            Ok(())
        })
    }
}

fn look_up(connection: &Connection, select: &str, key: &str) -> Result<Option<String>, Failure> {
    Ok(connection.prepare_cached(select)?.query_row([key], |row| row.get(0)).optional()?)
}
