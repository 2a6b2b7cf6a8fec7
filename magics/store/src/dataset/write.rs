//! Replacing and appending: the files first, then one commit.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow::datatypes::Schema;
use kernwerk_core::Work;
use lance::Dataset;
use lance::dataset::transaction::{Operation as Change, Transaction};
use lance::dataset::{CommitBuilder, InsertBuilder, WriteDestination, WriteMode as LanceMode, WriteParams};

use super::rows::Rows;
use super::{WriteMode, Written, intact, joined, path_text, sweep};
use crate::operation::Operation;
use crate::{Error, WriteLock};

/// Stores rows under a lock that is held; see [`crate::Lab::write`].
pub(crate) async fn write(
    lock: &WriteLock,
    mode: WriteMode,
    batches: Vec<RecordBatch>,
    work: &Work,
) -> Result<Written, Error> {
    work.check()?;
    let (resource, name) = (lock.resource(), lock.name());
    let there = lock.lab().own_dataset(resource, name).await?;
    check_mode(lock, mode, there.as_deref())?;
    let Some(mut rows) = Rows::new(resource, name, batches)? else {
        return match (mode, there) {
            (WriteMode::Append, Some(there)) => unchanged(lock, &there).await,
            _ => Err(Error::NoColumns { resource, name: name.to_owned() }),
        };
    };
    let appends_to = there.as_ref().filter(|_| mode == WriteMode::Append);
    if let Some(there) = appends_to {
        fit(lock, there, &mut rows)?;
    }
    let deleted = match (&there, appends_to) {
        (Some(there), None) => count(lock, there).await?,
        _ => 0,
    };
    let (appended, metadata) = (rows.count(), rows.schema.metadata().clone());
    let intent = begin(lock)?;
    let insert = insert(lock, there.clone(), mode, rows, work).await?;
    let transaction = match appends_to {
        Some(there) => with_metadata(there, insert, metadata),
        None => insert,
    };
    let version = commit(lock, there, transaction, intent, work).await?;
    written(lock, &version, appended, deleted).await
}

/// The intent that recovery finds when the process dies before the commit.
pub(super) fn begin(lock: &WriteLock) -> Result<Operation, Error> {
    let (resource, name) = (lock.resource(), lock.name());
    Operation::begin(lock.lab(), "write", name, Some((resource, name)))
}

fn check_mode(lock: &WriteLock, mode: WriteMode, there: Option<&Dataset>) -> Result<(), Error> {
    let (resource, name) = (lock.resource(), lock.name().to_owned());
    match (mode, there) {
        (WriteMode::Create, Some(_)) => Err(Error::Exists { resource, name }),
        (WriteMode::ReplaceVersion(expected), there) => match there.map_or(0, Dataset::version_id) {
            found if found == expected => Ok(()),
            found => Err(Error::Conflict { resource, name, expected, found }),
        },
        (WriteMode::Append, _) if lock.lab().pins().get(resource, &name).is_some() => {
            Err(Error::Pinned { resource, name })
        }
        _ => Ok(()),
    }
}

/// Gives the rows the columns that are there, or says why they do not fit.
pub(super) fn fit(lock: &WriteLock, there: &Dataset, rows: &mut Rows) -> Result<(), Error> {
    rows.fit(&Schema::from(there.schema())).map_err(|difference| Error::SchemaDiffers {
        resource: lock.resource(),
        name: lock.name().to_owned(),
        difference,
    })
}

