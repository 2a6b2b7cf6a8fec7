//! From what a format's reader found to what the lab stores: one type for text, instants in UTC, and a report on every column.

use kernwerk_core::name_hint;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, RecordBatch, new_null_array};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{
    ArrowTimestampType, DataType, Date32Type, Field, Schema, TimeUnit, TimestampMicrosecondType,
    TimestampNanosecondType,
};

use super::infer::{Observed, is_missing, shown};
use super::types::{plain_type, type_name};
use super::{ColumnReport, FileRead, Raw, Reading};
use crate::Error;
use crate::times::{Decisions, UTC, WrittenTime, localize, parse_date};

pub(super) fn finish(mut raw: Raw, digest: String, reading: &Reading<'_>) -> Result<FileRead, Error> {
    let schema = raw.batches[0].schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    for (option, column) in reading.roles.named() {
        if !names.contains(&column) {
            return Err(Error::UnknownColumn {
                option,
                column: column.to_owned(),
                place: reading.label.to_owned(),
                hint: name_hint(column, "the columns are", names.iter().copied()),
            });
        }
    }
    let mut decisions = std::mem::take(&mut raw.decisions);
    let mut columns = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let arrays: Vec<ArrayRef> = raw.batches.iter().map(|batch| batch.column(index).clone()).collect();
        let column = Column { name, arrays, reading, times: raw.times.iter().find(|(column, ..)| column == name) };
        columns.push(column.stored(&mut decisions)?);
    }
    raw.notes.extend(decisions.notes(reading.zone));
    let fields: Vec<Field> = names
        .iter()
        .zip(&columns)
        .map(|(name, arrays)| Field::new(*name, arrays[0].data_type().clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let batches = (0..raw.batches.len())
        .map(|batch| RecordBatch::try_new(schema.clone(), columns.iter().map(|arrays| arrays[batch].clone()).collect()))
        .collect::<Result<Vec<_>, _>>()?;
    let reports = report(&schema, &batches, &raw, reading);
    Ok(FileRead {
        format: raw.format,
        digest,
        batches: merge_small(&schema, batches)?,
        schema,
        columns: reports,
        notes: raw.notes,
    })
}

/// Writers of Parquet and Arrow choose their own batches, down to a row each; the lab stores what fits together in one.
fn merge_small(schema: &Arc<Schema>, batches: Vec<RecordBatch>) -> Result<Vec<RecordBatch>, Error> {
    let mut merged = Vec::new();
    let mut waiting: Vec<RecordBatch> = Vec::new();
    let mut rows = 0;
    for batch in batches {
        if rows > 0 && rows + batch.num_rows() > super::BATCH_ROWS {
            merged.push(concat_batches(schema, &waiting)?);
            waiting.clear();
            rows = 0;
        }
        rows += batch.num_rows();
        waiting.push(batch);
    }
    merged.push(concat_batches(schema, &waiting)?);
    Ok(merged)
}

fn report(schema: &Schema, batches: &[RecordBatch], raw: &Raw, reading: &Reading<'_>) -> Vec<ColumnReport> {
    schema
        .fields()
        .iter()
        .enumerate()
        .map(|(index, field)| ColumnReport {
            name: field.name().clone(),
            type_name: type_name(field.data_type()),
            missing: batches.iter().map(|batch| batch.column(index).logical_null_count() as u64).sum(),
            role: reading.roles.role(field.name()),
            remark: raw.remarks.iter().find(|(name, _)| name == field.name()).map(|(_, remark)| remark.clone()),
        })
        .collect()
}

struct Column<'a> {
    name: &'a str,
    arrays: Vec<ArrayRef>,
    reading: &'a Reading<'a>,
    times: Option<&'a (String, DataType, DataType)>,
}

