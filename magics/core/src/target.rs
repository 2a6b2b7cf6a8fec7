//! What evaluation asks of whatever it measures: documents for questions, and answers to them.

use serde::{Deserialize, Serialize};

use crate::{ModelId, Problem, Resource, Work};

/// A question with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub id: String,
    pub text: String,
}

/// A document that was found, and how well it fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    pub document: String,
    /// In single precision, as the field's tools compare scores.
    pub score: f32,
}

/// One thing that a measurement rests on, as it was: when it changes, the measurement is out of date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    pub resource: Resource,
    /// As in [`crate::Effect`].
    pub name: String,
    /// Version of what has versions.
    pub version: Option<u64>,
    /// Digest of the content, as in [`crate::Effect`].
    pub digest: String,
}

impl Basis {
    /// A model: its digest is that of its weights.
    pub fn model(id: &ModelId) -> Self {
        Self { resource: Resource::Model, name: id.name.clone(), version: None, digest: id.digest.clone() }
    }
}

/// Documents for many questions.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrieved {
    /// For each question in its order the documents found, best first; none for a question without any.
    pub documents: Vec<Vec<Ranked>>,
    pub basis: Vec<Basis>,
}

/// Answers to many questions.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// For each question in its order its answer; none where the target does not know.
    pub answers: Vec<Option<String>>,
    pub basis: Vec<Basis>,
}

/// Finds documents.
pub trait Retriever: Send + Sync {
    /// The best documents for each question, at most `limit` of them.
    fn retrieve(&self, questions: &[Question], limit: usize, work: &Work) -> Result<Retrieved, Problem>;
}

/// Gives answers.
pub trait Answerer: Send + Sync {
    fn answer(&self, questions: &[Question], work: &Work) -> Result<Answered, Problem>;
}
