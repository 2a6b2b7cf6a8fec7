//! What MLflow is told of an artifact: tags, parameters, figures and inputs, in requests that it takes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::source::Source;
use super::{ARTIFACT, IDENTITY};
use crate::Error;
use crate::catalog::target;
use crate::gates::{GateReport, recorded};

/// What one `log-batch` takes.
const PARAMETERS_A_REQUEST: usize = 100;
const METRICS_A_REQUEST: usize = 1_000;
/// What one `log-inputs` is given; the server has no number of its own.
const INPUTS_A_REQUEST: usize = 100;
/// The longest value of a parameter, and of a tag.
const LONGEST_PARAMETER: usize = 6_000;
const LONGEST_TAG: usize = 5_000;
/// The longest digest of a data set; the whole of it stands in its source.
const LONGEST_DIGEST: usize = 36;
/// The longest name of a data set.
const LONGEST_NAME: usize = 500;

/// An artifact in MLflow's words.
pub(super) struct Record {
    pub run_tags: Vec<Value>,
    pub version_tags: Vec<Value>,
    parameters: Vec<Value>,
    metrics: Vec<Value>,
    inputs: Vec<Value>,
}

impl Record {
    pub fn of(source: &Source) -> Result<Self, Error> {
        let proof = source.location.proof()?;
        let tags = BTreeMap::from([
            (ARTIFACT, source.location.to_string()),
            (IDENTITY, source.id.clone()),
            ("kernwerk.target", target(&source.pipeline)),
        ]);
        let mut run_tags = tags.clone();
        run_tags.insert("mlflow.source.type", "NOTEBOOK".to_owned());
        run_tags.insert("mlflow.note.content", source.title());
        if let Some(proof) = &proof {
            run_tags.insert("mlflow.source.name", proof.notebook.clone());
        }
        let mut metrics = BTreeMap::from([("steps".to_owned(), vec![source.pipeline.steps.len() as f64])]);
        if let Some(proof) = &proof {
            metrics.insert("proof.seconds".to_owned(), vec![proof.wall_seconds]);
            metrics.insert("proof.step_seconds".to_owned(), proof.cells.iter().map(|cell| cell.wall_seconds).collect());
        }
        metrics.extend(
            scores(&recorded(&source.location)?.unwrap_or_default())
                .into_iter()
                .map(|(name, value)| (name, vec![value])),
        );
        Ok(Self {
            run_tags: pairs(run_tags, LONGEST_TAG),
            version_tags: pairs(tags, LONGEST_TAG),
            parameters: pairs(parameters(source), LONGEST_PARAMETER),
            metrics: points(metrics),
            inputs: source.inputs().iter().map(data_set).collect(),
        })
    }

    /// The bodies of `log-batch`, each within what the server takes.
    pub fn batches(&self, run: &str) -> Vec<Value> {
        let parameters =
            self.parameters.chunks(PARAMETERS_A_REQUEST).map(|part| json!({ "run_id": run, "params": part }));
        let metrics = self.metrics.chunks(METRICS_A_REQUEST).map(|part| json!({ "run_id": run, "metrics": part }));
        parameters.chain(metrics).collect()
    }

    /// The bodies of `log-inputs`.
    pub fn inputs(&self, run: &str) -> Vec<Value> {
        self.inputs.chunks(INPUTS_A_REQUEST).map(|part| json!({ "run_id": run, "datasets": part })).collect()
    }
}

fn pairs<Key: AsRef<str>>(values: impl IntoIterator<Item = (Key, String)>, longest: usize) -> Vec<Value> {
    let pairs = values.into_iter().map(|(key, value)| json!({ "key": key.as_ref(), "value": cut(&value, longest) }));
    pairs.collect()
}

/// At most so many bytes of a text.
fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

/// What the pipeline was made with, and the defaults of its own parameters.
fn parameters(source: &Source) -> Vec<(String, String)> {
    let made_with = &source.pipeline.made_with;
    let mut parameters = vec![
        ("kernwerk.version".to_owned(), made_with.kernwerk.clone()),
        ("kernwerk.level".to_owned(), source.pipeline.level.name().to_owned()),
    ];
    parameters.extend(made_with.toolchain.iter().map(|toolchain| ("kernwerk.toolchain".to_owned(), toolchain.clone())));
    parameters.extend(source.pipeline.python.iter().flat_map(|python| {
        let packages = python.packages.iter().map(|(name, version)| (format!("package.{name}"), version.clone()));
        [("kernwerk.python".to_owned(), format!("{} {}", python.implementation, python.version))]
            .into_iter()
            .chain(packages)
    }));
    let own = source
        .pipeline
        .parameters
        .iter()
        .map(|pinned| (pinned.parameter.name.clone(), pinned.parameter.value.to_string()));
    parameters.extend(own);
    parameters
}

/// A metric with several values has one for each step of the pipeline, from 1.
fn points(metrics: BTreeMap<String, Vec<f64>>) -> Vec<Value> {
    let timestamp = super::now();
    let points = metrics.into_iter().flat_map(|(key, values)| {
        let first = usize::from(values.len() > 1);
        values
            .into_iter()
            .zip(first..)
            .map(move |(value, step)| json!({ "key": key, "value": value, "timestamp": timestamp, "step": step }))
    });
    points.collect()
}

/// What the gates of the publication measured, such as `gate.quality.recall`.
fn scores(reports: &[GateReport]) -> Vec<(String, f64)> {
    let mut scores = Vec::new();
    for report in reports {
        let suite = &report.gate;
        for judged in report.detail["thresholds"].as_array().into_iter().flatten() {
            if let (Some(metric), Some(value)) = (judged["metric"].as_str(), judged["value"].as_f64()) {
                let of = judged["of"].as_str().map(|of| format!(".{of}")).unwrap_or_default();
                scores.push((key(&format!("gate.{suite}.{metric}{of}")), value));
            }
        }
    }
    scores
}

/// A name as MLflow takes it for a metric.
fn key(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || "_-. /".contains(c) { c } else { '_' }).collect()
}

/// An input as a data set of a run.
fn data_set(input: &Value) -> Value {
    let text = |key: &str| input[key].as_str().unwrap_or_default();
    let digest = text("digest");
    let digest = digest.split_once(':').map_or(digest, |(_, digest)| digest);
    json!({
        "dataset": {
            "name": cut(text("name"), LONGEST_NAME),
            "digest": cut(digest, LONGEST_DIGEST),
            "source_type": "kernwerk",
            "source": input.to_string(),
        },
        "tags": [{ "key": "mlflow.data.context", "value": text("kind") }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_suites_measured_becomes_figures() {
        let detail = json!({ "suite": "quality", "thresholds": [
            { "metric": "recall@100", "of": "mean", "least": 0.5, "value": 0.75, "state": "pass" },
            { "metric": "mrr", "of": "mean", "least": 0.5, "value": null, "state": "unmeasured" },
        ]});
        let report =
            json!({ "gate": "quality", "state": "pass", "demand": "require", "looked_at": "run 1", "detail": detail });
        let reports: Vec<GateReport> = serde_json::from_value(json!([report])).expect("reports");
        assert_eq!(scores(&reports), [("gate.quality.recall_100.mean".to_owned(), 0.75)]);
    }
}
