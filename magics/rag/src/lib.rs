//! Retrieval: documents become a corpus of chunks with vectors, and a corpus answers queries by words, by meaning, or by both.
//!
//! Invariants of this room:
//! - Only rows that the principal may read are scored, counted or shown; what others may read changes no number.
//! - A corpus's content follows from its documents alone, not from the steps in which they were taken in.
//! - The same search on the same version gives the same ranks and scores, on any number of threads.
//! - Models are known as traits only; words are compared here, meaning by what the model says.

mod ask;
mod chunk;
mod corpus;
mod delete;
mod documents;
mod error;
mod ingest;
mod list;
mod read;
mod readers;
mod search;

pub use ask::{Answers, AskRequest, ask};
pub use delete::{DeleteRequest, Deleted, delete};
pub use documents::{Document, DocumentChunk, Documents, documents};
pub use error::Error;
pub use ingest::{IngestRequest, Ingested, Source, ingest, refresh};
pub use kernwerk_index::{Language, UnknownLanguage};
pub use list::{CorpusSummary, list};
pub use readers::Readers;
pub use search::{Answer, Hit, Mode, Query, Ranking, Run, SearchRequest, rank_many, read_queries, search, search_many};
