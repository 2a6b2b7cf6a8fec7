//! The words that people read for Arrow's types, and the few types that the lab stores text and bytes in.

use arrow::datatypes::{DataType, TimeUnit};

/// A type in words: `int64`, `text`, `timestamp`, `list of float64`.
pub(crate) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytes".to_owned(),
        DataType::FixedSizeBinary(width) => format!("{width} bytes"),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Timestamp(unit, zone) => match (unit, zone.as_deref()) {
            (TimeUnit::Microsecond, Some("UTC")) => "timestamp".to_owned(),
            (TimeUnit::Second, _) => "timestamp (s)".to_owned(),
            (TimeUnit::Millisecond, _) => "timestamp (ms)".to_owned(),
            (TimeUnit::Nanosecond, _) => "timestamp (ns)".to_owned(),
            (TimeUnit::Microsecond, _) => "timestamp without zone".to_owned(),
        },
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            format!("decimal({precision}, {scale})")
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) => {
            format!("list of {}", type_name(item.data_type()))
        }
        DataType::FixedSizeList(item, length) => format!("{length} × {}", type_name(item.data_type())),
        DataType::Struct(fields) => {
            let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            format!("struct of {}", names.join(", "))
        }
        DataType::Dictionary(_, value) => type_name(value),
        other => other.to_string().to_lowercase(),
    }
}

/// The type in which a column of this type is stored and handed out: one type for text, one for bytes, no dictionaries, so that
/// equal values have equal types whatever file or query they came from.
pub(crate) fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Date64 => DataType::Date32,
        DataType::Dictionary(_, value) => plain_type(value),
        other => other.clone(),
    }
}
