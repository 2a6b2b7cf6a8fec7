//! What a search scores with: an inverted index for words, a matrix for meaning, and the ranks that they give.

mod rank;
mod text;
mod vector;

pub(crate) use rank::{Scores, best_of_documents, fused, ranked};
pub(crate) use text::{Searchable, TextIndex};
pub(crate) use vector::VectorIndex;
