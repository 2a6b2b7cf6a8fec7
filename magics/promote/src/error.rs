//! What can go wrong in promotion, and what to do about it.

use std::path::{Path, PathBuf};

use kernwerk_core::{Cancelled, CellStatus, ParameterType, Problem, did_you_mean, listed, name_hint};

use crate::execution::label;
use crate::gates::GateReport;

/// What to do about a name that is like no gate's.
const GATES: &str = "`%promote gates --help` names the gates; a suite is one as soon as `suites` or `--gate` names it";

/// An error of promotion. Its text says what was wrong and where; [`Error::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error(transparent)]
    Store(kernwerk_store::Error),
    #[error("`{text}` is neither a cell, such as 7 or In[7], nor a variable")]
    BadTarget { text: String },
    #[error("no cell of {notebook} is recorded")]
    NothingRecorded { notebook: String, recorded: Vec<String> },
    #[error("{} is not among the recorded cells of this kernel session", label(*.count))]
    UnknownCell { count: u32, latest: Option<u32> },
    #[error("{} cannot be promoted: it {}", label(*.count), ended(*.status))]
    TargetFailed { count: u32, status: CellStatus },
    #[error("no recorded cell of this kernel session defines `{name}`")]
    UnknownVariable { name: String, near: Vec<String> },
    #[error("`{name}` cannot be the name of an artifact")]
    BadName { name: String },
    #[error("`{text}` does not name an artifact")]
    BadReference { text: String },
    #[error("no artifact is called `{name}`")]
    UnknownArtifact { name: String, near: Vec<String> },
    #[error("artifact `{name}` has no version {version}")]
    UnknownVersion { name: String, version: u32, versions: Vec<u32> },
    #[error("no version of artifact `{name}` is called `{label}`")]
    UnknownLabel { name: String, label: String, labels: Vec<String> },
    #[error("`{label}` cannot be the name of a stage or an alias")]
    BadLabel { label: String },
    #[error("`{label}` is {kind} of this artifact already")]
    LabelTaken { label: String, kind: &'static str },
    #[error("{artifact} is `{label}` already")]
    HeldAlready { artifact: String, label: String },
    #[error("no version of `{name}` was {stage} before the one that is")]
    NothingBefore { name: String, stage: String },
    #[error("{artifact} has {} of the {wanted} approvals that `{stage}` asks for{}", given.len(), by(given))]
    NotApproved { artifact: String, stage: String, wanted: u32, given: Vec<String> },
    #[error("{artifact} is not what was published: {}", findings.join("; "))]
    NotSound { artifact: String, findings: Vec<String> },
    #[error("none of the keys in kernwerk.toml has signed {artifact}")]
    Unsigned { artifact: String },
    #[error(
        "{artifact} is not the artifact that became `{label}`: that has the identity {wanted}, and this one {found}"
    )]
    OtherIdentity { artifact: String, label: String, wanted: String, found: String },
    #[error("{place} holds no ed25519 key")]
    BadKey { place: String },
    #[error("the history of `{name}` is not whole: {}", findings.join("; "))]
    BrokenHistory { name: String, findings: Vec<String> },
    #[error("{}: {message}", path.display())]
    BrokenArtifact { path: PathBuf, message: String },
    #[error("{} cannot be replayed: {reason}", path.display())]
    BadNotebook { path: PathBuf, reason: String, hint: &'static str },
    #[error("{}: {message}", path.display())]
    BrokenRun { path: PathBuf, message: String },
    #[error("{artifact} is the only version, so there is nothing to compare it with")]
    NothingToCompare { artifact: String },
    #[error("{} was made by a newer Kernwerk (format {found}, this one reads up to {known})", path.display())]
    NewerArtifact { path: PathBuf, found: u32, known: u32 },
    #[error("{artifact} has no parameter `{name}`")]
    UnknownParameter { artifact: String, name: String, known: Vec<String> },
    #[error("parameter `{name}` of {artifact} is of type {kind}, and `{text}` is none")]
    BadParameter { artifact: String, name: String, kind: ParameterType, text: String },
    #[error("parameter `{name}` is given two values")]
    ParameterTwice { name: String },
    #[error("the slice cannot be promoted: {}", .obstacles.join("; "))]
    Obstacles { obstacles: Vec<String> },
    #[error("the proof run could not be done: {reason}")]
    NotRun { reason: String },
    #[error("the proof run failed in {}: {reason}", label(*.count))]
    ProofFailed { count: u32, reason: String },
    #[error("the proof run differs from the notebook, first in {}: {difference}", label(*.count))]
    ProofDiffers { count: u32, difference: String },
    #[error("{}", told(refused))]
    GatesNotPassed { refused: Vec<GateReport> },
    #[error("`{name}` in [promote.gates] of kernwerk.toml is no gate")]
    UnknownGate { name: String, near: Vec<String> },
    #[error("{artifact} has no form as {form}: {reason}")]
    NoExport { artifact: String, form: &'static str, reason: String, hint: String },
    #[error("the MLflow server cannot {doing}: {reason}")]
    Tracking { doing: &'static str, reason: String, hint: Option<String> },
    #[error("{} is {what}", path.display())]
    Occupied { path: PathBuf, what: String },
    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
}

impl Error {
    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Store(error) => return error.hint(),
            Self::BadTarget { .. } => "give the number in the brackets of the cell, or the name of a variable".to_owned(),
            Self::NothingRecorded { recorded, .. } if recorded.is_empty() => {
                "run the notebook first, in the Kernwerk kernel or with `%load_ext kernwerk`".to_owned()
            }
            Self::NothingRecorded { recorded, .. } => {
                format!("name one with `--notebook`: {}", recorded.join(", "))
            }
            Self::UnknownCell { latest: Some(latest), .. } => {
                format!("the latest is {}; cells from before the kernel's start have to run again", label(*latest))
            }
            Self::UnknownCell { latest: None, .. } => "run the cells first".to_owned(),
            Self::TargetFailed { .. } => "correct the cell and run it again".to_owned(),
            Self::UnknownVariable { near, .. } if near.is_empty() => {
                "run the cell that defines it, or name a cell by its number".to_owned()
            }
            Self::UnknownVariable { near, .. } | Self::UnknownArtifact { near, .. } if !near.is_empty() => {
                return did_you_mean(near);
            }
            Self::UnknownArtifact { .. } => "`%promote list` shows the artifacts".to_owned(),
            Self::BadName { .. } => {
                "a name begins with a letter and has at most 64 letters, digits, `_` and `-`".to_owned()
            }
            Self::BadReference { .. } => {
                "write NAME for the latest version, NAME@3, or NAME@STAGE such as NAME@production".to_owned()
            }
            Self::UnknownLabel { labels, .. } if labels.is_empty() => {
                "`%promote stage NAME@VERSION STAGE` gives a version a stage, `%promote alias` another name".to_owned()
            }
            Self::UnknownLabel { labels, .. } => format!("it has {}", listed(labels, "and")),
            Self::BadLabel { .. } => {
                "a name begins with a letter and has at most 64 letters, digits, `_` and `-`; `latest` is the last version"
                    .to_owned()
            }
            Self::LabelTaken { .. } => "choose another name".to_owned(),
            Self::HeldAlready { .. } | Self::NothingBefore { .. } => {
                "`%promote history NAME` shows which version was where and when".to_owned()
            }
            Self::NotApproved { artifact, stage, .. } => {
                format!("`%promote approve {artifact} {stage}`, each time by another person")
            }
            Self::BadKey { .. } => {
                "`%promote key NAME` makes a key and shows what stands in kernwerk.toml for it".to_owned()
            }
            Self::Unsigned { artifact } => format!("`%promote sign {artifact}` signs it"),
            Self::NotSound { .. } | Self::OtherIdentity { .. } | Self::BrokenHistory { .. } => {
                "restore the files from version control".to_owned()
            }
            Self::UnknownVersion { versions, .. } => {
                let versions: Vec<String> = versions.iter().map(u32::to_string).collect();
                format!("there are the versions {}", versions.join(", "))
            }
            Self::BrokenArtifact { .. } => "restore the artifact from version control, or publish it again".to_owned(),
            Self::BadNotebook { hint, .. } => (*hint).to_owned(),
            Self::BrokenRun { .. } => "remove its directory: nothing else refers to it".to_owned(),
            Self::UnknownParameter { known, .. } if known.is_empty() => {
                "it has none: `%promote param NAME=VALUE` in a cell of its notebook declares them".to_owned()
            }
            Self::UnknownParameter { name, known, .. } => {
                return name_hint(name, "its parameters are", known.iter().map(String::as_str));
            }
            Self::BadParameter { kind, .. } => format!("write {}", kind.form()),
            Self::ParameterTwice { .. } => "give it one".to_owned(),
            Self::NothingToCompare { .. } => "name two artifacts: `%promote diff NAME OTHER`".to_owned(),
            Self::NewerArtifact { .. } => "update Kernwerk".to_owned(),
            Self::Obstacles { .. } => "`%promote plan` shows the slice with the reasons".to_owned(),
            Self::ProofFailed { reason, .. } if reason.starts_with("NameError") => {
                "what ran before `%load_ext kernwerk`, or in its cell, is not recorded: give it a cell behind that and run \
                 them again"
                    .to_owned()
            }
            Self::ProofFailed { .. } => {
                "the slice ran in a fresh process, with only the files that its cells were seen to read or that their text \
                 names; `--input FILE` adds one"
                    .to_owned()
            }
            Self::ProofDiffers { .. } => {
                "the cell depends on something that a fresh run does not have: state of the kernel, chance, or the clock"
                    .to_owned()
            }
            Self::GatesNotPassed { refused } => {
                let remedies: Vec<String> =
                    refused.iter().map(|report| format!("gate `{}`: {}", report.gate, report.remedy)).collect();
                remedies.join("\n")
            }
            Self::UnknownGate { near, .. } => return did_you_mean(near).or(Some(GATES.to_owned())),
            Self::NoExport { hint, .. } => hint.clone(),
            Self::Tracking { hint, .. } => hint.clone().unwrap_or_else(|| {
                "`--server` names a running `mlflow server` that serves artifacts; nothing was left there".to_owned()
            }),
            Self::Occupied { .. } => "name another place with `--output`, or replace it with `--overwrite`".to_owned(),
            Self::UnknownVariable { .. } | Self::NotRun { .. } | Self::Io { .. } | Self::Cancelled(_) => return None,
        };
        Some(hint)
    }

    /// A stable name of the kind of error.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cancelled(_) => Problem::INTERRUPTED,
            Self::Store(error) => error.name(),
            Self::BadTarget { .. } => "BadTarget",
            Self::NothingRecorded { .. } => "NothingRecorded",
            Self::UnknownCell { .. } => "UnknownCell",
            Self::TargetFailed { .. } => "TargetFailed",
            Self::UnknownVariable { .. } => "UnknownVariable",
            Self::BadName { .. } => "BadName",
            Self::BadReference { .. } => "BadReference",
            Self::UnknownArtifact { .. } => "UnknownArtifact",
            Self::UnknownVersion { .. } => "UnknownVersion",
            Self::UnknownLabel { .. } => "UnknownStage",
            Self::BadLabel { .. } => "BadStage",
            Self::LabelTaken { .. } => "StageTaken",
            Self::HeldAlready { .. } => "StagedAlready",
            Self::NothingBefore { .. } => "NothingBefore",
            Self::NotApproved { .. } => "NotApproved",
            Self::NotSound { .. } => "NotSound",
            Self::Unsigned { .. } => "Unsigned",
            Self::OtherIdentity { .. } => "OtherIdentity",
            Self::BadKey { .. } => "BadKey",
            Self::BrokenHistory { .. } => "BrokenHistory",
            Self::BrokenArtifact { .. } => "BrokenArtifact",
            Self::NothingToCompare { .. } => "NothingToCompare",
            Self::NewerArtifact { .. } => "NewerArtifact",
            Self::BadNotebook { .. } => "BadNotebook",
            Self::BrokenRun { .. } => "BrokenRun",
            Self::UnknownParameter { .. } => "UnknownParameter",
            Self::BadParameter { .. } | Self::ParameterTwice { .. } => "BadParameter",
            Self::Obstacles { .. } => "CannotPromote",
            Self::NotRun { .. } => "NotRun",
            Self::ProofFailed { .. } => "ProofFailed",
            Self::ProofDiffers { .. } => "ProofDiffers",
            Self::GatesNotPassed { .. } => "GateNotPassed",
            Self::UnknownGate { .. } => "UnknownGate",
            Self::NoExport { .. } => "NoExport",
            Self::Tracking { .. } => "TrackingFailed",
            Self::Occupied { .. } => "Occupied",
            Self::Io { .. } => "FileFailed",
        }
    }

    /// Wraps an I/O error with what was being done and where; `doing` is a verb such as `write`.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
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
        let error = match error {
            Error::Cancelled(cancelled) => return cancelled.into(),
            Error::Store(error) => return error.into(),
            error => error,
        };
        Problem::new(error.name(), error.to_string()).with_hint_if(error.hint())
    }
}

/// Which gates do not pass, in words.
fn told(refused: &[GateReport]) -> String {
    refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn ended(status: CellStatus) -> &'static str {
    match status {
        CellStatus::Running => "is still running",
        CellStatus::Ok => "ended well",
        CellStatus::Error => "failed",
        CellStatus::Rejected => "did not compile",
        CellStatus::Interrupted => "was interrupted",
    }
}

/// Whose approvals there are.
fn by(given: &[String]) -> String {
    if given.is_empty() { String::new() } else { format!(" (by {})", given.join(", ")) }
}
