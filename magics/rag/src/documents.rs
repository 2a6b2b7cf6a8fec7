//! What a corpus holds, document by document, as one principal sees it.

use kernwerk_core::near;
use kernwerk_core::{ModelId, Resource, Work};
use kernwerk_store::{Lab, Principal};

use crate::search::{View, view};
use crate::{Error, Language, Readers};

/// The documents of a corpus that a principal may read.
#[derive(Clone, Debug, PartialEq)]
pub struct Documents {
    pub corpus: String,
    pub version: u64,
    /// blake3 of that version's content; see [`kernwerk_store::Stored::digest`].
    pub digest: String,
    /// The model that made its vectors.
    pub model: ModelId,
    /// In the order of the corpus: by source, then as in it.
    pub documents: Vec<Document>,
}

/// A document that may be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub doc_id: String,
    pub source: String,
    pub title: String,
    /// The language that its words are searched in.
    pub language: Option<Language>,
    pub readers: Readers,
    /// None where it has no text.
    pub chunks: Vec<DocumentChunk>,
}

/// A chunk of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentChunk {
    /// Its place in the document, from 0.
    pub ordinal: u32,
    /// The headings above it.
    pub section: String,
    pub text: String,
}

/// The documents of a corpus, as far as `principal` may read them; the one called `doc_id` if there is a name.
///
/// # Errors
///
/// [`Error::UnknownDocument`], also for a document that others may read: nobody learns that it is there.
pub async fn documents(
    lab: &Lab,
    principal: &Principal,
    corpus: &str,
    doc_id: Option<&str>,
    work: &Work,
) -> Result<Documents, Error> {
    work.check()?;
    let stored = lab.dataset(Resource::Corpus, corpus).await?;
    let view = view(lab, principal, &stored, None).await?;
    let mut documents = of_view(&view);
    if let Some(wanted) = doc_id {
        let known = documents.iter().map(|document| document.doc_id.as_str());
        let unknown = unknown(corpus, wanted, known);
        documents.retain(|document| document.doc_id == wanted);
        if documents.is_empty() {
            return Err(unknown);
        }
    }
    Ok(Documents {
        corpus: corpus.to_owned(),
        version: stored.version(),
        digest: view.digest().to_owned(),
        model: view.made_with().model.clone(),
        documents,
    })
}

fn of_view(view: &View) -> Vec<Document> {
    let mut documents: Vec<Document> = Vec::new();
    for (chunk, number) in view.all_chunks().iter().zip(0..) {
        let doc_id = view.doc_id(number);
        if documents.last().is_none_or(|last| last.doc_id != doc_id) {
            documents.push(Document {
                doc_id: doc_id.to_owned(),
                source: chunk.source.clone(),
                title: chunk.title.clone(),
                language: chunk.language,
                readers: chunk.readers.clone(),
                chunks: Vec::new(),
            });
        }
        if let Some(document) = documents.last_mut().filter(|_| chunk.has_words()) {
            let (section, text) = (chunk.section.clone(), chunk.text.clone());
            document.chunks.push(DocumentChunk { ordinal: chunk.ordinal, section, text });
        }
    }
    documents
}

/// The error that no document of the corpus has this name; `known` are those that may be told.
pub(crate) fn unknown<'a>(corpus: &str, doc_id: &str, known: impl Iterator<Item = &'a str>) -> Error {
    Error::UnknownDocument { corpus: corpus.to_owned(), id: doc_id.to_owned(), near: near(doc_id, known) }
}
