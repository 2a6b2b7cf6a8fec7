//! Many searches at once, for who measures: queries in, documents or a TREC run out.

use std::fmt::Write as _;

use kernwerk_core::{Embedder, Ranked, Work};
use kernwerk_index::{Scores, best_of_documents, fused, parallel, ranked};
use kernwerk_store::{Lab, Principal};

use super::{Prepared, Query, SearchRequest, prepare};
use crate::Error;

/// The last word of each line, which names the system.
const TAG: &str = "kernwerk";

/// The result of many searches.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub corpus: String,
    /// The version that was searched.
    pub version: u64,
    /// blake3 of that version's content; see [`kernwerk_store::Stored::digest`].
    pub digest: String,
    /// Lines `QUERY Q0 DOCUMENT RANK SCORE kernwerk`, query by query in the order given, best first.
    pub text: String,
    /// Number of lines.
    pub lines: usize,
    /// Queries for which nothing was found; the run has no line for them.
    pub unanswered: Vec<String>,
    /// Documents that were searched: those that the principal may read, in the language asked for.
    pub searched: usize,
}

/// The documents for many queries.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// The version that was searched.
    pub version: u64,
    /// blake3 of that version's content; see [`kernwerk_store::Stored::digest`].
    pub digest: String,
    /// For each query in its order, best first.
    pub documents: Vec<Vec<Ranked>>,
}

/// Searches for each query and ranks whole documents, where the best chunk counts; in mode hybrid the two rankings of the
/// documents are fused. Gives at most `request.limit` documents a query.
///
/// Scores are such that who sorts them as `trec_eval` does (as single-precision numbers, equal ones by document id, the
/// greater first) finds the order of the ranks.
pub async fn rank_many(
    lab: &Lab,
    principal: &Principal,
    request: &SearchRequest,
    queries: &[Query],
    embedder: Option<&dyn Embedder>,
    work: &Work,
) -> Result<Ranking, Error> {
    let prepared = prepare(lab, principal, request, embedder, work).await?;
    Ok(Ranking {
        documents: prepared.rank(queries, request.limit, work)?,
        version: prepared.stored.version(),
        digest: prepared.view.digest().to_owned(),
    })
}

/// As [`rank_many`], as the text of a TREC run.
pub async fn search_many(
    lab: &Lab,
    principal: &Principal,
    request: &SearchRequest,
    queries: &[Query],
    embedder: Option<&dyn Embedder>,
    work: &Work,
) -> Result<Run, Error> {
    let prepared = prepare(lab, principal, request, embedder, work).await?;
    let view = &prepared.view;
    check_words(queries.iter().map(|query| ("query", query.id.as_str())))?;
    check_words(view.documents().iter().map(|id| ("document", id.as_str())))?;
    let ranked = prepared.rank(queries, request.limit, work)?;
    let unanswered = queries.iter().zip(&ranked).filter(|(_, documents)| documents.is_empty());
    Ok(Run {
        corpus: request.corpus.clone(),
        version: prepared.stored.version(),
        digest: view.digest().to_owned(),
        unanswered: unanswered.map(|(query, _)| query.id.clone()).collect(),
        lines: ranked.iter().map(Vec::len).sum(),
        text: queries.iter().zip(&ranked).map(|(query, documents)| lines(&query.id, documents)).collect(),
        searched: view.documents().len(),
    })
}

impl Prepared<'_> {
    /// For each query at most `limit` documents, best first.
    fn rank(&self, queries: &[Query], limit: usize, work: &Work) -> Result<Vec<Vec<Ranked>>, Error> {
        let vectors = match self.embedder {
            Some(embedder) => {
                let texts: Vec<&str> = queries.iter().map(|query| query.text.as_str()).collect();
                embedder.embed(&texts, work)?.vectors
            }
            None => Vec::new(),
        };
        let dimensions = self.view.made_with().dimensions;
        let numbered: Vec<(usize, &Query)> = queries.iter().enumerate().collect();
        parallel::map(&numbered, work, |(place, query)| {
            let vector = vectors.get(place * dimensions..(place + 1) * dimensions);
            let documents = self.documents(&query.text, vector).into_iter().take(limit);
            let ids = self.view.documents();
            Ok(documents
                .map(|(document, score)| Ranked { document: ids[document as usize].clone(), score: score as f32 })
                .collect())
        })
    }

    /// Documents by rank.
    fn documents(&self, query: &str, vector: Option<&[f32]>) -> Scores {
        let count = self.view.documents().len();
        // The documents are numbered in the order of their ties.
        let ties: Vec<u32> = (0..).take(count).collect();
        let documents = |chunks: Scores| ranked(best_of_documents(&chunks, self.view.document_of(), count), &ties);
        let by_words = self.mode.uses_words().then(|| documents(self.view.word_scores(query)));
        let by_meaning = vector.map(|vector| documents(self.view.vector_scores(vector)));
        match (by_words, by_meaning) {
            (Some(words), Some(meaning)) => ranked(fused(&[&words, &meaning], count), &ties),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Scores::new(),
        }
    }
}

fn lines(query: &str, documents: &[Ranked]) -> String {
    let mut lines = String::new();
    for (Ranked { document, score }, rank) in documents.iter().zip(1..) {
        // The score is written as the shortest decimal that stands for this single-precision number and no other.
        writeln!(lines, "{query} Q0 {document} {rank} {score} {TAG}").expect("a string takes all text");
    }
    lines
}

fn check_words<'a>(mut ids: impl Iterator<Item = (&'static str, &'a str)>) -> Result<(), Error> {
    match ids.find(|(_, id)| id.is_empty() || id.contains(char::is_whitespace)) {
        Some((what, id)) => Err(Error::NotForTrec { what, id: id.to_owned() }),
        None => Ok(()),
    }
}
