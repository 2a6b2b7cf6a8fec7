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
    // 2 → 3: a usage names its notebook and its tags itself, and is there already while its call is under way, for budgets;
    // it stays there, cut off, when the call's process dies.
    "
    ALTER TABLE usage ADD COLUMN notebook TEXT;
    ALTER TABLE usage ADD COLUMN reserved_by TEXT;
    ALTER TABLE usage ADD COLUMN is_cut_off INTEGER NOT NULL DEFAULT 0;
    UPDATE usage SET notebook = (SELECT cell.notebook FROM cell WHERE cell.id = usage.cell);
    CREATE INDEX usage_by_time ON usage (at);
    CREATE INDEX usage_under_way ON usage (reserved_by) WHERE reserved_by IS NOT NULL;
    CREATE TABLE usage_tag (
        usage INTEGER NOT NULL REFERENCES usage (id),
        tag TEXT NOT NULL,
        PRIMARY KEY (usage, tag)
    );
    CREATE TABLE tag (
        notebook TEXT NOT NULL,
        tag TEXT NOT NULL,
        PRIMARY KEY (notebook, tag)
    );
    CREATE TABLE budget (
        id INTEGER PRIMARY KEY,
        unit TEXT NOT NULL,
        currency TEXT NOT NULL,
        scope TEXT NOT NULL,
        subject TEXT NOT NULL,
        period TEXT NOT NULL,
        is_hard INTEGER NOT NULL,
        most INTEGER NOT NULL,
        set_at TEXT NOT NULL,
        UNIQUE (unit, currency, scope, subject, period, is_hard)
    );
    ",
    // 3 → 4: of which files data sets consist.
    "
    CREATE TABLE dataset (
        resource TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        written_at TEXT NOT NULL,
        PRIMARY KEY (resource, name)
    );
    CREATE TABLE dataset_file (
        resource TEXT NOT NULL,
        name TEXT NOT NULL,
        path TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        digest TEXT NOT NULL,
        PRIMARY KEY (resource, name, path)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A ledger as the first schema had it, with a call in a cell and one outside of any.
    fn first_schema() -> Connection {
        let connection = Connection::open_in_memory().expect("a database");
        connection.execute_batch(STEPS[0]).expect("the first schema");
        connection.pragma_update(None, "user_version", 1).expect("a version");
        connection.pragma_update(None, "application_id", APPLICATION).expect("a mark");
        let rows = "
            INSERT INTO cell (id, notebook, process, execution_count, language, text, names, started_at, status)
            VALUES (7, 'a.ipynb', '', 1, 'rust', '', '{}', '2026-01-01T00:00:00.000Z', 'running');
            INSERT INTO usage (at, cell, verb, tokens_in, tokens_out, wall_seconds)
            VALUES ('2026-01-01T00:00:00.000Z', 7, 'rag ingest', 5, 0, 0.5),
                   ('2026-01-01T00:00:01.000Z', NULL, 'rag search', 6, 0, 0.5);";
        connection.execute_batch(rows).expect("rows");
        connection
    }

    #[test]
    fn usage_of_the_first_schema_keeps_its_numbers_and_learns_its_notebook() {
        let mut connection = first_schema();
        migrate(&mut connection, Path::new("ledger")).expect("a migration");
        let mut statement =
            connection.prepare("SELECT tokens_in, notebook, reserved_by FROM usage ORDER BY id").expect("the columns");
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, Option<String>>(2)?))
        });
        let rows: Vec<_> = rows.expect("rows").map(|row| row.expect("a row")).collect();
        assert_eq!(rows, [(5, Some("a.ipynb".to_owned()), None), (6, None, None)]);
        assert_eq!(schema(&connection, Path::new("ledger")).expect("a schema"), KNOWN);
    }
}
