//! Answering questions in the words of the documents, without a language model.
//!
//! The best chunks of a question, by words and meaning, are cut into sentences. How sure a sentence is to answer the question
//! follows from what the sentence and its chunk have in common with it; see [`Signs`].

mod evidence;
mod sentences;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use kernwerk_core::{Citation, CitedAnswer, CitedSentence, Embedder, Work};
use kernwerk_index::words;
use kernwerk_store::{Lab, Principal};

use crate::search::{Mode, Prepared, SearchRequest, View, prepare};
use crate::{Error, Language};
use evidence::{Signs, THRESHOLD};
use sentences::spoken;

/// Chunks whose sentences are looked at.
const CHUNKS: usize = 10;

/// What is asked of a corpus.
#[derive(Clone, Debug)]
pub struct AskRequest {
    pub corpus: String,
    /// Only documents in this language; none for all.
    pub language: Option<Language>,
    /// Most sentences of an answer.
    pub sentences: usize,
    /// Below this, from 0 to 1, a sentence is no answer; none for the calibrated one.
    pub threshold: Option<f64>,
}

/// The answers to some questions.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    pub corpus: String,
    /// The version that was asked.
    pub version: u64,
    /// blake3 of that version's content; see [`kernwerk_store::Stored::digest`].
    pub digest: String,
    /// In the order of the questions.
    pub answers: Vec<CitedAnswer>,
    /// Chunks that were searched: those that the principal may read, in the language asked for.
    pub searched: usize,
}

/// Answers questions from a corpus. Only rows that `principal` may read take part, as in a search.
///
/// The model reads each question, and each sentence of the best chunks once, however many questions they are looked at for.
pub async fn ask(
    lab: &Lab,
    principal: &Principal,
    request: &AskRequest,
    questions: &[&str],
    embedder: &dyn Embedder,
    work: &Work,
) -> Result<Answers, Error> {
    if questions.iter().any(|question| words(question).is_empty()) {
        return Err(Error::EmptyQuery);
    }
    if let Some(given) = request.threshold.filter(|threshold| !(0.0..=1.0).contains(threshold)) {
        return Err(Error::BadThreshold { given });
    }
    let (corpus, language) = (request.corpus.clone(), request.language);
    let search = SearchRequest { corpus, mode: Mode::Hybrid, language, limit: request.sentences };
    let prepared = prepare(lab, principal, &search, Some(embedder), work).await?;
    let view = &prepared.view;
    let vectors = embedder.embed(questions, work)?.vectors;
    let vectors = vectors.chunks_exact(view.made_with().dimensions);
    let asked: Vec<Asked> =
        questions.iter().zip(vectors).map(|(question, vector)| Asked::new(&prepared, question, vector)).collect();
    let passages = Passages::read(view, &asked, embedder, work)?;
    let answers = asked.iter().map(|asked| passages.answer(view, asked, request));
    Ok(Answers {
        corpus: request.corpus.clone(),
        version: prepared.stored.version(),
        digest: view.digest().to_owned(),
        answers: answers.collect(),
        searched: view.chunks_with_text(),
    })
}

/// A question and where its answer may stand.
struct Asked<'a> {
    question: &'a str,
    vector: &'a [f32],
    /// The best first.
    chunks: Vec<u32>,
}

impl<'a> Asked<'a> {
    fn new(prepared: &Prepared<'_>, question: &'a str, vector: &'a [f32]) -> Self {
        let ranked = prepared.chunks(question, Some(vector));
        Self { question, vector, chunks: ranked.into_iter().take(CHUNKS).map(|(chunk, _)| chunk).collect() }
    }
}

/// The sentences of some chunks, and the vectors of what they say.
struct Passages<'a> {
    of_chunks: BTreeMap<u32, Vec<Range<usize>>>,
    vectors: HashMap<&'a str, Vec<f32>>,
}

