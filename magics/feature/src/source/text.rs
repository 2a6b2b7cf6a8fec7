//! CSV: two passes over the text, the first to see what types the columns have, the second to read them.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder, TimestampNanosecondBuilder, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use kernwerk_core::Work;

use super::csv::{Broken, Cell, Records, delimiter};
use super::infer::{Observed, is_missing, parse_bool, parse_float, parse_integer, shown};
use super::types::type_name;
use super::{BATCH_ROWS, Raw, Reading};
use crate::Error;
use crate::times::{Decisions, UTC, WrittenTime, Zone, parse_date};

/// Reads a whole CSV text.
pub(super) fn read(text: &str, reading: &Reading<'_>, work: &Work) -> Result<Raw, Error> {
    let file = File { text, delimiter: delimiter(text), label: reading.label };
    let mut records = Records::new(text, file.delimiter);
    let mut cells = Vec::new();
    let Some(header_line) = records.next(&mut cells).map_err(|broken| file.broken(broken, &[]))? else {
        return Err(file.malformed(1, None, "expected a header with column names, found only empty lines"));
    };
    let names: Vec<String> = cells.iter().map(|cell| cell.text.trim().to_owned()).collect();
    super::check_names(&names, reading.label, &format!("line {header_line}"))?;
    let observed = file.observe(&names, work)?;
    let schema = file.schema(&names, &observed, reading)?;
    let mut raw = file.build(&names, &schema, reading, work)?;
    for (index, (name, seen)) in names.iter().zip(&observed.columns).enumerate() {
        if let (DataType::Utf8, Some((line, value))) = (schema.field(index).data_type(), &seen.first_odd) {
            raw.remarks.push((name.clone(), format!("text because line {line} holds `{value}`")));
        }
    }
    if observed.blank_lines > 0 {
        raw.notes.push(format!("{} empty lines were passed over", observed.blank_lines));
    }
    if file.delimiter != b',' {
        raw.notes.push(format!("values are separated by {:?}", char::from(file.delimiter)));
    }
    Ok(raw)
}

struct File<'a> {
    text: &'a str,
    delimiter: u8,
    label: &'a str,
}

struct Survey {
    columns: Vec<Observed>,
    blank_lines: u64,
}

