//! The verbs of `%eval`.

mod compare;
pub(crate) mod gate;
mod golden;
mod report;
mod run;
mod suite;

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use kernwerk_core::{Access, Basis, Problem, Resource};
use kernwerk_eval::{Run, StoredSuite};
use kernwerk_store::Lab;

use crate::Context;
use crate::verb::{Entry, entry};

pub(crate) static VERBS: &[Entry] = &[
    entry::<golden::import::Import>(),
    entry::<golden::list::List>(),
    entry::<golden::show::Show>(),
    entry::<suite::define::Define>(),
    entry::<suite::list::List>(),
    entry::<suite::show::Show>(),
    entry::<run::RunSuite>(),
    entry::<compare::Compare>(),
    entry::<report::Report>(),
    entry::<gate::Gate>(),
];

/// A corpus, a golden set and suites on them, for the examples.
pub(crate) const HANDBOOK: &str = "%rag ingest handbook docs";
pub(crate) const QUESTIONS: &str = "%eval golden import questions questions.jsonl";
pub(crate) const QUALITY: &str = "%%eval suite define quality\ntarget: {corpus: handbook, mode: text}\ngolden: questions\n\
                       metrics: [ndcg@10, recall@100, mrr, p@10]\nthresholds: {recall@100: 0.5}";
const MEANING: &str = "%%eval suite define meaning\ntarget: {corpus: handbook, mode: vector}\ngolden: questions\n\
                       metrics: [ndcg@10, recall@100, mrr, p@10]";

/// Records that the cell read what a measurement rests on.
fn record_basis(context: &Context<'_>, basis: &Basis) {
    context.effect(Access::Read, basis.resource, &basis.name, basis.version, Some(basis.digest.clone()));
}

/// Records an access to a suite's definition.
fn record_suite(context: &Context<'_>, access: Access, suite: &StoredSuite) {
    let (version, digest) = (Some(suite.version.into()), Some(suite.digest.clone()));
    context.effect(access, Resource::Suite, &suite.name, version, digest);
}

/// Records an access to a run.
fn record_run(context: &Context<'_>, lab: &Lab, access: Access, run: &Run) -> Result<(), Problem> {
    let number = run.reference.number.map(u64::from);
    context.effect(access, Resource::Evaluation, &run.reference.suite, number, Some(run.digest(lab)?));
    Ok(())
}

fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

fn numbers(values: impl IntoIterator<Item = Option<u64>>) -> ArrayRef {
    let signed = |value: Option<u64>| value.map(|value| i64::try_from(value).unwrap_or(i64::MAX));
    Arc::new(values.into_iter().map(signed).collect::<Int64Array>())
}

fn floats(values: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Float64Array>())
}

/// So many questions, in words.
fn questions(count: usize) -> String {
    if count == 1 { "1 question".to_owned() } else { format!("{count} questions") }
}
