//! Suites: what is measured, by what, and how good is good enough; written in YAML, kept with versions.

mod read;
mod yaml;

use std::fmt;

use kernwerk_core::{Basis, Resource, near};
use kernwerk_store::{Definition, Lab};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Error;
use crate::metric::Metric;

/// What is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suite {
    pub target: Target,
    /// The golden set's name.
    pub golden: String,
    pub metrics: Vec<Metric>,
    pub thresholds: Vec<Threshold>,
    /// Where the random numbers of intervals and tests begin.
    pub seed: u64,
}

/// Whose documents and answers are measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// What a search in a corpus finds.
    Corpus {
        corpus: String,
        mode: Mode,
        /// Documents for each question.
        k: usize,
    },
    /// What another program found or answered, as files: a TREC run, and JSON lines with `_id` and `answer`.
    Files { run: Option<String>, answers: Option<String> },
}

/// What a search goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    #[default]
    Hybrid,
    Text,
    Vector,
}

/// How good is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    pub metric: Metric,
    pub bound: Bound,
    pub least: f64,
}

/// What a threshold is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// The mean over the questions.
    Mean,
    /// The low end of the mean's interval.
    Low,
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Hybrid => "hybrid",
            Self::Text => "text",
            Self::Vector => "vector",
        })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Mean => "mean",
            Self::Low => "low",
        })
    }
}

impl fmt::Display for Target {
    /// Such as `hybrid search in handbook, 100 documents`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corpus { corpus, mode, k } => write!(out, "{mode} search in {corpus}, {k} documents"),
            Self::Files { run, answers } => {
                let files: Vec<&str> = run.iter().chain(answers).map(String::as_str).collect();
                write!(out, "{}", files.join(" and "))
            }
        }
    }
}

/// A version of a suite in the lab.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSuite {
    pub name: String,
    pub version: u32,
    /// Digest of its text.
    pub digest: String,
    /// As it was written.
    pub yaml: String,
    pub suite: Suite,
    /// RFC 3339, UTC.
    pub defined_at: String,
}

/// The kind of definition in the ledger.
const KIND: &str = "suite";
const LONGEST_NAME: usize = 64;

