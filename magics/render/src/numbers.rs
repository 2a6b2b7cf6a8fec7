//! Floats in JSON: RFC 8259 has no infinities and no NaN, and null is something else.

use std::sync::LazyLock;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, FieldRef, Float16Type, Float32Type, Float64Type};
use arrow::error::ArrowError;
use arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};

/// How JSON spells a float that is no number there: `"Infinity"`, `"-Infinity"` or `"NaN"`, as Protocol Buffers do, and as
/// Python's `float` and JavaScript's `Number` read them. None for others.
pub(crate) fn spelled(value: f64) -> Option<&'static str> {
    match value {
        _ if value.is_nan() => Some("NaN"),
        f64::INFINITY => Some("Infinity"),
        f64::NEG_INFINITY => Some("-Infinity"),
        _ => None,
    }
}

/// How Arrow writes numbers by itself.
static PLAIN: LazyLock<EncoderOptions> = LazyLock::new(EncoderOptions::default);

/// Writes the floats of tables, nested ones included, by [`spelled`]; Arrow itself would make them null.
#[derive(Debug)]
pub(crate) struct Spelled;

impl EncoderFactory for Spelled {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let value: Box<dyn Fn(usize) -> f64 + 'a> = match array.data_type() {
            DataType::Float16 => Box::new(|row| array.as_primitive::<Float16Type>().value(row).into()),
            DataType::Float32 => Box::new(|row| array.as_primitive::<Float32Type>().value(row).into()),
            DataType::Float64 => Box::new(|row| array.as_primitive::<Float64Type>().value(row)),
            _ => return Ok(None),
        };
        let plain = make_encoder(field, array, &PLAIN)?;
        Ok(Some(NullableEncoder::new(Box::new(Floats { value, plain }), array.nulls().cloned())))
    }
}

struct Floats<'a> {
    value: Box<dyn Fn(usize) -> f64 + 'a>,
    /// Arrow's own, for numbers.
    plain: NullableEncoder<'a>,
}

impl Encoder for Floats<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        match spelled((self.value)(row)) {
            Some(word) => out.extend_from_slice(format!("\"{word}\"").as_bytes()),
            None => self.plain.encode(row, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float32Array, Float64Array, ListArray, RecordBatch};
    use arrow::datatypes::Float64Type;
    use kernwerk_core::{Output, Table, Value};

    use crate::json;

    #[test]
    fn what_is_no_number_in_json_is_a_word_and_not_null() {
        let numbers = [Some(1.5), None, Some(f64::INFINITY), Some(f64::NEG_INFINITY), Some(f64::NAN)];
        let lists = numbers.map(|number| Some(vec![number]));
        let columns: [(&str, ArrayRef); 3] = [
            ("a", Arc::new(Float64Array::from(numbers.to_vec()))),
            (
                "b",
                Arc::new(
                    numbers.map(|number| number.map(|number| number as f32)).into_iter().collect::<Float32Array>(),
                ),
            ),
            ("c", Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(lists))),
        ];
        let batch = RecordBatch::try_from_iter(columns).expect("rows");
        let text = json(&Output::table(Table::new(batch.schema(), vec![batch]))).expect("JSON");
        let rows: Vec<serde_json::Value> = serde_json::from_str(&text).expect("RFC 8259");
        let words = [1.5.into(), serde_json::Value::Null, "Infinity".into(), "-Infinity".into(), "NaN".into()];
        for (row, word) in rows.iter().zip(words) {
            assert_eq!(row, &serde_json::json!({ "a": word, "b": word, "c": [word] }));
        }
        let record = json(&Output::record([("far", Value::from(f64::INFINITY)), ("near", Value::from(0.5))]));
        assert_eq!(record.expect("JSON"), "{\n  \"far\": \"Infinity\",\n  \"near\": 0.5\n}");
    }
}
