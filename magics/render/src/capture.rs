//! Outputs in the form that replay compares: content without its dress.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter;
use kernwerk_core::{Body, Captured, Channel, Output, Table};

use crate::{json, text};

/// Of a cell's text, and of any one display, this much is kept; a digest of the whole stands for the rest.
pub const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// What a magic answered.
pub fn capture(output: &Output) -> Captured {
    let (format, bytes) = canonical(output);
    Captured { channel: Channel::Display, format: format.to_owned(), bytes: bounded(bytes), volatile: output.volatile }
}

/// The bytes to keep of `bytes`.
pub fn bounded(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() > KEPT_BYTES {
        let note = rest_note(bytes.len(), &blake3::hash(&bytes));
        bytes.truncate(KEPT_BYTES);
        bytes.extend_from_slice(note.as_bytes());
    }
    bytes
}

/// What stands for the part that is not kept, of a whole of so many bytes.
pub fn rest_note(bytes: usize, digest: &blake3::Hash) -> String {
    format!("\n[{bytes} bytes in all, blake3 {digest}]\n")
}

/// An output's substance. Titles and notes are words around it, except where there is nothing else.
fn canonical(output: &Output) -> (&'static str, Vec<u8>) {
    match &output.body {
        Body::Empty => (
            "txt",
            output.title.iter().chain(&output.notes).map(|line| format!("{line}\n")).collect::<String>().into_bytes(),
        ),
        Body::Text(text) | Body::Source { text, .. } => ("txt", text.clone().into_bytes()),
        Body::Record(_) | Body::Answer(_) | Body::Document(_) => match json(output) {
            Ok(json) => ("json", json.into_bytes()),
            Err(_) => ("txt", text(output).into_bytes()),
        },
        Body::Table(table) => match canonical_table(table) {
            Ok(bytes) => ("arrow", bytes),
            Err(_) => ("txt", text(output).into_bytes()),
        },
    }
}

/// The table in one batch, without its volatile columns and without metadata, whose order is not fixed.
fn canonical_table(table: &Table) -> Result<Vec<u8>, ArrowError> {
    let kept: Vec<usize> = (0..table.schema.fields().len())
        .filter(|index| !table.volatile.contains(table.schema.field(*index).name()))
        .collect();
    let whole = concat_batches(&table.schema, &table.batches)?.project(&kept)?;
    let fields: Vec<Field> = whole
        .schema()
        .fields()
        .iter()
        .map(|field| Field::new(field.name(), field.data_type().clone(), field.is_nullable()))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let options = RecordBatchOptions::new().with_row_count(Some(whole.num_rows()));
    let batch = RecordBatch::try_new_with_options(schema.clone(), whole.columns().to_vec(), &options)?;
    let mut writer = FileWriter::try_new(Vec::new(), &schema)?;
    writer.write(&batch)?;
    writer.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, Int64Array};

    #[test]
    fn a_table_is_its_values_whatever_its_batches() {
        let schema = |metadata: &[(&str, &str)]| {
            let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let fields = vec![
                Field::new("n", arrow::datatypes::DataType::Int64, false),
                Field::new("seconds", arrow::datatypes::DataType::Float64, false),
            ];
            Arc::new(Schema::new(fields).with_metadata(metadata))
        };
        let table = |parts: &[&[i64]], seconds: f64, metadata: &[(&str, &str)]| {
            let schema = schema(metadata);
            let batches = parts.iter().map(|part| {
                let numbers = Arc::new(Int64Array::from(part.to_vec()));
                let times = Arc::new(Float64Array::from(vec![seconds; part.len()]));
                RecordBatch::try_new(schema.clone(), vec![numbers, times]).expect("a batch")
            });
            let mut table = Table::new(schema.clone(), batches.collect());
            table.volatile = vec!["seconds".to_owned()];
            capture(&Output::table(table))
        };
        let whole = table(&[&[1, 2, 3]], 1.0, &[]);
        assert_eq!(whole.format, "arrow");
        assert_eq!(whole, table(&[&[1], &[2, 3]], 2.0, &[("a", "b")]));
        assert_ne!(whole, table(&[&[1, 2, 4]], 1.0, &[]));
    }
}
