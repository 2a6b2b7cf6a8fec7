//! A document: sections of words, tables, lines side by side and pictures, which each face renders in its own way.

use serde::{Deserialize, Serialize};

use crate::Table;

/// What is shown under headings, and the same as data for programs.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub sections: Vec<Section>,
    /// What programs are given instead of the sections.
    pub data: serde_json::Value,
}

/// A heading and what stands below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    pub title: String,
    pub parts: Vec<Part>,
}

/// A piece of a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Text(String),
    Table(Table),
    Lines(Lines),
    Pictures(Pictures),
}

/// How one text became another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    /// Which text it is.
    pub title: String,
    pub hunks: Vec<Hunk>,
}

/// Lines that changed, with some around them that did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunk {
    /// The number of its first line in the text before, from 1.
    pub before: usize,
    /// The same in the text after.
    pub after: usize,
    pub lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub side: Side,
    /// Without its end; what cannot be seen is spelt out.
    pub text: String,
}

/// In which of two texts a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Before,
    After,
    Both,
}

/// A picture as it was and as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pictures {
    /// Which picture it is.
    pub title: String,
    pub before: Option<Picture>,
    pub after: Option<Picture>,
}

/// The bytes of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// A file suffix that says what the bytes are: `png`, `svg`, …
    pub format: String,
    pub bytes: Vec<u8>,
}
