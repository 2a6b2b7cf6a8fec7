//! Taking documents out of a corpus.

use std::collections::BTreeSet;
use std::path::PathBuf;

use kernwerk_core::{Resource, Work};
use kernwerk_store::{Lab, Principal, WriteMode};

use crate::Error;
use crate::corpus::{self, Row};
use crate::documents::unknown;
use crate::ingest::{is_below, there};

/// Which documents to delete.
#[derive(Clone, Debug, Default)]
pub struct DeleteRequest {
    pub corpus: String,
    /// By their ids.
    pub documents: Vec<String>,
    /// Files, and directories with all that is below them, whether they still exist or not.
    pub sources: Vec<PathBuf>,
}

/// What was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    pub corpus: String,
    /// The version that the corpus is at.
    pub version: u64,
    /// Their ids, in the order of the corpus.
    pub documents: Vec<String>,
    /// How many chunks they had.
    pub chunks: usize,
}

/// Deletes documents as one new version. Only what `principal` may read is deleted; all else is for them as if it were not
/// there, and stays. On failure and on cancel the corpus stays as it was.
///
/// # Errors
///
/// [`Error::UnknownDocument`] and [`Error::NothingFrom`]; then nothing was deleted at all.
pub async fn delete(lab: &Lab, principal: &Principal, request: &DeleteRequest, work: &Work) -> Result<Deleted, Error> {
    let corpus = request.corpus.as_str();
    let lock = lab.lock(Resource::Corpus, corpus, &work.cancel)?;
    let operation = lab.begin("delete", corpus)?;
    let there = there(lab, corpus).await?;
    let goes = going(lab, principal, request, &there.rows)?;
    let (gone, rows): (Vec<Row>, Vec<Row>) = there.rows.into_iter().partition(|row| goes.contains(&row.doc_id));
    let batches = corpus::batches(corpus, &there.made_with, &rows)?;
    let version = lock.write(WriteMode::Replace, batches, work).await?.version;
    operation.done()?;
    let mut documents: Vec<String> = gone.iter().map(|row| row.doc_id.clone()).collect();
    documents.dedup();
    let chunks = gone.iter().filter(|row| row.vector.is_some()).count();
    Ok(Deleted { corpus: corpus.to_owned(), version, documents, chunks })
}

/// The ids of the documents that go.
fn going(lab: &Lab, principal: &Principal, request: &DeleteRequest, rows: &[Row]) -> Result<BTreeSet<String>, Error> {
    let readable: Vec<&Row> = rows.iter().filter(|row| row.readers.include(principal)).collect();
    let known: BTreeSet<&str> = readable.iter().map(|row| row.doc_id.as_str()).collect();
    let mut goes = BTreeSet::new();
    for id in &request.documents {
        if !known.contains(id.as_str()) {
            return Err(unknown(&request.corpus, id, known.iter().copied()));
        }
        goes.insert(id.clone());
    }
    for path in &request.sources {
        let root = lab.relative(path);
        let mut below = readable.iter().filter(|row| is_below(&root, &row.source)).peekable();
        if below.peek().is_none() {
            return Err(Error::NothingFrom { corpus: request.corpus.clone(), place: root });
        }
        goes.extend(below.map(|row| row.doc_id.clone()));
    }
    Ok(goes)
}
