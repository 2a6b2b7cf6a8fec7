//! The contract of the models: what the engine asks of them, whoever computes the answer.

use serde::{Deserialize, Serialize};

use crate::{Cancelled, Work};

/// Which model, exactly: replay compares the digest, people read the name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ModelId {
    /// Such as `all-MiniLM-L6-v2`.
    pub name: String,
    /// SHA-256 of the weight file, lower-case hexadecimal.
    pub digest: String,
}

/// Embeddings of a batch of texts, in the order they were given.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedded {
    /// Row-major, shape (texts, dimensions), each row of Euclidean length 1.
    pub vectors: Vec<f32>,
    /// Tokens the model read, special tokens included, after truncation.
    pub tokens: u64,
}

/// A model call that gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("{message}")]
    Failed { message: String, hint: Option<String> },
    /// It was not let run, or not to its end: a budget would have been overspent.
    #[error("{message}")]
    Refused { message: String, hint: Option<String> },
}

/// Turns texts into vectors. A text's vector must not depend on its batch-mates: replay compares bytes.
pub trait Embedder: Send + Sync {
    fn id(&self) -> &ModelId;

    /// Length of a vector.
    fn dimensions(&self) -> usize;

    /// Tokens beyond this are cut off, special tokens included.
    fn max_tokens(&self) -> usize;

    /// Byte ranges of the text's tokens, without special tokens and without truncation; for chunkers.
    fn token_spans(&self, text: &str) -> Result<Vec<(usize, usize)>, ModelError>;

    /// Embeds `texts` and hands out each vector as soon as it is computed, with the place of its text: in any order, one at a
    /// time, so that what was computed before an interrupt is not lost. Reports progress and obeys cancellation through
    /// `work`. Returns the tokens that were read, as [`Embedded::tokens`].
    fn embed_each(
        &self,
        texts: &[&str],
        work: &Work,
        made: &mut (dyn FnMut(usize, &[f32]) + Send),
    ) -> Result<u64, ModelError>;

    /// Embeds `texts`, all or none.
    fn embed(&self, texts: &[&str], work: &Work) -> Result<Embedded, ModelError> {
        let width = self.dimensions();
        let mut vectors = vec![0.0; texts.len() * width];
        let tokens = self.embed_each(texts, work, &mut |place, vector| {
            vectors[place * width..][..width].copy_from_slice(vector);
        })?;
        Ok(Embedded { vectors, tokens })
    }
}
