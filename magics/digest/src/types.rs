//! How the digest names columns and their types. The names are ours, so that a new Arrow does not change digests.

use arrow::datatypes::{DataType, Field, Fields, IntervalUnit, TimeUnit, UnionMode};
use blake3::Hasher;

/// Hashes the names and types of columns.
pub(super) fn put_fields(hasher: &mut Hasher, fields: &Fields) {
    hasher.update(&(fields.len() as u64).to_le_bytes());
    for field in fields {
        put_text(hasher, field.name());
        put_text(hasher, &type_name(field.data_type()));
    }
}

fn put_text(hasher: &mut Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "null".into(),
        DataType::Boolean => "bool".into(),
        DataType::Int8 => "int8".into(),
        DataType::Int16 => "int16".into(),
        DataType::Int32 => "int32".into(),
        DataType::Int64 => "int64".into(),
        DataType::UInt8 => "uint8".into(),
        DataType::UInt16 => "uint16".into(),
        DataType::UInt32 => "uint32".into(),
        DataType::UInt64 => "uint64".into(),
        DataType::Float16 => "float16".into(),
        DataType::Float32 => "float32".into(),
        DataType::Float64 => "float64".into(),
        DataType::Timestamp(unit, None) => format!("timestamp({})", unit_name(unit)),
        DataType::Timestamp(unit, Some(zone)) => format!("timestamp({},{zone:?})", unit_name(unit)),
        DataType::Date32 => "date32".into(),
        DataType::Date64 => "date64".into(),
        DataType::Time32(unit) => format!("time32({})", unit_name(unit)),
        DataType::Time64(unit) => format!("time64({})", unit_name(unit)),
        DataType::Duration(unit) => format!("duration({})", unit_name(unit)),
        DataType::Interval(IntervalUnit::YearMonth) => "interval(month)".into(),
        DataType::Interval(IntervalUnit::DayTime) => "interval(day,time)".into(),
        DataType::Interval(IntervalUnit::MonthDayNano) => "interval(month,day,ns)".into(),
        DataType::Binary => "binary".into(),
        DataType::LargeBinary => "large-binary".into(),
        DataType::BinaryView => "binary-view".into(),
        DataType::FixedSizeBinary(width) => format!("binary({width})"),
        DataType::Utf8 => "text".into(),
        DataType::LargeUtf8 => "large-text".into(),
        DataType::Utf8View => "text-view".into(),
        DataType::Decimal32(precision, scale) => format!("decimal32({precision},{scale})"),
        DataType::Decimal64(precision, scale) => format!("decimal64({precision},{scale})"),
        DataType::Decimal128(precision, scale) => format!("decimal128({precision},{scale})"),
        DataType::Decimal256(precision, scale) => format!("decimal256({precision},{scale})"),
        // The name of a list's item is a convention that writers differ in.
        DataType::List(item) => format!("list({})", type_name(item.data_type())),
        DataType::LargeList(item) => format!("large-list({})", type_name(item.data_type())),
        DataType::ListView(item) => format!("list-view({})", type_name(item.data_type())),
        DataType::LargeListView(item) => format!("large-list-view({})", type_name(item.data_type())),
        DataType::FixedSizeList(item, length) => format!("list({length},{})", type_name(item.data_type())),
        DataType::Struct(fields) => format!("struct({})", field_names(fields.iter().map(AsRef::as_ref))),
        DataType::Map(entries, sorted) => format!("map({},{sorted})", type_name(entries.data_type())),
        DataType::Dictionary(key, value) => format!("dictionary({},{})", type_name(key), type_name(value)),
        DataType::RunEndEncoded(ends, values) => {
            format!("runs({},{})", type_name(ends.data_type()), type_name(values.data_type()))
        }
        DataType::Union(fields, mode) => {
            let mode = match mode {
                UnionMode::Sparse => "sparse",
                UnionMode::Dense => "dense",
            };
            format!("union({mode},{})", field_names(fields.iter().map(|(_, field)| field.as_ref())))
        }
    }
}

fn field_names<'a>(fields: impl Iterator<Item = &'a Field>) -> String {
    let named: Vec<String> =
        fields.map(|field| format!("{:?}:{}", field.name(), type_name(field.data_type()))).collect();
    named.join(",")
}

fn unit_name(unit: &TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}