impl StoredSuite {
    /// Defines the next version of a suite. The same text as the latest version's is that version again.
    pub fn define(lab: &Lab, name: &str, yaml: &str) -> Result<Self, Error> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let is_good = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(is_word)
            && name.len() <= LONGEST_NAME;
        if !is_good {
            return Err(Error::BadName { name: name.to_owned() });
        }
        let suite = read::read(yaml)?;
        let definition = lab.ledger().define(KIND, name, &json!({ "yaml": yaml }))?;
        Ok(Self::of(&definition, yaml, suite))
    }

    /// The latest version of a suite.
    pub fn find(lab: &Lab, name: &str) -> Result<Self, Error> {
        let Some(definition) = lab.ledger().definition(KIND, name, None)? else {
            let names = lab.ledger().definitions(KIND)?;
            let near = near(name, names.iter().map(|definition| definition.name.as_str()));
            return Err(Error::UnknownSuite { name: name.to_owned(), near });
        };
        Self::read(&definition)
    }

    /// All suites at their latest versions, by name.
    pub fn all(lab: &Lab) -> Result<Vec<Self>, Error> {
        lab.ledger().definitions(KIND)?.iter().map(Self::read).collect()
    }

    fn read(definition: &Definition) -> Result<Self, Error> {
        let damaged = |reason: String| Error::Damaged { what: format!("suite `{}`", definition.name), reason };
        let yaml = definition.body["yaml"].as_str().ok_or_else(|| damaged("it has no text".to_owned()))?;
        let suite = read::read(yaml).map_err(|error| damaged(error.to_string()))?;
        Ok(Self::of(definition, yaml, suite))
    }

    fn of(definition: &Definition, yaml: &str, suite: Suite) -> Self {
        Self {
            name: definition.name.clone(),
            version: definition.version,
            digest: definition.digest.clone(),
            yaml: yaml.to_owned(),
            suite,
            defined_at: definition.defined_at.clone(),
        }
    }

    pub(crate) fn basis(&self) -> Basis {
        Basis {
            resource: Resource::Suite,
            name: self.name.clone(),
            version: Some(self.version.into()),
            digest: self.digest.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "target:\n  corpus: docs\ngolden: questions\nmetrics: [ndcg@10, mrr]\n";

    fn error(yaml: &str) -> (String, String) {
        let error = read::read(yaml).expect_err("no suite");
        (error.to_string(), error.hint().unwrap_or_default())
    }

    #[test]
    fn a_suite_is_read_with_what_it_leaves_open() {
        let suite = read::read(GOOD).expect("a suite");
        let target = Target::Corpus { corpus: "docs".to_owned(), mode: Mode::Hybrid, k: 100 };
        let metrics = vec![Metric::Ndcg(10), Metric::ReciprocalRank];
        assert_eq!(suite, Suite { target, golden: "questions".to_owned(), metrics, thresholds: Vec::new(), seed: 0 });
    }

    #[test]
    fn everything_that_a_suite_can_say() {
        let yaml = "target: {corpus: docs, mode: text, k: 10}\ngolden: q\nmetrics:\n  - nDCG@10\n  - exact_match\nthresholds:\n  \
                    ndcg@10: {mean: 0.5, low: 0.4}\n  exact_match: 1\nseed: 7";
        let suite = read::read(yaml).expect("a suite");
        assert_eq!(suite.target, Target::Corpus { corpus: "docs".to_owned(), mode: Mode::Text, k: 10 });
        let threshold = |metric, bound, least| Threshold { metric, bound, least };
        assert_eq!(
            suite.thresholds,
            [
                threshold(Metric::Ndcg(10), Bound::Mean, 0.5),
                threshold(Metric::Ndcg(10), Bound::Low, 0.4),
                threshold(Metric::ExactMatch, Bound::Mean, 1.0)
            ]
        );
        assert_eq!(suite.seed, 7);
        let files = read::read("target: {run: a.trec, answers: a.jsonl}\ngolden: q\nmetrics: [mrr, token_f1]");
        let target = Target::Files { run: Some("a.trec".to_owned()), answers: Some("a.jsonl".to_owned()) };
        assert_eq!(files.expect("a suite").target, target);
    }

    #[test]
    fn a_wrong_key_is_named_with_its_line_and_a_way_out() {
        let (message, hint) = error(&format!("{GOOD}treshold:\n  mrr: 1\n"));
        assert_eq!(
            (message.as_str(), hint.as_str()),
            ("line 5: `treshold` is no key of a suite", "did you mean `thresholds`?")
        );
        let (message, hint) = error("target:\n  corpus: docs\n  mod: text\ngolden: q\nmetrics: [mrr]");
        assert_eq!((message.as_str(), hint.as_str()), ("line 3: `mod` is no key of a target", "did you mean `mode`?"));
        let (message, hint) = error(&format!("{GOOD}colour: red"));
        assert_eq!(message, "line 5: `colour` is no key of a suite");
        assert_eq!(hint, "its keys are `target`, `golden`, `metrics`, `thresholds` and `seed`");
    }

    #[test]
    fn a_wrong_value_is_named_with_its_line() {
        let with = |from: &str, to: &str| error(&GOOD.replace(from, to)).0;
        assert_eq!(with("golden: questions\n", ""), "line 1: a suite needs `golden`");
        assert_eq!(with("golden: questions", "golden:"), "line 3: `golden` has no value");
        assert_eq!(with("golden: questions", "golden: [a]"), "line 3: `golden` is one word");
        assert_eq!(with("[ndcg@10, mrr]", "mrr"), "line 4: `metrics` is a list, such as [a, b]");
        assert_eq!(with("[ndcg@10, mrr]", "[]"), "line 4: `metrics` is empty");
        assert_eq!(with("mrr]", "\n  ndcg@10]"), "line 5: `ndcg@10` is there twice");
        assert_eq!(with("mrr]", "\n  mmr]"), "line 5: there is no metric `mmr`");
        assert_eq!(
            with("target:\n  corpus: docs", "target: docs"),
            "line 1: a target is a mapping, `key: value` line by line"
        );
        assert_eq!(with("corpus: docs", "k: 10"), "line 2: `mode` and `k` belong to a `corpus`");
        assert_eq!(
            with("corpus: docs", "run: a\n  corpus: b"),
            "line 2: a target is either a `corpus` or files, not both"
        );
        assert_eq!(with("docs", "docs\n  mode: txt"), "line 3: there is no mode `txt`");
        for k in ["0", "1001", "ten", "\"10\"", "-1", "[1]"] {
            assert_eq!(with("docs", &format!("docs\n  k: {k}")), "line 3: `k` is a number of documents from 1 to 1000");
        }
        let deep = "line 5: `ndcg@10` looks at 10 documents, and the target gives 5: raise `k`";
        assert_eq!(with("docs", "docs\n  k: 5"), deep);
        let no_run = "line 4: `ndcg@10` is measured of documents, and the target has no `run`";
        assert_eq!(with("corpus: docs", "answers: a"), no_run);
        assert_eq!(error(&format!("{GOOD}seed: -1")).0, "line 5: `seed` is a whole number from 0");
    }

    #[test]
    fn a_wrong_threshold_is_named_with_its_line() {
        let with = |text: &str| error(&format!("{GOOD}thresholds:\n{text}")).0;
        assert_eq!(with("  p@10: 0.5"), "line 6: `p@10` is not among the metrics of the suite");
        for number in ["1.5", "-0.1", "high", "NaN", "\"0.5\"", "[0.5]"] {
            assert_eq!(with(&format!("  mrr: {number}")), "line 6: `mrr` is a number from 0 to 1");
        }
        assert_eq!(with("  mrr: 0.5\n  MRR: 0.6"), "line 7: `mrr` has a threshold already");
        assert_eq!(with("  mrr: {}"), "line 6: `mrr` has no threshold: say `mean`, `low` or both");
        assert_eq!(with("  mrr:\n    mean: 0.5\n    lo: 0.4"), "line 8: `lo` is no key of a threshold");
    }
}
