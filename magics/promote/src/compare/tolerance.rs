//! Values that differ by no more than rounding: numbers in text, and floating-point columns of tables.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::array_value_to_string;

/// The largest difference between two floating-point numbers that still counts as rounding, relative to the larger.
pub(crate) const RELATIVE_TOLERANCE: f64 = 1e-9;

/// Whether two floating-point numbers differ by no more than rounding. NaN is close to NaN.
pub(crate) fn is_close(one: f64, other: f64) -> bool {
    one == other
        || (one.is_nan() && other.is_nan())
        || (one - other).abs() <= RELATIVE_TOLERANCE * one.abs().max(other.abs())
}

/// Whether two texts differ in nothing but the rounding of numbers with a point or an exponent. Whole numbers must be equal.
pub(crate) fn texts_are_close(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (Pieces(one), Pieces(other));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b => {}
            (Some(Piece::Number(a)), Some(Piece::Number(b))) if numbers_are_close(a, b) => {}
            _ => return false,
        }
    }
}

fn numbers_are_close(one: &str, other: &str) -> bool {
    let is_floating = |number: &str| number.contains(['.', 'e', 'E']);
    if !is_floating(one) && !is_floating(other) {
        return false;
    }
    matches!((one.parse(), other.parse()), (Ok(one), Ok(other)) if is_close(one, other))
}

/// A text cut into numbers and what is between them.
struct Pieces<'a>(&'a str);

#[derive(PartialEq)]
enum Piece<'a> {
    Number(&'a str),
    Other(&'a str),
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let first = self.0.chars().next()?;
        let (piece, length): (fn(&'a str) -> Piece<'a>, usize) = match number(self.0) {
            Some(length) => (Piece::Number, length),
            // A word keeps its digits: `x86` has no number in it.
            None if first.is_alphabetic() || first == '_' => {
                let end = self.0.find(|c: char| !c.is_alphanumeric() && c != '_');
                (Piece::Other, end.unwrap_or(self.0.len()))
            }
            None => (Piece::Other, first.len_utf8()),
        };
        let (this, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(piece(this))
    }
}

/// The length of the number that begins `text`: a sign, digits, a fraction, an exponent.
fn number(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(end);
    if whole == 0 {
        return None;
    }
    end += whole;
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let exponent = digits((end + 1 + sign).min(bytes.len()));
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    Some(end)
}

/// The first way in which two tables differ by more than rounding; none where they do not.
pub(crate) fn table_difference(one: &[RecordBatch], other: &[RecordBatch]) -> Option<String> {
    let (Some(one), Some(other)) = (whole(one), whole(other)) else {
        return (one.is_empty() != other.is_empty()).then(|| "one of the tables has no rows and no columns".to_owned());
    };
    if let Some(difference) = schema_difference(&one.schema(), &other.schema()) {
        return Some(difference);
    }
    if one.num_rows() != other.num_rows() {
        return Some(format!("expected {} rows, found {}", one.num_rows(), other.num_rows()));
    }
    let schema = one.schema();
    let columns = schema.fields().iter().zip(one.columns()).zip(other.columns());
    columns
        .filter_map(|((field, expected), found)| {
            let row = first_difference(expected, found)?;
            let show = |column: &ArrayRef| array_value_to_string(column, row).unwrap_or_else(|_| "?".to_owned());
            let (row, expected, found) = (row + 1, show(expected), show(found));
            Some(format!("row {row}, column `{}`: expected {expected}, found {found}", field.name()))
        })
        .next()
}

fn whole(batches: &[RecordBatch]) -> Option<RecordBatch> {
    concat_batches(&batches.first()?.schema(), batches).ok()
}

fn schema_difference(one: &SchemaRef, other: &SchemaRef) -> Option<String> {
    let describe = |schema: &SchemaRef| {
        let fields = schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type()));
        fields.collect::<Vec<_>>().join(", ")
    };
    let (one, other) = (describe(one), describe(other));
    (one != other).then(|| format!("expected the columns {one}; found {other}"))
}

/// The first row in which two columns of one type and length differ by more than rounding.
fn first_difference(one: &ArrayRef, other: &ArrayRef) -> Option<usize> {
    let is_same = |row: usize| one.slice(row, 1).to_data() == other.slice(row, 1).to_data();
    if !has_floats(one.data_type()) {
        return (0..one.len()).find(|row| !is_same(*row));
    }
    (0..one.len()).find(|row| !values_are_close(&one.slice(*row, 1), &other.slice(*row, 1)))
}

fn has_floats(kind: &DataType) -> bool {
    match kind {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => true,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            has_floats(item.data_type())
        }
        DataType::Struct(fields) => fields.iter().any(|field| has_floats(field.data_type())),
        _ => false,
    }
}

