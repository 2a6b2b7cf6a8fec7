//! What a search scores with, in memory: texts become terms, terms an inverted index, vectors a matrix, and scores ranks.
//!
//! It stands apart from corpora (`magics/rag`) because it computes: it is compiled optimised, which what knows of storage is
//! not.
//!
//! Invariants of this room:
//! - The same texts and the same query give the same scores, on any number of threads.
//! - Only what was handed over counts; nothing here knows of readers, files or versions.

mod analysis;
mod language;
pub mod parallel;
mod rank;
mod text;
mod vector;
mod words;

pub use analysis::Analyzer;
pub use language::{Language, UnknownLanguage};
pub use rank::{Scores, best_of_documents, fused, ranked};
pub use text::{Searchable, TextIndex, Weights};
pub use vector::{VectorIndex, product};
pub use words::words;
