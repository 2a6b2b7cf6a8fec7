//! Budgets, and the calls that are let in against them.
//!
//! A call that is under way is a row of the usage that says which process it belongs to and at most what it will use up. So
//! one sum over the usage holds what was spent and what may yet be, and one transaction decides about a call: of any number
//! of processes that ask at once each sees those before it.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Days, Utc};
use kernwerk_core::Usage;
use rusqlite::{Row, Transaction, params};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::usage::{insert, update};
use super::{Call, Failure, Ledger, Money, from_word, moment, now, to_word};
use crate::Error;

/// What a budget counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Tokens that models read and write.
    Tokens,
    /// Time on the wall clock that calls of models take; amounts are millionths of a second.
    Seconds,
    /// Money, by ISO 4217 code; amounts are millionths.
    Money(String),
}

/// Whose calls a budget counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BudgetScope {
    /// All of them.
    Lab,
    Notebook(String),
    Tag(String),
    /// By the model's name.
    Model(String),
    /// A verb such as `rag ingest`, or a magic with all its verbs, such as `rag`.
    Verb(String),
}

/// How often a budget begins anew; days, weeks (from Monday), months and years are those of UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// Never: it holds for all time, what was used before it was set included.
    #[default]
    Always,
    Day,
    Week,
    Month,
    Year,
}

/// What somebody allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBudget {
    pub unit: Unit,
    pub scope: BudgetScope,
    pub period: Period,
    /// Whether calls that would go over are refused; of a soft budget one is told.
    pub is_hard: bool,
    /// Most that may be used up; see [`Unit`] for what it counts.
    pub most: i64,
}

/// A budget as the ledger holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// By which people name it.
    pub id: i64,
    pub allowed: NewBudget,
    /// RFC 3339, UTC.
    pub set_at: String,
}

/// A budget and what counts against it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetState {
    pub budget: Budget,
    /// Since when it counts; none for a budget that never begins anew. RFC 3339, UTC.
    pub since: Option<String>,
    pub spent: i64,
    /// What calls under way may yet spend.
    pub reserved: i64,
    /// For money: calls whose price in that currency nobody knows. They are in no sum.
    pub unpriced_calls: u64,
}

/// Most that a call can use up.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    pub usage: Usage,
    /// None where the model has no price.
    pub cost: Option<Money>,
}

/// Why a call was not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Without the call.
    pub state: BudgetState,
    /// What the call would use up; none where it has no price and the budget is one of money.
    pub wanted: Option<i64>,
}

/// Whether a call may run.
#[derive(Debug)]
pub(crate) enum Admission {
    Admitted {
        /// The usage that stands for the call.
        id: i64,
        /// Soft budgets that it goes over.
        over: Vec<Refusal>,
    },
    Refused(Box<Refusal>),
}

impl Unit {
    /// How many of the counted parts make one of what people say.
    pub fn parts(&self) -> i64 {
        match self {
            Self::Tokens => 1,
            Self::Seconds | Self::Money(_) => 1_000_000,
        }
    }

    /// The currency of money.
    pub fn currency(&self) -> Option<&str> {
        match self {
            Self::Money(currency) => Some(currency),
            Self::Tokens | Self::Seconds => None,
        }
    }

    fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Tokens => ("tokens", ""),
            Self::Seconds => ("seconds", ""),
            Self::Money(currency) => ("money", currency),
        }
    }
}

impl BudgetScope {
    fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Lab => ("lab", ""),
            Self::Notebook(notebook) => ("notebook", notebook),
            Self::Tag(tag) => ("tag", tag),
            Self::Model(model) => ("model", model),
            Self::Verb(verb) => ("verb", verb),
        }
    }

    /// Which usage counts; `?1` is the scope's subject.
    fn condition(&self) -> &'static str {
        match self {
            Self::Lab => "?1 = ''",
            Self::Notebook(_) => "usage.notebook = ?1",
            Self::Tag(_) => "EXISTS (SELECT 1 FROM usage_tag WHERE usage_tag.usage = usage.id AND usage_tag.tag = ?1)",
            Self::Model(_) => "usage.model_name = ?1",
            Self::Verb(_) => "(usage.verb = ?1 OR substr(usage.verb, 1, length(?1) + 1) = ?1 || ' ')",
        }
    }
}

impl Period {
    /// When the period began that `now` lies in.
    fn start(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let today = now.date_naive();
        let first = match self {
            Self::Always => return None,
            Self::Day => Some(today),
            Self::Week => today.checked_sub_days(Days::new(today.weekday().num_days_from_monday().into())),
            Self::Month => today.with_day(1),
            Self::Year => today.with_day(1).and_then(|day| day.with_month(1)),
        };
        Some(first.unwrap_or(today).and_time(chrono::NaiveTime::MIN).and_utc())
    }
}

