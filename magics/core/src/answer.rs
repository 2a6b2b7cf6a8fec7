//! An answer in sentences of documents, each with the place where it stands.

use serde::{Deserialize, Serialize};

/// What documents answer to a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CitedAnswer {
    pub question: String,
    /// The best first; none where nothing that was found is sure enough to be an answer.
    pub sentences: Vec<CitedSentence>,
    /// What the sentences cite, numbered from 1 in the order of the sentences.
    pub citations: Vec<Citation>,
    /// How sure the best sentence is, from 0 to 1; none where nothing was found.
    pub confidence: Option<f64>,
    /// Below this a sentence is no answer.
    pub threshold: f64,
}

/// A sentence of a document, word for word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CitedSentence {
    pub text: String,
    /// How sure it is to answer the question, from 0 to 1.
    pub score: f64,
    /// The number of its citation.
    pub citation: usize,
    /// Where it stands in the text of the cited chunk: the first character, and the one behind the last.
    pub span: (usize, usize),
}

/// A chunk of a document that is cited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// From 1.
    pub number: usize,
    pub doc_id: String,
    pub source: String,
    pub title: String,
    /// The headings above the chunk.
    pub section: String,
    /// The chunk's place in its document, from 0.
    pub ordinal: u32,
}

impl CitedAnswer {
    /// What is said where there is no answer.
    pub const UNKNOWN: &'static str = "I do not know.";

    /// The sentences in their order; none where there is no answer.
    pub fn text(&self) -> Option<String> {
        self.joined(CitedSentence::line)
    }

    /// The sentences with the numbers of their citations, such as `It stops at noon. [1]`.
    pub fn cited_text(&self) -> Option<String> {
        self.joined(|sentence| format!("{} [{}]", sentence.line(), sentence.citation))
    }

    fn joined(&self, words: impl Fn(&CitedSentence) -> String) -> Option<String> {
        (!self.sentences.is_empty()).then(|| self.sentences.iter().map(words).collect::<Vec<_>>().join(" "))
    }

    /// The citation with this number.
    pub fn citation(&self, number: usize) -> Option<&Citation> {
        self.citations.iter().find(|citation| citation.number == number)
    }
}

impl CitedSentence {
    /// The sentence in one line.
    pub fn line(&self) -> String {
        self.text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Citation {
    /// Where it stands, as people say it, such as `docs/replay.md, What was published`.
    pub fn place(&self) -> String {
        let record = (self.doc_id != self.source).then_some(self.doc_id.as_str());
        let section = [self.section.as_str(), self.title.as_str()].into_iter().find(|words| !words.is_empty());
        let parts = [Some(self.source.as_str()), record, section];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}
