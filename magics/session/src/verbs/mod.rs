//! All verbs, one file each, under the magic they belong to.

pub(crate) mod cost;
pub(crate) mod eval;
pub(crate) mod feature;
pub(crate) mod lab;
pub(crate) mod promote;
pub(crate) mod rag;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema};
use kernwerk_core::{Problem, Table};

use crate::verb::Entry;

/// Every verb, magic by magic.
pub(crate) static ALL: &[&[Entry]] =
    &[feature::VERBS, rag::VERBS, eval::VERBS, promote::VERBS, cost::VERBS, lab::VERBS];

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
