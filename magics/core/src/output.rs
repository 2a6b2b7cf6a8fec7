//! What a verb answers with: plain data that each face renders in its own way.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use serde::{Deserialize, Serialize};

use crate::{CitedAnswer, Document};

/// A value of a record, with the states that are not numbers spelt out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Value>),
    /// There is none.
    Absent,
    /// Nobody measured it; not zero.
    Unmeasured,
    /// No price is known; not free.
    Unpriced,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Integer(value.try_into().unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::from(value as u64)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}

/// Rows in Arrow form.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    /// Columns whose values change from run to run (times, costs): shown, never compared in a replay.
    pub volatile: Vec<String>,
}

impl Table {
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches, volatile: Vec::new() }
    }

    /// Rows over all batches.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// The substance of an [`Output`].
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// The notes say it all.
    Empty,
    /// A paragraph of words.
    Text(String),
    /// Source text in a language such as `sql` or `rust`.
    Source { language: &'static str, text: String },
    /// Named values, in the order to show them.
    Record(Vec<(String, Value)>),
    /// Sentences of documents with their citations.
    Answer(CitedAnswer),
    /// Rows; faces show head and tail of long ones and say how many there are.
    Table(Table),
    /// Sections of words, tables, lines and pictures.
    Document(Document),
}

/// How a verb that judges has judged; a shell turns it into an exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Done, or agrees: exit code 0.
    #[default]
    Passed,
    /// Differs, or does not hold: exit code 1.
    Failed,
    /// Could not be decided: exit code 2.
    Undecided,
}

/// The answer of a verb.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// One line above the body.
    pub title: Option<String>,
    /// A drawing of what the body says, as SVG, for faces that show pictures.
    pub figure: Option<String>,
    pub body: Body,
    /// Short lines below the body.
    pub notes: Vec<String>,
    pub verdict: Verdict,
    /// What programs are given as JSON in place of the body, where people are shown a part of it.
    pub machine: Option<serde_json::Value>,
    /// The whole output changes from run to run: shown, never compared in a replay.
    pub volatile: bool,
    /// A note changes from run to run. Of the record of cells notes are no part, but they are of what a notebook shows.
    pub volatile_notes: bool,
}

impl Output {
    pub fn new(body: Body) -> Self {
        Self {
            title: None,
            figure: None,
            body,
            notes: Vec::new(),
            verdict: Verdict::Passed,
            machine: None,
            volatile: false,
            volatile_notes: false,
        }
    }

    pub fn empty() -> Self {
        Self::new(Body::Empty)
    }

    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Body::Text(text.into()))
    }

    pub fn table(table: Table) -> Self {
        Self::new(Body::Table(table))
    }

    /// Named values, in the order to show them.
    pub fn record<K: Into<String>>(fields: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::new(Body::Record(fields.into_iter().map(|(key, value)| (key.into(), value)).collect()))
    }

    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// A drawing of what the body says, as SVG.
    pub fn with_figure(mut self, svg: String) -> Self {
        self.figure = Some(svg);
        self
    }

    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// A note that says something else in each run, such as when something was.
    pub fn with_volatile_note(self, note: impl Into<String>) -> Self {
        Self { volatile_notes: true, ..self.with_note(note) }
    }

    pub fn with_verdict(mut self, verdict: Verdict) -> Self {
        self.verdict = verdict;
        self
    }

    /// Gives programs more than people are shown.
    pub fn with_machine(mut self, value: serde_json::Value) -> Self {
        self.machine = Some(value);
        self
    }

    /// Whether its words change from run to run, at least in part.
    pub fn is_volatile(&self) -> bool {
        self.volatile || self.volatile_notes || matches!(&self.body, Body::Table(table) if !table.volatile.is_empty())
    }

    /// Marks the whole output as changing from run to run.
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }
}
