//! Lance data sets: opened versions, and the way to write new ones.

mod intact;
mod list;
pub(crate) mod rewrite;
mod rows;
mod stored;
pub(crate) mod sweep;
pub(crate) mod write;

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use kernwerk_core::{Resource, Work};
use lance::Dataset;
use lance::dataset::builder::DatasetBuilder;

use crate::{Error, Lab, WriteLock};

pub use intact::{Damage, Intact};
pub use list::Summary;
pub use stored::{Stored, VersionInfo};

/// What a write does to what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// The data set must not exist.
    Create,
    /// The rows replace all that were there; the columns may change. Makes the data set where there is none.
    Replace,
    /// As [`WriteMode::Replace`], provided that the data set is at this version; else [`Error::Conflict`].
    ReplaceVersion(u64),
    /// The rows come after those that are there and have the same columns. Makes the data set where there is none.
    Append,
}

/// A new version of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub version: u64,
    /// Rows that the data set has at this version.
    pub rows: u64,
    /// Rows that this write added.
    pub appended: u64,
    /// Rows that this write deleted; for a replacement all that were there.
    pub deleted: u64,
}

impl Lab {
    /// A data set at its latest version, or at the pinned one.
    pub async fn dataset(&self, resource: Resource, name: &str) -> Result<Stored, Error> {
        let pin = self.pins().get(resource, name);
        let version = pin.map(|pin| pin.version);
        self.open_dataset(resource, name, version).await
    }

    /// A data set at a version (of the pinned data set, where there is a pin).
    pub async fn dataset_at(&self, resource: Resource, name: &str, version: u64) -> Result<Stored, Error> {
        self.open_dataset(resource, name, Some(version)).await
    }

    /// Stores rows as one new version of a data set, whole or not at all; takes the write lock itself. The metadata of the
    /// batches' schema becomes that of the data set; appended rows add to it and may change it. A cancel leaves the data set
    /// as it was.
    pub async fn write(
        &self,
        resource: Resource,
        name: &str,
        mode: WriteMode,
        batches: Vec<RecordBatch>,
        work: &Work,
    ) -> Result<Written, Error> {
        self.wait_for_lock(resource, name, work).await?.write(mode, batches, work).await
    }

    /// Deletes the rows for which the SQL condition holds (if there is one) and appends others, as one new version: no reader
    /// sees the one without the other. Makes the data set where there is none. The data set's metadata stays as it is.
    pub async fn rewrite(
        &self,
        resource: Resource,
        name: &str,
        delete: Option<String>,
        append: Vec<RecordBatch>,
        work: &Work,
    ) -> Result<Written, Error> {
        self.wait_for_lock(resource, name, work).await?.rewrite(delete, append, work).await
    }

    async fn wait_for_lock(&self, resource: Resource, name: &str, work: &Work) -> Result<WriteLock, Error> {
        let (lab, owned_name, cancel) = (self.clone(), name.to_owned(), work.cancel.clone());
        let waiting = tokio::task::spawn_blocking(move || lab.lock(resource, &owned_name, &cancel));
        joined(resource, name, waiting.await)?
    }

    async fn open_dataset(&self, resource: Resource, name: &str, version: Option<u64>) -> Result<Stored, Error> {
        let own = self.dataset_path(resource, name)?;
        let uri = match self.pins().get(resource, name) {
            Some(pin) => pin.uri.clone(),
            None if is_written(&own) => path_text(&own),
            None => return Err(self.unknown(resource, name)),
        };
        let dataset = self.load(resource, name, &uri, version).await?;
        Ok(Stored::new(self, resource, name, &uri, dataset))
    }

    /// The lab's own data set at its latest version, whatever is pinned.
    pub(crate) async fn own_dataset(&self, resource: Resource, name: &str) -> Result<Option<Arc<Dataset>>, Error> {
        let path = self.dataset_path(resource, name)?;
        if !is_written(&path) {
            return Ok(None);
        }
        self.load(resource, name, &path_text(&path), None).await.map(Some)
    }

    async fn load(
        &self,
        resource: Resource,
        name: &str,
        uri: &str,
        version: Option<u64>,
    ) -> Result<Arc<Dataset>, Error> {
        let builder = DatasetBuilder::from_uri(uri).with_session(self.session());
        let Some(version) = version else {
            return match builder.load().await {
                Ok(dataset) => Ok(Arc::new(dataset)),
                Err(error) => Err(Error::lance(resource, name)(error)),
            };
        };
        match builder.with_version(version).load().await {
            Ok(dataset) => Ok(Arc::new(dataset)),
            Err(error) => {
                // The latest tells whether it is the version that is missing or more.
                let latest = DatasetBuilder::from_uri(uri).with_session(self.session()).load().await;
                let latest = latest.map_err(Error::lance(resource, name))?.version_id();
                if version > latest
                    || matches!(error, lance::Error::DatasetNotFound { .. } | lance::Error::NotFound { .. })
                {
                    let name = name.to_owned();
                    return Err(Error::UnknownVersion { resource, name, version, latest });
                }
                Err(Error::lance(resource, name)(error))
            }
        }
    }
}

/// Whether a version was ever committed there. A directory without one is what a first write left that was cut off.
pub(crate) fn is_written(path: &Path) -> bool {
    let entries = std::fs::read_dir(path.join("_versions")).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().ends_with(".manifest"))
}

/// Lance takes locations as text.
pub(crate) fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The result of a spawned task; a panic in it becomes an error of the data set.
pub(crate) fn joined<T>(resource: Resource, name: &str, result: Result<T, tokio::task::JoinError>) -> Result<T, Error> {
    result.map_err(|error| Error::lance(resource, name)(lance::Error::internal(error.to_string())))
}