/// Writes the rows' files, which nobody sees until the transaction is committed. On failure, a cancel included, the files
/// are removed again.
pub(super) async fn insert(
    lock: &WriteLock,
    there: Option<Arc<Dataset>>,
    mode: WriteMode,
    rows: Rows,
    work: &Work,
) -> Result<Transaction, Error> {
    let params = WriteParams {
        mode: match (&there, mode) {
            (None, _) => LanceMode::Create,
            (Some(_), WriteMode::Append) => LanceMode::Append,
            (Some(_), _) => LanceMode::Overwrite,
        },
        session: Some(lock.lab().session()),
        ..WriteParams::default()
    };
    let schema = rows.schema.clone();
    let reader = RecordBatchIterator::new(rows.pieces(lock.name(), work), schema);
    let uri = path_text(&lock.lab().dataset_path(lock.resource(), lock.name())?);
    let destination = match there {
        Some(there) => WriteDestination::Dataset(there),
        None => WriteDestination::Uri(&uri),
    };
    let written = InsertBuilder::new(destination)
        .with_params(&params)
        .execute_uncommitted_stream(Box::new(reader) as Box<dyn RecordBatchReader + Send>)
        .await;
    match written {
        Ok(transaction) => Ok(transaction),
        Err(error) => {
            sweep::sweep_locked(lock).await?;
            work.check()?;
            Err(Error::lance(lock.resource(), lock.name())(error))
        }
    }
}

/// An append whose metadata is new or differs changes the data set's metadata in the same commit: the full list of fragments
/// with the new schema, in place of an append, which carries no schema.
fn with_metadata(there: &Dataset, insert: Transaction, metadata: HashMap<String, String>) -> Transaction {
    let mut schema = there.schema().clone();
    schema.metadata.extend(metadata);
    let Change::Append { fragments } = insert.operation else {
        return insert;
    };
    if schema.metadata == there.schema().metadata {
        return Transaction::new(insert.read_version, Change::Append { fragments }, None);
    }
    let change = Change::Merge {
        fragments: there.fragments().iter().cloned().chain(fragments).collect(),
        schema,
        preserves_nullability: true,
    };
    Transaction::new(there.version_id(), change, None)
}

/// Makes the transaction the data set's next version. It runs as a task of its own, with the lock and the intent: a caller
/// that goes away in the middle does not stop it half-way.
pub(super) async fn commit(
    lock: &WriteLock,
    there: Option<Arc<Dataset>>,
    transaction: Transaction,
    intent: Operation,
    work: &Work,
) -> Result<Dataset, Error> {
    if let Err(cancelled) = work.check() {
        sweep::sweep_locked(lock).await?;
        return Err(cancelled.into());
    }
    let (resource, name) = (lock.resource(), lock.name());
    let uri = path_text(&lock.lab().dataset_path(resource, name)?);
    let (session, held) = (lock.lab().session(), lock.share());
    let (lab, of, is_new) = (lock.lab().clone(), name.to_owned(), there.is_none());
    let committing = tokio::spawn(async move {
        let destination = match there {
            Some(there) => WriteDestination::Dataset(there),
            None => WriteDestination::Uri(&uri),
        };
        let committed = CommitBuilder::new(destination).with_session(session).execute(transaction).await;
        let recorded = tokio::task::spawn_blocking(move || {
            if let Ok(dataset) = &committed {
                // The version is there whether or not it can be recorded; `%lab doctor` tells of files without a record.
                let _ = intact::record(&lab, resource, &of, dataset, is_new);
            }
            committed
        });
        let committed = recorded.await;
        drop((intent, held));
        committed
    });
    let committed = joined(resource, name, joined(resource, name, committing.await)?)?;
    let dataset = committed.map_err(Error::lance(resource, name))?;
    lock.lab().pins().mark_written(resource, name);
    Ok(dataset)
}

/// Nothing was asked for.
pub(super) async fn unchanged(lock: &WriteLock, there: &Dataset) -> Result<Written, Error> {
    written(lock, there, 0, 0).await
}

pub(super) async fn written(
    lock: &WriteLock,
    version: &Dataset,
    appended: u64,
    deleted: u64,
) -> Result<Written, Error> {
    Ok(Written { version: version.version_id(), rows: count(lock, version).await?, appended, deleted })
}

pub(super) async fn count(lock: &WriteLock, dataset: &Dataset) -> Result<u64, Error> {
    let rows = dataset.count_rows(None).await.map_err(Error::lance(lock.resource(), lock.name()))?;
    Ok(rows as u64)
}
