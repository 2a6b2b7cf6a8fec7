//! What can go wrong in promotion, and what to do about it.

use std::path::{Path, PathBuf};

use kernwerk_core::{Cancelled, CellStatus, ParameterType, Problem, did_you_mean, listed, name_hint};

use crate::execution::label;
use crate::gates::GateReport;

/// What to do about a name that is like no gate's.
const GATES: &str = "`%promote gates --help` names the gates; a suite is one as soon as `suites` or `--gate` names it";

/// More cells than that are counted, not named.
const MOST_NAMED: usize = 4;

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
    #[error("`{name}` has no value: {}, which makes it, {}{}", label(*.count), ended(*.status), at(*.began))]
    VariableFailed { name: String, count: u32, status: CellStatus, began: u64 },
    #[error("no recorded cell of this kernel session defines `{name}`")]
    UnknownVariable { name: String, near: Vec<String> },
    #[error("`{name}` cannot be a name: {reason}")]
    BadName { name: String, reason: String },
    #[error("`{name}` is `{other}`, which is {noun} already, but for the size of letters")]
    LikeAnother { name: String, other: String, noun: &'static str },
    #[error("`{name}` cannot be the name of a key")]
    BadKeyName { name: String },
    #[error("`{text}` does not name an artifact")]
    BadReference { text: String, meant: Option<String> },
    #[error("no artifact is called `{name}`")]
    UnknownArtifact { name: String, near: Vec<String> },
    #[error("artifact `{name}` has no version {version}")]
    UnknownVersion { name: String, version: u32, versions: Vec<u32> },
    #[error("no version of artifact `{name}` is called `{label}`")]
    UnknownLabel { name: String, label: String, labels: Vec<String> },
    #[error("{artifact} was removed at {at} by {by}{}", why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    Removed { artifact: String, at: String, by: String, why: Option<String>, is_here: bool },
    #[error("{artifact} was not removed")]
    NotRemoved { artifact: String, removed: Vec<u32> },
    #[error("`{label}` cannot be the name of a stage or an alias: {reason}")]
    BadLabel { label: String, reason: String },
    #[error("`{label}` is {kind} of this artifact already")]
    LabelTaken { label: String, kind: &'static str },
    #[error("{artifact} is `{label}` already")]
    HeldAlready { artifact: String, label: String },
    #[error("no version of `{name}` was {stage} before the one that is")]
    NothingBefore { name: String, stage: String },
    #[error(
        "{artifact} has {} of the {wanted} {}approvals that `{stage}` asks for{}{}",
        given.len(), if *signed { "signed " } else { "" }, by(given), not_counted(uncounted)
    )]
    NotApproved {
        artifact: String,
        stage: String,
        wanted: u32,
        given: Vec<String>,
        /// Only approvals count that are signed with the person's key; these others there are, each with what is known of its signature.
        signed: bool,
        uncounted: Vec<String>,
    },
    #[error("{by} has not approved {artifact} for `{stage}`")]
    NothingToWithdraw { artifact: String, stage: String, by: String },
    #[error("approvals have to be signed here, and that of {by} would not be")]
    MustSign { by: String },
    #[error("this key is that of {owner}, who does not approve for {by}")]
    NotTheirKey { by: String, owner: String },
    #[error("kernwerk.toml names no such key of {by}, so that the approval would not count")]
    UnknownKey { by: String, key: String },
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
    #[error("kernwerk.toml names one key for {first} and for {second}")]
    SharedKey { first: String, second: String },
    #[error("the history of `{name}` is not whole: {}", findings.join("; "))]
    BrokenHistory { name: String, findings: Vec<String> },
    #[error("{artifact} is damaged: {}{message}", if file.is_empty() { String::new() } else { format!("{file}: ") })]
    BrokenArtifact { artifact: String, file: String, message: String },
    #[error("{}: {message}", path.display())]
    BrokenWords { path: PathBuf, message: String },
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
    ProofDiffers { count: u32, difference: String, cause: Option<String>, left_out: Vec<u32> },
    /// A cell that is to be kept ran behind all that the target needs.
    #[error("In[{count}], which is to be kept, ran after the last cell that `{target}` needs")]
    KeptTooLate { count: u32, target: String },
    #[error("{}", told(refused))]
    GatesNotPassed { refused: Vec<GateReport> },
    #[error("`{name}` in [promote.gates] of kernwerk.toml is no gate")]
    UnknownGate { name: String, near: Vec<String> },
    #[error("{artifact} has no form as {form}: {reason}")]
    NoExport { artifact: String, form: &'static str, reason: String, hint: String },
    #[error("the crates of {artifact} cannot be put beside it: {}", reasons.join("; "))]
    NotVendored { artifact: String, reasons: Vec<String> },
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
            Self::TargetFailed { .. } | Self::VariableFailed { .. } => "correct the cell and run it again".to_owned(),
            Self::UnknownVariable { near, .. } if near.is_empty() => {
                "run the cell that defines it, or name a cell by its number".to_owned()
            }
            Self::UnknownVariable { near, .. } | Self::UnknownArtifact { near, .. } if !near.is_empty() => {
                return did_you_mean(near);
            }
            Self::UnknownArtifact { .. } => "`%promote list` shows the artifacts".to_owned(),
            Self::BadKeyName { .. } => {
                "a key has the name of a person, such as `ada`: it begins with a letter and has at most 64 letters, digits, `_` and `-`"
                    .to_owned()
            }
            Self::BadName { .. } => {
                "a name begins with a letter and has at most 64 letters, digits, `_` and `-`".to_owned()
            }
            Self::LikeAnother { other, .. } => {
                format!("write `{other}`, or choose another name: some file systems and many people take the two for one")
            }
            Self::Removed { artifact, is_here: true, .. } => format!(
                "its files are here again: `%promote prune --apply` removes them, `%promote restore {artifact}` makes it count again"
            ),
            Self::Removed { artifact, .. } => format!(
                "get its files back from version control, and `%promote restore {artifact}` makes it count again"
            ),
            Self::NotRemoved { removed, .. } if removed.is_empty() => {
                "no version of it was; `%promote history NAME` shows what happened".to_owned()
            }
            Self::NotRemoved { removed, .. } => {
                let removed: Vec<String> = removed.iter().map(u32::to_string).collect();
                format!("name one that was by its number: {}", removed.join(", "))
            }
            Self::NothingToWithdraw { artifact, .. } => {
                format!("`%promote show {artifact}` says who has; `--by` names the person")
            }
            Self::MustSign { .. } => "sign it with `--key NAME`; `%promote key NAME` makes a key".to_owned(),
            Self::NotTheirKey { owner, .. } => format!("`--by {owner}`, or a key of one's own"),
            Self::UnknownKey { by, key } => format!("below [promote.keys] of kernwerk.toml it would be: {by} = \"{key}\""),
            Self::SharedKey { .. } => "give each person a key of their own: `%promote key NAME` makes one".to_owned(),
            Self::BadReference { meant: Some(meant), .. } => return did_you_mean(std::slice::from_ref(meant)),
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
            Self::NotApproved { artifact, stage, signed, .. } => {
                let key = if *signed { " --key NAME" } else { "" };
                format!("`%promote approve {artifact} {stage}{key}`, each time by another person")
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
            Self::BrokenArtifact { .. } => "restore it from version control, or publish it again".to_owned(),
            Self::BrokenWords { .. } => "correct it, or restore it from version control".to_owned(),
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
            Self::ProofDiffers { cause, left_out, .. } => {
                let unknown = "the cell depends on something that a fresh run does not have: state of the kernel, chance, the clock, or a file that it was not \
                               seen to open and that no text names (`--input FILE` adds one)";
                let cause = cause.as_ref().map_or_else(|| unknown.to_owned(), |cause| format!("a likely cause: {cause}"));
                format!("{cause}{}", keep_hint(left_out))
            }
            Self::KeptTooLate { .. } => {
                "the cells of a slice run in the order in which they ran: run the target again, behind it".to_owned()
            }
            Self::GatesNotPassed { refused } => {
                let remedies: Vec<String> =
                    refused.iter().map(|report| format!("gate `{}`: {}", report.gate, report.remedy)).collect();
                remedies.join("\n")
            }
            Self::UnknownGate { near, .. } => return did_you_mean(near).or(Some(GATES.to_owned())),
            Self::NoExport { hint, .. } => hint.clone(),
            Self::NotVendored { .. } => {
                "a replay fetches the crates into cargo's home; those of repositories and of other registries cannot be packed".to_owned()
            }
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
            Self::TargetFailed { .. } | Self::VariableFailed { .. } => "TargetFailed",
            Self::UnknownVariable { .. } => "UnknownVariable",
            Self::BadName { .. } | Self::BadKeyName { .. } => "BadName",
            Self::BadReference { .. } => "BadReference",
            Self::UnknownArtifact { .. } => "UnknownArtifact",
            Self::UnknownVersion { .. } => "UnknownVersion",
            Self::UnknownLabel { .. } => "UnknownStage",
            Self::BadLabel { .. } => "BadStage",
            Self::LikeAnother { .. } => "LikeAnother",
            Self::Removed { .. } => "Removed",
            Self::NotRemoved { .. } => "NotRemoved",
            Self::NothingToWithdraw { .. } => "NothingToWithdraw",
            Self::MustSign { .. } => "MustSign",
            Self::NotTheirKey { .. } => "NotTheirKey",
            Self::UnknownKey { .. } => "UnknownKey",
            Self::SharedKey { .. } => "SharedKey",
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
            Self::BrokenWords { .. } => "BrokenWords",
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
            Self::KeptTooLate { .. } => "KeptTooLate",
            Self::GatesNotPassed { .. } => "GateNotPassed",
            Self::UnknownGate { .. } => "UnknownGate",
            Self::NoExport { .. } => "NoExport",
            Self::NotVendored { .. } => "NotVendored",
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

/// What to do where a cell is missing that was left out, as far as there is one: to stand behind a sentence.
fn keep_hint(left_out: &[u32]) -> String {
    let labels: Vec<String> = left_out.iter().map(|count| format!("In[{count}]")).collect();
    match labels.as_slice() {
        [] => String::new(),
        [one] => format!("; `{one}` was left out: where the target needs it, `--keep {}` keeps it", left_out[0]),
        [first, .., last] if labels.len() > MOST_NAMED => {
            let count = labels.len();
            format!(
                "; {count} cells from `{first}` to `{last}` were left out, which `%promote plan` lists: where the target needs one, `--keep CELL` keeps it"
            )
        }
        _ => {
            let (labels, first) = (listed(&labels, "and"), left_out[0]);
            format!("; {labels} were left out: where the target needs one of them, `--keep {first}` keeps the first")
        }
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

/// The approvals that there are and that do not count.
fn not_counted(uncounted: &[String]) -> String {
    if uncounted.is_empty() { String::new() } else { format!("; not counted: {}", uncounted.join(", ")) }
}

/// When that was, from nanoseconds since 1970: to stand behind a sentence.
fn at(nanoseconds: u64) -> String {
    let moment = chrono::DateTime::from_timestamp((nanoseconds / 1_000_000_000) as i64, 0).filter(|_| nanoseconds > 0);
    moment.map_or_else(String::new, |moment| format!(" at {}", moment.format("%H:%M:%S UTC on %Y-%m-%d")))
}

/// Whose approvals there are.
fn by(given: &[String]) -> String {
    if given.is_empty() { String::new() } else { format!(" (by {})", given.join(", ")) }
}
