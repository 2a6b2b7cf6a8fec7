//! What was measured of an artifact, in the words of those who review it: what its gates say, the scores of its suites, how long its cells took, and
//! what was attested beside.

use std::collections::BTreeMap;

use serde_json::Value;

use super::settings::{Change, Facts, changes, facts};
use crate::card::scores::scores as metrics;
use crate::gates::{Demand, GateReport, State};

/// Attestations that say how good an artifact is; the others say what it took.
const SCORES: [&str; 2] = ["gate", "eval"];
const GATES: &str = "gates";
const PROOF: &str = "proof";
/// A cell that took less than this longer or shorter took as long: seconds.
const SAME_SECONDS: f64 = 0.5;

type Attested = BTreeMap<String, Value>;

/// How the quality of two artifacts differs: gates, metrics of suites, and what else their attestations say of it.
pub(super) fn scores(before: &Attested, after: &Attested) -> Vec<Change> {
    changes(&quality(before), &quality(after))
}

/// How what two artifacts took differs.
pub(super) fn measured(before: &Attested, after: &Attested) -> Vec<Change> {
    let (mut from, mut to) = (seconds(before), seconds(after));
    let number = |of: &Facts, name: &str| of.get(name).and_then(|text| text.parse::<f64>().ok());
    let is_same = |name: &String| {
        let both = number(&from, name).zip(number(&to, name));
        name.starts_with("cell ") && both.is_some_and(|(one, other)| (one - other).abs() < SAME_SECONDS)
    };
    let same: Vec<String> = from.keys().filter(|name| is_same(name)).cloned().collect();
    for name in same {
        from.remove(&name);
        to.remove(&name);
    }
    from.extend(others(before, false));
    to.extend(others(after, false));
    changes(&from, &to)
}

fn quality(attested: &Attested) -> Facts {
    let mut found = Facts::new();
    let gates =
        attested.get(GATES).and_then(|gates| serde_json::from_value::<Vec<GateReport>>(gates[GATES].clone()).ok());
    for gate in gates.into_iter().flatten() {
        found.insert(format!("gate {}", gate.gate), said(&gate));
    }
    let scores: Attested =
        attested.iter().filter(|(name, _)| is_score(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
    for score in metrics(&scores) {
        found.insert(format!("suite {}, {}", score.suite, score.name()), score.value.to_string());
    }
    found.extend(others(attested, true));
    found
}

/// What a gate says, in a line.
fn said(gate: &GateReport) -> String {
    let told = if gate.state != State::Pass && gate.demand == Demand::Warn { ", which is only told" } else { "" };
    match gate.why() {
        why if why.is_empty() || gate.state == State::Pass => format!("{}{told}", gate.state),
        why => format!("{}{told}: {why}", gate.state),
    }
}

/// How long the proof run took, and each of its cells.
fn seconds(attested: &Attested) -> Facts {
    let mut found = Facts::new();
    let Some(proof) = attested.get(PROOF) else { return found };
    let mut add = |name: String, seconds: &Value| {
        found.extend(seconds.as_f64().map(|seconds| (name, format!("{seconds:.2}"))));
    };
    add("proof run, seconds".to_owned(), &proof["wall_seconds"]);
    for cell in proof["cells"].as_array().into_iter().flatten() {
        add(format!("cell {}, seconds", cell["step"]), &cell["wall_seconds"]);
    }
    found
}

/// What else is attested, by the names that it has there, in words. Metrics of suites stand among the scores already.
fn others(attested: &Attested, of_quality: bool) -> Facts {
    let is_other = |name: &str| name != GATES && name != PROOF && is_score(name) == of_quality;
    let values: Attested =
        attested.iter().filter(|(name, _)| is_other(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
    if of_quality && !metrics(&values).is_empty() {
        return Facts::new();
    }
    let facts = facts(&Value::Object(values.into_iter().collect()), &[]);
    facts.into_iter().map(|(name, value)| (name.replace(['.', '_'], " "), value)).collect()
}

fn is_score(name: &str) -> bool {
    SCORES.iter().any(|score| name.starts_with(score))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn gates(state: &str, recall: f64) -> Value {
        json!({ "gates": [
            { "gate": "secrets", "state": state, "demand": "require", "looked_at": "3 texts",
              "findings": [{ "place": "cell 2", "what": "a token" }] },
            { "gate": "quality", "state": "pass", "demand": "require", "looked_at": "a run",
              "detail": { "suite": "quality", "run": "0192-7f", "thresholds": [
                { "metric": "recall@5", "of": "mean", "least": 0.5, "value": recall, "state": "pass" }] } },
        ]})
    }

    fn told(changes: &[Change]) -> Vec<(&str, Option<&str>, Option<&str>)> {
        changes.iter().map(|c| (c.name.as_str(), c.before.as_deref(), c.after.as_deref())).collect()
    }

    #[test]
    fn gates_and_metrics_have_the_words_of_a_review() {
        let before = Attested::from([("gates".to_owned(), gates("pass", 0.75))]);
        let after = Attested::from([("gates".to_owned(), gates("fail", 0.5))]);
        assert_eq!(
            told(&scores(&before, &after)),
            [
                ("gate secrets", Some("pass"), Some("fail: cell 2: a token")),
                ("suite quality, recall@5 (mean)", Some("0.75"), Some("0.5")),
            ]
        );
        assert_eq!(scores(&before, &before), []);
    }

    #[test]
    fn a_cell_that_took_as_long_is_not_named() {
        let proof = |first: f64, second: f64| {
            json!({ "wall_seconds": first + second, "cells": [
                { "step": 1, "wall_seconds": first }, { "step": 2, "wall_seconds": second }] })
        };
        let side = |first, second, tokens: u32| {
            Attested::from([
                ("proof".to_owned(), proof(first, second)),
                ("cost".to_owned(), json!({ "tokens_in": tokens })),
            ])
        };
        let found = measured(&side(1.0, 2.0, 7), &side(1.1, 9.0, 8));
        assert_eq!(
            told(&found),
            [
                ("cell 2, seconds", Some("2.00"), Some("9.00")),
                ("cost tokens in", Some("7"), Some("8")),
                ("proof run, seconds", Some("3.00"), Some("10.10")),
            ]
        );
    }
}
