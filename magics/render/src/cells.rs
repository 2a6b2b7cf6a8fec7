//! The cells of a table as short strings, head and tail of long tables only.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use kernwerk_core::{Table, Value};

/// Rows shown before and after the gap of a long table.
const EDGE_ROWS: usize = 10;
/// Tables up to this many rows are shown whole.
const WHOLE_ROWS: usize = 25;

/// A table's visible part.
pub(crate) struct Grid {
    pub names: Vec<String>,
    pub types: Vec<String>,
    /// Whether the column reads best aligned to the right.
    pub right: Vec<bool>,
    pub rows: Vec<Vec<String>>,
    /// After how many of `rows` the gap lies; none when all rows are here.
    pub gap: Option<usize>,
    pub total: usize,
}

pub(crate) fn grid(table: &Table) -> Grid {
    let total = table.rows();
    let fields = table.schema.fields();
    let whole = total <= WHOLE_ROWS;
    let shown: Vec<usize> =
        if whole { (0..total).collect() } else { (0..EDGE_ROWS).chain(total - EDGE_ROWS..total).collect() };
    Grid {
        names: fields.iter().map(|field| field.name().clone()).collect(),
        types: fields.iter().map(|field| type_name(field.data_type())).collect(),
        right: fields.iter().map(|field| field.data_type().is_numeric()).collect(),
        rows: shown.into_iter().map(|row| row_texts(table, row)).collect(),
        gap: (!whole).then_some(EDGE_ROWS),
        total,
    }
}

fn row_texts(table: &Table, mut row: usize) -> Vec<String> {
    for batch in &table.batches {
        if row < batch.num_rows() {
            return batch.columns().iter().map(|column| cell_text(column, row)).collect();
        }
        row -= batch.num_rows();
    }
    Vec::new()
}

fn cell_text(column: &ArrayRef, row: usize) -> String {
    let float = column.as_primitive_opt::<Float64Type>().filter(|floats| floats.is_valid(row));
    if let Some(floats) = float {
        return float_text(floats.value(row));
    }
    let options = FormatOptions::default().with_null("–").with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"));
    let options = options.with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"));
    match ArrayFormatter::try_new(column, &options) {
        Ok(formatter) => formatter.value(row).to_string(),
        Err(error) => error.to_string(),
    }
}

/// Six significant digits: what people read; programs are given all of them.
pub fn float_text(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if !(1e-4..1e15).contains(&magnitude) {
        return format!("{value:.5e}");
    }
    let decimals = (5 - magnitude.log10().floor() as i32).max(0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Short names for the common types, Arrow's own for the rest.
pub(crate) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Int64 => "int".to_owned(),
        DataType::Float64 => "float".to_owned(),
        DataType::Float32 => "float32".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Timestamp(_, None) => "time".to_owned(),
        DataType::Timestamp(_, Some(zone)) => format!("time {zone}"),
        DataType::List(field) | DataType::LargeList(field) => format!("list of {}", type_name(field.data_type())),
        DataType::FixedSizeList(field, length) => format!("{length} × {}", type_name(field.data_type())),
        DataType::Dictionary(_, value) => type_name(value),
        other => other.to_string().to_lowercase(),
    }
}

pub(crate) fn value_text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => float_text(*number),
        Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        Value::List(values) => values.iter().map(value_text).collect::<Vec<_>>().join(", "),
        Value::Absent => "–".to_owned(),
        Value::Unmeasured => "unmeasured".to_owned(),
        Value::Unpriced => "unpriced".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_show_six_digits() {
        for (value, text) in [
            (0.031544957774465976, "0.031545"),
            (12.5, "12.5"),
            (0.0, "0"),
            (1234567.25, "1234567"),
            (-0.1, "-0.1"),
            (1e-9, "1.00000e-9"),
            (f64::NAN, "NaN"),
            (100.0, "100"),
        ] {
            assert_eq!(float_text(value), text);
        }
    }
}
