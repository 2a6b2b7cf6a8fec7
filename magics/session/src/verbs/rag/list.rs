//! `%rag list`: which corpora there are.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use kernwerk_core::{Output, Problem};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_rag::CorpusSummary;

use crate::verbs::table;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct List {}

impl Verb for List {
    const MAGIC: &'static str = "rag";
    const NAME: &'static str = "list";
    const ABOUT: &'static str = "the corpora, with the documents and chunks in them that you may read";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "the corpora of the lab",
        line: "%rag list",
        body: None,
        setup: &["%rag ingest handbook docs"],
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let principal = context.principal()?;
        let corpora = context.block_on(kernwerk_rag::list(&lab, &principal, context.work()))?;
        let mut output = Output::table(table(columns(&corpora))?);
        if corpora.is_empty() {
            output = output.with_note("there is no corpus yet; `%rag ingest` makes one");
        }
        // Versions count the steps on the way to a corpus, not what it holds.
        Ok(output.volatile().into())
    }
}

fn columns(corpora: &[CorpusSummary]) -> Vec<(&'static str, ArrayRef)> {
    let texts = |of: fn(&CorpusSummary) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(corpora.iter().map(of)))
    };
    let numbers = |of: fn(&CorpusSummary) -> u64| -> ArrayRef {
        let numbers = corpora.iter().map(|corpus| i64::try_from(of(corpus)).unwrap_or(i64::MAX));
        Arc::new(numbers.collect::<Int64Array>())
    };
    vec![
        ("corpus", texts(|corpus| corpus.name.clone())),
        ("version", numbers(|corpus| corpus.version)),
        ("documents", numbers(|corpus| corpus.documents as u64)),
        ("chunks", numbers(|corpus| corpus.chunks as u64)),
        ("languages", texts(languages)),
        ("model", texts(|corpus| corpus.model.name.clone())),
    ]
}

/// Such as `de 240, en 3`.
fn languages(corpus: &CorpusSummary) -> String {
    let counts: Vec<String> =
        corpus.languages.iter().map(|(language, documents)| format!("{language} {documents}")).collect();
    counts.join(", ")
}
