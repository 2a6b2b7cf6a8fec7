//! Removing the files of writes that were never committed.

use std::collections::HashSet;

use kernwerk_core::Resource;
use lance::dataset::cleanup::CleanupPolicy;

use super::is_written;
use crate::{Error, Lab, WriteLock};

/// How a data set is after a sweep.
pub(crate) enum Swept {
    /// Somebody is writing it: what lies there may be theirs.
    Busy,
    /// No version was ever committed; what the first write left is removed.
    Absent,
    /// Whole, at this version; so many bytes of unfinished files were removed.
    At { version: u64, bytes: u64 },
}

/// Sweeps a data set if nobody writes it. It blocks, and may be called from within a runtime or without one.
pub(crate) fn sweep(lab: &Lab, resource: Resource, name: &str) -> Result<Swept, Error> {
    let Some(lock) = WriteLock::try_take(lab, resource, name)? else {
        return Ok(Swept::Busy);
    };
    // A runtime cannot be started on a thread that belongs to another one.
    let sweeping = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let path = lock.lab().data_dir().to_owned();
        runtime.map_err(Error::io("start threads for", &path))?.block_on(sweep_locked(&lock))
    });
    sweeping.join().unwrap_or_else(|_| Err(Error::lance(resource, name)(lance::Error::internal("the sweep panicked"))))
}

/// Sweeps a data set under a lock that is held: whatever no version refers to is nobody's.
pub(crate) async fn sweep_locked(lock: &WriteLock) -> Result<Swept, Error> {
    let (resource, name) = (lock.resource(), lock.name());
    let path = lock.lab().dataset_path(resource, name)?;
    if !is_written(&path) {
        if path.exists() {
            std::fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
        }
        return Ok(Swept::Absent);
    }
    let Some(dataset) = lock.lab().own_dataset(resource, name).await? else {
        return Ok(Swept::Absent);
    };
    let policy = CleanupPolicy {
        // None of the versions goes: only what belongs to no version.
        versions: Some(HashSet::new()),
        delete_unverified: true,
        error_if_tagged_old_versions: false,
        ..CleanupPolicy::default()
    };
    let removed = dataset.cleanup(policy).execute().await.map_err(Error::lance(resource, name))?;
    Ok(Swept::At { version: dataset.version_id(), bytes: removed.bytes_removed })
}