impl File<'_> {
    /// The first pass: what the columns hold, and whether every record has as many values as the header.
    fn observe(&self, names: &[String], work: &Work) -> Result<Survey, Error> {
        let mut columns = vec![Observed::default(); names.len()];
        let blank_lines = self.each_record(names, "looking at types", work, |_, cells| {
            for (column, cell) in columns.iter_mut().zip(cells) {
                column.see(&cell.text, cell.line);
            }
            Ok(())
        })?;
        Ok(Survey { columns, blank_lines })
    }

    /// Types as inferred, or as the table that is appended to has them; time columns named by options must hold times.
    fn schema(&self, names: &[String], survey: &Survey, reading: &Reading<'_>) -> Result<SchemaRef, Error> {
        let mut fields = Vec::with_capacity(names.len());
        for (name, observed) in names.iter().zip(&survey.columns) {
            let data_type = match reading.expected_type(name) {
                Some(expected) => expected.clone(),
                None if reading.is_time(name) => {
                    if let Some((line, value)) = &observed.first_not_time {
                        return Err(self.malformed(
                            *line,
                            Some(name),
                            &format!("expected a point in time such as 2019-03-23 20:21:09, found `{value}`"),
                        ));
                    }
                    observed.time_type()
                }
                None => observed.data_type(),
            };
            fields.push(Field::new(name, data_type, true));
        }
        Ok(Arc::new(Schema::new(fields)))
    }

    /// The second pass: values into arrays.
    fn build(&self, names: &[String], schema: &SchemaRef, reading: &Reading<'_>, work: &Work) -> Result<Raw, Error> {
        let mut raw = Raw::new("csv");
        let mut columns = schema
            .fields()
            .iter()
            .map(|field| {
                Column::new(field.data_type()).ok_or_else(|| {
                    let type_name = type_name(field.data_type());
                    reading.differs(format!("column `{}` is {type_name}, as which no CSV is read", field.name()))
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut rows = 0;
        let mut decisions = Decisions::default();
        self.each_record(names, "reading rows", work, |_, cells| {
            for ((column, cell), field) in columns.iter_mut().zip(cells).zip(schema.fields()) {
                if !column.push(cell, reading.zone, &mut decisions) {
                    let message = format!("expected {}, found `{}`", type_name(field.data_type()), shown(&cell.text));
                    return Err(self.malformed(cell.line, Some(field.name()), &message));
                }
            }
            rows += 1;
            if rows % BATCH_ROWS == 0 {
                raw.batches.push(finish(schema, &mut columns)?);
            }
            Ok(())
        })?;
        if rows % BATCH_ROWS != 0 || raw.batches.is_empty() {
            raw.batches.push(finish(schema, &mut columns)?);
        }
        raw.decisions = decisions;
        Ok(raw)
    }

    /// Calls `each` with the line and the values of every record below the header; returns the count of empty lines.
    fn each_record(
        &self,
        names: &[String],
        task: &str,
        work: &Work,
        mut each: impl FnMut(u64, &[Cell<'_>]) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let mut records = Records::new(self.text, self.delimiter);
        let mut cells = Vec::with_capacity(names.len());
        records.next(&mut cells).map_err(|broken| self.broken(broken, names))?;
        let mut count = 0_u64;
        while let Some(line) = records.next(&mut cells).map_err(|broken| self.broken(broken, names))? {
            if cells.len() != names.len() {
                return Err(self.wrong_width(line, names, &cells));
            }
            each(line, &cells)?;
            count += 1;
            if count.is_multiple_of(4096) {
                work.check()?;
                work.progress(task, records.position() as u64, Some(self.text.len() as u64), "bytes");
            }
        }
        Ok(records.blank_lines())
    }

    fn wrong_width(&self, line: u64, names: &[String], cells: &[Cell<'_>]) -> Error {
        let counts = format!("expected {} values as in the header, found {}", names.len(), cells.len());
        if cells.len() < names.len() {
            let missing = &names[cells.len()];
            self.malformed(line, Some(missing), &format!("{counts}: this is the first column without a value"))
        } else {
            let extra = shown(&cells[names.len()].text);
            let last = names.last().map_or("", String::as_str);
            self.malformed(line, None, &format!("{counts}: the first extra value, after column `{last}`, is `{extra}`"))
        }
    }

    fn broken(&self, broken: Broken, names: &[String]) -> Error {
        let column = names.get(broken.cell).cloned().unwrap_or_else(|| (broken.cell + 1).to_string());
        self.malformed(broken.line, Some(&column), broken.message)
    }

    fn malformed(&self, line: u64, column: Option<&str>, message: &str) -> Error {
        let column = column.map(|name| format!(", column `{name}`")).unwrap_or_default();
        Error::Malformed {
            file: self.label.to_owned(),
            place: format!("line {line}{column}"),
            message: message.to_owned(),
            hint: None,
        }
    }
}

fn finish(schema: &SchemaRef, columns: &mut [Column]) -> Result<RecordBatch, Error> {
    let arrays: Vec<ArrayRef> = columns.iter_mut().map(Column::finish).collect();
    Ok(RecordBatch::try_new(schema.clone(), arrays)?)
}

/// An array in the making.
enum Column {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Unsigned(UInt64Builder),
    Float(Float64Builder),
    Date(Date32Builder),
    Micros(TimestampMicrosecondBuilder),
    Nanos(TimestampNanosecondBuilder),
    Text(StringBuilder),
}

impl Column {
    /// A builder for a type, or none for types that no CSV is read as.
    fn new(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int64 => Self::Integer(Int64Builder::new()),
            DataType::UInt64 => Self::Unsigned(UInt64Builder::new()),
            DataType::Float64 => Self::Float(Float64Builder::new()),
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
                Self::Micros(TimestampMicrosecondBuilder::new().with_timezone(UTC))
            }
            DataType::Timestamp(TimeUnit::Nanosecond, Some(_)) => {
                Self::Nanos(TimestampNanosecondBuilder::new().with_timezone(UTC))
            }
            DataType::Utf8 => Self::Text(StringBuilder::new()),
            _ => return None,
        })
    }

    /// Takes one value; false when it is not of this type.
    fn push(&mut self, cell: &Cell<'_>, zone: Zone, decisions: &mut Decisions) -> bool {
        let value = cell.text.trim();
        let missing = match self {
            Self::Text(_) => cell.text.is_empty() && !cell.quoted,
            _ => is_missing(value),
        };
        let mut instant = |unit| WrittenTime::parse(value).and_then(|time| time.instant(unit, zone, decisions));
        match self {
            Self::Boolean(builder) => put(missing, || parse_bool(value), |value| builder.append_option(value)),
            Self::Integer(builder) => put(missing, || parse_integer(value), |value| builder.append_option(value)),
            Self::Unsigned(builder) => put(missing, || parse_integer(value), |value| builder.append_option(value)),
            Self::Float(builder) => put(missing, || parse_float(value), |value| builder.append_option(value)),
            Self::Date(builder) => put(missing, || parse_date(value.as_bytes()), |value| builder.append_option(value)),
            Self::Micros(builder) => {
                put(missing, || instant(TimeUnit::Microsecond), |value| builder.append_option(value))
            }
            Self::Nanos(builder) => {
                put(missing, || instant(TimeUnit::Nanosecond), |value| builder.append_option(value))
            }
            Self::Text(builder) => put(missing, || Some(&cell.text), |value| builder.append_option(value)),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Unsigned(builder) => Arc::new(builder.finish()),
            Self::Float(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Micros(builder) => Arc::new(builder.finish()),
            Self::Nanos(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Appends a missing value or one that can be read; false when it cannot.
fn put<T>(missing: bool, parse: impl FnOnce() -> Option<T>, append: impl FnOnce(Option<T>)) -> bool {
    let value = if missing { None } else { parse() };
    let readable = missing || value.is_some();
    if readable {
        append(value);
    }
    readable
}
