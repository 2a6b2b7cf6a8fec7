//! Deleting and appending in one step.
//!
//! Lance has no such call, but its transactions have such a change: an `Update` names the fragments that got a deletion
//! vector, those that vanish and those that are new, and becomes visible by one manifest. So the deletion and the insertion
//! are both prepared without a commit, on the same version, and their fragments committed as one update. (A merge-insert does
//! the same inside, but matches rows by key instead of by a condition; an overwrite would drop the data set's indices and
//! cannot carry fragments with deletion vectors.)

use std::sync::Arc;

use arrow::array::RecordBatch;
use kernwerk_core::Work;
use lance::Dataset;
use lance::dataset::DeleteBuilder;
use lance::dataset::transaction::{Operation as Change, Transaction, UpdateMode};
use lance::dataset::write::delete::UncommittedDelete;

use super::rows::Rows;
use super::stored::{set_filter, wrong_predicate};
use super::write::{begin, commit, fit, insert, unchanged, written};
use super::{WriteMode, Written, sweep};
use crate::{Error, WriteLock};

/// Deletes and appends under a lock that is held; see [`crate::Lab::rewrite`].
pub(crate) async fn rewrite(
    lock: &WriteLock,
    delete: Option<String>,
    append: Vec<RecordBatch>,
    work: &Work,
) -> Result<Written, Error> {
    work.check()?;
    let (resource, name) = (lock.resource(), lock.name());
    if lock.lab().pins().get(resource, name).is_some() {
        return Err(Error::Pinned { resource, name: name.to_owned() });
    }
    let Some(there) = lock.lab().own_dataset(resource, name).await? else {
        if append.is_empty() {
            return Err(lock.lab().unknown(resource, name));
        }
        return super::write::write(lock, WriteMode::Create, append, work).await;
    };
    let mut rows = Rows::new(resource, name, append)?.filter(|rows| rows.count() > 0);
    if let Some(rows) = &mut rows {
        fit(lock, &there, rows)?;
    }
    let appended = rows.as_ref().map_or(0, Rows::count);
    let intent = begin(lock)?;
    let deletion = match &delete {
        Some(predicate) => Some(stage_deletion(lock, &there, predicate).await?),
        None => None,
    };
    let deleted = deletion.as_ref().map_or(0, |deletion| deletion.num_deleted_rows);
    if appended == 0 && deleted == 0 {
        return unchanged(lock, &there).await;
    }
    let insertion = match rows {
        Some(rows) => Some(insert(lock, Some(there.clone()), WriteMode::Append, rows, work).await?),
        None => None,
    };
    let transaction = Transaction::new(there.version_id(), join(deletion, insertion), None);
    let version = commit(lock, Some(there), transaction, intent, work).await?;
    written(lock, &version, appended, deleted).await
}

/// Writes the deletion vectors, which nobody sees until they are committed.
async fn stage_deletion(lock: &WriteLock, there: &Arc<Dataset>, predicate: &str) -> Result<UncommittedDelete, Error> {
    let (resource, name) = (lock.resource(), lock.name());
    set_filter(&mut there.scan(), predicate).map_err(|error| wrong_predicate(resource, name, predicate, &error))?;
    match DeleteBuilder::new(there.clone(), predicate).execute_uncommitted().await {
        Ok(deletion) => Ok(deletion),
        Err(error) => {
            sweep::sweep_locked(lock).await?;
            Err(Error::lance(resource, name)(error))
        }
    }
}

/// Both changes as one.
fn join(deletion: Option<UncommittedDelete>, insertion: Option<Transaction>) -> Change {
    let (updated_fragments, removed_fragment_ids) = match deletion.map(|deletion| deletion.transaction.operation) {
        Some(Change::Delete { updated_fragments, deleted_fragment_ids, .. }) => {
            (updated_fragments, deleted_fragment_ids)
        }
        _ => Default::default(),
    };
    let new_fragments = match insertion.map(|insertion| insertion.operation) {
        Some(Change::Append { fragments }) => fragments,
        _ => Vec::new(),
    };
    Change::Update {
        removed_fragment_ids,
        updated_fragments,
        new_fragments,
        fields_modified: Vec::new(),
        compacted_sstables: Vec::new(),
        fields_for_preserving_frag_bitmap: Vec::new(),
        update_mode: Some(UpdateMode::RewriteRows),
        inserted_rows_filter: None,
        updated_fragment_offsets: None,
    }
}
