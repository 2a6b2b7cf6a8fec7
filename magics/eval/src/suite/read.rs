//! A suite as it is written: YAML with a strict schema.

use super::yaml::{Node, Value, parse, wrong};
use super::{Bound, Mode, Suite, Target, Threshold};
use crate::Error;
use crate::metric::{DEEPEST, Metric};
use kernwerk_core::name_hint;

/// Documents for each question where the suite does not say how many.
const DOCUMENTS: usize = 100;

/// Reads a suite.
pub(super) fn read(text: &str) -> Result<Suite, Error> {
    let mut entries = parse(text)?.entries("a suite")?;
    let target = entries.take("target");
    let golden = entries.take("golden");
    let metrics = entries.take("metrics");
    let thresholds = entries.take("thresholds");
    let seed = entries.take("seed");
    let line = entries.line;
    // A key that is misspelt is the better word for one that is missing.
    entries.end()?;
    let need = |node: Option<Node>, key: &str| node.ok_or_else(|| wrong(line, format!("a suite needs `{key}`")));
    let (target, golden) = (self::target(need(target, "target")?)?, need(golden, "golden")?.text("golden")?);
    let metrics = self::metrics(need(metrics, "metrics")?, &target)?;
    let thresholds = thresholds.map(|node| self::thresholds(node, &metrics)).transpose()?.unwrap_or_default();
    let seed = seed.map(|node| node.number("seed", "a whole number from 0", |_| true)).transpose()?.unwrap_or_default();
    Ok(Suite { target, golden, metrics, thresholds, seed })
}

fn target(node: Node) -> Result<Target, Error> {
    let line = node.line;
    let mut entries = node.entries("a target")?;
    let (corpus, mode, documents) = (entries.take("corpus"), entries.take("mode"), entries.take("k"));
    let (run, answers) = (entries.take("run"), entries.take("answers"));
    entries.end()?;
    let Some(corpus) = corpus else {
        if let Some(given) = mode.or(documents) {
            return Err(wrong(given.line, "`mode` and `k` belong to a `corpus`"));
        }
        let file = |node: Option<Node>, key: &str| node.map(|node| node.text(key)).transpose();
        return match (file(run, "run")?, file(answers, "answers")?) {
            (None, None) => Err(wrong(line, "a target is a `corpus`, or a file: a `run`, `answers` or both")),
            (run, answers) => Ok(Target::Files { run, answers }),
        };
    };
    if let Some(given) = run.or(answers) {
        return Err(wrong(given.line, "a target is either a `corpus` or files, not both"));
    }
    let mode = mode.map(self::mode).transpose()?.unwrap_or_default();
    let range = format!("a number of documents from 1 to {DEEPEST}");
    let documents = documents.map(|node| node.number("k", &range, |k| (1..=DEEPEST).contains(k))).transpose()?;
    Ok(Target::Corpus { corpus: corpus.text("corpus")?, mode, k: documents.unwrap_or(DOCUMENTS) })
}

fn mode(node: Node) -> Result<Mode, Error> {
    let line = node.line;
    match node.text("mode")?.as_str() {
        "hybrid" => Ok(Mode::Hybrid),
        "text" => Ok(Mode::Text),
        "vector" => Ok(Mode::Vector),
        other => Err(Error::Suite {
            line,
            message: format!("there is no mode `{other}`"),
            hint: name_hint(other, "the modes are", ["hybrid", "text", "vector"]),
        }),
    }
}

fn metrics(node: Node, target: &Target) -> Result<Vec<Metric>, Error> {
    let line = node.line;
    let mut metrics = Vec::new();
    for node in node.list("metrics")? {
        let line = node.line;
        let metric = metric(line, &node.text("metrics")?)?;
        if metrics.contains(&metric) {
            return Err(wrong(line, format!("`{metric}` is there twice")));
        }
        can_measure(line, metric, target)?;
        metrics.push(metric);
    }
    if metrics.is_empty() {
        return Err(wrong(line, "`metrics` is empty"));
    }
    Ok(metrics)
}

fn metric(line: usize, name: &str) -> Result<Metric, Error> {
    name.parse().map_err(|error: crate::metric::UnknownMetric| Error::Suite {
        line,
        message: error.to_string(),
        hint: Some(error.hint),
    })
}

/// Whether the target gives what the metric looks at.
fn can_measure(line: usize, metric: Metric, target: &Target) -> Result<(), Error> {
    match target {
        Target::Corpus { k, .. } => match metric.depth() {
            Some(depth) if depth > *k => {
                Err(wrong(line, format!("`{metric}` looks at {depth} documents, and the target gives {k}: raise `k`")))
            }
            _ => Ok(()),
        },
        Target::Files { run: None, .. } if metric.is_of_documents() => {
            Err(wrong(line, format!("`{metric}` is measured of documents, and the target has no `run`")))
        }
        Target::Files { answers: None, .. } if !metric.is_of_documents() => {
            Err(wrong(line, format!("`{metric}` is measured of answers, and the target has none")))
        }
        Target::Files { .. } => Ok(()),
    }
}

fn thresholds(node: Node, metrics: &[Metric]) -> Result<Vec<Threshold>, Error> {
    let mut thresholds: Vec<Threshold> = Vec::new();
    for (key, node) in node.entries("`thresholds`")?.rest() {
        let metric = metric(key.line, &key.name)?;
        if !metrics.contains(&metric) {
            return Err(wrong(key.line, format!("`{metric}` is not among the metrics of the suite")));
        }
        if thresholds.iter().any(|threshold| threshold.metric == metric) {
            return Err(wrong(key.line, format!("`{metric}` has a threshold already")));
        }
        thresholds.extend(bounds(metric, node)?);
    }
    Ok(thresholds)
}

/// `0.35` for the mean; `{mean: 0.35, low: 0.3}` for the mean and for the low end of its interval.
fn bounds(metric: Metric, node: Node) -> Result<Vec<Threshold>, Error> {
    let line = node.line;
    let name = metric.to_string();
    let number = |node: Node| node.number(&name, "a number from 0 to 1", |value: &f64| (0.0..=1.0).contains(value));
    if !matches!(node.value, Value::Map(_)) {
        return Ok(vec![Threshold { metric, bound: Bound::Mean, least: number(node)? }]);
    }
    let mut entries = node.entries("a threshold")?;
    let taken = [(Bound::Mean, entries.take("mean")), (Bound::Low, entries.take("low"))];
    entries.end()?;
    let mut thresholds = Vec::new();
    for (bound, node) in taken {
        thresholds.extend(node.map(number).transpose()?.map(|least| Threshold { metric, bound, least }));
    }
    if thresholds.is_empty() {
        return Err(wrong(line, format!("`{metric}` has no threshold: say `mean`, `low` or both")));
    }
    Ok(thresholds)
}
