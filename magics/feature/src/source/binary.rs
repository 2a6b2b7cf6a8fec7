//! Parquet and Arrow IPC files, which bring their types along.

use std::io::Cursor;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::ipc::reader::{FileReader, StreamReader};
use bytes::Bytes;
use kernwerk_core::Work;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{BATCH_ROWS, Raw, Reading};
use crate::Error;

pub(super) fn parquet(bytes: Bytes, reading: &Reading<'_>, work: &Work) -> Result<Raw, Error> {
    let broken = |error: parquet::errors::ParquetError| unreadable(reading.label, "Parquet", &error.to_string());
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(broken)?;
    let total = u64::try_from(builder.metadata().file_metadata().num_rows()).ok();
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(broken)?;
    collect("parquet", "Parquet", reader, total, reading, work)
}

pub(super) fn arrow_file(bytes: Bytes, reading: &Reading<'_>, work: &Work) -> Result<Raw, Error> {
    let reader = FileReader::try_new(Cursor::new(bytes), None)
        .map_err(|error| unreadable(reading.label, "Arrow", &error.to_string()))?;
    collect("arrow", "Arrow", reader, None, reading, work)
}

pub(super) fn arrow_stream(bytes: Bytes, reading: &Reading<'_>, work: &Work) -> Result<Raw, Error> {
    let reader = StreamReader::try_new(Cursor::new(bytes), None)
        .map_err(|error| unreadable(reading.label, "Arrow", &error.to_string()))?;
    collect("arrow stream", "Arrow", reader, None, reading, work)
}

fn collect(
    format: &'static str,
    family: &str,
    reader: impl RecordBatchReader,
    total: Option<u64>,
    reading: &Reading<'_>,
    work: &Work,
) -> Result<Raw, Error> {
    let mut raw = Raw::new(format);
    let schema = reader.schema();
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    super::check_names(&names, reading.label, "the schema")?;
    let mut rows = 0;
    for batch in reader {
        work.check()?;
        let batch = batch.map_err(|error| unreadable(reading.label, family, &error.to_string()))?;
        rows += batch.num_rows() as u64;
        work.progress("reading rows", rows, total, "rows");
        raw.batches.push(batch);
    }
    if raw.batches.is_empty() {
        raw.batches.push(RecordBatch::new_empty(schema));
    }
    Ok(raw)
}

fn unreadable(file: &str, family: &str, reason: &str) -> Error {
    Error::File {
        file: file.to_owned(),
        message: format!("no readable {family} file: {reason}"),
        hint: Some("it may be cut off or damaged: write it again".to_owned()),
    }
}
