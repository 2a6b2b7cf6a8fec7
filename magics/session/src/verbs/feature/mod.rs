//! The verbs of `%feature`.

mod define;
mod history;
mod list;
mod show;
mod source;
mod sql;
mod training;

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use kernwerk_core::{Access, Problem, Resource, Table};
use kernwerk_feature::{ReadFrom, View};
use kernwerk_store::Lab;

use crate::Context;
use crate::verb::{Entry, entry};

pub(crate) static VERBS: &[Entry] = &[
    entry::<source::Source>(),
    entry::<define::Define>(),
    entry::<training::Training>(),
    entry::<sql::Sql>(),
    entry::<list::List>(),
    entry::<show::Show>(),
    entry::<history::History>(),
];

/// Rides and a view of them, for the examples.
const RIDES: &str = "%feature source rides rides.csv --event-time pickup --created known --key ride";
const BUSY: &str = "%%feature define busy --entity zone --event-time pickup --created known --ttl 1h\n\
                    SELECT zone, pickup, known, fare AS last_fare FROM rides";

/// Records what was read, at its version and with its digest.
pub(crate) fn record_reads(context: &Context<'_>, lab: &Lab, reads: &[ReadFrom]) -> Result<(), Problem> {
    for read in reads {
        record(context, lab, Access::Read, read)?;
    }
    Ok(())
}

/// Records an access to a version of a table or feature view.
fn record(context: &Context<'_>, lab: &Lab, access: Access, of: &ReadFrom) -> Result<(), Problem> {
    let digest = match of.resource {
        Resource::FeatureView => Some(View::digest(lab, &of.name, of.version)?),
        _ => Some(context.block_on(async { lab.dataset_at(of.resource, &of.name, of.version).await?.digest().await })?),
    };
    context.effect(access, of.resource, &of.name, Some(of.version), digest);
    Ok(())
}

fn table(columns: Vec<(&str, ArrayRef)>) -> Result<Table, Problem> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, column)| column).collect())
        .map_err(|error| Problem::new("Internal", error.to_string()))?;
    Ok(Table::new(schema, vec![batch]))
}

fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

fn numbers(values: impl IntoIterator<Item = Option<u64>>) -> ArrayRef {
    let signed = |value: Option<u64>| value.map(|value| i64::try_from(value).unwrap_or(i64::MAX));
    Arc::new(values.into_iter().map(signed).collect::<Int64Array>())
}

/// So many rows, in words.
fn rows(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}
