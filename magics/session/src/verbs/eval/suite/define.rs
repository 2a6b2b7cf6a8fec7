//! `%%eval suite define`: what is measured, and how good is good enough.

use kernwerk_core::{Access, Output, Problem, Resource, Value};
use kernwerk_eval::{StoredSuite, Target};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_store::Lab;

use super::super::{HANDBOOK, QUESTIONS, record_suite};
use super::{metrics, thresholds};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Define {
    /// What the suite is called
    #[arg(value_name = "SUITE")]
    name: String,
}

impl Verb for Define {
    const MAGIC: &'static str = "eval";
    const NAME: &'static str = "suite define";
    const ABOUT: &'static str = "say what is measured on which golden set, and how good is good enough";
    const BODY: BodyUse = BodyUse::Required("yaml");
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "a search in a corpus: the mean has to be as good, and for one metric the low end of its interval too",
            line: "%%eval suite define quality",
            body: Some(
                "target:\n  corpus: handbook\n  mode: hybrid   # or text, or vector\n  k: 100         # documents for each \
                 question\ngolden: questions\nmetrics: [ndcg@10, recall@100, mrr, p@10]\nthresholds:\n  ndcg@10: 0.35\n  \
                 recall@100: {mean: 0.7, low: 0.6}",
            ),
            setup: &[HANDBOOK, QUESTIONS],
        },
        Example {
            about: "what another program found and answered: a TREC run, and JSON lines with `_id` and `answer`",
            line: "%%eval suite define other",
            body: Some(
                "target:\n  run: other.trec\n  answers: other.jsonl\ngolden: questions\nmetrics: [ndcg@10, exact_match, \
                 token_f1]",
            ),
            setup: &[QUESTIONS],
        },
    ];

    fn run(self, context: &Context<'_>, body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab_for_writing()?;
        let before = lab.ledger().definition("suite", &self.name, None)?.map(|definition| definition.version);
        let stored = StoredSuite::define(&lab, &self.name, body.unwrap_or_default())?;
        record_suite(context, Access::Write, &stored);
        let version = match before == Some(stored.version) {
            true => format!("`{}` is defined so already: version {} stays", stored.name, stored.version),
            false => format!("`{}` is now version {}", stored.name, stored.version),
        };
        let suite = &stored.suite;
        let list = |words: Vec<String>| Value::List(words.into_iter().map(Value::from).collect());
        let wanted = thresholds(suite);
        let output = Output::record([
            ("suite", Value::from(stored.name.as_str())),
            ("target", Value::from(suite.target.to_string())),
            ("golden set", Value::from(suite.golden.as_str())),
            ("metrics", list(metrics(suite))),
            ("thresholds", if wanted.is_empty() { Value::Absent } else { list(wanted) }),
            ("seed", Value::from(suite.seed)),
        ]);
        Ok(missing(&lab, &stored).into_iter().fold(output.with_note(version), Output::with_note).into())
    }
}

/// A suite may be defined before what it names is there; a slip of the pen shows now all the same.
fn missing(lab: &Lab, stored: &StoredSuite) -> Vec<String> {
    let mut named = vec![(Resource::Table, "golden set", stored.suite.golden.as_str())];
    if let Target::Corpus { corpus, .. } = &stored.suite.target {
        named.push((Resource::Corpus, "corpus", corpus));
    }
    named.retain(|(resource, _, name)| !lab.names(*resource).iter().any(|there| there == name));
    named.into_iter().map(|(_, what, name)| format!("there is no {what} `{name}` yet")).collect()
}
