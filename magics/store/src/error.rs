//! What can go wrong in a lab, and what to do about it.

use std::path::{Path, PathBuf};

use kernwerk_core::{Cancelled, Problem, Resource, did_you_mean};

use crate::files;

/// An error of the lab. Its text says what was wrong and where; [`Error::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("there is no lab at {}", path.display())]
    NoLab { path: PathBuf },
    #[error("{}{}: {message}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Config {
        path: PathBuf,
        /// From 1.
        line: Option<usize>,
        message: String,
    },
    #[error("the lab at {} is read-only", path.display())]
    ReadOnly { path: PathBuf },
    #[error("no {} is called `{name}`", noun(*.resource))]
    Unknown {
        resource: Resource,
        name: String,
        /// Names that look alike, best first.
        near: Vec<String>,
    },
    #[error("{} `{name}` has no version {version}; the latest is {latest}", noun(*.resource))]
    UnknownVersion { resource: Resource, name: String, version: u64, latest: u64 },
    #[error("kernwerk.toml lists no principal `{name}`")]
    UnknownPrincipal { name: String, near: Vec<String> },
    #[error("`{name}` cannot be a principal's name: it has to have letters, and no spaces, `:` or `,`")]
    BadPrincipal { name: String },
    #[error("`{name}` cannot be a name: {reason}")]
    BadName { name: String, reason: &'static str },
    #[error("{} `{name}` exists already", noun(*.resource))]
    Exists { resource: Resource, name: String },
    #[error("{} `{name}` is at version {found}, not at {expected}: somebody else wrote it", noun(*.resource))]
    Conflict { resource: Resource, name: String, expected: u64, found: u64 },
    #[error("the rows do not fit {} `{name}`: {difference}", noun(*.resource))]
    SchemaDiffers { resource: Resource, name: String, difference: String },
    #[error("{} `{name}` is an input of this run, pinned to a version: rows can only be added to the lab's own", noun(*.resource))]
    Pinned { resource: Resource, name: String },
    #[error("rows without columns cannot be stored as {} `{name}`", noun(*.resource))]
    NoColumns { resource: Resource, name: String },
    #[error("{} cannot be stored as a Lance data set", noun(*.resource))]
    NotADataset { resource: Resource },
    #[error("{} `{name}`: the condition `{predicate}` is wrong: {message}", noun(*.resource))]
    Predicate { resource: Resource, name: String, predicate: String, message: String },
    #[error("{} `{name}`: {}", noun(*.resource), lance_words(source))]
    Lance { resource: Resource, name: String, source: Box<lance::Error> },
    #[error("the ledger {} has schema {found}, this program knows schemas up to {known}", path.display())]
    NewerLedger { path: PathBuf, found: i64, known: i64 },
    #[error("the ledger {} is not a ledger of Kernwerk", path.display())]
    ForeignLedger { path: PathBuf },
    #[error("the ledger {}: {source}", path.display())]
    Ledger { path: PathBuf, source: Box<rusqlite::Error> },
    #[error("the ledger holds a record that cannot be read: {0}")]
    Record(#[from] serde_json::Error),
    #[error("{what} holds a secret, and no record may: {}", secrets.join(", "))]
    HoldsSecret {
        /// Without the secret.
        what: String,
        secrets: Vec<String>,
    },
    #[error("no blob has the digest {digest}")]
    NoBlob { digest: String },
    #[error("blob {digest} is damaged: its bytes have the digest {found}")]
    DamagedBlob { digest: String, found: String },
    #[error("`{text}` is not a blake3 digest (64 hexadecimal digits)")]
    BadDigest { text: String },
    #[error("another process has been opening the lab at {} for {seconds} seconds", path.display())]
    Busy { path: PathBuf, seconds: u64 },
    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
}

impl Error {
    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoLab { .. } => Some("make one with `%lab init`".to_owned()),
            Self::Config { .. } => Some("correct the file; `kernwerk lab doctor` checks it again".to_owned()),
            Self::ReadOnly { path } | Self::Io { path, .. } | Self::Ledger { path, .. }
                if files::is_full(place_of(path)) =>
            {
                Some("the disk is full: free some space; reading works".to_owned())
            }
            Self::ReadOnly { .. } => {
                Some("reading works; to write, open a lab in a directory that you may write to".to_owned())
            }
            Self::Unknown { near, .. } | Self::UnknownPrincipal { near, .. } => did_you_mean(near),
            Self::UnknownVersion { .. } => Some("`history` lists the versions".to_owned()),
            Self::BadName { .. } => {
                Some("a name begins with a letter or `_` and has at most 64 letters, digits, `_` and `-`".to_owned())
            }
            Self::HoldsSecret { .. } => Some(
                "say it without, and revoke it, for it stood in a notebook or a history; what is none goes by its fingerprint below `allow` \
                 in [promote.gates] of kernwerk.toml"
                    .to_owned(),
            ),
            Self::Exists { .. } => Some("choose another name".to_owned()),
            Self::Conflict { .. } | Self::Busy { .. } => Some("try again".to_owned()),
            Self::SchemaDiffers { .. } => {
                Some("give rows of the same columns and types, or replace the whole".to_owned())
            }
            Self::Pinned { .. } => Some("write to another name".to_owned()),
            Self::NewerLedger { .. } => Some("the lab was used by a newer Kernwerk: update this one".to_owned()),
            Self::ForeignLedger { .. } | Self::DamagedBlob { .. } => Some("restore the file from a backup".to_owned()),
            Self::Ledger { source, .. } => ledger_hint(source),
            Self::BadPrincipal { .. }
            | Self::NoColumns { .. }
            | Self::NotADataset { .. }
            | Self::Predicate { .. }
            | Self::Lance { .. }
            | Self::Record(_)
            | Self::NoBlob { .. }
            | Self::BadDigest { .. }
            | Self::Io { .. }
            | Self::Cancelled(_) => None,
        }
    }

    /// Whether it is about what the disk did.
    pub(crate) fn is_of_disk(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Ledger { .. })
    }

    /// A stable name of the kind of error.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cancelled(_) => Problem::INTERRUPTED,
            Self::NoLab { .. } => "NoLab",
            Self::Config { .. } => "BadConfig",
            Self::ReadOnly { .. } => "ReadOnlyLab",
            Self::Unknown { resource, .. } => match resource {
                Resource::Table => "UnknownTable",
                Resource::Corpus => "UnknownCorpus",
                Resource::FeatureView => "UnknownFeatureView",
                Resource::File => "UnknownFile",
                Resource::Model => "UnknownModel",
                Resource::Artifact => "UnknownArtifact",
                Resource::Suite => "UnknownSuite",
                Resource::Evaluation => "UnknownEvaluation",
            },
            Self::UnknownVersion { .. } => "UnknownVersion",
            Self::UnknownPrincipal { .. } => "UnknownPrincipal",
            Self::BadName { .. } => "BadName",
            Self::BadPrincipal { .. } => "BadPrincipal",
            Self::Exists { .. } => "NameTaken",
            Self::Conflict { .. } => "WriteConflict",
            Self::SchemaDiffers { .. } => "SchemaDiffers",
            Self::Pinned { .. } => "PinnedInput",
            Self::NoColumns { .. } => "NoColumns",
            Self::NotADataset { .. } => "NotADataset",
            Self::Predicate { .. } => "BadCondition",
            Self::Lance { .. } => "DatasetFailed",
            Self::NewerLedger { .. } => "NewerLedger",
            Self::ForeignLedger { .. } => "ForeignLedger",
            Self::Ledger { .. } | Self::Record(_) => "LedgerFailed",
            Self::HoldsSecret { .. } => "HoldsSecret",
            Self::NoBlob { .. } => "NoBlob",
            Self::DamagedBlob { .. } => "DamagedBlob",
            Self::BadDigest { .. } => "BadDigest",
            Self::Busy { .. } => "LabBusy",
            Self::Io { .. } => "FileFailed",
        }
    }

    /// Wraps an I/O error with what was being done and where; `doing` is a verb such as `write`.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// Wraps Lance's error with the data set that it is about.
    pub(crate) fn lance(resource: Resource, name: &str) -> impl FnOnce(lance::Error) -> Self + use<> {
        let name = name.to_owned();
        move |source| Self::Lance { resource, name, source: Box::new(source) }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if let Error::Cancelled(cancelled) = error {
            return cancelled.into();
        }
        Problem::new(error.name(), error.to_string()).with_hint_if(error.hint())
    }
}

