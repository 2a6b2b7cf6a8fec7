//! Opening the ledger: for writing, and for reading where nothing can be written.

use std::path::Path;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{Ledger, failed, migrations};
use crate::Error;

/// How long a statement waits for another process's write. Writes take milliseconds; this is for machines that stand still.
const PATIENCE: Duration = Duration::from_secs(30);

impl Ledger {
    /// Opens the ledger of the lab in `root`, makes it when there is none, and migrates it.
    pub(crate) fn open(root: &Path, path: &Path) -> Result<Self, Error> {
        let mut connection = Connection::open(path).map_err(failed(path))?;
        if connection.is_readonly(rusqlite::MAIN_DB).map_err(failed(path))? {
            return Self::open_for_reading(root, path);
        }
        connection.busy_timeout(PATIENCE).map_err(failed(path))?;
        // What it is comes before any change to it.
        migrations::schema(&connection, path)?;
        tune(&connection).map_err(failed(path))?;
        migrations::migrate(&mut connection, path)?;
        let ledger = Self::new(root, path, connection, false, None);
        ledger.make_lab_id()?;
        Ok(ledger)
    }

    /// Opens the ledger of a lab that nobody may write to. In place where SQLite can; else (an old schema, or a log left by a
    /// process that died) as a copy among the system's temporary files.
    pub(crate) fn open_for_reading(root: &Path, path: &Path) -> Result<Self, Error> {
        if !path.exists() {
            let mut connection = Connection::open_in_memory().map_err(failed(path))?;
            migrations::migrate(&mut connection, path)?;
            return Ok(Self::new(root, path, connection, true, None));
        }
        match open_in_place(path) {
            Ok(connection) if migrations::schema(&connection, path)? == migrations::KNOWN => {
                Ok(Self::new(root, path, connection, true, None))
            }
            Ok(_) => Self::open_copy(root, path),
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
                Err(failed(path)(error))
            }
            Err(_) => Self::open_copy(root, path),
        }
    }

    fn open_copy(root: &Path, path: &Path) -> Result<Self, Error> {
        let directory = tempfile::tempdir().map_err(Error::io("make a directory in", &std::env::temp_dir()))?;
        let copy = directory.path().join("ledger.sqlite");
        for suffix in ["", "-wal"] {
            let (from, to) = (with_suffix(path, suffix), with_suffix(&copy, suffix));
            match std::fs::read(&from) {
                Ok(bytes) => std::fs::write(&to, bytes).map_err(Error::io("write", &to))?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("read", &from)(error)),
            }
        }
        let mut connection = Connection::open(&copy).map_err(failed(path))?;
        migrations::migrate(&mut connection, path)?;
        Ok(Self::new(root, path, connection, true, Some(directory)))
    }

    fn new(root: &Path, path: &Path, connection: Connection, read_only: bool, copy: Option<tempfile::TempDir>) -> Self {
        Self {
            path: path.to_owned(),
            root: root.to_owned(),
            connection: Mutex::new(connection),
            read_only,
            screen: OnceLock::new(),
            _copy: copy,
        }
    }
}

/// Write-ahead log: readers do not wait for the writer. `synchronous = NORMAL` syncs at checkpoints only: a commit is in the
/// system's cache when it is acknowledged, which a kill of the process cannot take back; a power cut can take the last
/// commits, but leaves the file sound. It is what lets the cell log cost some ten microseconds instead of a disk's sync.
fn tune(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// A first read tells whether SQLite can read the file where it lies.
fn open_in_place(path: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    Ok(connection)
}

fn with_suffix(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