/// Whether two arrays of one type and length hold values that differ by no more than rounding.
fn values_are_close(one: &ArrayRef, other: &ArrayRef) -> bool {
    if one.len() != other.len() || (0..one.len()).any(|row| one.is_null(row) != other.is_null(row)) {
        return false;
    }
    match one.data_type() {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => floats_are_close(one, other),
        DataType::Struct(_) => {
            let columns = one.as_struct().columns().iter().zip(other.as_struct().columns());
            columns.into_iter().all(|(one, other)| values_are_close(one, other))
        }
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) if has_floats(one.data_type()) => {
            (0..one.len()).filter(|row| one.is_valid(*row)).all(|row| match (item(one, row), item(other, row)) {
                (Some(one), Some(other)) => values_are_close(&one, &other),
                _ => false,
            })
        }
        _ => one.to_data() == other.to_data(),
    }
}

fn item(list: &ArrayRef, row: usize) -> Option<ArrayRef> {
    match list.data_type() {
        DataType::List(_) => Some(list.as_list::<i32>().value(row)),
        DataType::LargeList(_) => Some(list.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => Some(list.as_fixed_size_list().value(row)),
        _ => None,
    }
}

fn floats_are_close(one: &ArrayRef, other: &ArrayRef) -> bool {
    let wide = |array: &ArrayRef| -> Option<Float64Array> {
        cast(array, &DataType::Float64).ok()?.as_any().downcast_ref().cloned()
    };
    let (Some(one), Some(other)) = (wide(one), wide(other)) else {
        return false;
    };
    (0..one.len()).all(|row| one.is_null(row) || is_close(one.value(row), other.value(row)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{FixedSizeListArray, Int64Array};
    use arrow::datatypes::{Field, Float64Type, Schema};

    use super::*;

    #[test]
    fn only_the_rounding_of_floating_point_numbers_may_differ() {
        for (one, other) in [
            ("mean 0.30000000000000004 m", "mean 0.3 m"),
            ("1e-3, -2.5e10", "0.001, -2.5000000001e10"),
            ("[1.0000000001]", "[1]"),
        ] {
            assert!(texts_are_close(one, other), "{one} and {other}");
        }
        for (one, other) in [
            ("12345678901", "12345678902"),
            ("0.3", "0.30001"),
            ("1.5 s", "1.5 ms"),
            ("x1.5", "x1.50001"),
            ("0.3", "0.3 "),
            ("-1.5", "1.5"),
            ("rows: 3", "rows: 4"),
        ] {
            assert!(!texts_are_close(one, other), "{one} and {other}");
        }
    }

    fn batch(floats: Vec<Option<f64>>, whole: Vec<i64>, vectors: [[f64; 2]; 2]) -> RecordBatch {
        let vectors = vectors.map(|vector| Some(vector.map(Some)));
        let vectors = FixedSizeListArray::from_iter_primitive::<Float64Type, _, _>(vectors, 2);
        let schema = Schema::new(vec![
            Field::new("x", DataType::Float64, true),
            Field::new("n", DataType::Int64, false),
            Field::new("v", vectors.data_type().clone(), true),
        ]);
        let columns: Vec<ArrayRef> =
            vec![Arc::new(Float64Array::from(floats)), Arc::new(Int64Array::from(whole)), Arc::new(vectors)];
        RecordBatch::try_new(Arc::new(schema), columns).expect("columns fit the schema")
    }

    #[test]
    fn the_first_differing_value_of_a_table_is_named() {
        let base = batch(vec![Some(0.3), None], vec![1, 2], [[1.0, 2.0], [3.0, 4.0]]);
        let close = batch(vec![Some(0.1 + 0.2), None], vec![1, 2], [[1.0, 2.0], [3.0, 4.000000000001]]);
        assert_eq!(table_difference(std::slice::from_ref(&base), &[close]), None);
        let halves = [base.slice(0, 1), base.slice(1, 1)];
        assert_eq!(table_difference(std::slice::from_ref(&base), &halves), None);
        for (other, expected) in [
            (
                batch(vec![Some(0.4), None], vec![1, 2], [[1.0, 2.0], [3.0, 4.0]]),
                "row 1, column `x`: expected 0.3, found 0.4",
            ),
            (
                batch(vec![Some(0.3), None], vec![1, 3], [[1.0, 2.0], [3.0, 4.0]]),
                "row 2, column `n`: expected 2, found 3",
            ),
            (base.slice(0, 1), "expected 2 rows, found 1"),
        ] {
            assert_eq!(table_difference(std::slice::from_ref(&base), &[other]).as_deref(), Some(expected));
        }
        let vectors = batch(vec![Some(0.3), None], vec![1, 2], [[1.0, 2.0], [3.0, 4.1]]);
        assert!(table_difference(&[base], &[vectors]).is_some_and(|difference| difference.contains("column `v`")));
    }
}
