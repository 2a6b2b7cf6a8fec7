//! Whether data sets are still what was written: their files are recorded with digests at each commit, and compared when
//! somebody asks. Lance reads what lies there, whoever put it there.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use kernwerk_core::{Resource, Work};
use lance::Dataset;

use super::is_written;
use crate::ledger::RecordedFile;
use crate::{Error, Lab};

/// What a data set on the disk is, compared with the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intact {
    pub resource: Resource,
    pub name: String,
    /// The version that was written last, and when (RFC 3339, UTC); none for a data set that no record names.
    pub recorded: Option<(u64, String)>,
    /// Files whose bytes were compared.
    pub compared: usize,
    /// What is not as it was written.
    pub damages: Vec<Damage>,
}

/// What is wrong with a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Nothing of it is there.
    Lost,
    /// The latest version is an older one than was written.
    Older { found: u64 },
    /// A file of some version is gone.
    Missing { path: String },
    /// A file has other bytes than were written.
    Changed { path: String },
}

impl Lab {
    /// Compares all data sets of the lab that were written or are there with what was recorded of them.
    pub async fn intact(&self, work: &Work) -> Result<Vec<Intact>, Error> {
        let mut all: Vec<Intact> = self
            .ledger()
            .recorded_datasets()?
            .into_iter()
            .map(|recorded| Intact {
                resource: recorded.resource,
                name: recorded.name,
                recorded: Some((recorded.version, recorded.written_at)),
                compared: 0,
                damages: Vec::new(),
            })
            .collect();
        for resource in [Resource::Table, Resource::Corpus] {
            for name in self.names(resource) {
                if !all.iter().any(|known| known.resource == resource && known.name == name) {
                    all.push(Intact { resource, name, recorded: None, compared: 0, damages: Vec::new() });
                }
            }
        }
        for dataset in all.iter_mut().filter(|dataset| dataset.recorded.is_some()) {
            self.compare(dataset, work).await?;
        }
        Ok(all)
    }

    async fn compare(&self, dataset: &mut Intact, work: &Work) -> Result<(), Error> {
        let directory = self.dataset_path(dataset.resource, &dataset.name)?;
        if !is_written(&directory) {
            dataset.damages.push(Damage::Lost);
            return Ok(());
        }
        let recorded = dataset.recorded.as_ref().map_or(0, |(version, _)| *version);
        // One that cannot be opened is for its readers to tell.
        if let Ok(Some(there)) = self.own_dataset(dataset.resource, &dataset.name).await
            && there.version_id() < recorded
        {
            dataset.damages.push(Damage::Older { found: there.version_id() });
        }
        let files = self.ledger().recorded_files(dataset.resource, &dataset.name)?;
        for (done, file) in files.iter().enumerate() {
            work.check()?;
            work.progress("comparing files", done as u64, Some(files.len() as u64), "files");
            dataset.damages.extend(damage(&directory, file, work)?);
        }
        dataset.compared = files.len();
        Ok(())
    }
}

fn damage(directory: &Path, recorded: &RecordedFile, work: &Work) -> Result<Option<Damage>, Error> {
    let (path, file) = (recorded.path.clone(), directory.join(&recorded.path));
    match std::fs::metadata(&file) {
        Ok(metadata) if metadata.len() != recorded.bytes => Ok(Some(Damage::Changed { path })),
        Ok(_) => Ok((digest(&file, work)?.digest != recorded.digest).then_some(Damage::Changed { path })),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Some(Damage::Missing { path })),
        Err(error) => Err(Error::io("read", &file)(error)),
    }
}

/// Records a version that was just committed, and the digests of the files that came with it. The caller holds the data
/// set's lock; `is_new` says that there was none before.
pub(super) fn record(lab: &Lab, resource: Resource, name: &str, dataset: &Dataset, is_new: bool) -> Result<(), Error> {
    let directory = lab.dataset_path(resource, name)?;
    let known = if is_new { Default::default() } else { lab.ledger().recorded_paths(resource, name)? };
    let mut files = Vec::new();
    for path in paths(dataset).into_iter().filter(|path| !known.contains(path)) {
        files.push(RecordedFile { path: path.clone(), ..digest(&directory.join(&path), &Work::silent())? });
    }
    lab.ledger().record_dataset((resource, name), dataset.version_id(), &files, is_new)
}

/// The files that make this version, relative to the data set's directory.
fn paths(dataset: &Dataset) -> Vec<String> {
    let mut paths: Vec<String> =
        dataset.manifest_location().path.filename().map(|name| format!("_versions/{name}")).into_iter().collect();
    for fragment in dataset.fragments().iter() {
        // Files with a base lie in another data set.
        let own = fragment.files.iter().filter(|file| file.base_id.is_none());
        paths.extend(own.map(|file| format!("data/{}", file.path)));
        let deletions = fragment.deletion_file.iter().filter(|file| file.base_id.is_none());
        paths.extend(deletions.map(|file| {
            format!("_deletions/{}-{}-{}.{}", fragment.id, file.read_version, file.id, file.file_type.suffix())
        }));
    }
    paths
}

/// A file's length and digest; its path is left to the caller.
fn digest(file: &Path, work: &Work) -> Result<RecordedFile, Error> {
    let failed = || Error::io("read", file);
    let mut open = File::open(file).map_err(failed())?;
    let (mut hasher, mut piece, mut bytes) = (blake3::Hasher::new(), vec![0; 1 << 20], 0);
    loop {
        work.check()?;
        match open.read(&mut piece).map_err(failed())? {
            0 => break,
            read => {
                hasher.update(&piece[..read]);
                bytes += read as u64;
            }
        }
    }
    Ok(RecordedFile { path: String::new(), bytes, digest: hasher.finalize().to_hex().to_string() })
}
