//! `sql`: a query over tables and feature views; and one of them whole.

use std::collections::BTreeMap;

use kernwerk_core::{ParameterValue, Table, Work};
use kernwerk_store::Lab;

use crate::Error;
use crate::engine::{Engine, ReadFrom, collect};

/// What a query gave.
#[derive(Clone, Debug)]
pub struct Queried {
    pub table: Table,
    pub reads: Vec<ReadFrom>,
    /// The parameters whose values it has, sorted.
    pub parameters: Vec<String>,
}

/// Runs a query. It sees tables and feature views by their names, and never corpora; it can only read. `$name` in it is the value
/// of the parameter `name`, with its type.
pub async fn sql(
    lab: &Lab,
    text: &str,
    parameters: &BTreeMap<String, ParameterValue>,
    work: &Work,
) -> Result<Queried, Error> {
    let mut engine = Engine::new(lab)?;
    let (frame, parameters) = engine.plan_with(text, parameters).await?;
    let (schema, batches) = collect(frame, "running the query", work).await?;
    Ok(Queried { table: Table::new(schema, batches), reads: engine.reads(), parameters })
}

/// All rows of a table or feature view, at its current version.
pub async fn whole(lab: &Lab, name: &str, work: &Work) -> Result<Queried, Error> {
    let mut engine = Engine::new(lab)?;
    let (frame, _) = engine.named(name).await?;
    let (schema, batches) = collect(frame, &format!("reading {name}"), work).await?;
    Ok(Queried { table: Table::new(schema, batches), reads: engine.reads(), parameters: Vec::new() })
}
