//! The verbs of `%rag`.

mod ingest;
mod list;
mod search;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema};
use kernwerk_core::{Problem, Table};

use crate::verb::{Entry, entry};

pub(crate) static VERBS: &[Entry] = &[entry::<ingest::Ingest>(), entry::<search::Search>(), entry::<list::List>()];

/// A table of columns without nulls but where they have some.
fn table(columns: Vec<(&str, ArrayRef)>) -> Result<Table, Problem> {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), column.null_count() > 0))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, column)| column).collect())
        .map_err(|error| Problem::new("Internal", error.to_string()))?;
    Ok(Table::new(schema, vec![batch]))
}

/// So many of them, in words: `1 chunk`, `2 chunks`.
fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// The first few of a list, and how many more there are.
fn few(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
