//! What can go wrong with golden sets, suites and their runs, and what to do about it.

use kernwerk_core::{Cancelled, Problem, did_you_mean};

/// Why an evaluation gave no answer. Its text says what was wrong and where; the hint says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error(transparent)]
    Store(kernwerk_store::Error),
    /// What was to be measured gave no answer for a reason of its own.
    #[error("{0}")]
    Target(Problem),
    /// A file cannot be read, or its content is broken.
    #[error("{place}: {message}")]
    File {
        /// The file, and the line where it is known.
        place: String,
        message: String,
        hint: Option<String>,
    },
    #[error("line {line}: {message}")]
    Suite {
        /// In the suite's text, from 1.
        line: usize,
        message: String,
        hint: Option<String>,
    },
    #[error("`{name}` cannot be a suite's name")]
    BadName { name: String },
    #[error("there is no suite `{name}`")]
    UnknownSuite { name: String, near: Vec<String> },
    #[error("table `{name}` is no golden set")]
    NotGolden { name: String },
    #[error("there is a table `{name}` already, which is no golden set")]
    NameTaken { name: String },
    /// The lab holds a golden set, a suite or a run that this program cannot read.
    #[error("{what} cannot be read: {reason}")]
    Damaged { what: String, reason: String },
    #[error("`{given}` is no run")]
    BadReference { given: String },
    #[error("{what}")]
    UnknownRun { what: String, hint: String },
    #[error("`{one}` and `{other}` cannot be compared: {reason}")]
    NotComparable { one: String, other: String, reason: String },
    #[error("suite `{suite}` has no thresholds")]
    NoThresholds { suite: String },
}

impl Error {
    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Cancelled(_) => None,
            Self::Store(error) => error.hint(),
            Self::Target(problem) => problem.hint.clone(),
            Self::File { hint, .. } | Self::Suite { hint, .. } => hint.clone(),
            Self::BadName { .. } => Some(
                "a name begins with a letter or `_` and has at most 64 letters of ASCII, digits, `_` and `-`"
                    .to_owned(),
            ),
            Self::UnknownSuite { near, .. } => {
                did_you_mean(near).or_else(|| Some("`%eval suite list` shows which there are".to_owned()))
            }
            Self::NotGolden { .. } => {
                Some("`%eval golden list` shows the golden sets; `%eval golden import` makes one".to_owned())
            }
            Self::NameTaken { .. } => Some("tables and golden sets share their names: choose another".to_owned()),
            Self::Damaged { .. } => Some("make it again".to_owned()),
            Self::BadReference { .. } => {
                Some("a run is `SUITE@NUMBER`, such as `quality@3`, or `SUITE` for the latest".to_owned())
            }
            Self::UnknownRun { hint, .. } => Some(hint.clone()),
            Self::NotComparable { .. } => Some("run both suites on the same golden set".to_owned()),
            Self::NoThresholds { .. } => {
                Some("say in the suite what is good enough, such as `thresholds: {ndcg@10: 0.35}`".to_owned())
            }
        }
    }

    /// Wraps what the target reports; an interrupt stays one.
    pub(crate) fn from_target(problem: Problem) -> Self {
        if problem.is_interrupt() { Self::Cancelled(Cancelled) } else { Self::Target(problem) }
    }

    /// A stable name of the kind of error.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cancelled(_) => Problem::INTERRUPTED,
            Self::Store(error) => error.name(),
            Self::Target(_) => "TargetFailed",
            Self::File { .. } => "MalformedFile",
            Self::Suite { .. } => "InvalidSuite",
            Self::BadName { .. } => "BadName",
            Self::UnknownSuite { .. } => "UnknownSuite",
            Self::NotGolden { .. } => "NotAGoldenSet",
            Self::NameTaken { .. } => "NameTaken",
            Self::Damaged { .. } => "DamagedRecord",
            Self::BadReference { .. } | Self::UnknownRun { .. } => "UnknownRun",
            Self::NotComparable { .. } => "NotComparable",
            Self::NoThresholds { .. } => "NoThresholds",
        }
    }
}

impl From<kernwerk_store::Error> for Error {
    fn from(error: kernwerk_store::Error) -> Self {
        match error {
            kernwerk_store::Error::Cancelled(cancelled) => Self::Cancelled(cancelled),
            error => Self::Store(error),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Cancelled(cancelled) => cancelled.into(),
            Error::Store(error) => error.into(),
            Error::Target(problem) => problem,
            error => Problem::new(error.name(), error.to_string()).with_hint_if(error.hint()),
        }
    }
}
