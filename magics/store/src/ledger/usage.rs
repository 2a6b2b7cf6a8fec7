//! What model calls and verbs consumed, and what that costs.

use kernwerk_core::{CellId, ModelId, Usage};
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use super::{Ledger, now};
use crate::{Error, Price};

/// An amount of money, exact to a millionth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    pub amount_micros: i64,
    /// ISO 4217 code.
    pub currency: String,
}

/// One metered piece of work.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageRow {
    /// RFC 3339, UTC.
    pub at: String,
    /// None for work outside of cells.
    pub cell: Option<CellId>,
    pub notebook: Option<String>,
    pub execution_count: Option<u32>,
    /// Such as `rag ingest`.
    pub verb: String,
    pub usage: Usage,
    /// None when nobody said a price at the time, or what is priced was not measured: unpriced, not free.
    pub cost: Option<Money>,
}

impl Ledger {
    /// Records what a verb consumed, at the price of the moment.
    pub fn add_usage(
        &self,
        cell: Option<CellId>,
        verb: &str,
        usage: &Usage,
        price: Option<Price>,
    ) -> Result<(), Error> {
        let cost = price.and_then(|price| price.cost(usage));
        let insert = "INSERT INTO usage (at, cell, verb, model_name, model_digest, tokens_in, tokens_out, wall_seconds, \
                      cpu_seconds, amount_micros, currency) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        self.transact(|transaction| {
            let values = params![
                now(),
                cell.map(|cell| cell.0),
                verb,
                usage.model.as_ref().map(|model| &model.name),
                usage.model.as_ref().map(|model| &model.digest),
                // Counts that no model reaches in the age of the universe fit.
                i64::try_from(usage.tokens_in).unwrap_or(i64::MAX),
                i64::try_from(usage.tokens_out).unwrap_or(i64::MAX),
                usage.wall_seconds,
                usage.cpu_seconds,
                cost.as_ref().map(|cost| cost.amount_micros),
                cost.as_ref().map(|cost| &cost.currency),
            ];
            transaction.prepare_cached(insert)?.execute(values)?;
            Ok(())
        })
    }

    /// All usage, in the order in which it was recorded.
    pub fn usage(&self) -> Result<Vec<UsageRow>, Error> {
        let select = "SELECT usage.*, cell.notebook, cell.execution_count FROM usage LEFT JOIN cell ON cell.id = usage.cell \
                      ORDER BY usage.id";
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(select)?;
            let rows = statement.query_map([], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<UsageRow> {
    let name: Option<String> = row.get("model_name")?;
    let digest: Option<String> = row.get("model_digest")?;
    let amount: Option<i64> = row.get("amount_micros")?;
    let currency: Option<String> = row.get("currency")?;
    Ok(UsageRow {
        at: row.get("at")?,
        cell: row.get::<_, Option<i64>>("cell")?.map(CellId),
        notebook: row.get("notebook")?,
        execution_count: row.get("execution_count")?,
        verb: row.get("verb")?,
        usage: Usage {
            model: name.zip(digest).map(|(name, digest)| ModelId { name, digest }),
            tokens_in: row.get::<_, i64>("tokens_in")?.unsigned_abs(),
            tokens_out: row.get::<_, i64>("tokens_out")?.unsigned_abs(),
            wall_seconds: row.get("wall_seconds")?,
            cpu_seconds: row.get("cpu_seconds")?,
        },
        cost: amount.zip(currency).map(|(amount_micros, currency)| Money { amount_micros, currency }),
    })
}
