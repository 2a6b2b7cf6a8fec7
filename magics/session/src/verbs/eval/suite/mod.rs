//! The verbs of `%eval suite`.

pub(super) mod define;
pub(super) mod list;
pub(super) mod show;

use kernwerk_eval::{Bound, Suite};

/// Such as `ndcg@10 ≥ 0.35, mrr (low) ≥ 0.4`.
fn thresholds(suite: &Suite) -> Vec<String> {
    let words = suite.thresholds.iter().map(|threshold| match threshold.bound {
        Bound::Mean => format!("{} ≥ {}", threshold.metric, threshold.least),
        bound => format!("{} ({bound}) ≥ {}", threshold.metric, threshold.least),
    });
    words.collect()
}

fn metrics(suite: &Suite) -> Vec<String> {
    suite.metrics.iter().map(ToString::to_string).collect()
}
