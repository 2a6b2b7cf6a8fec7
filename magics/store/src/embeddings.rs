//! Vectors that were computed for an ingest that has not ended yet, so that one that is cut off need not begin anew.
//!
//! A cache: what cannot be read or written here is computed again, and nobody is told.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, params};

use crate::Lab;

/// What was computed is kept this often; quick work never comes to it.
const PAUSE: Duration = Duration::from_secs(2);

/// Vectors of texts, by the text's digest and the model's.
pub struct Embeddings {
    path: PathBuf,
    model: String,
    /// What was computed since it was kept last.
    waiting: Vec<(String, Vec<f32>)>,
    kept_at: Instant,
    is_open: bool,
}

impl Lab {
    /// The vectors of this model (by its digest) that ingests which were cut off left behind.
    pub fn embeddings(&self, model: &str) -> Embeddings {
        Embeddings {
            path: self.data_dir().join("embeddings.sqlite"),
            model: model.to_owned(),
            waiting: Vec::new(),
            kept_at: Instant::now(),
            is_open: true,
        }
    }
}

impl Embeddings {
    /// Those of the texts with these digests that are known.
    pub fn known<'a>(&self, texts: impl Iterator<Item = &'a str>) -> HashMap<String, Vec<f32>> {
        if !self.path.exists() {
            return HashMap::new();
        }
        self.with(|connection| {
            let select = "SELECT vector FROM embedding WHERE model = ?1 AND text = ?2";
            let mut statement = connection.prepare(select)?;
            let mut known = HashMap::new();
            for text in texts {
                let bytes: Option<Vec<u8>> =
                    statement.query_row([self.model.as_str(), text], |row| row.get(0)).optional()?;
                if let Some(bytes) = bytes {
                    let numbers =
                        bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
                    known.insert(text.to_owned(), numbers.collect());
                }
            }
            Ok(known)
        })
        .unwrap_or_default()
    }

    /// Keeps the vector of a text until the work has ended. What is kept survives a kill within seconds, and all of it an
    /// interrupt.
    pub fn keep(&mut self, text: &str, vector: &[f32]) {
        self.waiting.push((text.to_owned(), vector.to_vec()));
        if self.kept_at.elapsed() > PAUSE {
            self.write();
        }
    }

    /// The vectors of these texts have found their place.
    pub fn done<'a>(mut self, texts: impl Iterator<Item = &'a str>) {
        self.is_open = false;
        if !self.path.exists() {
            return;
        }
        self.with(|connection| {
            let transaction = connection.transaction()?;
            for text in texts {
                let delete = "DELETE FROM embedding WHERE model = ?1 AND text = ?2";
                transaction.prepare_cached(delete)?.execute([self.model.as_str(), text])?;
            }
            let is_empty =
                transaction.query_row("SELECT NOT EXISTS (SELECT 1 FROM embedding)", [], |row| row.get(0))?;
            transaction.commit()?;
            if is_empty {
                connection.execute_batch("VACUUM")?;
            }
            Ok(())
        });
    }

    fn write(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        self.kept_at = Instant::now();
        self.with(|connection| {
            let transaction = connection.transaction()?;
            for (text, vector) in &waiting {
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                let insert = "INSERT INTO embedding (model, text, vector) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
                transaction.prepare_cached(insert)?.execute(params![self.model, text, bytes])?;
            }
            transaction.commit()
        });
    }

    /// Does `act` on the file, which is made if there is none; none where that fails. A damaged file is thrown away.
    fn with<T>(&self, act: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Option<T> {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        let result = self.open().and_then(|mut connection| act(&mut connection));
        if let Err(error) = &result
            && matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
        {
            let _ = std::fs::remove_file(&self.path);
        }
        result.ok()
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        // A power cut may cost the cache, which costs time alone.
        connection.pragma_update(None, "synchronous", "off")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS embedding (
                model TEXT NOT NULL, text TEXT NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (model, text)
            ) WITHOUT ROWID",
        )?;
        Ok(connection)
    }
}

impl Drop for Embeddings {
    /// The work ended before its time: what it had computed is kept for the next one.
    fn drop(&mut self) {
        if self.is_open && !self.waiting.is_empty() {
            self.write();
        }
    }
}
