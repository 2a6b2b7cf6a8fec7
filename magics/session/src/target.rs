//! What evaluation measures, made of the session's corpora and models.

use std::sync::Arc;

use kernwerk_core::{Basis, Embedder, Problem, Question, Resource, Retrieved, Retriever, Work};
use kernwerk_eval as eval;
use kernwerk_rag::{Mode, Query, SearchRequest, rank_many};
use kernwerk_store::{Lab, Principal};

use crate::Context;

/// Search in a corpus, for the session's principal.
pub(crate) struct CorpusTarget<'a> {
    context: &'a Context<'a>,
    lab: &'a Lab,
    principal: Principal,
    corpus: &'a str,
    mode: Mode,
    /// None where the mode needs none.
    embedder: Option<Arc<dyn Embedder>>,
}

impl<'a> CorpusTarget<'a> {
    pub(crate) fn new(
        context: &'a Context<'a>,
        lab: &'a Lab,
        corpus: &'a str,
        mode: eval::Mode,
    ) -> Result<Self, Problem> {
        let mode = match mode {
            eval::Mode::Hybrid => Mode::Hybrid,
            eval::Mode::Text => Mode::Text,
            eval::Mode::Vector => Mode::Vector,
        };
        let embedder = if mode.uses_model() { Some(context.embedder()?) } else { None };
        Ok(Self { context, lab, principal: context.principal()?, corpus, mode, embedder })
    }
}

impl Retriever for CorpusTarget<'_> {
    fn retrieve(&self, questions: &[Question], limit: usize, work: &Work) -> Result<Retrieved, Problem> {
        let queries: Vec<Query> =
            questions.iter().map(|question| Query { id: question.id.clone(), text: question.text.clone() }).collect();
        let request = SearchRequest { corpus: self.corpus.to_owned(), mode: self.mode, language: None, limit };
        let embedder = self.embedder.as_deref();
        let ranking = rank_many(self.lab, &self.principal, &request, &queries, embedder, work);
        let ranking = self.context.block_on(ranking)?;
        let corpus = Basis {
            resource: Resource::Corpus,
            name: self.corpus.to_owned(),
            version: Some(ranking.version),
            digest: ranking.digest,
        };
        let model = embedder.map(|embedder| Basis::model(embedder.id()));
        Ok(Retrieved { documents: ranking.documents, basis: [corpus].into_iter().chain(model).collect() })
    }
}
