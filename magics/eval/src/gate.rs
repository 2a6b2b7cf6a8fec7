//! The gate: whether a suite's latest run is good enough. What was not measured is not good enough, and not bad either.

use std::fmt;

use kernwerk_core::Verdict;
use kernwerk_store::{Lab, Principal};
use serde_json::json;

use crate::run::Reference;
use crate::suite::{Bound, Threshold};
use crate::{Error, Run, StoredSuite, fresh};

/// How a threshold, or a whole gate, was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Pass,
    Unmeasured,
    Fail,
}

impl State {
    /// As a shell and a publication take it: what is not measured does not pass.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Pass => Verdict::Passed,
            Self::Unmeasured => Verdict::Undecided,
            Self::Fail => Verdict::Failed,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Pass => "pass",
            Self::Unmeasured => "unmeasured",
            Self::Fail => "fail",
        })
    }
}

/// One threshold against what was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    pub threshold: Threshold,
    /// None where it was not measured.
    pub value: Option<f64>,
    pub state: State,
}

/// A gate's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Gated {
    pub suite: String,
    /// The run that was judged; none where there is none.
    pub run: Option<Run>,
    /// Whether the run speaks of what is there now.
    pub current: bool,
    pub thresholds: Vec<Judged>,
    /// Fail when a threshold fails, else unmeasured when one is, else pass.
    pub state: State,
    /// Why there is nothing to judge, in words: never measured, out of date, or of what the target does not give.
    pub reasons: Vec<String>,
}

impl Gated {
    /// What was judged and on what it rests, for who reads of it later.
    pub fn attestation(&self) -> serde_json::Value {
        let thresholds = self.thresholds.iter().map(|judged| {
            let Threshold { metric, bound, least } = judged.threshold;
            json!({
                "metric": metric,
                "of": bound,
                "least": least,
                "value": judged.value,
                "state": judged.state.to_string(),
            })
        });
        json!({
            "suite": self.suite,
            "state": self.state.to_string(),
            "run": self.run.as_ref().map(|run| run.reference.to_string()),
            "measured_at": self.run.as_ref().map(|run| &run.at),
            "basis": self.run.as_ref().map(|run| &run.basis),
            "thresholds": thresholds.collect::<Vec<_>>(),
        })
    }

    /// The thresholds that were not reached, such as `the mean of ndcg@10 is 0.31, at least 0.35 is wanted`.
    pub fn failures(&self) -> Vec<String> {
        let failed = self.thresholds.iter().filter(|judged| judged.state == State::Fail);
        let words = failed.filter_map(|judged| {
            let Threshold { metric, bound, least } = judged.threshold;
            let what = match bound {
                Bound::Mean => "mean",
                Bound::Low => "low end",
            };
            Some(format!("the {what} of {metric} is {:.4}, at least {least} is wanted", judged.value?))
        });
        words.collect()
    }
}

/// Judges the latest run of a suite for this principal.
pub async fn gate(lab: &Lab, principal: &Principal, suite: &StoredSuite) -> Result<Gated, Error> {
    if suite.suite.thresholds.is_empty() {
        return Err(Error::NoThresholds { suite: suite.name.clone() });
    }
    let run = Run::find(lab, principal, &Reference { suite: suite.name.clone(), number: None })?;
    assess(lab, suite, run).await
}

/// Judges a run by the thresholds of its suite. A run of another suite, golden set, corpus or file than there is now says
/// nothing of these.
pub async fn assess(lab: &Lab, suite: &StoredSuite, run: Option<Run>) -> Result<Gated, Error> {
    let mut reasons = match &run {
        None => vec!["it was never measured".to_owned()],
        Some(run) => fresh::changes(lab, run, suite).await?,
    };
    let current = reasons.is_empty();
    let valid = run.as_ref().filter(|_| current);
    let thresholds: Vec<Judged> =
        suite.suite.thresholds.iter().map(|threshold| judge(*threshold, valid, &mut reasons)).collect();
    let state = thresholds.iter().map(|judged| judged.state).max().unwrap_or(State::Unmeasured);
    Ok(Gated { suite: suite.name.clone(), run, current, thresholds, state, reasons })
}

/// One threshold against a run that is up to date; what is missing is added to the reasons.
fn judge(threshold: Threshold, run: Option<&Run>, reasons: &mut Vec<String>) -> Judged {
    let summary = run.and_then(|run| run.summaries.iter().find(|summary| summary.metric == threshold.metric));
    let value = summary.and_then(|summary| match threshold.bound {
        Bound::Mean => summary.mean,
        Bound::Low => summary.low,
    });
    if let (Some(summary), None) = (summary, value) {
        let reason = summary.reason.as_deref().unwrap_or("one question alone has no interval");
        let reason = format!("{}: {reason}", threshold.metric);
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let state = match value {
        None => State::Unmeasured,
        Some(value) if value >= threshold.least => State::Pass,
        Some(_) => State::Fail,
    };
    Judged { threshold, value, state }
}
