//! The ledger's schema, as numbered steps. The one place where old formats are carried on; steps are only ever added.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::failed;
use crate::Error;

/// Marks the file as ours (`KERN`), so that another program's database is not taken for an empty ledger.
const APPLICATION: i64 = 0x4b45_524e;

/// Step N brings schema N to schema N+1. The dialect is what SQLite and PostgreSQL share.
const STEPS: &[&str] = &[
    // 0 → 1
    "
    CREATE TABLE setting (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    );
    CREATE TABLE cell (
        id INTEGER PRIMARY KEY,
        notebook TEXT NOT NULL,
        process TEXT NOT NULL,
        execution_count INTEGER NOT NULL,
        language TEXT NOT NULL,
        text TEXT NOT NULL,
        names TEXT NOT NULL,
        started_at TEXT NOT NULL,
        status TEXT NOT NULL,
        effects TEXT,
        bindings TEXT,
        outputs TEXT,
        wall_seconds DOUBLE PRECISION,
        cpu_seconds DOUBLE PRECISION
    );
    CREATE INDEX cell_by_notebook ON cell (notebook, id);
    CREATE TABLE usage (
        id INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        cell INTEGER REFERENCES cell (id),
        verb TEXT NOT NULL,
        model_name TEXT,
        model_digest TEXT,
        tokens_in INTEGER NOT NULL,
        tokens_out INTEGER NOT NULL,
        wall_seconds DOUBLE PRECISION NOT NULL,
        cpu_seconds DOUBLE PRECISION,
        amount_micros INTEGER,
        currency TEXT
    );
    CREATE TABLE definition (
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        body TEXT NOT NULL,
        digest TEXT NOT NULL,
        defined_at TEXT NOT NULL,
        PRIMARY KEY (kind, name, version)
    );
    CREATE TABLE intent (
        id TEXT PRIMARY KEY,
        process TEXT NOT NULL,
        process_number INTEGER NOT NULL,
        operation TEXT NOT NULL,
        subject TEXT NOT NULL,
        resource TEXT,
        name TEXT,
        begun_at TEXT NOT NULL
    );
    CREATE TABLE content (
        source TEXT PRIMARY KEY,
        digest TEXT NOT NULL
    );
    ",
    // 1 → 2
    "
    CREATE TABLE run (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        reader TEXT NOT NULL,
        number INTEGER NOT NULL,
        at TEXT NOT NULL,
        body TEXT NOT NULL,
        UNIQUE (kind, name, reader, number)
    );
    ",
];

/// The schema that this program writes.
pub(super) const KNOWN: i64 = STEPS.len() as i64;

/// The schema of the file; an error when it is newer than this program or not a ledger.
pub(super) fn schema(connection: &Connection, path: &Path) -> Result<i64, Error> {
    let (found, application) = read_marks(connection).map_err(failed(path))?;
    let is_empty =
        || connection.query_row("SELECT count(*) = 0 FROM sqlite_master", [], |row| row.get(0)).map_err(failed(path));
    if application != APPLICATION && !(found == 0 && is_empty()?) {
        return Err(Error::ForeignLedger { path: path.to_owned() });
    }
    if found > KNOWN {
        return Err(Error::NewerLedger { path: path.to_owned(), found, known: KNOWN });
    }
    Ok(found)
}

/// Brings the file to the known schema: all missing steps in one exclusive transaction, so that of several processes one
/// migrates, the others wait, and a kill leaves the old schema.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    if schema(connection, path)? == KNOWN {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive).map_err(failed(path))?;
    // Somebody may have migrated while this process waited.
    let found = schema(&transaction, path)?;
    let missing = STEPS.iter().skip(usize::try_from(found).unwrap_or_default());
    let migrated = missing
        .map(|step| transaction.execute_batch(step))
        .chain([
            transaction.pragma_update(None, "user_version", KNOWN),
            transaction.pragma_update(None, "application_id", APPLICATION),
        ])
        .collect::<Result<(), _>>()
        .and_then(|()| transaction.commit());
    migrated.map_err(failed(path))
}

fn read_marks(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let mark = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((mark("user_version")?, mark("application_id")?))
}
