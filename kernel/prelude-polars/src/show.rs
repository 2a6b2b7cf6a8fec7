//! Polars values as tables.

use kernwerk_prelude_plotters::{Shown, display_text, show_table};
use polars::prelude::{AnyValue, Column, DataFrame, DataType, LazyFrame, Series};

/// Shows a value in a notebook.
pub trait Show {
    fn evcxr_display(&self);
}

impl Show for DataFrame {
    fn evcxr_display(&self) {
        show_table(&shown(self));
    }
}

impl Show for Series {
    fn evcxr_display(&self) {
        show_table(&shown(&self.clone().into_frame()));
    }
}

impl Show for Column {
    fn evcxr_display(&self) {
        show_table(&shown(&self.clone().into_frame()));
    }
}

/// A lazy frame shows its plan: `collect` is what computes it.
impl Show for LazyFrame {
    fn evcxr_display(&self) {
        match self.describe_plan() {
            Ok(plan) => display_text(&format!("a lazy frame; `.collect()` computes it\n{plan}")),
            Err(error) => display_text(&format!("a lazy frame that cannot be planned: {error}")),
        }
    }
}

fn shown(frame: &DataFrame) -> Shown {
    let (head, tail) = Shown::ranges(frame.height());
    let columns = &frame.columns()[..Shown::columns_of(frame.width())];
    let row = |row: usize| columns.iter().map(|column| column.get(row).map_or_else(|_| None, value)).collect();
    Shown {
        columns: columns.iter().map(|column| (column.name().to_string(), column.dtype().to_string())).collect(),
        head: head.map(row).collect(),
        tail: tail.map(row).collect(),
        rows: frame.height(),
        width: frame.width(),
        numeric: columns.iter().map(|column| is_number(column.dtype())).collect(),
    }
}

fn is_number(kind: &DataType) -> bool {
    kind.is_primitive_numeric()
}

/// A value as it is shown; `None` where there is none.
fn value(value: AnyValue<'_>) -> Option<String> {
    match value {
        AnyValue::Null => None,
        AnyValue::Float32(value) => Some(value.to_string()),
        AnyValue::Float64(value) => Some(value.to_string()),
        AnyValue::String(text) => Some(text.to_owned()),
        AnyValue::StringOwned(text) => Some(text.to_string()),
        other => Some(other.to_string()),
    }
}
