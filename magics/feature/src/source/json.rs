//! NDJSON: one object a line. Types come from all lines; objects and lists nest.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::json::ReaderBuilder;
use kernwerk_core::Work;
use serde_json::Value;

use super::infer::{Observed, shown};
use super::{BATCH_ROWS, Raw, Reading};
use crate::Error;

/// Reads a whole NDJSON text.
pub(super) fn read(text: &str, reading: &Reading<'_>, work: &Work) -> Result<Raw, Error> {
    let lines = parse_lines(text, reading.label, work)?;
    let mut columns: Vec<Column> = Vec::new();
    for (line, value) in &lines {
        let Value::Object(members) = value else {
            return Err(malformed(
                reading.label,
                &format!("line {line}"),
                &format!("expected an object such as {{\"name\": 1}}, found {}", Shape::words_of(value)),
            ));
        };
        for (name, value) in members {
            let index = columns.iter().position(|column| column.name == *name).unwrap_or_else(|| {
                columns.push(Column::new(name));
                columns.len() - 1
            });
            columns[index].see(value, *line, reading.label)?;
        }
    }
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    super::check_names(&names, reading.label, "the objects' members")?;
    for column in &columns {
        if let (true, Shape::Text, Some((line, value))) =
            (reading.is_time(&column.name), &column.shape, &column.texts.first_not_time)
        {
            return Err(malformed(
                reading.label,
                &format!("line {line}, column `{}`", column.name),
                &format!("expected a point in time such as 2019-03-23 20:21:09, found `{value}`"),
            ));
        }
    }
    let fields: Vec<Field> =
        columns.iter().map(|column| Field::new(&column.name, column.shape.data_type(), true)).collect();
    let mut raw = Raw::new("ndjson");
    raw.batches = decode(&lines, &Arc::new(Schema::new(fields)), reading.label, work)?;
    for column in columns {
        if column.shape == Shape::Text && column.texts.is_time() {
            raw.times.push((column.name, column.texts.time_type(), column.texts.data_type()));
        } else if let Some((line, value)) = column.first_odd {
            raw.remarks.push((column.name, format!("text because line {line} holds `{value}`")));
        }
    }
    Ok(raw)
}

fn malformed(file: &str, place: &str, message: &str) -> Error {
    Error::Malformed { file: file.to_owned(), place: place.to_owned(), message: message.to_owned(), hint: None }
}

/// Every line's value with its line number; empty lines are passed over.
fn parse_lines(text: &str, file: &str, work: &Work) -> Result<Vec<(u64, Value)>, Error> {
    let mut values = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if index % 4096 == 0 {
            work.check()?;
        }
        if line.trim().is_empty() {
            continue;
        }
        if values.is_empty() && line.trim_start().starts_with('[') {
            return Err(Error::Malformed {
                file: file.to_owned(),
                place: format!("line {}", index + 1),
                message: "expected one JSON object a line, found a JSON array".to_owned(),
                hint: Some("write each element on a line of its own, for instance with `jq -c '.[]' FILE`".to_owned()),
            });
        }
        let value = serde_json::from_str(line).map_err(|error| {
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default();
            malformed(
                file,
                &format!("line {}, character {}", index + 1, error.column()),
                &format!("not valid JSON: {reason}"),
            )
        })?;
        values.push((index as u64 + 1, value));
    }
    Ok(values)
}

fn decode(lines: &[(u64, Value)], schema: &SchemaRef, file: &str, work: &Work) -> Result<Vec<RecordBatch>, Error> {
    let mut batches = Vec::new();
    for (done, chunk) in lines.chunks(BATCH_ROWS).enumerate() {
        work.check()?;
        work.progress("reading rows", (done * BATCH_ROWS) as u64, Some(lines.len() as u64), "rows");
        let values: Vec<&Value> = chunk.iter().map(|(_, value)| value).collect();
        let mut decoder = ReaderBuilder::new(schema.clone())
            .with_batch_size(BATCH_ROWS)
            .with_coerce_primitive(true)
            .build_decoder()?;
        let place = || format!("lines {} to {}", chunk[0].0, chunk[chunk.len() - 1].0);
        let broken = |error: arrow::error::ArrowError| malformed(file, &place(), &error.to_string());
        decoder.serialize(&values).map_err(broken)?;
        batches.extend(decoder.flush().map_err(broken)?);
    }
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema.clone()));
    }
    Ok(batches)
}

struct Column {
    name: String,
    shape: Shape,
    /// What its texts could be: points in time are texts in JSON.
    texts: Observed,
    /// The value that made a text of what had another type until then, with its line.
    first_odd: Option<(u64, String)>,
}

