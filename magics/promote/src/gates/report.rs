//! What a gate says: pass, fail or unmeasured, of what, and where it found something.

use std::fmt;

use kernwerk_core::Verdict;
use serde::{Deserialize, Serialize};

/// How many findings a message names.
const NAMED: usize = 5;

/// How a gate judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Pass,
    Fail,
    /// Nobody could tell: neither good nor bad.
    Unmeasured,
}

impl State {
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Pass => Verdict::Passed,
            Self::Fail => Verdict::Failed,
            Self::Unmeasured => Verdict::Undecided,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unmeasured => "unmeasured",
        })
    }
}

/// What becomes of a gate's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Demand {
    /// It has to pass; what is unmeasured does not.
    Require,
    /// It is told.
    Warn,
    /// The gate is not asked.
    Off,
}

impl fmt::Display for Demand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Require => "require",
            Self::Warn => "warn",
            Self::Off => "off",
        })
    }
}

/// Something that a gate found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Such as `cell 2 (In[7]), line 3`.
    pub place: String,
    /// Its kind. A secret itself is never told.
    pub what: String,
    /// By which it can be allowed. Shown to whoever publishes and written nowhere: of a short password it is a trace.
    #[serde(skip)]
    pub fingerprint: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.what)?;
        self.fingerprint.as_ref().map_or(Ok(()), |fingerprint| write!(out, " (fingerprint {fingerprint})"))
    }
}

/// What a gate said of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateReport {
    /// Its kind, or the suite.
    pub gate: String,
    pub state: State,
    pub demand: Demand,
    /// In words.
    pub looked_at: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Why it is so where no place says it, and what else is to be known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// What it rests on, in the form of whoever judged it.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub detail: serde_json::Value,
    /// What to do where it does not pass.
    #[serde(skip)]
    pub remedy: String,
}

impl GateReport {
    /// Whether it stands in the way.
    pub fn refuses(&self) -> bool {
        self.demand == Demand::Require && self.state != State::Pass
    }

    /// Why it is so, in one line; empty where there is nothing to say.
    pub fn why(&self) -> String {
        let mut words: Vec<String> = self.findings.iter().take(NAMED).map(ToString::to_string).collect();
        if self.findings.len() > NAMED {
            words.push(format!("and {} more", self.findings.len() - NAMED));
        }
        words.extend(self.reasons.iter().cloned());
        words.join("; ")
    }
}

impl fmt::Display for GateReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Pass => "passes",
            State::Fail => "fails",
            State::Unmeasured => "is unmeasured",
        };
        write!(out, "gate `{}` {state}", self.gate)?;
        match self.why() {
            why if why.is_empty() => Ok(()),
            why => write!(out, ": {why}"),
        }
    }
}

/// What a gate makes of a subject.
pub(super) struct Judged {
    pub state: State,
    pub looked_at: String,
    pub findings: Vec<Finding>,
    pub reasons: Vec<String>,
}

impl Judged {
    /// Fails where something was found.
    pub fn by_findings(looked_at: impl Into<String>, findings: Vec<Finding>) -> Self {
        let state = if findings.is_empty() { State::Pass } else { State::Fail };
        Self { state, looked_at: looked_at.into(), findings, reasons: Vec::new() }
    }

    pub fn pass(looked_at: impl Into<String>) -> Self {
        Self::by_findings(looked_at, Vec::new())
    }

    pub fn unmeasured(looked_at: impl Into<String>, reason: &str) -> Self {
        Self {
            state: State::Unmeasured,
            looked_at: looked_at.into(),
            findings: Vec::new(),
            reasons: vec![reason.to_owned()],
        }
    }

    /// What could not be told makes it unmeasured, unless it fails already.
    pub fn with_unknown(mut self, unknown: Vec<String>) -> Self {
        if !unknown.is_empty() && self.state == State::Pass {
            self.state = State::Unmeasured;
        }
        self.reasons.extend(unknown);
        self
    }

    pub fn with_reasons(mut self, reasons: impl IntoIterator<Item = String>) -> Self {
        self.reasons.extend(reasons);
        self
    }

    pub fn report(self, gate: &str, demand: super::Demand, remedy: &str) -> GateReport {
        let Self { state, looked_at, findings, reasons } = self;
        let (gate, remedy) = (gate.to_owned(), remedy.to_owned());
        GateReport { gate, state, demand, looked_at, findings, reasons, detail: serde_json::Value::Null, remedy }
    }
}

/// `1 cell`, `2 cells`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
