//! What a run gave: the value of the target where it has one that can be kept, and else what the target's cell shows.

use std::io::Cursor;

use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::FileReader;
use kernwerk_core::{Channel, Table};
use kernwerk_store::Lab;

use super::record::{ResultFile, RunRecord};
use super::steps::KeptStep;
use crate::Error;
use crate::files::digest;
use crate::pipeline::Pipeline;

/// The result in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct RunResult {
    /// A file suffix such as `arrow`, `json` or `svg`.
    pub format: String,
    pub bytes: Vec<u8>,
}

impl RunResult {
    /// The rows, where it is a table.
    pub fn table(&self) -> Option<Table> {
        if self.format != "arrow" {
            return None;
        }
        let reader = FileReader::try_new(Cursor::new(&self.bytes), None).ok()?;
        let schema = reader.schema();
        Some(Table::new(schema, reader.collect::<Result<_, _>>().ok()?))
    }

    pub(super) fn schema(&self) -> Option<SchemaRef> {
        self.table().map(|table| table.schema)
    }
}

/// Finds the result in what the target's step gave; none where it gave nothing.
pub(super) fn find(lab: &Lab, pipeline: &Pipeline, kept: &KeptStep) -> Result<Option<RunResult>, Error> {
    let variable = pipeline.target.variable.as_ref();
    let bound = kept.bindings.iter().filter(|binding| variable.is_none_or(|name| binding.name == *name));
    if let Some((format, blob)) = bound.filter_map(|binding| binding.value.as_ref()).next_back() {
        return Ok(Some(RunResult { format: format.clone(), bytes: lab.blobs().get(blob)? }));
    }
    let of = |channel: Channel| kept.outputs.iter().filter(move |output| output.channel == channel);
    let shown = of(Channel::Result).next_back().or_else(|| of(Channel::Display).next_back());
    if let Some(output) = shown {
        return Ok(Some(RunResult { format: output.format.clone(), bytes: lab.blobs().get(&output.digest)? }));
    }
    let mut printed = Vec::new();
    for piece in of(Channel::Stdout) {
        printed.extend(lab.blobs().get(&piece.digest)?);
    }
    Ok((!printed.is_empty()).then(|| RunResult { format: "txt".to_owned(), bytes: printed }))
}

/// Puts the result into the run's directory.
pub(super) fn put(lab: &Lab, record: &RunRecord, result: &RunResult) -> Result<ResultFile, Error> {
    let suffix: String = result.format.chars().filter(char::is_ascii_alphanumeric).collect();
    let file = format!("result.{suffix}");
    lab.atomic_write(&record.directory(lab).join(&file), &result.bytes)?;
    Ok(ResultFile { file, format: result.format.clone(), digest: digest(&result.bytes) })
}
