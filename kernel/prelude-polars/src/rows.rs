//! Lists of structs that serde can write, as tables: a row for each, a column for each field.

use std::fmt::{self, Debug, Display};

use kernwerk_prelude_plotters::{Shown, display_text, show_table};
use serde::ser::{Error as _, Impossible, SerializeStruct};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::Show;

/// A list shows itself as a table where its items are structs, else as `{:?}` writes it. References are left to `{:?}`, which is implemented for
/// them: a second choice would leave it open which to take.
impl<T: Serialize + Debug> Show for Vec<T> {
    fn evcxr_display(&self) {
        show_list(self);
    }
}

impl<T: Serialize + Debug, const N: usize> Show for [T; N] {
    fn evcxr_display(&self) {
        show_list(self);
    }
}

fn show_list<T: Serialize + Debug>(items: &[T]) {
    match table(items) {
        Some(table) => show_table(&table),
        None => display_text(&format!("{items:?}")),
    }
}

/// The list as a table; none where it is empty, or its items are no structs.
fn table<T: Serialize>(items: &[T]) -> Option<Shown> {
    let (head, tail) = Shown::ranges(items.len());
    let rows: Vec<Row> = items[head.clone()].iter().chain(&items[tail]).map(row).collect::<Option<_>>()?;
    // Fields may be left out in some rows.
    let mut names: Vec<&'static str> = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if !names.contains(name) {
            names.push(name);
        }
    }
    let width = names.len();
    names.truncate(Shown::columns_of(width));
    if names.is_empty() {
        return None;
    }
    let value = |row: &Row, name: &str| row.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone());
    let columns: Vec<Vec<Value>> =
        names.iter().map(|name| rows.iter().map(|row| value(row, name).unwrap_or(Value::Null)).collect()).collect();
    let kinds: Vec<&str> = columns.iter().map(|column| kind(column)).collect();
    let mut shown = (0..rows.len()).map(|row| columns.iter().map(|column| text(&column[row])).collect());
    Some(Shown {
        columns: names.iter().zip(&kinds).map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect(),
        head: shown.by_ref().take(head.len()).collect(),
        tail: shown.collect(),
        rows: items.len(),
        width,
        numeric: kinds.iter().map(|kind| matches!(*kind, "integer" | "float")).collect(),
    })
}

/// Names and values of a struct's fields, in their order.
type Row = Vec<(&'static str, Value)>;

fn row<T: Serialize>(item: &T) -> Option<Row> {
    item.serialize(Fields(Vec::new())).ok()
}

/// A word for what a column holds.
fn kind(column: &[Value]) -> &'static str {
    let kind = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "integer",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "struct",
    };
    let mut kinds: Vec<&str> = column.iter().map(kind).filter(|kind| *kind != "null").collect();
    kinds.sort_unstable();
    kinds.dedup();
    match kinds.as_slice() {
        [] => "null",
        [one] => one,
        ["float", "integer"] => "float",
        _ => "mixed",
    }
}

/// A value as it is shown; none where there is none.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Takes the fields of a struct; everything else is refused.
struct Fields(Row);

/// The value is no struct, or a field cannot be written.
#[derive(Debug)]
struct NoRow;

impl Display for NoRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("this is no row of a table")
    }
}

impl std::error::Error for NoRow {}

impl serde::ser::Error for NoRow {
    fn custom<T: Display>(_message: T) -> Self {
        Self
    }
}

impl SerializeStruct for Fields {
    type Ok = Row;
    type Error = NoRow;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), NoRow> {
        self.0.push((name, serde_json::to_value(value).map_err(NoRow::custom)?));
        Ok(())
    }

    fn end(self) -> Result<Row, NoRow> {
        Ok(self.0)
    }
}

/// Methods that refuse a value.
macro_rules! refuse {
    ($($method:ident($($argument:ty),*);)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<Row, NoRow> { Err(NoRow) })*
    };
    ($($method:ident($($argument:ty),*) -> $compound:ident;)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<Impossible<Row, NoRow>, NoRow> { Err(NoRow) })*
    };
}

impl Serializer for Fields {
    type Ok = Row;
    type Error = NoRow;
    type SerializeSeq = Impossible<Row, NoRow>;
    type SerializeTuple = Impossible<Row, NoRow>;
    type SerializeTupleStruct = Impossible<Row, NoRow>;
    type SerializeTupleVariant = Impossible<Row, NoRow>;
    type SerializeMap = Impossible<Row, NoRow>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<Row, NoRow>;

    fn serialize_struct(self, _name: &'static str, _fields: usize) -> Result<Self, NoRow> {
        Ok(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<Row, NoRow> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _value: &T) -> Result<Row, NoRow> {
        Err(NoRow)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<Row, NoRow> {
        Err(NoRow)
    }

    refuse! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    refuse! {
        serialize_seq(Option<usize>) -> Impossible;
        serialize_tuple(usize) -> Impossible;
        serialize_tuple_struct(&'static str, usize) -> Impossible;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Impossible;
        serialize_map(Option<usize>) -> Impossible;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Impossible;
    }
}