impl Column<'_> {
    /// The column's arrays, in the type that is stored.
    fn stored(self, decisions: &mut Decisions) -> Result<Vec<ArrayRef>, Error> {
        let given = self.arrays[0].data_type().clone();
        let plain = plain_type(&given);
        let arrays = self.arrays.iter().map(|array| cast(array, &plain)).collect::<Result<Vec<_>, _>>()?;
        let expected = self.reading.expected_type(self.name);
        let is_time = self.reading.is_time(self.name);
        let arrays = match (&plain, expected) {
            (DataType::Utf8, Some(DataType::Utf8)) if !is_time => arrays,
            (DataType::Utf8, _) if is_time || self.times.is_some() => self.parse(&arrays, decisions)?,
            (DataType::Timestamp(..), _) => self.localized(&arrays, decisions)?,
            (DataType::Date32, _) if is_time => self.localized(&arrays, decisions)?,
            _ if is_time => return Err(self.no_time(&plain)),
            _ => arrays,
        };
        match expected {
            Some(expected) => arrays.iter().map(|array| self.fit(array, expected)).collect(),
            None => Ok(arrays),
        }
    }

    fn localized(&self, arrays: &[ArrayRef], decisions: &mut Decisions) -> Result<Vec<ArrayRef>, Error> {
        arrays
            .iter()
            .map(|array| Ok(localize(array, self.reading.zone, decisions)?.unwrap_or_else(|| array.clone())))
            .collect()
    }

    fn no_time(&self, found: &DataType) -> Error {
        Error::Malformed {
            file: self.reading.label.to_owned(),
            place: format!("column `{}`", self.name),
            message: format!("expected points in time, found {}", type_name(found)),
            hint: Some("load it without the option, and make the time in a feature view, for instance with to_timestamp_seconds()".to_owned()),
        }
    }

    /// Texts as points in time, or as dates where that is what they are and no option asks for times.
    fn parse(&self, arrays: &[ArrayRef], decisions: &mut Decisions) -> Result<Vec<ArrayRef>, Error> {
        let target = match self.times {
            Some((_, time, _)) if self.reading.is_time(self.name) => time.clone(),
            Some((_, _, plain)) => plain.clone(),
            None => {
                let mut observed = Observed::default();
                for array in arrays {
                    array.as_string::<i32>().iter().flatten().for_each(|text| observed.see(text, 0));
                }
                observed.time_type()
            }
        };
        let mut first_row = 0;
        let mut parsed = Vec::with_capacity(arrays.len());
        for array in arrays {
            parsed.push(match &target {
                DataType::Date32 => self.parse_dates(array, first_row)?,
                DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                    self.parse_times::<TimestampNanosecondType>(array, first_row, decisions)?
                }
                _ => self.parse_times::<TimestampMicrosecondType>(array, first_row, decisions)?,
            });
            first_row += array.len();
        }
        Ok(parsed)
    }

    fn parse_dates(&self, array: &ArrayRef, first_row: usize) -> Result<ArrayRef, Error> {
        let parse = |text: &str| parse_date(text.as_bytes());
        Ok(Arc::new(self.parse_each(array, first_row, parse)?.collect::<PrimitiveArray<Date32Type>>()))
    }

    fn parse_times<T: ArrowTimestampType>(
        &self,
        array: &ArrayRef,
        first_row: usize,
        decisions: &mut Decisions,
    ) -> Result<ArrayRef, Error> {
        let zone = self.reading.zone;
        let parse = |text: &str| WrittenTime::parse(text)?.instant(T::UNIT, zone, decisions);
        let times: PrimitiveArray<T> = self.parse_each(array, first_row, parse)?.collect();
        Ok(Arc::new(times.with_timezone(UTC)))
    }

    fn parse_each<T>(
        &self,
        array: &ArrayRef,
        first_row: usize,
        mut parse: impl FnMut(&str) -> Option<T>,
    ) -> Result<impl Iterator<Item = Option<T>>, Error> {
        let mut values = Vec::with_capacity(array.len());
        for (row, text) in array.as_string::<i32>().iter().enumerate() {
            let text = text.map(str::trim).filter(|text| !is_missing(text));
            let value = text.map(|text| parse(text).ok_or(text)).transpose().map_err(|text| Error::Malformed {
                file: self.reading.label.to_owned(),
                place: format!("row {}, column `{}`", first_row + row + 1, self.name),
                message: format!("expected a point in time such as 2019-03-23 20:21:09, found `{}`", shown(text)),
                hint: None,
            })?;
            values.push(value);
        }
        Ok(values.into_iter())
    }

    /// The array in the type of the table that is appended to, where nothing is lost by that.
    fn fit(&self, array: &ArrayRef, expected: &DataType) -> Result<ArrayRef, Error> {
        if array.data_type() == expected {
            return Ok(array.clone());
        }
        if array.logical_null_count() == array.len() {
            return Ok(new_null_array(expected, array.len()));
        }
        let wider = match (array.data_type(), expected) {
            (from, to) if from.is_integer() => to.is_integer() || *to == DataType::Float64,
            (DataType::Float32, DataType::Float64) | (DataType::Timestamp(..), DataType::Timestamp(..)) => true,
            _ => false,
        };
        let cast = wider.then(|| cast_exactly(array, expected)).flatten();
        cast.ok_or_else(|| {
            let (found, expected) = (type_name(array.data_type()), type_name(expected));
            self.reading.differs(format!("column `{}` is {found}, there it is {expected}", self.name))
        })
    }
}

/// The array in another type, when casting it back gives the same values.
fn cast_exactly(array: &ArrayRef, to: &DataType) -> Option<ArrayRef> {
    let cast_to = cast(array, to).ok()?;
    let back = cast(&cast_to, array.data_type()).ok()?;
    (&back == array).then_some(cast_to)
}
