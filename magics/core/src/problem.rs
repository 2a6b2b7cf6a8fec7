//! An error as a person meets it: what was wrong, where, and what to do.

use serde::{Deserialize, Serialize};

use crate::Cancelled;

/// The form in which every crate's errors reach a face. The hint is apart from the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// A stable name such as `UnknownCorpus`; Jupyter's `ename`.
    pub name: String,
    /// What was wrong and where, one or a few lines without a trailing full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// The name that stands for an interrupt.
    pub const INTERRUPTED: &'static str = "Interrupted";
    /// The name that stands for a call that a budget did not allow.
    pub const OVER_BUDGET: &'static str = "OverBudget";
    /// The name that stands for crates which cannot be had in the versions that a run is bound to.
    pub const CRATES_NOT_LOCKED: &'static str = "CratesNotLocked";

    pub fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: message.into(), hint: None }
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With a hint where there is one.
    pub fn with_hint_if(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(Into::into).or(self.hint);
        self
    }

    /// Whether the work was stopped on request rather than wrong.
    pub fn is_interrupt(&self) -> bool {
        self.name == Self::INTERRUPTED
    }
}

impl From<Cancelled> for Problem {
    fn from(cancelled: Cancelled) -> Self {
        Self::new(Self::INTERRUPTED, cancelled.to_string()).with_hint("the lab is as it was before")
    }
}
