//! A corpus as it is stored: one row a chunk, and what it was made with.

mod columns;

use std::collections::HashMap;

use kernwerk_core::{Embedder, ModelId};

use crate::Readers;
use crate::{Error, Language};

pub(crate) use columns::{Texts, batches, readers, rows, vectors};

/// Columns that a search for words reads.
pub(crate) const TEXT_COLUMNS: &[&str] =
    &["doc_id", "source", "title", "section", "ordinal", "text", "lang", "readers"];
/// Columns that a search for meaning reads besides, with those that decide which rows are seen.
pub(crate) const VECTOR_COLUMNS: &[&str] = &["doc_id", "lang", "readers", "vector"];

/// A stored chunk. A document without any text has one row, without text and without a vector.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub doc_id: String,
    /// The file it was read from; see [`kernwerk_store::Lab::relative`].
    pub source: String,
    pub title: String,
    /// The headings above the chunk; empty before any.
    pub section: String,
    /// Place in its document, from 0.
    pub ordinal: u32,
    pub text: String,
    /// None where the language could not be told.
    pub lang: Option<Language>,
    pub readers: Readers,
    /// blake3 of what the model read, hexadecimal.
    pub digest: String,
    /// None where there was nothing to embed.
    pub vector: Option<Vec<f32>>,
}

impl Row {
    /// Whether two rows are the same but for their vectors.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let Self { doc_id, source, title, section, ordinal, text, lang, readers, digest, vector: _ } = self;
        (doc_id, source, title, section, ordinal)
            == (&other.doc_id, &other.source, &other.title, &other.section, &other.ordinal)
            && (text, lang, readers, digest) == (&other.text, &other.lang, &other.readers, &other.digest)
    }
}

/// What a corpus was made with: vectors of another model cannot be compared with its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MadeWith {
    pub model: ModelId,
    /// Length of a vector.
    pub dimensions: usize,
    /// Most tokens of a chunk.
    pub chunk_tokens: usize,
}

const MODEL_NAME: &str = "kernwerk.rag.model.name";
const MODEL_DIGEST: &str = "kernwerk.rag.model.digest";
const DIMENSIONS: &str = "kernwerk.rag.dimensions";
const CHUNK_TOKENS: &str = "kernwerk.rag.chunk_tokens";

impl MadeWith {
    pub(crate) fn metadata(&self) -> HashMap<String, String> {
        HashMap::from([
            (MODEL_NAME.to_owned(), self.model.name.clone()),
            (MODEL_DIGEST.to_owned(), self.model.digest.clone()),
            (DIMENSIONS.to_owned(), self.dimensions.to_string()),
            (CHUNK_TOKENS.to_owned(), self.chunk_tokens.to_string()),
        ])
    }

    pub(crate) fn read(corpus: &str, metadata: &HashMap<String, String>) -> Result<Self, Error> {
        let text = |key: &str| metadata.get(key).ok_or_else(|| damaged(corpus, format!("it does not say its {key}")));
        let number = |key: &str| text(key)?.parse().map_err(|_| damaged(corpus, format!("its {key} is no number")));
        Ok(Self {
            model: ModelId { name: text(MODEL_NAME)?.clone(), digest: text(MODEL_DIGEST)?.clone() },
            dimensions: number(DIMENSIONS)?,
            chunk_tokens: number(CHUNK_TOKENS)?,
        })
    }

    /// Fails unless vectors of `embedder` can be compared with those of the corpus.
    pub(crate) fn check(&self, corpus: &str, embedder: &dyn Embedder) -> Result<(), Error> {
        if *embedder.id() == self.model && embedder.dimensions() == self.dimensions {
            return Ok(());
        }
        Err(Error::OtherModel { corpus: corpus.to_owned(), there: self.model.clone(), given: embedder.id().clone() })
    }
}

pub(crate) fn damaged(corpus: &str, reason: impl Into<String>) -> Error {
    Error::DamagedCorpus { corpus: corpus.to_owned(), reason: reason.into() }
}
