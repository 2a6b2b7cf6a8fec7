//! What can go wrong with features, each with what to do about it.

use std::fmt;

use arrow::error::ArrowError;
use kernwerk_core::{Cancelled, Problem};

/// A place in a piece of SQL, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: u64,
    pub column: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}

/// Why a feature verb gave no answer. Hints are apart from the messages.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error(transparent)]
    Store(#[from] kernwerk_store::Error),
    /// An option's value cannot be used.
    #[error("{option}: {message}")]
    Option { option: &'static str, message: String, hint: Option<String> },
    /// A file cannot be opened, or is of no kind that can be read.
    #[error("{file}: {message}")]
    File { file: String, message: String, hint: Option<String> },
    /// A file's content is broken; `place` names the line and the column where they are known.
    #[error("{file}, {place}: {message}")]
    Malformed { file: String, place: String, message: String, hint: Option<String> },
    #[error("{option}: {place} has no column `{column}`")]
    UnknownColumn { option: &'static str, column: String, place: String, hint: Option<String> },
    /// The lab has no table or feature view of this name.
    #[error("there is no {what} `{name}`{}{}", at(.position), below(.excerpt))]
    Unknown {
        what: &'static str,
        name: String,
        position: Option<Position>,
        excerpt: Option<String>,
        hint: Option<String>,
    },
    /// A table and a view would share one name.
    #[error("`{name}` is already a {taken}")]
    NameTaken { name: String, taken: &'static str, hint: String },
    /// New rows do not have the columns of the table that they are to be appended to.
    #[error("{file} does not fit table `{table}`: {message}")]
    SchemaDiffers { file: String, table: String, message: String, hint: Option<String> },
    #[error("{message}{}{}", at(.position), below(.excerpt))]
    Sql { message: String, position: Option<Position>, excerpt: Option<String>, hint: Option<String> },
    /// A stored feature view no longer fits the tables that it reads.
    #[error("in feature view `{view}`: {problem}")]
    InView { view: String, problem: Box<Error> },
    /// A feature view's parts do not fit together.
    #[error("feature view `{view}`: {message}")]
    Definition { view: String, message: String, hint: Option<String> },
    #[error("{message}")]
    Training { message: String, hint: Option<String> },
    #[error("{0}")]
    Arrow(#[from] ArrowError),
    /// A query failed while it ran.
    #[error("{message}")]
    Query { message: String, hint: Option<String> },
}

fn at(position: &Option<Position>) -> String {
    position.map(|place| format!(" ({place})")).unwrap_or_default()
}

fn below(excerpt: &Option<String>) -> String {
    excerpt.as_ref().map(|lines| format!("\n{lines}")).unwrap_or_default()
}

impl Error {
    /// A stable name; Jupyter's `ename`.
    fn name(&self) -> &'static str {
        match self {
            Self::Cancelled(_) => Problem::INTERRUPTED,
            Self::Store(_) => "Store",
            Self::Option { .. } => "InvalidOption",
            Self::File { .. } => "UnreadableFile",
            Self::Malformed { .. } => "MalformedFile",
            Self::UnknownColumn { .. } => "UnknownColumn",
            Self::Unknown { what: "table", .. } => "UnknownTable",
            Self::Unknown { what: "parameter", .. } => "UnknownParameter",
            Self::Unknown { what: "feature", .. } => "UnknownFeature",
            Self::Unknown { .. } => "UnknownView",
            Self::NameTaken { .. } => "NameTaken",
            Self::SchemaDiffers { .. } => "SchemaDiffers",
            Self::Sql { .. } => "InvalidSql",
            Self::InView { problem, .. } => problem.name(),
            Self::Definition { .. } => "InvalidDefinition",
            Self::Training { .. } => "InvalidTraining",
            Self::Arrow(_) => "InvalidData",
            Self::Query { .. } => "QueryFailed",
        }
    }

    fn hint(&self) -> Option<&str> {
        match self {
            Self::Option { hint, .. }
            | Self::File { hint, .. }
            | Self::Malformed { hint, .. }
            | Self::UnknownColumn { hint, .. }
            | Self::Unknown { hint, .. }
            | Self::SchemaDiffers { hint, .. }
            | Self::Sql { hint, .. }
            | Self::Definition { hint, .. }
            | Self::Training { hint, .. }
            | Self::Query { hint, .. } => hint.as_deref(),
            Self::NameTaken { hint, .. } => Some(hint),
            Self::InView { problem, .. } => problem.hint(),
            Self::Cancelled(_) | Self::Store(_) | Self::Arrow(_) => None,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Cancelled(cancelled) => cancelled.into(),
            Error::Store(error) => error.into(),
            other => Self::new(other.name(), other.to_string()).with_hint_if(other.hint()),
        }
    }
}
