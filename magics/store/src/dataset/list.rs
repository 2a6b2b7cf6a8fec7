//! Which data sets there are.

use chrono::SecondsFormat;
use kernwerk_core::Resource;

use super::is_written;
use crate::{Error, Lab, names};

/// What there is to say of a data set without reading its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub name: String,
    /// The latest, or the pinned one.
    pub version: u64,
    pub rows: u64,
    /// Number of columns.
    pub columns: usize,
    /// Bytes of the version's data files; none where they are not written down.
    pub bytes: Option<u64>,
    /// When the version was written; RFC 3339, UTC.
    pub written_at: String,
}

impl Lab {
    /// All data sets of a kind, by name.
    pub async fn datasets(&self, resource: Resource) -> Result<Vec<Summary>, Error> {
        let mut summaries = Vec::new();
        for name in self.names(resource) {
            let stored = self.dataset(resource, &name).await?;
            summaries.push(Summary {
                version: stored.version(),
                rows: stored.rows().await?,
                columns: stored.schema().fields().len(),
                bytes: stored.bytes(),
                written_at: stored.written_at().to_rfc3339_opts(SecondsFormat::Millis, true),
                name,
            });
        }
        Ok(summaries)
    }

    /// The names of all data sets of a kind, sorted; a look at a directory, for completion.
    pub fn names(&self, resource: Resource) -> Vec<String> {
        let Ok(directory) = names::directory(resource) else {
            return Vec::new();
        };
        let entries = std::fs::read_dir(self.data_dir().join(directory)).into_iter().flatten().flatten();
        let own = entries.filter_map(|entry| {
            let name = entry.file_name().to_str()?.strip_suffix(".lance")?.to_owned();
            (names::check(&name).is_ok() && is_written(&entry.path())).then_some(name)
        });
        let mut all: Vec<String> = own.chain(self.pins().names(resource).map(str::to_owned)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    pub(crate) fn unknown(&self, resource: Resource, name: &str) -> Error {
        Error::Unknown {
            resource,
            name: name.to_owned(),
            near: kernwerk_core::near(name, self.names(resource).iter().map(String::as_str)),
        }
    }
}
