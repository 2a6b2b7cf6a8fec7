//! What is measured of each question, by name.

pub mod answer;
pub mod ranking;

use kernwerk_core::name_hint;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The deepest rank that a metric may look at.
pub const DEEPEST: usize = 1000;

/// A number from 0 to 1 for each question; more is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Metric {
    /// How high the relevant documents stand among the first so many, by their gains.
    Ndcg(usize),
    /// The share of the relevant documents that is among the first so many.
    Recall(usize),
    /// The share of the first so many that is relevant.
    Precision(usize),
    /// One over the rank of the first relevant document.
    ReciprocalRank,
    /// Whether the answer is one of those wanted.
    ExactMatch,
    /// How many words the answer shares with the nearest of those wanted.
    TokenF1,
}

/// A name that is no metric's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no metric `{name}`")]
pub struct UnknownMetric {
    pub name: String,
    pub hint: String,
}

impl Metric {
    /// Whether it is measured of the documents that were found, rather than of the answer.
    pub fn is_of_documents(self) -> bool {
        !matches!(self, Self::ExactMatch | Self::TokenF1)
    }

    /// How many documents it looks at, where it says so.
    pub fn depth(self) -> Option<usize> {
        match self {
            Self::Ndcg(depth) | Self::Recall(depth) | Self::Precision(depth) => Some(depth),
            Self::ReciprocalRank | Self::ExactMatch | Self::TokenF1 => None,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ndcg(depth) => write!(out, "ndcg@{depth}"),
            Self::Recall(depth) => write!(out, "recall@{depth}"),
            Self::Precision(depth) => write!(out, "p@{depth}"),
            Self::ReciprocalRank => write!(out, "mrr"),
            Self::ExactMatch => write!(out, "exact_match"),
            Self::TokenF1 => write!(out, "token_f1"),
        }
    }
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    /// Reads a name such as `ndcg@10`; capitals do not count.
    fn from_str(given: &str) -> Result<Self, UnknownMetric> {
        let name = given.to_lowercase();
        let (kind, depth) = match name.split_once('@') {
            Some((kind, depth)) => (kind, Some(depth)),
            None => (name.as_str(), None),
        };
        let unknown = |hint: String| UnknownMetric { name: given.to_owned(), hint };
        match (kind, depth) {
            ("ndcg", Some(depth)) => read_depth(depth).map(Self::Ndcg).map_err(unknown),
            ("recall", Some(depth)) => read_depth(depth).map(Self::Recall).map_err(unknown),
            ("p", Some(depth)) => read_depth(depth).map(Self::Precision).map_err(unknown),
            ("ndcg" | "recall" | "p", None) => {
                Err(unknown(format!("say how many documents it looks at, such as `{kind}@10`")))
            }
            ("mrr", None) => Ok(Self::ReciprocalRank),
            ("mrr", Some(_)) => Err(unknown("`mrr` looks at all documents that were found: write it alone".to_owned())),
            ("exact_match", None) => Ok(Self::ExactMatch),
            ("token_f1", None) => Ok(Self::TokenF1),
            _ => {
                let names = ["ndcg@10", "recall@100", "p@10", "mrr", "exact_match", "token_f1"];
                let hint = name_hint(&name, "the metrics, with any number after `@`, are", names);
                Err(unknown(hint.unwrap_or_default()))
            }
        }
    }
}

fn read_depth(text: &str) -> Result<usize, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let depth = text.parse().ok().filter(|depth| is_plain && (1..=DEEPEST).contains(depth));
    depth.ok_or_else(|| format!("after `@` stands a number from 1 to {DEEPEST}"))
}

impl TryFrom<String> for Metric {
    type Error = UnknownMetric;

    fn try_from(name: String) -> Result<Self, UnknownMetric> {
        name.parse()
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> Self {
        metric.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in ["ndcg@10", "recall@100", "p@1", "p@1000", "mrr", "exact_match", "token_f1"] {
            assert_eq!(name.parse::<Metric>().map(|metric| metric.to_string()), Ok(name.to_owned()));
        }
        assert_eq!("nDCG@10".parse(), Ok(Metric::Ndcg(10)));
    }

    #[test]
    fn a_wrong_name_comes_with_a_way_out() {
        let hint = |name: &str| name.parse::<Metric>().expect_err("no metric").hint;
        assert_eq!(hint("ndgc@10"), "did you mean `ndcg@10`?");
        assert_eq!(hint("recall"), "say how many documents it looks at, such as `recall@10`");
        for depth in ["0", "1001", "-1", "1e2", "010", "", "ten"] {
            assert_eq!(hint(&format!("p@{depth}")), "after `@` stands a number from 1 to 1000");
        }
        assert!(hint("mrr@10").contains("alone"));
        assert!(hint("bleu").ends_with("`mrr`, `exact_match` and `token_f1`"));
    }
}
