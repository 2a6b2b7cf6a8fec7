//! What can go wrong with documents, corpora and searches, and what to do about it.

use std::path::{Path, PathBuf};

use kernwerk_core::{Cancelled, ModelError, ModelId, Problem, did_you_mean};
use kernwerk_index::UnknownLanguage;

/// An error of retrieval. Its text says what was wrong and where; [`Error::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error(transparent)]
    Store(kernwerk_store::Error),
    /// A model gave no answer for a reason of its own.
    #[error("{message}")]
    Model { message: String, hint: Option<String> },
    /// A budget did not let a model run.
    #[error("{message}")]
    Refused { message: String, hint: Option<String> },
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// Nothing was taken in.
    #[error("{} files cannot be read:\n{}", reasons.len(), reasons.join("\n"))]
    Unread { reasons: Vec<String> },
    #[error("{} is not UTF-8: byte {offset} begins no character", path.display())]
    NotUtf8 {
        path: PathBuf,
        /// From 0.
        offset: usize,
    },
    #[error("the name of {} is not UTF-8", path.display())]
    BadPath { path: PathBuf },
    #[error("{place}: {reason}")]
    BadRecord {
        /// A file and a line.
        place: String,
        reason: String,
    },
    #[error("there is nothing to read at {}", paths.join(", "))]
    NothingToRead { paths: Vec<String>, left_out: usize, hidden: usize },
    #[error("document `{id}` of {place} is in corpus `{corpus}` already, from another source")]
    SameDocument { corpus: String, id: String, place: String },
    #[error("document `{id}` stands in {place} and in {other}")]
    SameDocumentTwice { id: String, place: String, other: String },
    #[error("corpus `{corpus}` has no document `{id}` that you may read")]
    UnknownDocument {
        corpus: String,
        id: String,
        /// Ids that look alike, best first.
        near: Vec<String>,
    },
    #[error("corpus `{corpus}` has no document from {place} that you may read")]
    NothingFrom { corpus: String, place: String },
    #[error("`{given}` cannot be a threshold: it is a number from 0 to 1")]
    BadThreshold { given: f64 },
    #[error("`{given}` is no reader")]
    BadReader { given: String },
    #[error("the documents below {root} were ingested for different readers, and {file} is new")]
    UnclearReaders { root: String, file: String },
    #[error(transparent)]
    UnknownLanguage(#[from] UnknownLanguage),
    #[error("chunks of {given} tokens are not possible with {model}: from {least} to {most}")]
    BadChunkTokens { given: usize, model: String, least: usize, most: usize },
    #[error("corpus `{corpus}` was made with the model {} ({}), not with {} ({})",
        there.name, short(&there.digest), given.name, short(&given.digest))]
    OtherModel { corpus: String, there: ModelId, given: ModelId },
    #[error("corpus `{corpus}` cannot be read: {reason}")]
    DamagedCorpus { corpus: String, reason: String },
    #[error("the query is empty: it has no words")]
    EmptyQuery,
    #[error("the search was given no model, and mode `{mode}` needs one")]
    NoModel { mode: &'static str },
    #[error("no results were asked for")]
    NoResults,
    #[error("{} holds no queries", path.display())]
    NoQueries { path: PathBuf },
    #[error("{what} `{id}` cannot stand in a TREC run: it is empty or has a blank")]
    NotForTrec { what: &'static str, id: String },
}

impl Error {
    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Model { hint, .. } | Self::Refused { hint, .. } => hint.clone(),
            Self::NotUtf8 { .. } => Some("convert the file to UTF-8, or leave it out".to_owned()),
            Self::BadPath { .. } => Some("rename the file".to_owned()),
            Self::BadRecord { .. } => {
                Some("each line is an object such as {\"_id\": \"1\", \"text\": \"…\"}".to_owned())
            }
            Self::NothingToRead { left_out, hidden, .. } => Some(nothing_to_read(*left_out, *hidden)),
            Self::Unread { .. } => Some("nothing was taken in: correct the files, or take them away".to_owned()),
            Self::SameDocument { corpus, id, .. } => Some(format!(
                "give both sources to one ingest if the document has moved, or ingest into another corpus; \
                 `%rag show {corpus} {id}` tells its source to those who may read it"
            )),
            Self::SameDocumentTwice { .. } => Some("each document has an `_id` of its own in its corpus".to_owned()),
            Self::UnknownDocument { corpus, near, .. } => {
                did_you_mean(near).or_else(|| Some(format!("`%rag show {corpus}` lists them")))
            }
            Self::NothingFrom { corpus, .. } => Some(format!("`%rag show {corpus}` lists them with their sources")),
            Self::BadReader { .. } => {
                Some("readers are `everyone`, `user:NAME` and `group:NAME`, with commas between".to_owned())
            }
            Self::UnclearReaders { .. } => Some("say who may read them with `--readers`".to_owned()),
            Self::UnknownLanguage(_) => Some(UnknownLanguage::HINT.to_owned()),
            Self::OtherModel { .. } => {
                Some("use the model that the corpus was made with, or ingest into a new corpus".to_owned())
            }
            Self::DamagedCorpus { .. } => Some("ingest the documents into a new corpus".to_owned()),
            Self::EmptyQuery => Some("ask with at least one word".to_owned()),
            Self::NoResults => Some("ask for at least one with `-k`".to_owned()),
            Self::NoQueries { .. } => {
                Some("each line is an object such as {\"_id\": \"1\", \"text\": \"…\"}".to_owned())
            }
            Self::NotForTrec { .. } => Some("a run has one word each for the query and the document".to_owned()),
            Self::Cancelled(_)
            | Self::Unreadable { .. }
            | Self::BadChunkTokens { .. }
            | Self::BadThreshold { .. }
            | Self::NoModel { .. } => None,
        }
    }

    /// A stable name of the kind of error.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cancelled(_) => Problem::INTERRUPTED,
            Self::Store(error) => error.name(),
            Self::Model { .. } => "ModelFailed",
            Self::Refused { .. } => Problem::OVER_BUDGET,
            Self::Unreadable { .. } | Self::Unread { .. } => "FileFailed",
            Self::NotUtf8 { .. } | Self::BadPath { .. } => "NotUtf8",
            Self::BadRecord { .. } => "BadRecord",
            Self::NothingToRead { .. } => "NothingToRead",
            Self::SameDocument { .. } | Self::SameDocumentTwice { .. } => "SameDocument",
            Self::UnknownDocument { .. } => "UnknownDocument",
            Self::NothingFrom { .. } => "NothingFromSource",
            Self::BadThreshold { .. } => "BadThreshold",
            Self::BadReader { .. } | Self::UnclearReaders { .. } => "BadReaders",
            Self::UnknownLanguage(_) => UnknownLanguage::NAME,
            Self::BadChunkTokens { .. } => "BadChunkTokens",
            Self::OtherModel { .. } => "OtherModel",
            Self::DamagedCorpus { .. } => "DamagedCorpus",
            Self::EmptyQuery => "EmptyQuery",
            Self::NoModel { .. } => "NoModel",
            Self::NoResults => "NoResults",
            Self::NoQueries { .. } => "NoQueries",
            Self::NotForTrec { .. } => "NotForTrec",
        }
    }

    /// Wraps an I/O error with the file that was being read.
    pub(crate) fn reading(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Unreadable { path, source }
    }
}

