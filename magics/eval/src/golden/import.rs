//! `golden import`: files become the next version of a golden set.

use std::path::PathBuf;

use kernwerk_core::{Basis, Resource, Work};
use kernwerk_store::{Lab, WriteMode, content_digest};

use super::{Golden, Item, beir, columns, lines};
use crate::Error;
use crate::files::TextFile;

/// What to import, and as what.
#[derive(Clone, Debug)]
pub struct ImportSpec {
    /// The golden set's name, a table's.
    pub name: String,
    /// A directory in the layout of BEIR, or a file of JSON lines.
    pub path: PathBuf,
    /// How errors call it: as the user wrote it.
    pub label: String,
    /// Which of the files in `qrels/`.
    pub split: Option<String>,
}

/// What was imported.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    pub golden: Golden,
    /// False when the golden set holds the same already: there is no new version then.
    pub changed: bool,
    /// The files that were read.
    pub files: Vec<Basis>,
    /// What was decided while reading, in words.
    pub notes: Vec<String>,
}

/// Imports files as the next version of a golden set. The same content makes no new version: a cell may run again.
pub async fn import(lab: &Lab, spec: &ImportSpec, work: &Work) -> Result<Imported, Error> {
    let (items, files, notes) = read(spec, work)?;
    let batch = columns::batch(&items, &lab.relative(&spec.path))
        .map_err(|error| Error::Damaged { what: spec.label.clone(), reason: error.to_string() })?;
    let digest = content_digest(&batch.schema(), std::slice::from_ref(&batch));
    let (writer, name, cancel) = (lab.clone(), spec.name.clone(), work.cancel.clone());
    let waiting = tokio::task::spawn_blocking(move || writer.lock(Resource::Table, &name, &cancel)).await;
    let lock = waiting.map_err(|error| Error::Damaged {
        what: format!("golden set `{}`", spec.name),
        reason: format!("waiting for its lock failed: {error}"),
    })??;
    let mut version = unchanged(lab, &spec.name, &digest).await?;
    let changed = version.is_none();
    if changed {
        version = Some(lock.write(WriteMode::Replace, vec![batch], work).await?.version);
    }
    let version = version.unwrap_or_default();
    let golden = Golden { name: spec.name.clone(), version, digest, items };
    let basis = |file: &TextFile| Basis {
        resource: Resource::File,
        name: lab.relative(&file.path),
        version: None,
        digest: file.digest.clone(),
    };
    Ok(Imported { golden, changed, files: files.iter().map(basis).collect(), notes })
}

type Read = (Vec<Item>, Vec<TextFile>, Vec<String>);

fn read(spec: &ImportSpec, work: &Work) -> Result<Read, Error> {
    let (items, files, notes) = if spec.path.is_dir() {
        let beir = beir::read(&spec.path, &spec.label, spec.split.as_deref(), work)?;
        (beir.items, beir.files, beir.notes)
    } else {
        let file = TextFile::read(&spec.path, &spec.label)?;
        if spec.split.is_some() {
            return Err(file.wrong("is one file, which has no splits", "leave `--split` away"));
        }
        (lines::read(&file)?, vec![file], Vec::new())
    };
    if items.is_empty() {
        return Err(files[0].wrong(
            "has no questions with judged documents or answers",
            "give a directory with queries.jsonl and qrels.tsv, or JSON lines with `question` and `answers` or `relevant`",
        ));
    }
    Ok((items, files, notes))
}

/// The version of the golden set that is there, if it has this content. A table of another kind is not overwritten.
async fn unchanged(lab: &Lab, name: &str, digest: &str) -> Result<Option<u64>, Error> {
    match lab.dataset(Resource::Table, name).await {
        Ok(stored) if columns::source(&stored.schema()).is_none() => Err(Error::NameTaken { name: name.to_owned() }),
        Ok(stored) => Ok((stored.digest().await? == digest).then(|| stored.version())),
        Err(kernwerk_store::Error::Unknown { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
