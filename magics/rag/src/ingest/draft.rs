//! Files to documents in chunks, with their languages.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use kernwerk_core::{Embedder, Work};
use kernwerk_index::parallel;

use super::scope::Scope;
use super::{IngestRequest, Source};
use crate::chunk::{Chunk, chunk};
use crate::read::{self, Document, Unread};
use crate::{Error, Language};

/// A document on its way into a corpus.
pub(super) struct Draft {
    pub id: String,
    pub source: String,
    pub title: String,
    /// Where it stands, for messages.
    pub place: String,
    pub language: Option<Language>,
    /// None where the document has no text.
    pub chunks: Vec<Chunk>,
}

pub(super) struct Drafts {
    /// Source by source, in the order of the sources' documents.
    pub documents: Vec<Draft>,
    pub sources: Vec<Source>,
}

/// A file's documents, and blake3 of its bytes.
pub(super) type FileRead = (Vec<Document>, String);

/// Reads the files of an ingest. Those that cannot be read are left alone.
pub(super) fn read_files(scope: &mut Scope, work: &Work) -> Result<Vec<FileRead>, Error> {
    let read = parallel::map(&scope.files, work, |file| Ok::<_, Error>(read::read(file)))?;
    let mut files = Vec::with_capacity(read.len());
    for (source, read) in scope.files.iter().map(|file| file.source.clone()).collect::<Vec<_>>().into_iter().zip(read) {
        match read {
            Ok(file) => files.push(file),
            Err(error) => scope.leave_alone(Unread { source, error }),
        }
    }
    Ok(files)
}

/// Cuts what was read into chunks; `read` belongs to the files of the scope.
pub(super) fn drafts(
    scope: &Scope,
    read: Vec<FileRead>,
    request: &IngestRequest,
    chunk_tokens: usize,
    embedder: &dyn Embedder,
    work: &Work,
) -> Result<Drafts, Error> {
    let mut documents: Vec<(&str, Document)> = Vec::new();
    let mut sources = Vec::new();
    for (file, (of_file, digest)) in scope.files.iter().zip(read) {
        documents.extend(of_file.into_iter().map(|document| (file.source.as_str(), document)));
        sources.push(Source { name: file.source.clone(), digest });
    }
    check_ids(&documents)?;
    let (done, total) = (AtomicU64::new(0), documents.len() as u64);
    let documents = parallel::map(&documents, work, |(source, document)| {
        let chunks = chunk(document, chunk_tokens, embedder)?;
        work.progress("reading", done.fetch_add(1, Ordering::Relaxed) + 1, Some(total), "documents");
        Ok::<_, Error>(Draft {
            id: document.id.clone(),
            source: (*source).to_owned(),
            title: document.title.clone(),
            place: document.place.clone(),
            language: request
                .language
                .or_else(|| scope.language_of(&document.id))
                .or_else(|| Language::detect(&telling(document))),
            chunks,
        })
    })?;
    Ok(Drafts { documents, sources })
}

fn check_ids(documents: &[(&str, Document)]) -> Result<(), Error> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for (_, document) in documents {
        if let Some(other) = seen.insert(&document.id, &document.place) {
            let (id, place, other) = (document.id.clone(), document.place.clone(), other.to_owned());
            return Err(Error::SameDocumentTwice { id, place, other });
        }
    }
    Ok(())
}

/// What tells the document's language.
fn telling(document: &Document) -> String {
    let texts = document.sections.iter().flat_map(|section| [section.heading.as_str(), section.text.as_str()]);
    let mut telling = document.title.clone();
    for text in texts {
        if telling.len() > 4096 {
            break;
        }
        telling.push('\n');
        telling.push_str(text);
    }
    telling
}