impl Column {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), shape: Shape::Null, texts: Observed::default(), first_odd: None }
    }

    fn see(&mut self, value: &Value, line: u64, file: &str) -> Result<(), Error> {
        let seen = Shape::of(value).map_err(|other| self.clash(other, line, file))?;
        let before = std::mem::replace(&mut self.shape, Shape::Null);
        let merged = before.clone().merge(seen).map_err(|other| self.clash(other, line, file))?;
        if merged == Shape::Text && !matches!(before, Shape::Text | Shape::Null) && self.first_odd.is_none() {
            self.first_odd = Some((line, shown(&value.to_string())));
        }
        self.shape = merged;
        if let Value::String(text) = value {
            self.texts.see(text, line);
        }
        Ok(())
    }

    fn clash(&self, (left, right): Clash, line: u64, file: &str) -> Error {
        malformed(
            file,
            &format!("line {line}, column `{}`", self.name),
            &format!("expected {left} as on the lines before, found {right}"),
        )
    }
}

/// Two values that no common type holds, in words.
type Clash = (&'static str, &'static str);

/// What a JSON value is, as far as its column's type goes.
#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Null,
    Bool,
    Integer {
        /// Whether there are negative ones.
        negative: bool,
        /// Whether a float holds all of them to the last digit.
        fits_float: bool,
    },
    /// Beyond the signed range.
    Unsigned,
    Float,
    Text,
    List(Box<Shape>),
    Object(Vec<(String, Shape)>),
}

impl Shape {
    fn of(value: &Value) -> Result<Self, Clash> {
        Ok(match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(integer), _) => Self::Integer {
                    negative: integer < 0,
                    fits_float: integer.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS,
                },
                (None, Some(_)) => Self::Unsigned,
                (None, None) => Self::Float,
            },
            Value::String(_) => Self::Text,
            Value::Array(items) => {
                let mut item = Self::Null;
                for value in items {
                    item = item.merge(Self::of(value)?)?;
                }
                Self::List(Box::new(item))
            }
            Value::Object(members) => Self::Object(
                members
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), Self::of(value)?)))
                    .collect::<Result<_, Clash>>()?,
            ),
        })
    }

    fn merge(self, other: Self) -> Result<Self, Clash> {
        Ok(match (self, other) {
            (Self::Null, shape) | (shape, Self::Null) => shape,
            (
                Self::Integer { negative: left, fits_float: one },
                Self::Integer { negative: right, fits_float: other },
            ) => Self::Integer { negative: left || right, fits_float: one && other },
            (Self::Integer { negative: false, .. }, Self::Unsigned)
            | (Self::Unsigned, Self::Integer { negative: false, .. } | Self::Unsigned) => Self::Unsigned,
            // Beside a fraction a long integer would lose digits: it stays as it is written, as a text.
            (Self::Integer { fits_float: true, .. } | Self::Float, Self::Float)
            | (Self::Float, Self::Integer { fits_float: true, .. }) => Self::Float,
            (Self::List(left), Self::List(right)) => Self::List(Box::new(left.merge(*right)?)),
            (Self::Object(left), Self::Object(right)) => Self::Object(merge_members(left, right)?),
            (left @ (Self::List(_) | Self::Object(_)), right) | (left, right @ (Self::List(_) | Self::Object(_))) => {
                return Err((left.words(), right.words()));
            }
            (Self::Bool, Self::Bool) => Self::Bool,
            // Scalars of different types have only their spelling in common.
            _ => Self::Text,
        })
    }

    fn words(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Integer { .. } | Self::Unsigned | Self::Float => "a number",
            Self::Text => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    fn words_of(value: &Value) -> &'static str {
        match value {
            Value::Array(_) => "a list",
            scalar => Self::of(scalar).map_or("a value", |shape| shape.words()),
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Null | Self::Text => DataType::Utf8,
            Self::Bool => DataType::Boolean,
            Self::Integer { .. } => DataType::Int64,
            Self::Unsigned => DataType::UInt64,
            Self::Float => DataType::Float64,
            Self::List(item) => DataType::new_list(item.data_type(), true),
            Self::Object(members) => DataType::Struct(
                members.iter().map(|(name, shape)| Field::new(name, shape.data_type(), true)).collect::<Fields>(),
            ),
        }
    }
}

fn merge_members(mut left: Vec<(String, Shape)>, right: Vec<(String, Shape)>) -> Result<Vec<(String, Shape)>, Clash> {
    for (name, shape) in right {
        match left.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = std::mem::replace(known, Shape::Null).merge(shape)?,
            None => left.push((name, shape)),
        }
    }
    Ok(left)
}