impl Ledger {
    /// Sets a budget, in place of one of the same unit, scope, period and hardness.
    pub fn set_budget(&self, allowed: &NewBudget) -> Result<Budget, Error> {
        let upsert = "INSERT INTO budget (unit, currency, scope, subject, period, is_hard, most, set_at) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
                      ON CONFLICT (unit, currency, scope, subject, period, is_hard) \
                      DO UPDATE SET most = excluded.most, set_at = excluded.set_at RETURNING id";
        let ((unit, currency), (scope, subject), set_at) = (allowed.unit.words(), allowed.scope.words(), now());
        if !matches!(allowed.scope, BudgetScope::Notebook(_)) {
            self.refuse_secrets("what the budget is of", &json!(subject))?;
        }
        // Usage names its notebook in the same way.
        let subject = self.masked(subject);
        self.transact(|transaction| {
            let period = to_word(&allowed.period)?;
            let values = params![unit, currency, scope, subject, period, allowed.is_hard, allowed.most, set_at];
            let id = transaction.prepare_cached(upsert)?.query_row(values, |row| row.get(0))?;
            Ok(Budget { id, allowed: allowed.clone(), set_at: set_at.clone() })
        })
    }

    /// Removes a budget; whether there was one.
    pub fn remove_budget(&self, id: i64) -> Result<bool, Error> {
        self.transact(|transaction| {
            Ok(transaction.prepare_cached("DELETE FROM budget WHERE id = ?1")?.execute([id])? > 0)
        })
    }

    /// Whether there is any budget, so that calls need no bound where there is none.
    pub fn has_budgets(&self) -> Result<bool, Error> {
        let select = "SELECT EXISTS (SELECT 1 FROM budget)";
        self.ask(|connection| Ok(connection.prepare_cached(select)?.query_row([], |row| row.get(0))?))
    }

    /// All budgets with what counts against them; `living` says of a process whether it still runs.
    pub(crate) fn budgets(&self, living: &dyn Fn(Uuid) -> bool) -> Result<Vec<BudgetState>, Error> {
        if self.is_read_only() {
            return self.ask(|connection| states(connection, Utc::now()));
        }
        self.transact(|transaction| {
            charge_dead(transaction, living)?;
            states(transaction, Utc::now())
        })
    }

    /// Lets a call in, unless a hard budget would be overspent; then nothing of it is kept.
    pub(crate) fn admit(
        &self,
        call: &Call,
        bound: &Bound,
        process: Uuid,
        living: &dyn Fn(Uuid) -> bool,
    ) -> Result<Admission, Error> {
        let call = &self.masked_call(call);
        self.transact(|transaction| {
            charge_dead(transaction, &|other| other == process || living(other))?;
            let before = states(transaction, Utc::now())?;
            let id = insert(transaction, call, &bound.usage, bound.cost.as_ref(), Some(process))?;
            let admission = judge(before, states(transaction, Utc::now())?, id);
            if matches!(admission, Admission::Refused(_)) {
                delete(transaction, id)?;
            }
            Ok(admission)
        })
    }

    /// Lets a call that is under way use up more than it had asked for, unless a hard budget would be overspent; then it
    /// stays as it was.
    pub(crate) fn extend(&self, id: i64, old: &Bound, new: &Bound, process: Uuid) -> Result<Admission, Error> {
        self.transact(|transaction| {
            let put = |bound: &Bound| update(transaction, id, &bound.usage, bound.cost.as_ref(), Some(process));
            let before = states(transaction, Utc::now())?;
            put(new)?;
            let admission = judge(before, states(transaction, Utc::now())?, id);
            if matches!(admission, Admission::Refused(_)) {
                put(old)?;
            }
            Ok(admission)
        })
    }

    /// Puts what a call has used up in the place of what it might have.
    pub(crate) fn settle(&self, id: i64, call: &Call, usage: &Usage, cost: Option<&Money>) -> Result<(), Error> {
        let call = &self.masked_call(call);
        self.transact(|transaction| {
            if !update(transaction, id, usage, cost, None)? {
                insert(transaction, call, usage, cost, None)?;
            }
            Ok(())
        })
    }

    /// Takes back a call that never ran.
    pub(crate) fn release(&self, id: i64) -> Result<(), Error> {
        self.transact(|transaction| delete(transaction, id))
    }

    /// Ends the calls of processes that do not live. What such a call used up died unmeasured with its process, so that it
    /// counts as all that it had asked for: who is killed again and again does not overspend.
    pub(crate) fn charge_all_but(&self, living: &BTreeSet<Uuid>) -> Result<(), Error> {
        self.transact(|transaction| charge_dead(transaction, &|process| living.contains(&process)))
    }
}

/// Compares the budgets before and after a call was written down.
fn judge(before: Vec<BudgetState>, after: Vec<BudgetState>, id: i64) -> Admission {
    let mut over = Vec::new();
    for (before, after) in before.into_iter().zip(after) {
        let is_unpriced = after.unpriced_calls > before.unpriced_calls;
        let wanted = (after.spent + after.reserved) - (before.spent + before.reserved);
        let is_over = wanted > 0 && after.spent.saturating_add(after.reserved) > after.budget.allowed.most;
        if !is_unpriced && !is_over {
            continue;
        }
        let is_hard = after.budget.allowed.is_hard;
        let refusal = Refusal { state: before, wanted: (!is_unpriced).then_some(wanted) };
        if is_hard {
            return Admission::Refused(Box::new(refusal));
        }
        over.push(refusal);
    }
    Admission::Admitted { id, over }
}

