//! The house rules as functions over text: each takes what it judges and returns what it found wrong.
//! The integration test applies them to this repository; their unit tests plant faults.

pub mod documents;
pub mod entries;
pub mod homes;
pub mod layers;
pub mod manifest;
pub mod notebooks;
pub mod sources;
pub mod tree;

use std::fmt;

/// One breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file or crate, and the line where there is one.
    pub place: String,
    pub fault: String,
}

impl Finding {
    pub fn new(place: impl Into<String>, fault: impl Into<String>) -> Self {
        Self { place: place.into(), fault: fault.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.fault)
    }
}
