//! Measuring: a target's documents and answers against a golden set, question by question, and the means over them.

use kernwerk_core::{Answerer, Basis, Ranked, Retriever, Work};
use serde::{Deserialize, Serialize};

use crate::metric::{answer, ranking};
use crate::statistics::{interval, mean};
use crate::{Error, Golden, Item, Metric, StoredSuite, Target};

/// Who gives the target's documents and answers; none where it gives none.
#[derive(Clone, Copy, Default)]
pub struct Sides<'a> {
    pub retriever: Option<&'a dyn Retriever>,
    pub answerer: Option<&'a dyn Answerer>,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// For each metric of the suite, in its order.
    pub scores: Vec<Scores>,
    /// Everything that the measurement rests on: the suite, the golden set, and what the target read.
    pub basis: Vec<Basis>,
    /// What there is to know of the questions, in words.
    pub notes: Vec<String>,
}

/// One metric over all questions.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    pub summary: Summary,
    /// For each question in its order; none where it was not measured.
    pub values: Vec<Option<f64>>,
}

/// The mean of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub metric: Metric,
    /// None where no question was measured.
    pub mean: Option<f64>,
    /// The ends of the mean's interval; none where less than two questions were measured.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// How many questions were measured.
    pub measured: usize,
    /// Why none was.
    pub reason: Option<String>,
}

/// Measures a suite. Questions of which the golden set knows nothing right are not measured; those for which the target found
/// nothing, or does not know the answer, are, and count as what was found.
pub fn measure(suite: &StoredSuite, golden: &Golden, sides: Sides<'_>, work: &Work) -> Result<Measured, Error> {
    let metrics = &suite.suite.metrics;
    let questions = golden.questions();
    let mut basis = vec![suite.basis(), golden.basis()];
    let mut documents = None;
    if let Some(retriever) = sides.retriever.filter(|_| metrics.iter().any(|metric| metric.is_of_documents())) {
        let limit = match suite.suite.target {
            Target::Corpus { k, .. } => k,
            Target::Files { .. } => usize::MAX,
        };
        let retrieved = retriever.retrieve(&questions, limit, work).map_err(Error::from_target)?;
        basis.extend(retrieved.basis);
        documents = Some(retrieved.documents);
    }
    let mut answers = None;
    if let Some(answerer) = sides.answerer.filter(|_| metrics.iter().any(|metric| !metric.is_of_documents())) {
        let answered = answerer.answer(&questions, work).map_err(Error::from_target)?;
        basis.extend(answered.basis);
        answers = Some(answered.answers);
    }
    basis.sort_by(|left, right| (left.resource, &left.name).cmp(&(right.resource, &right.name)));
    basis.dedup();
    let of_documents = documents.as_ref().map(|documents| ranked(golden, documents));
    let mut scores = Vec::new();
    for metric in metrics {
        work.check()?;
        let (values, missing) = if metric.is_of_documents() {
            let values = of_documents.as_ref().map(|ranked| ranked_scores(*metric, golden, ranked));
            (values, "the target gives no documents")
        } else {
            let values = answers.as_ref().map(|answers| answer_scores(*metric, golden, answers));
            (values, "the target gives no answers")
        };
        let reason = values.is_none().then(|| missing.to_owned());
        let values = values.unwrap_or_else(|| vec![None; golden.items.len()]);
        scores.push(summarised(*metric, values, reason, suite.suite.seed, work)?);
    }
    let notes = notes(golden, documents.as_deref(), answers.as_deref());
    Ok(Measured { scores, basis, notes })
}

/// The gains of what was found for each question, as `trec_eval` orders it; none for questions that nobody judged.
fn ranked(golden: &Golden, documents: &[Vec<Ranked>]) -> Vec<Option<Vec<i64>>> {
    let gains = |(item, found): (&Item, &Vec<Ranked>)| item.judged.as_ref().map(|judged| ranking::gains(found, judged));
    golden.items.iter().zip(documents).map(gains).collect()
}

fn ranked_scores(metric: Metric, golden: &Golden, ranked: &[Option<Vec<i64>>]) -> Vec<Option<f64>> {
    let score = |(item, gains): (&Item, &Option<Vec<i64>>)| {
        let (judged, gains) = (item.judged.as_ref()?, gains.as_ref()?);
        match metric {
            Metric::Ndcg(depth) => Some(ranking::ndcg(gains, judged, depth)),
            Metric::Recall(depth) => Some(ranking::recall(gains, judged, depth)),
            Metric::Precision(depth) => Some(ranking::precision(gains, depth)),
            Metric::ReciprocalRank => Some(ranking::reciprocal_rank(gains)),
            Metric::ExactMatch | Metric::TokenF1 => None,
        }
    };
    golden.items.iter().zip(ranked).map(score).collect()
}

fn answer_scores(metric: Metric, golden: &Golden, answers: &[Option<String>]) -> Vec<Option<f64>> {
    let score = |(item, answer): (&Item, &Option<String>)| {
        let wanted = item.answers.as_ref()?;
        // Who does not know gives the empty answer, as in SQuAD.
        let answer = answer.as_deref().unwrap_or_default();
        match metric {
            Metric::ExactMatch => Some(answer::exact_match(wanted, answer)),
            Metric::TokenF1 => Some(answer::token_f1(wanted, answer)),
            _ => None,
        }
    };
    golden.items.iter().zip(answers).map(score).collect()
}

fn summarised(
    metric: Metric,
    values: Vec<Option<f64>>,
    reason: Option<String>,
    seed: u64,
    work: &Work,
) -> Result<Scores, Error> {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    let interval = interval(&known, seed, work)?;
    let nothing_known = || {
        let what = if metric.is_of_documents() { "judged documents" } else { "answers" };
        known.is_empty().then(|| format!("no question of the golden set has {what}"))
    };
    let summary = Summary {
        metric,
        mean: mean(&known),
        low: interval.map(|interval| interval.low),
        high: interval.map(|interval| interval.high),
        measured: known.len(),
        reason: reason.or_else(nothing_known),
    };
    Ok(Scores { summary, values })
}

/// What a mean hides.
fn notes(golden: &Golden, documents: Option<&[Vec<Ranked>]>, answers: Option<&[Option<String>]>) -> Vec<String> {
    let mut notes = Vec::new();
    let mut tell = |count: usize, one: &str, many: &str| match count {
        0 => {}
        1 => notes.push(format!("1 question {one}")),
        count => notes.push(format!("{count} questions {many}")),
    };
    if let Some(documents) = documents {
        let judged =
            || golden.items.iter().zip(documents).filter_map(|(item, found)| Some((item.judged.as_ref()?, found)));
        let without = judged().filter(|(judged, _)| ranking::relevant(judged) == 0).count();
        tell(without, "has no relevant documents: it counts 0", "have no relevant documents: they count 0");
        let unanswered = judged().filter(|(_, found)| found.is_empty()).count();
        tell(unanswered, "found nothing: it counts 0", "found nothing: they count 0");
    }
    if let Some(answers) = answers {
        let known =
            golden.items.iter().zip(answers).filter(|(item, answer)| item.answers.is_some() && answer.is_none());
        tell(known.count(), "was not answered", "were not answered");
    }
    notes
}
