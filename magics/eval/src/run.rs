//! Runs: what was measured of a suite, kept in the ledger with everything it rests on, for the one it was measured for.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use kernwerk_core::{Basis, Resource};
use kernwerk_store::{Lab, Principal, RunRecord, content_digest};
use serde::{Deserialize, Serialize};

use crate::measure::{Measured, Summary};
use crate::{Error, Golden, StoredSuite, Suite};

/// The kind of run in the ledger.
const KIND: &str = "suite";

/// A run of a suite. Only the principal with the same groups for whom it was measured finds it again: scores tell of the
/// documents behind them.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub reference: Reference,
    /// When it was measured; RFC 3339, UTC.
    pub at: String,
    /// The suite as it was.
    pub suite: Suite,
    /// Everything that it rests on, as it was.
    pub basis: Vec<Basis>,
    /// For each metric of the suite, in its order.
    pub summaries: Vec<Summary>,
    pub questions: usize,
    pub notes: Vec<String>,
    /// The blob that holds the scores question by question.
    scores: String,
}

/// What the ledger holds of a run.
#[derive(Serialize, Deserialize)]
struct Body {
    suite: Suite,
    basis: Vec<Basis>,
    summaries: Vec<Summary>,
    questions: usize,
    notes: Vec<String>,
    scores: String,
    /// The program that measured it.
    kernwerk: String,
}

/// A run by its suite and number, such as `quality@3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub suite: String,
    /// From 1; none is the latest.
    pub number: Option<u32>,
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(out, "{}@{number}", self.suite),
            None => write!(out, "{}", self.suite),
        }
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self, Error> {
        let bad = || Error::BadReference { given: given.to_owned() };
        let (suite, number) = match given.split_once('@') {
            Some((suite, number)) => (suite, Some(number.parse().ok().filter(|number| *number > 0).ok_or_else(bad)?)),
            None => (given, None),
        };
        if suite.is_empty() {
            return Err(bad());
        }
        Ok(Self { suite: suite.to_owned(), number })
    }
}