impl From<kernwerk_store::Error> for Error {
    fn from(error: kernwerk_store::Error) -> Self {
        match error {
            kernwerk_store::Error::Cancelled(cancelled) => Self::Cancelled(cancelled),
            error => Self::Store(error),
        }
    }
}

impl From<ModelError> for Error {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Cancelled(cancelled) => Self::Cancelled(cancelled),
            ModelError::Failed { message, hint } => Self::Model { message, hint },
            ModelError::Refused { message, hint } => Self::Refused { message, hint },
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Cancelled(cancelled) => cancelled.into(),
            Error::Store(error) => error.into(),
            error => Problem::new(error.name(), error.to_string()).with_hint_if(error.hint()),
        }
    }
}

/// Enough of a digest to tell two models apart.
fn short(digest: &str) -> &str {
    digest.get(..8).unwrap_or(digest)
}

fn nothing_to_read(left_out: usize, hidden: usize) -> String {
    let mut hint =
        "directories are searched for Markdown, text, HTML and JSON lines (.md, .txt, .html, .jsonl)".to_owned();
    match left_out {
        0 => {}
        1 => hint += "; 1 file of another kind was left out",
        many => hint += &format!("; {many} files of other kinds were left out"),
    }
    if hidden > 0 {
        hint += &format!("; of hidden files and directories {hidden} were left out: name them to take them in");
    }
    hint
}