/// The file, or where it would be.
fn place_of(path: &Path) -> &Path {
    path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(path)
}

/// What a resource is called in a sentence.
pub(crate) fn noun(resource: Resource) -> &'static str {
    match resource {
        Resource::Table => "table",
        Resource::Corpus => "corpus",
        Resource::FeatureView => "feature view",
        Resource::File => "file",
        Resource::Model => "model",
        Resource::Artifact => "artifact",
        Resource::Suite => "suite",
        Resource::Evaluation => "evaluation of suite",
    }
}

/// Lance's words without the places in its sources that it puts behind them.
pub(crate) fn lance_words(error: &lance::Error) -> String {
    let text = error.to_string();
    let mut words: Vec<&str> = Vec::new();
    for part in text.split(", ") {
        let place = part.trim_start_matches("location: ");
        if !is_source_place(place) {
            words.push(part);
        }
    }
    words.join(", ")
}

/// Whether the text is like `/somewhere/scanner.rs:12:3`.
fn is_source_place(text: &str) -> bool {
    let Some((_, position)) = text.rsplit_once(".rs:") else {
        return false;
    };
    !text.contains(' ') && position.chars().all(|c| c.is_ascii_digit() || c == ':')
}

fn ledger_hint(source: &rusqlite::Error) -> Option<String> {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, NotADatabase};
    match source.sqlite_error_code()? {
        DatabaseBusy | DatabaseLocked => Some("another process holds it for long: try again".to_owned()),
        DatabaseCorrupt | NotADatabase => Some("the file is damaged: restore it from a backup".to_owned()),
        rusqlite::ErrorCode::SystemIoFailure => Some("the disk is full or fails: see that there is space".to_owned()),
        DiskFull => Some("the disk is full: free some space".to_owned()),
        _ => None,
    }
}
