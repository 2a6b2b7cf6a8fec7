//! An opened version of a data set.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use chrono::{DateTime, SecondsFormat, Utc};
use datafusion::catalog::TableProvider;
use futures::TryStreamExt;
use kernwerk_core::Resource;
use lance::Dataset;
use lance::datafusion::LanceTableProvider;
use lance::dataset::scanner::Scanner;

use crate::{ContentHasher, Error, Lab};

/// A version of a data set, opened. It stays what it is while others write new versions.
#[derive(Clone)]
pub struct Stored {
    lab: Lab,
    resource: Resource,
    name: String,
    uri: String,
    schema: SchemaRef,
    dataset: Arc<Dataset>,
}

/// A version in a data set's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionInfo {
    pub version: u64,
    /// RFC 3339, UTC.
    pub written_at: String,
    pub rows: u64,
    /// The schema's metadata at this version.
    pub metadata: BTreeMap<String, String>,
}

impl Stored {
    pub(crate) fn new(lab: &Lab, resource: Resource, name: &str, uri: &str, dataset: Arc<Dataset>) -> Self {
        Self {
            lab: lab.clone(),
            resource,
            name: name.to_owned(),
            uri: uri.to_owned(),
            schema: Arc::new(Schema::from(dataset.schema())),
            dataset,
        }
    }

    pub fn resource(&self) -> Resource {
        self.resource
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it lies, as a [`kernwerk_core::Pin`] names it.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    pub fn version(&self) -> u64 {
        self.dataset.version_id()
    }

    /// The columns, with the metadata that the rows were written with.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// How many rows it has.
    pub async fn rows(&self) -> Result<u64, Error> {
        let rows = self.dataset.count_rows(None).await.map_err(self.failed())?;
        Ok(rows as u64)
    }

    /// Bytes of its data files; none where they are not written down.
    pub(crate) fn bytes(&self) -> Option<u64> {
        let fragments = self.dataset.iter_fragments();
        let sizes = fragments.flat_map(|fragment| fragment.files.iter()).map(|file| file.file_size_bytes.get());
        sizes.map(|size| size.map(u64::from)).sum()
    }

    /// When it was written.
    pub(crate) fn written_at(&self) -> DateTime<Utc> {
        self.dataset.version().timestamp
    }

    /// For SQL; scans give the rows in ingest order.
    pub fn provider(&self) -> Arc<dyn TableProvider> {
        Arc::new(LanceTableProvider::new(self.dataset.clone(), false, false))
    }

    /// Rows in ingest order: all, or those for which the SQL condition holds; all columns, or those named, as named.
    pub async fn read(&self, columns: Option<&[&str]>, filter: Option<&str>) -> Result<Vec<RecordBatch>, Error> {
        let mut scanner = self.dataset.scan();
        if let Some(columns) = columns {
            scanner.project(columns).map_err(self.failed())?;
        }
        if let Some(filter) = filter {
            set_filter(&mut scanner, filter).map_err(|error| self.wrong_predicate(filter, &error))?;
        }
        let batches = scanner.try_into_stream().await.map_err(self.failed())?;
        batches.try_collect().await.map_err(self.failed())
    }

    /// Every version that there is of the data set, oldest first.
    pub async fn history(&self) -> Result<Vec<VersionInfo>, Error> {
        let mut history = Vec::new();
        for version in self.dataset.versions().await.map_err(self.failed())? {
            let dataset = self.dataset.checkout_version(version.version).await.map_err(self.failed())?;
            history.push(VersionInfo {
                version: version.version,
                written_at: version.timestamp.to_rfc3339_opts(SecondsFormat::Millis, true),
                rows: dataset.count_rows(None).await.map_err(self.failed())? as u64,
                metadata: dataset.schema().metadata.clone().into_iter().collect(),
            });
        }
        Ok(history)
    }

    /// The [`crate::content_digest`] of all rows in ingest order. It is computed once a version and kept in the ledger; a pin
    /// says it of its own version.
    pub async fn digest(&self) -> Result<String, Error> {
        let pin = self.lab.pins().get(self.resource, &self.name);
        if let Some(pin) = pin.filter(|pin| pin.uri == self.uri && pin.version == self.version()) {
            return Ok(pin.digest.clone());
        }
        let source = self.source();
        if let Some(digest) = self.lab.ledger().content(&source)? {
            return Ok(digest);
        }
        let mut batches = self.dataset.scan().try_into_stream().await.map_err(self.failed())?;
        let mut hasher = ContentHasher::new(&self.schema);
        while let Some(batch) = batches.try_next().await.map_err(self.failed())? {
            hasher.update(&batch);
        }
        let digest = hasher.finish();
        self.lab.ledger().keep_content(&source, &digest)?;
        Ok(digest)
    }

    /// Names this version in the ledger. The moment of the commit tells a data set from another that once lay in its place;
    /// the lab's own are named relative to it, so that a lab may be moved.
    fn source(&self) -> String {
        let root = super::path_text(self.lab.root());
        let place = self.uri.strip_prefix(&root).unwrap_or(&self.uri);
        format!("{place}@{}@{}", self.version(), self.written_at().timestamp_nanos_opt().unwrap_or_default())
    }

    fn failed(&self) -> impl FnOnce(lance::Error) -> Error + use<> {
        Error::lance(self.resource, &self.name)
    }

    fn wrong_predicate(&self, predicate: &str, error: &lance::Error) -> Error {
        wrong_predicate(self.resource, &self.name, predicate, error)
    }
}

/// Sets the condition and has it parsed and typed now, so that a wrong one is told from a data set that cannot be read.
pub(super) fn set_filter(scanner: &mut Scanner, filter: &str) -> lance::Result<()> {
    scanner.filter(filter)?.get_expr_filter().map(drop)
}

pub(super) fn wrong_predicate(resource: Resource, name: &str, predicate: &str, error: &lance::Error) -> Error {
    Error::Predicate {
        resource,
        name: name.to_owned(),
        predicate: predicate.to_owned(),
        message: crate::error::lance_words(error),
    }
}
