//! What a magic could not do, in the words in which its cell would say it.

use std::fmt;

/// An error of a magic: what was wrong, and what to do about it.
#[derive(Clone, PartialEq, Eq)]
pub struct Problem {
    /// A stable name such as `UnknownTable`.
    pub name: String,
    /// What was wrong and where.
    pub message: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.name, self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// As [`fmt::Display`]: it is what `unwrap` shows.
impl fmt::Debug for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl std::error::Error for Problem {}