fn states(connection: &rusqlite::Connection, now: DateTime<Utc>) -> Result<Vec<BudgetState>, Failure> {
    let mut statement = connection.prepare_cached("SELECT * FROM budget ORDER BY id")?;
    let budgets = statement.query_map([], |row| Ok(read(row)))?;
    budgets.map(|budget| state(connection, budget??, now)).collect()
}

fn state(connection: &rusqlite::Connection, budget: Budget, now: DateTime<Utc>) -> Result<BudgetState, Failure> {
    let NewBudget { unit, scope, period, .. } = &budget.allowed;
    let amount = match unit {
        Unit::Tokens => "tokens_in + tokens_out",
        Unit::Seconds => "CAST(round(wall_seconds * 1000000) AS INTEGER)",
        Unit::Money(_) => "CASE WHEN currency = ?3 THEN amount_micros ELSE 0 END",
    };
    let since = period.start(now).map(moment);
    // A call under way counts wherever it began: it is settled in the present.
    let select = format!(
        "SELECT coalesce(sum(CASE WHEN reserved_by IS NULL THEN {amount} ELSE 0 END), 0), \
         coalesce(sum(CASE WHEN reserved_by IS NULL THEN 0 ELSE {amount} END), 0), \
         coalesce(sum(CASE WHEN model_name IS NULL OR coalesce(currency, '') = ?3 THEN 0 ELSE 1 END), 0) \
         FROM usage WHERE (reserved_by IS NOT NULL OR at >= ?2) AND {}",
        scope.condition()
    );
    let ((_, subject), (_, currency)) = (scope.words(), unit.words());
    let values = params![subject, since.as_deref().unwrap_or_default(), currency];
    let sums = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (spent, reserved, unpriced) = connection.prepare_cached(&select)?.query_row(values, sums)?;
    let unpriced_calls = if matches!(unit, Unit::Money(_)) { unpriced.unsigned_abs() } else { 0 };
    Ok(BudgetState { since, spent, reserved, unpriced_calls, budget })
}

fn read(row: &Row<'_>) -> Result<Budget, Failure> {
    let (unit, subject): (String, String) = (row.get("unit")?, row.get("subject")?);
    let unit = match unit.as_str() {
        "seconds" => Unit::Seconds,
        "money" => Unit::Money(row.get("currency")?),
        _ => Unit::Tokens,
    };
    let scope = match row.get::<_, String>("scope")?.as_str() {
        "notebook" => BudgetScope::Notebook(subject),
        "tag" => BudgetScope::Tag(subject),
        "model" => BudgetScope::Model(subject),
        "verb" => BudgetScope::Verb(subject),
        _ => BudgetScope::Lab,
    };
    let period = from_word(row.get("period")?)?;
    let (is_hard, most) = (row.get("is_hard")?, row.get("most")?);
    let allowed = NewBudget { unit, scope, period, is_hard, most };
    Ok(Budget { id: row.get("id")?, allowed, set_at: row.get("set_at")? })
}

fn charge_dead(transaction: &Transaction<'_>, living: &dyn Fn(Uuid) -> bool) -> Result<(), Failure> {
    let select = "SELECT DISTINCT reserved_by FROM usage WHERE reserved_by IS NOT NULL";
    let mut statement = transaction.prepare_cached(select)?;
    let processes = statement.query_map([], |row| row.get::<_, String>(0))?;
    let processes: Vec<String> = processes.collect::<Result<_, _>>()?;
    for process in processes {
        if Uuid::parse_str(&process).is_ok_and(living) {
            continue;
        }
        let charge = "UPDATE usage SET reserved_by = NULL, is_cut_off = 1 WHERE reserved_by = ?1";
        transaction.prepare_cached(charge)?.execute([&process])?;
    }
    Ok(())
}

fn delete(transaction: &Transaction<'_>, id: i64) -> Result<(), Failure> {
    transaction.prepare_cached("DELETE FROM usage_tag WHERE usage = ?1")?.execute([id])?;
    transaction.prepare_cached("DELETE FROM usage WHERE id = ?1 AND reserved_by IS NOT NULL")?.execute([id])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_begin_where_calendars_say() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).expect("a time").with_timezone(&Utc);
        let start = |period: Period, now: &str| period.start(at(now)).map(moment).unwrap_or_default();
        let now = "2026-11-22T20:48:51Z";
        assert_eq!(start(Period::Always, now), "");
        assert_eq!(start(Period::Day, now), "2026-11-22T00:00:00.000Z");
        assert_eq!(start(Period::Week, now), "2026-11-16T00:00:00.000Z");
        assert_eq!(start(Period::Week, "2026-11-23T00:00:00Z"), "2026-11-23T00:00:00.000Z");
        assert_eq!(start(Period::Month, now), "2026-11-01T00:00:00.000Z");
        assert_eq!(start(Period::Year, now), "2026-01-01T00:00:00.000Z");
    }
}
