//! The verbs of `%cost budget`.

pub(super) mod list;
pub(super) mod remove;
pub(super) mod set;
pub(super) mod show;

use kernwerk_core::Value;
use kernwerk_store::{BudgetState, Unit};

/// What people call the unit: `tokens`, `seconds`, or the currency.
fn unit(unit: &Unit) -> &str {
    match unit {
        Unit::Tokens => "tokens",
        Unit::Seconds => "seconds",
        Unit::Money(currency) => currency,
    }
}

pub(super) fn kind(state: &BudgetState) -> &'static str {
    if state.budget.allowed.is_hard { "hard" } else { "soft" }
}

/// What may still be spent; below zero where more was spent than is allowed.
pub(super) fn left(state: &BudgetState) -> i64 {
    state.budget.allowed.most - state.spent - state.reserved
}

/// An amount in what people say: whole tokens, seconds, money.
fn number(parts: i64, unit: &Unit) -> f64 {
    parts as f64 / unit.parts() as f64
}

/// A budget with all that is known of it.
fn fields(state: &BudgetState) -> Vec<(&'static str, Value)> {
    let allowed = &state.budget.allowed;
    let amount = |parts| Value::from(kernwerk_cost::amount(parts, &allowed.unit));
    let mut fields = vec![
        ("budget", Value::from(state.budget.id)),
        ("kind", Value::from(kind(state))),
        ("limit", amount(allowed.most)),
        ("scope", Value::from(kernwerk_cost::scope(&allowed.scope))),
        ("period", Value::from(kernwerk_cost::period(allowed.period))),
        ("counts since", Value::from(state.since.clone().unwrap_or_else(|| "ever".to_owned()))),
        ("used", amount(state.spent)),
        ("may be used by calls under way", amount(state.reserved)),
        ("left", amount(left(state))),
        ("set at", Value::from(state.budget.set_at.as_str())),
    ];
    if state.unpriced_calls > 0 {
        fields.push(("calls in no sum", Value::from(format!("{} unpriced", state.unpriced_calls))));
    }
    fields
}
