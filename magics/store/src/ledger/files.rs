//! Of which files the data sets consist, with the digests that they had when they were written.

use std::collections::BTreeSet;

use kernwerk_core::Resource;
use rusqlite::params;

use super::{Ledger, from_word, now, to_word};
use crate::Error;

/// A data set as the ledger last saw it written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordedDataset {
    pub resource: Resource,
    pub name: String,
    pub version: u64,
    /// RFC 3339, UTC.
    pub written_at: String,
}

/// A file of a data set. Files are never changed once they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordedFile {
    /// Relative to the data set's directory.
    pub path: String,
    pub bytes: u64,
    /// blake3, hexadecimal.
    pub digest: String,
}

impl Ledger {
    /// Records a version that was committed, with the files that it brought. Of a data set that `is_new` nothing older counts.
    pub(crate) fn record_dataset(
        &self,
        (resource, name): (Resource, &str),
        version: u64,
        files: &[RecordedFile],
        is_new: bool,
    ) -> Result<(), Error> {
        let put = "INSERT INTO dataset (resource, name, version, written_at) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (resource, name) DO UPDATE SET version = excluded.version, written_at = excluded.written_at";
        let add = "INSERT INTO dataset_file (resource, name, path, bytes, digest) VALUES (?1, ?2, ?3, ?4, ?5) \
                   ON CONFLICT (resource, name, path) DO NOTHING";
        self.transact(|transaction| {
            let resource = to_word(&resource)?;
            if is_new {
                let forget = "DELETE FROM dataset_file WHERE resource = ?1 AND name = ?2";
                transaction.prepare_cached(forget)?.execute([resource.as_str(), name])?;
            }
            transaction.prepare_cached(put)?.execute(params![resource, name, version as i64, now()])?;
            for file in files {
                let values = params![resource, name, file.path, file.bytes as i64, file.digest];
                transaction.prepare_cached(add)?.execute(values)?;
            }
            Ok(())
        })
    }

    /// All data sets that were written, by kind and name.
    pub(crate) fn recorded_datasets(&self) -> Result<Vec<RecordedDataset>, Error> {
        self.ask(|connection| {
            let select = "SELECT resource, name, version, written_at FROM dataset ORDER BY resource, name";
            let mut statement = connection.prepare_cached(select)?;
            let rows = statement.query_map([], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, i64>(2)?,
                    row.get::<_, String>(3)?,
                ))
            })?;
            let mut datasets = Vec::new();
            for row in rows {
                let (resource, name, version, written_at) = row?;
                let version = u64::try_from(version).unwrap_or_default();
                datasets.push(RecordedDataset { resource: from_word(resource)?, name, version, written_at });
            }
            Ok(datasets)
        })
    }

    /// The files of a data set, of all its versions, by path.
    pub(crate) fn recorded_files(&self, resource: Resource, name: &str) -> Result<Vec<RecordedFile>, Error> {
        self.ask(|connection| {
            let select = "SELECT path, bytes, digest FROM dataset_file WHERE resource = ?1 AND name = ?2 ORDER BY path";
            let mut statement = connection.prepare_cached(select)?;
            let rows = statement.query_map([to_word(&resource)?.as_str(), name], |row| {
                let bytes = u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default();
                Ok(RecordedFile { path: row.get(0)?, bytes, digest: row.get(2)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The paths of these files.
    pub(crate) fn recorded_paths(&self, resource: Resource, name: &str) -> Result<BTreeSet<String>, Error> {
        Ok(self.recorded_files(resource, name)?.into_iter().map(|file| file.path).collect())
    }
}