impl Run {
    /// Keeps what was measured as the suite's next run for this principal.
    pub fn record(
        lab: &Lab,
        principal: &Principal,
        suite: &StoredSuite,
        golden: &Golden,
        measured: &Measured,
    ) -> Result<Self, Error> {
        let damaged = |reason: String| Error::Damaged { what: format!("the run of suite `{}`", suite.name), reason };
        let table = score_table(golden, measured).map_err(|error| damaged(error.to_string()))?;
        let bytes = to_bytes(&table).map_err(|error| damaged(error.to_string()))?;
        let body = Body {
            suite: suite.suite.clone(),
            basis: measured.basis.clone(),
            summaries: measured.scores.iter().map(|scores| scores.summary.clone()).collect(),
            questions: golden.items.len(),
            notes: measured.notes.clone(),
            scores: lab.blobs().put(&bytes)?,
            kernwerk: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let json = serde_json::to_value(&body).map_err(|error| damaged(error.to_string()))?;
        let record = lab.ledger().add_run(KIND, &suite.name, &reader(principal), &json)?;
        Ok(Self::of(&suite.name, &record, body))
    }

    /// A run of this principal.
    pub fn find(lab: &Lab, principal: &Principal, reference: &Reference) -> Result<Option<Self>, Error> {
        let record = lab.ledger().run(KIND, &reference.suite, &reader(principal), reference.number)?;
        record.map(|record| Self::read(&reference.suite, &record)).transpose()
    }

    /// A run of this principal that has to be there.
    pub fn get(lab: &Lab, principal: &Principal, reference: &Reference) -> Result<Self, Error> {
        if let Some(run) = Self::find(lab, principal, reference)? {
            return Ok(run);
        }
        StoredSuite::find(lab, &reference.suite)?;
        let whom = principal.name.as_deref().unwrap_or("nobody in particular");
        let latest = Self::find(lab, principal, &Reference { suite: reference.suite.clone(), number: None })?;
        Err(match latest {
            Some(latest) => Error::UnknownRun {
                what: format!("there is no run `{reference}`"),
                hint: format!("the latest is `{}`", latest.reference),
            },
            None => Error::UnknownRun {
                what: format!("suite `{}` was never measured for {whom}", reference.suite),
                hint: format!("`%eval run {}` measures it", reference.suite),
            },
        })
    }

    fn read(suite: &str, record: &RunRecord) -> Result<Self, Error> {
        let body: Body = serde_json::from_value(record.body.clone()).map_err(|error| Error::Damaged {
            what: format!("run `{suite}@{}`", record.number),
            reason: error.to_string(),
        })?;
        Ok(Self::of(suite, record, body))
    }

    fn of(suite: &str, record: &RunRecord, body: Body) -> Self {
        Self {
            reference: Reference { suite: suite.to_owned(), number: Some(record.number) },
            at: record.at.clone(),
            suite: body.suite,
            basis: body.basis,
            summaries: body.summaries,
            questions: body.questions,
            notes: body.notes,
            scores: body.scores,
        }
    }

    /// The scores question by question: `query`, `question` and a column for each metric, null where it was not measured.
    pub fn scores(&self, lab: &Lab) -> Result<RecordBatch, Error> {
        let bytes = lab.blobs().get(&self.scores)?;
        let damaged =
            |reason: String| Error::Damaged { what: format!("the scores of run `{}`", self.reference), reason };
        let mut reader = StreamReader::try_new(bytes.as_slice(), None).map_err(|error| damaged(error.to_string()))?;
        let batch = reader.next().ok_or_else(|| damaged("there are none".to_owned()))?;
        batch.map_err(|error| damaged(error.to_string()))
    }

    /// What was measured of these, if the run has it.
    pub fn basis_of(&self, resource: Resource) -> Option<&Basis> {
        self.basis.iter().find(|basis| basis.resource == resource)
    }

    /// Digest of the scores; see [`content_digest`].
    pub fn digest(&self, lab: &Lab) -> Result<String, Error> {
        let scores = self.scores(lab)?;
        Ok(content_digest(&scores.schema(), std::slice::from_ref(&scores)))
    }
}

/// For whom a run was measured, as the ledger holds it: a name means nothing without its groups, which `kernwerk.toml` may
/// change.
fn reader(principal: &Principal) -> String {
    let mut groups = principal.groups.clone();
    groups.sort_unstable();
    serde_json::json!([principal.name, groups]).to_string()
}

fn score_table(golden: &Golden, measured: &Measured) -> Result<RecordBatch, ArrowError> {
    let texts = |of: fn(&crate::Item) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(golden.items.iter().map(of)))
    };
    let mut fields = vec![Field::new("query", DataType::Utf8, false), Field::new("question", DataType::Utf8, false)];
    let mut columns = vec![texts(|item| &item.question.id), texts(|item| &item.question.text)];
    for scores in &measured.scores {
        fields.push(Field::new(scores.summary.metric.to_string(), DataType::Float64, true));
        columns.push(Arc::new(scores.values.iter().copied().collect::<Float64Array>()));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn to_bytes(table: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &table.schema())?;
    writer.write(table)?;
    writer.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_they_are_written() {
        for given in ["quality", "quality@3"] {
            assert_eq!(given.parse::<Reference>().map(|reference| reference.to_string()).ok().as_deref(), Some(given));
        }
        for given in ["", "@3", "quality@", "quality@0", "quality@-1", "quality@latest", "a@1@2"] {
            assert!(given.parse::<Reference>().is_err(), "{given}");
        }
    }

    #[test]
    fn a_reader_is_a_name_with_its_groups() {
        let principal = |name: Option<&str>, groups: &[&str]| Principal {
            name: name.map(str::to_owned),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        };
        assert_eq!(reader(&Principal::nobody()), "[null,[]]");
        assert_eq!(reader(&principal(Some("ada"), &["b", "a"])), reader(&principal(Some("ada"), &["a", "b"])));
        assert_ne!(reader(&principal(Some("ada"), &["a"])), reader(&principal(Some("ada"), &[])));
    }
}
