//! Outputs for programs: JSON, CSV and Arrow. Titles and notes are words for people and stay out of them.

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::csv::WriterBuilder;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::writer::{FileWriter, StreamWriter};
use arrow::json::ArrayWriter;
use kernwerk_core::{Body, Output, Problem, Table, Value};
use parquet::arrow::ArrowWriter;
use std::io::{BufWriter, Write};
use std::sync::Arc;

use crate::cells::value_text;
use crate::numbers::{Spelled, spelled};

/// What the output has for programs; else tables as an array of objects with every column, records as an object, words as a string.
pub fn json(output: &Output) -> Result<String, Problem> {
    if let Some(value) = &output.machine {
        return serde_json::to_string_pretty(value).map_err(unwritable);
    }
    match &output.body {
        Body::Empty => Ok("null".to_owned()),
        Body::Text(text) | Body::Source { text, .. } => Ok(serde_json::Value::from(text.as_str()).to_string()),
        Body::Record(fields) => {
            let object: serde_json::Map<_, _> =
                fields.iter().map(|(name, value)| (name.clone(), json_value(value))).collect();
            serde_json::to_string_pretty(&object).map_err(unwritable)
        }
        Body::Answer(answer) => serde_json::to_string_pretty(&crate::answer::json(answer)).map_err(unwritable),
        Body::Table(table) => json_rows(table),
        Body::Document(document) => serde_json::to_string_pretty(&document.data).map_err(unwritable),
    }
}

fn json_rows(table: &Table) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    let mut writer = arrow::json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .with_encoder_factory(Arc::new(Spelled))
        .build::<_, arrow::json::writer::JsonArray>(&mut bytes);
    write_json(&mut writer, table).map_err(unwritable)?;
    drop(writer);
    let text = String::from_utf8(bytes).map_err(unwritable)?;
    Ok(if text.is_empty() { "[]".to_owned() } else { text })
}

fn write_json(writer: &mut ArrayWriter<&mut Vec<u8>>, table: &Table) -> Result<(), ArrowError> {
    for batch in &table.batches {
        writer.write(batch)?;
    }
    writer.finish()
}

fn json_value(value: &Value) -> serde_json::Value {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => spelled(*number).map_or_else(|| (*number).into(), Into::into),
        Value::Bool(value) => (*value).into(),
        Value::List(values) => values.iter().map(json_value).collect(),
        Value::Absent => serde_json::Value::Null,
        Value::Unmeasured => "unmeasured".into(),
        Value::Unpriced => "unpriced".into(),
    }
}

/// Tables with a header; what is no table has one row.
pub fn csv(output: &Output) -> Result<String, Problem> {
    let table = as_table(output)?;
    let mut bytes = Vec::new();
    let mut writer = WriterBuilder::new().with_header(true).build(&mut bytes);
    let mut batches = table.batches.clone();
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(table.schema.clone()));
    }
    for batch in &batches {
        writer.write(&flat(batch)?).map_err(unwritable)?;
    }
    drop(writer);
    String::from_utf8(bytes).map_err(unwritable)
}

/// CSV knows no lists: they become text.
fn flat(batch: &RecordBatch) -> Result<RecordBatch, Problem> {
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if field.data_type().is_nested() {
            let options = arrow::util::display::FormatOptions::default();
            let formatter = arrow::util::display::ArrayFormatter::try_new(column, &options).map_err(unwritable)?;
            let texts: StringArray = (0..batch.num_rows())
                .map(|row| (!column.is_null(row)).then(|| formatter.value(row).to_string()))
                .collect();
            fields.push(Field::new(field.name(), DataType::Utf8, true));
            columns.push(Arc::new(texts));
        } else {
            fields.push(field.as_ref().clone());
            columns.push(column.clone());
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(unwritable)
}

/// An Arrow IPC stream; what is no table has one row.
pub fn arrow_stream(output: &Output) -> Result<Vec<u8>, Problem> {
    let table = as_table(output)?;
    let mut writer = StreamWriter::try_new(Vec::new(), &table.schema).map_err(unwritable)?;
    for batch in &table.batches {
        writer.write(batch).map_err(unwritable)?;
    }
    writer.into_inner().map_err(unwritable)
}

/// `table` as an Arrow IPC file, which cells map into memory.
pub fn arrow_file(table: &Table) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    write_arrow_file(table, &mut bytes)?;
    Ok(bytes)
}

/// Writes `table` as an Arrow IPC file.
///
/// # Errors
/// The file cannot be written, or the table has columns that no such file can hold.
pub fn write_arrow_file(table: &Table, to: impl Write) -> Result<(), Problem> {
    let mut writer = FileWriter::try_new(BufWriter::new(to), &table.schema).map_err(unwritable)?;
    for batch in &table.batches {
        writer.write(batch).map_err(unwritable)?;
    }
    writer.finish().map_err(unwritable)
}

/// `table` as a Parquet file.
///
/// # Errors
/// The table has columns that no such file can hold.
pub fn parquet_file(table: &Table) -> Result<Vec<u8>, Problem> {
    let mut writer = ArrowWriter::try_new(Vec::new(), table.schema.clone(), None).map_err(unwritable)?;
    for batch in &table.batches {
        writer.write(batch).map_err(unwritable)?;
    }
    writer.into_inner().map_err(unwritable)
}

fn as_table(output: &Output) -> Result<Table, Problem> {
    let fields: Vec<(String, String)> = match &output.body {
        Body::Table(table) => return Ok(table.clone()),
        Body::Answer(answer) => return crate::answer::answer_table(answer),
        Body::Empty => Vec::new(),
        Body::Text(text) | Body::Source { text, .. } => vec![("text".to_owned(), text.clone())],
        Body::Record(fields) => fields.iter().map(|(name, value)| (name.clone(), value_text(value))).collect(),
        Body::Document(document) => vec![("text".to_owned(), crate::document::text(document))],
    };
    let schema: Vec<Field> = fields.iter().map(|(name, _)| Field::new(name, DataType::Utf8, false)).collect();
    let schema = Arc::new(Schema::new(schema));
    let columns: Vec<ArrayRef> =
        fields.into_iter().map(|(_, value)| Arc::new(StringArray::from(vec![value])) as ArrayRef).collect();
    let batches = if columns.is_empty() {
        Vec::new()
    } else {
        vec![RecordBatch::try_new(schema.clone(), columns).map_err(unwritable)?]
    };
    Ok(Table::new(schema, batches))
}

fn unwritable(error: impl std::fmt::Display) -> Problem {
    Problem::new("UnwritableOutput", format!("this output cannot be written in that format: {error}"))
        .with_hint("choose another one of `--format text|json|csv|arrow|html`")
}
