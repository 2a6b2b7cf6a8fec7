//! One writer a data set: an advisory lock that dies with its holder.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernwerk_core::{Cancel, Resource, Work};

use arrow::array::RecordBatch;

use crate::dataset::{self, WriteMode, Written};
use crate::{Error, Lab, files};

/// The right to write a data set. Freed on drop, and by the system when the process dies.
pub struct WriteLock {
    lab: Lab,
    resource: Resource,
    name: String,
    file: Arc<File>,
}

impl WriteLock {
    pub(crate) fn take(lab: &Lab, resource: Resource, name: &str, cancel: &Cancel) -> Result<Self, Error> {
        let path = lab.lock_path(resource, name)?;
        let file = files::open_lock_file(&path)?;
        wait_for(&file, &path, || cancel.check().map_err(Error::from))?;
        Ok(Self::held(lab, resource, name, file))
    }

    /// The lock if nobody holds it.
    pub(crate) fn try_take(lab: &Lab, resource: Resource, name: &str) -> Result<Option<Self>, Error> {
        let path = lab.lock_path(resource, name)?;
        let file = files::open_lock_file(&path)?;
        let free = files::try_lock(&file).map_err(Error::io("lock", &path))?;
        Ok(free.then(|| Self::held(lab, resource, name, file)))
    }

    fn held(lab: &Lab, resource: Resource, name: &str, file: File) -> Self {
        Self { lab: lab.clone(), resource, name: name.to_owned(), file: Arc::new(file) }
    }

    /// Keeps the lock for as long as this lives, for a commit that goes on when its caller is gone.
    pub(crate) fn share(&self) -> Arc<File> {
        self.file.clone()
    }

    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    pub fn resource(&self) -> Resource {
        self.resource
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// As [`Lab::write`], for who holds the lock across more than the write, such as to read before it.
    pub async fn write(&self, mode: WriteMode, batches: Vec<RecordBatch>, work: &Work) -> Result<Written, Error> {
        dataset::write::write(self, mode, batches, work).await
    }

    /// As [`Lab::rewrite`], for who holds the lock across more than the write.
    pub async fn rewrite(
        &self,
        delete: Option<String>,
        append: Vec<RecordBatch>,
        work: &Work,
    ) -> Result<Written, Error> {
        dataset::rewrite::rewrite(self, delete, append, work).await
    }
}

/// Waits for the lock of `file`; `check` is asked between tries and ends the wait by an error.
pub(crate) fn wait_for(file: &File, path: &Path, mut check: impl FnMut() -> Result<(), Error>) -> Result<(), Error> {
    let mut pause = Duration::from_millis(1);
    while !files::try_lock(file).map_err(Error::io("lock", path))? {
        check()?;
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    Ok(())
}

/// A check for [`wait_for`] that gives up after `limit`.
pub(crate) fn give_up_after(limit: Duration, path: &Path) -> impl FnMut() -> Result<(), Error> + use<> {
    let (begun, path) = (Instant::now(), path.to_owned());
    move || {
        if begun.elapsed() < limit {
            return Ok(());
        }
        Err(Error::Busy { path: path.clone(), seconds: limit.as_secs() })
    }
}
