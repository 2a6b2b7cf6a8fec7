//! What tells that a sentence answers a question.
//!
//! The weights are a logistic regression on XQuAD, English and German: questions asked of all its paragraphs, of articles on
//! other subjects, and of the article without the paragraph that answers. It was fitted on every second pair of articles and
//! measured on the others; `tests/oracle/test_ask.py` measures it again on all of them.

use std::collections::HashMap;

use kernwerk_index::{Weights, product};

use crate::search::View;

/// Below this a sentence is no answer, unless somebody asks for another bar. Near it the share of questions with an answer that
/// get one and the share of questions without that get none are the greatest together.
pub(super) const THRESHOLD: f64 = 0.25;

const BIAS: f64 = -6.0;
/// Of the cosine of the sentence with the question.
const LIKENESS: f64 = 5.0;
/// Of the share of the question's words, by their rarity, that the sentence says.
const SAID: f64 = 5.7;
/// Of the BM25 of the sentence's chunk, as a share of the sum of the words' rarities.
const CHUNK_SAID: f64 = 1.5;

/// The signs for one question.
pub(super) struct Signs<'a> {
    vector: &'a [f32],
    words: Weights<'a>,
    /// BM25 of the chunks that have words of the question.
    by_words: HashMap<u32, f64>,
}

impl<'a> Signs<'a> {
    /// None where the corpus has no index of its words yet.
    pub(super) fn new(view: &'a View, question: &str, vector: &'a [f32]) -> Option<Self> {
        let by_words = view.word_scores(question).into_iter().collect();
        Some(Self { vector, words: view.word_weights(question)?, by_words })
    }

    /// How sure a sentence of a chunk is to answer the question, from 0 to 1.
    pub(super) fn confidence(&self, chunk: u32, sentence: &str, vector: &[f32]) -> f64 {
        let most = self.words.whole(chunk);
        let by_words = self.by_words.get(&chunk).copied().unwrap_or_default();
        let sum = BIAS
            + LIKENESS * product(self.vector, vector)
            + SAID * self.words.share(chunk, sentence)
            + CHUNK_SAID * if most > 0.0 { by_words / most } else { 0.0 };
        1.0 / (1.0 + (-sum).exp())
    }
}
