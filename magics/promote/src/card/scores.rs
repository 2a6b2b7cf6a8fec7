//! What was measured of an artifact, wherever in its attestations it stands.

use std::collections::BTreeMap;

use serde_json::Value;

const DEEPEST: usize = 32;

/// A metric of a suite.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Score {
    pub suite: String,
    pub metric: String,
    /// Which bound of it, such as `mean`.
    pub of: String,
    pub value: f64,
    /// What the gate asks for.
    pub least: Option<f64>,
    pub state: String,
}

impl Score {
    pub fn name(&self) -> String {
        if self.of.is_empty() { self.metric.clone() } else { format!("{} ({})", self.metric, self.of) }
    }
}

/// Every value of a metric in the attestations.
pub(crate) fn scores(attested: &BTreeMap<String, Value>) -> Vec<Score> {
    let mut scores = Vec::new();
    for (name, value) in attested {
        collect(value, name, 0, &mut scores);
    }
    scores
}

fn collect(value: &Value, suite: &str, depth: usize, scores: &mut Vec<Score>) {
    if depth > DEEPEST {
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, suite, depth + 1, scores)),
        Value::Object(fields) => {
            let text = |key: &str| fields.get(key).and_then(Value::as_str);
            let suite = text("suite").unwrap_or(suite);
            if let (Some(metric), Some(value)) = (text("metric"), fields.get("value").and_then(Value::as_f64)) {
                scores.push(Score {
                    suite: suite.to_owned(),
                    metric: metric.to_owned(),
                    of: text("of").unwrap_or_default().to_owned(),
                    value,
                    least: fields.get("least").and_then(Value::as_f64),
                    state: text("state").unwrap_or_default().to_owned(),
                });
            }
            fields.values().for_each(|field| collect(field, suite, depth + 1, scores));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metrics_are_found_with_their_suite() {
        let gates = json!([{ "suite": "quality", "state": "pass", "thresholds": [
            { "metric": "recall@5", "of": "mean", "least": 0.5, "value": 0.75, "state": "pass" },
            { "metric": "mrr", "of": "low", "least": 0.5, "value": null, "state": "unmeasured" },
        ]}]);
        let scores = scores(&BTreeMap::from([("gates".to_owned(), gates)]));
        assert_eq!(scores.len(), 1);
        assert_eq!(
            (scores[0].suite.as_str(), scores[0].name().as_str(), scores[0].value),
            ("quality", "recall@5 (mean)", 0.75)
        );
    }
}
