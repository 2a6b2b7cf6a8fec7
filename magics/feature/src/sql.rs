//! `sql`: a query over tables and feature views; and one of them whole.

use kernwerk_core::{Table, Work};
use kernwerk_store::Lab;

use crate::Error;
use crate::engine::{Engine, ReadFrom, collect};

/// What a query gave.
#[derive(Clone, Debug)]
pub struct Queried {
    pub table: Table,
    pub reads: Vec<ReadFrom>,
}

/// Runs a query. It sees tables and feature views by their names, and never corpora; it can only read.
pub async fn sql(lab: &Lab, text: &str, work: &Work) -> Result<Queried, Error> {
    let mut engine = Engine::new(lab)?;
    let frame = engine.plan(text).await?;
    let (schema, batches) = collect(frame, "running the query", work).await?;
    Ok(Queried { table: Table::new(schema, batches), reads: engine.reads() })
}

/// All rows of a table or feature view, at its current version.
pub async fn whole(lab: &Lab, name: &str, work: &Work) -> Result<Queried, Error> {
    let mut engine = Engine::new(lab)?;
    let (frame, _) = engine.named(name).await?;
    let (schema, batches) = collect(frame, &format!("reading {name}"), work).await?;
    Ok(Queried { table: Table::new(schema, batches), reads: engine.reads() })
}