impl<'a> Passages<'a> {
    fn read(view: &'a View, asked: &[Asked<'_>], embedder: &dyn Embedder, work: &Work) -> Result<Self, Error> {
        let chunks: BTreeSet<u32> = asked.iter().flat_map(|asked| asked.chunks.iter().copied()).collect();
        let of_chunk = |chunk: u32| (chunk, spoken(&view.chunk(chunk).text, view.chunk(chunk).language));
        let of_chunks: BTreeMap<u32, Vec<Range<usize>>> = chunks.into_iter().map(of_chunk).collect();
        let texts = of_chunks.iter().flat_map(|(chunk, ranges)| {
            let text = &view.chunk(*chunk).text;
            ranges.iter().map(move |range| &text[range.clone()])
        });
        let texts: Vec<&str> = texts.collect::<BTreeSet<_>>().into_iter().collect();
        let vectors = if texts.is_empty() { Vec::new() } else { embedder.embed(&texts, work)?.vectors };
        let vectors = vectors.chunks_exact(view.made_with().dimensions).map(<[f32]>::to_vec);
        Ok(Self { of_chunks, vectors: texts.iter().copied().zip(vectors).collect() })
    }

    fn answer(&self, view: &View, asked: &Asked<'_>, request: &AskRequest) -> CitedAnswer {
        let threshold = request.threshold.unwrap_or(THRESHOLD);
        let mut found = self.judged(view, asked);
        // Equal ones in the order of the ranks, then as they stand in their chunk.
        found.sort_by(|one, other| other.score.total_cmp(&one.score));
        let confidence = found.first().map(|best| best.score);
        let mut answer = CitedAnswer {
            question: asked.question.to_owned(),
            sentences: Vec::new(),
            citations: Vec::new(),
            confidence,
            threshold,
        };
        let mut said = BTreeSet::new();
        for found in found.into_iter().filter(|found| found.score >= threshold) {
            let text = &view.chunk(found.chunk).text;
            if answer.sentences.len() < request.sentences && said.insert(text[found.range.clone()].to_owned()) {
                cite(&mut answer, view, found);
            }
        }
        answer
    }

    /// All sentences of the question's chunks with how sure they are to answer it.
    fn judged(&self, view: &View, asked: &Asked<'_>) -> Vec<Found> {
        let Some(signs) = Signs::new(view, asked.question, asked.vector) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for &chunk in &asked.chunks {
            let text = &view.chunk(chunk).text;
            let ranges = self.of_chunks.get(&chunk).map(Vec::as_slice).unwrap_or_default();
            for range in ranges {
                let sentence = &text[range.clone()];
                let vector = self.vectors.get(sentence).map(Vec::as_slice).unwrap_or_default();
                found.push(Found { chunk, range: range.clone(), score: signs.confidence(chunk, sentence, vector) });
            }
        }
        found
    }
}

/// A sentence that may be an answer.
struct Found {
    chunk: u32,
    /// In bytes of the chunk's text.
    range: Range<usize>,
    score: f64,
}

/// Adds a sentence to the answer; its chunk is cited under the number that it has, or the next.
fn cite(answer: &mut CitedAnswer, view: &View, found: Found) {
    let chunk = view.chunk(found.chunk);
    let doc_id = view.doc_id(found.chunk);
    let is_same = |citation: &&Citation| citation.doc_id == doc_id && citation.ordinal == chunk.ordinal;
    let number = match answer.citations.iter().find(is_same) {
        Some(citation) => citation.number,
        None => {
            let number = answer.citations.len() + 1;
            answer.citations.push(Citation {
                number,
                doc_id: doc_id.to_owned(),
                source: chunk.source.clone(),
                title: chunk.title.clone(),
                section: chunk.section.clone(),
                ordinal: chunk.ordinal,
            });
            number
        }
    };
    let characters = |bytes: usize| chunk.text[..bytes].chars().count();
    answer.sentences.push(CitedSentence {
        text: chunk.text[found.range.clone()].to_owned(),
        score: found.score,
        citation: number,
        span: (characters(found.range.start), characters(found.range.end)),
    });
}
