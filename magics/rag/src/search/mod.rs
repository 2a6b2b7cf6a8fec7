//! Searching a corpus: by words, by meaning, or by both.

mod batch;
mod excerpt;
mod queries;
mod view;

use std::sync::Arc;

use kernwerk_core::{Embedder, Resource, Work};
use kernwerk_index::{Scores, fused, ranked, words};
use kernwerk_store::{Lab, Principal, Stored};

use crate::{Error, Language};

pub use batch::{Ranking, Run, rank_many, search_many};
pub use queries::{Query, read_queries};
pub(crate) use view::{View, view};

/// What a search goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Words and meaning, fused by reciprocal ranks.
    #[default]
    Hybrid,
    /// The words of the query (BM25).
    Text,
    /// The meaning of the query (cosine of the model's vectors).
    Vector,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Hybrid => "hybrid",
            Self::Text => "text",
            Self::Vector => "vector",
        }
    }

    /// Whether the search needs the model.
    pub fn uses_model(self) -> bool {
        self != Self::Text
    }

    fn uses_words(self) -> bool {
        self != Self::Vector
    }
}

/// Where and how to search.
#[derive(Clone, Debug)]
pub struct SearchRequest {
    pub corpus: String,
    pub mode: Mode,
    /// Only documents in this language; none for all.
    pub language: Option<Language>,
    /// Most results of a query.
    pub limit: usize,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub corpus: String,
    /// The version that was searched.
    pub version: u64,
    /// blake3 of that version's content; see [`kernwerk_store::Stored::digest`].
    pub digest: String,
    /// Best first.
    pub hits: Vec<Hit>,
    /// Chunks that were searched: those that the principal may read, in the language asked for.
    pub searched: usize,
}

/// A chunk that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// From 1.
    pub rank: usize,
    /// BM25, cosine or the sum of reciprocal ranks, after the mode.
    pub score: f64,
    pub doc_id: String,
    pub source: String,
    pub title: String,
    /// The headings above the chunk.
    pub section: String,
    /// The chunk's place in its document, from 0.
    pub ordinal: u32,
    pub text: String,
    /// One line of the text, from where it meets the query's words.
    pub excerpt: String,
    pub language: Option<Language>,
}

/// Searches a corpus. Only rows that `principal` may read take part, in scores as in counts. The model is needed unless the
/// mode is [`Mode::Text`]. Equal scores come by document id, the greater first, then in the document's order.
pub async fn search(
    lab: &Lab,
    principal: &Principal,
    request: &SearchRequest,
    query: &str,
    embedder: Option<&dyn Embedder>,
    work: &Work,
) -> Result<Answer, Error> {
    if words(query).is_empty() {
        return Err(Error::EmptyQuery);
    }
    let prepared = prepare(lab, principal, request, embedder, work).await?;
    let vector = match prepared.embedder {
        Some(embedder) => Some(embedder.embed(&[query], work)?.vectors),
        None => None,
    };
    let scores = prepared.chunks(query, vector.as_deref());
    let mut found = excerpt::Finder::new(query);
    let view = &prepared.view;
    let hits = scores.into_iter().take(request.limit).zip(1..);
    let hits = hits.map(|((chunk, score), rank)| view.hit(chunk, rank, score, &mut found)).collect();
    Ok(Answer {
        corpus: request.corpus.clone(),
        version: prepared.stored.version(),
        digest: view.digest().to_owned(),
        hits,
        searched: view.chunks_with_text(),
    })
}

/// A corpus made ready for queries in one mode.
pub(crate) struct Prepared<'a> {
    pub stored: Stored,
    pub view: Arc<View>,
    mode: Mode,
    /// None where the mode needs none.
    pub embedder: Option<&'a dyn Embedder>,
}

pub(crate) async fn prepare<'a>(
    lab: &Lab,
    principal: &Principal,
    request: &SearchRequest,
    embedder: Option<&'a dyn Embedder>,
    work: &Work,
) -> Result<Prepared<'a>, Error> {
    if request.limit == 0 {
        return Err(Error::NoResults);
    }
    let mode = request.mode;
    let stored = lab.dataset(Resource::Corpus, &request.corpus).await?;
    let view = view(lab, principal, &stored, request.language).await?;
    let embedder = if mode.uses_model() { Some(embedder.ok_or(Error::NoModel { mode: mode.name() })?) } else { None };
    if let Some(embedder) = embedder {
        view.made_with().check(&request.corpus, embedder)?;
        view.load_vectors(&stored).await?;
    }
    if mode.uses_words() {
        view.index_words(work)?;
    }
    Ok(Prepared { stored, view, mode, embedder })
}

impl Prepared<'_> {
    /// Chunks by rank.
    pub(crate) fn chunks(&self, query: &str, vector: Option<&[f32]>) -> Scores {
        let ties = self.view.chunk_ties();
        let by_words = self.mode.uses_words().then(|| ranked(self.view.word_scores(query), ties));
        let by_meaning = vector.map(|vector| ranked(self.view.vector_scores(vector), ties));
        match (by_words, by_meaning) {
            (Some(words), Some(meaning)) => ranked(fused(&[&words, &meaning], ties.len()), ties),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Scores::new(),
        }
    }
}
