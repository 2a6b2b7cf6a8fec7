//! What model calls and verbs consumed, and what that costs.

use std::collections::BTreeMap;

use kernwerk_core::{CellId, ModelId, Usage};
use rusqlite::{Row, Transaction, params};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{Failure, Ledger, now};
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
    /// Those of its notebook when the call began, sorted.
    pub tags: Vec<String>,
    pub usage: Usage,
    /// Whether the process died during the call: nobody measured it, and the numbers are the most that it may have used up.
    pub is_cut_off: bool,
    /// None when nobody said a price at the time, or what is priced was not measured: unpriced, not free.
    pub cost: Option<Money>,
}

/// Whose call of a model something is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// None for work outside of cells.
    pub cell: Option<CellId>,
    /// As [`crate::NewCell::notebook`]; its tags become those of the usage.
    pub notebook: Option<String>,
    /// Such as `rag ingest`.
    pub verb: String,
}

impl Ledger {
    /// Records what a call consumed, at a price if there is one.
    pub fn add_usage(&self, call: &Call, usage: &Usage, price: Option<&Price>) -> Result<(), Error> {
        let (call, cost) = (self.masked_call(call), price.and_then(|price| price.cost(usage)));
        self.transact(|transaction| insert(transaction, &call, usage, cost.as_ref(), None).map(drop))
    }

    /// The call as it may be recorded.
    pub(super) fn masked_call(&self, call: &Call) -> Call {
        let notebook = call.notebook.as_deref().map(|notebook| self.masked(notebook).into_owned());
        Call { notebook, ..call.clone() }
    }

    /// All usage, in the order in which its calls began; without calls that are under way.
    pub fn usage(&self) -> Result<Vec<UsageRow>, Error> {
        let select = "SELECT usage.*, cell.execution_count FROM usage LEFT JOIN cell ON cell.id = usage.cell \
                      WHERE reserved_by IS NULL ORDER BY usage.id";
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(select)?;
            let rows = statement.query_map([], |row| Ok((row.get::<_, i64>("id")?, read(row)?)))?;
            let mut rows: BTreeMap<i64, UsageRow> = rows.collect::<Result<_, _>>()?;
            let mut tags = connection.prepare_cached("SELECT usage, tag FROM usage_tag ORDER BY tag")?;
            let tags = tags.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
            for tag in tags {
                let (usage, tag) = tag?;
                if let Some(row) = rows.get_mut(&usage) {
                    row.tags.push(tag);
                }
            }
            Ok(rows.into_values().collect())
        })
    }

    /// The tags that usage of the notebook gets from now on, sorted.
    pub fn tags(&self, notebook: &str) -> Result<Vec<String>, Error> {
        let notebook = self.masked(notebook);
        self.ask(|connection| {
            let mut statement = connection.prepare_cached("SELECT tag FROM tag WHERE notebook = ?1 ORDER BY tag")?;
            let rows = statement.query_map([&notebook], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// From now on usage of the notebook gets the tags of `add`, and no longer those of `remove`; both or neither.
    pub fn change_tags(&self, notebook: &str, add: &[String], remove: &[String]) -> Result<(), Error> {
        self.refuse_secrets("a tag", &json!(add))?;
        let notebook = self.masked(notebook);
        let insert = "INSERT INTO tag (notebook, tag) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        let delete = "DELETE FROM tag WHERE notebook = ?1 AND tag = ?2";
        self.transact(|transaction| {
            for (statement, tags) in [(delete, remove), (insert, add)] {
                for tag in tags {
                    transaction.prepare_cached(statement)?.execute(params![notebook, tag])?;
                }
            }
            Ok(())
        })
    }

    /// What the model's latest calls took on the wall clock, in seconds a token; none where there were none.
    pub fn seconds_per_token(&self, model: &str) -> Result<Option<f64>, Error> {
        let select = "SELECT sum(wall_seconds) / sum(tokens) FROM (SELECT wall_seconds, tokens_in + tokens_out AS tokens \
                      FROM usage WHERE model_name = ?1 AND tokens_in + tokens_out > 0 AND reserved_by IS NULL \
                      AND is_cut_off = 0 ORDER BY id DESC LIMIT 20) AS latest";
        self.ask(|connection| Ok(connection.prepare_cached(select)?.query_row([model], |row| row.get(0))?))
    }
}

/// Adds a usage with the tags of its notebook; `reserved_by` names the process whose call is under way.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    call: &Call,
    usage: &Usage,
    cost: Option<&Money>,
    reserved_by: Option<Uuid>,
) -> Result<i64, Failure> {
    let insert = "INSERT INTO usage (at, cell, notebook, verb, model_name, model_digest, tokens_in, tokens_out, wall_seconds, \
                  cpu_seconds, amount_micros, currency, reserved_by) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) RETURNING id";
    let values = params![
        now(),
        call.cell.map(|cell| cell.0),
        call.notebook,
        call.verb,
        usage.model.as_ref().map(|model| &model.name),
        usage.model.as_ref().map(|model| &model.digest),
        whole(usage.tokens_in),
        whole(usage.tokens_out),
        usage.wall_seconds,
        usage.cpu_seconds,
        cost.map(|cost| cost.amount_micros),
        cost.map(|cost| &cost.currency),
        reserved_by.map(|process| process.to_string()),
    ];
    let id: i64 = transaction.prepare_cached(insert)?.query_row(values, |row| row.get(0))?;
    let tags = "INSERT INTO usage_tag (usage, tag) SELECT ?1, tag FROM tag WHERE notebook = ?2";
    transaction.prepare_cached(tags)?.execute(params![id, call.notebook])?;
    Ok(id)
}

/// Replaces the numbers of a usage; whether there was one.
pub(super) fn update(
    transaction: &Transaction<'_>,
    id: i64,
    usage: &Usage,
    cost: Option<&Money>,
    reserved_by: Option<Uuid>,
) -> Result<bool, Failure> {
    let update = "UPDATE usage SET at = ?2, tokens_in = ?3, tokens_out = ?4, wall_seconds = ?5, cpu_seconds = ?6, \
                  amount_micros = ?7, currency = ?8, reserved_by = ?9, is_cut_off = 0 WHERE id = ?1";
    let values = params![
        id,
        now(),
        whole(usage.tokens_in),
        whole(usage.tokens_out),
        usage.wall_seconds,
        usage.cpu_seconds,
        cost.map(|cost| cost.amount_micros),
        cost.map(|cost| &cost.currency),
        reserved_by.map(|process| process.to_string()),
    ];
    Ok(transaction.prepare_cached(update)?.execute(values)? > 0)
}

/// Counts that no model reaches in the age of the universe fit.
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
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
        tags: Vec::new(),
        usage: Usage {
            model: name.zip(digest).map(|(name, digest)| ModelId { name, digest }),
            tokens_in: row.get::<_, i64>("tokens_in")?.unsigned_abs(),
            tokens_out: row.get::<_, i64>("tokens_out")?.unsigned_abs(),
            wall_seconds: row.get("wall_seconds")?,
            cpu_seconds: row.get("cpu_seconds")?,
        },
        is_cut_off: row.get("is_cut_off")?,
        cost: amount.zip(currency).map(|(amount_micros, currency)| Money { amount_micros, currency }),
    })
}
