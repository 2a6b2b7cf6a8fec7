//! Budgets and amounts in words.

use kernwerk_store::{BudgetScope, NewBudget, Period, Refusal, Unit};

/// An amount with its unit, such as `1200 tokens`, `12.5 seconds` or `2.5 EUR`.
pub fn amount(parts: i64, unit: &Unit) -> String {
    let name = match unit {
        Unit::Tokens => "tokens",
        Unit::Seconds => "seconds",
        Unit::Money(currency) => currency,
    };
    format!("{} {name}", number(parts, unit))
}

/// An amount without its unit.
fn number(parts: i64, unit: &Unit) -> String {
    match unit.parts() {
        1 => parts.to_string(),
        one => {
            let text = format!("{:.6}", parts as f64 / one as f64);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

/// A scope as it is given on a line.
pub fn scope(scope: &BudgetScope) -> String {
    match scope {
        BudgetScope::Lab => "lab".to_owned(),
        BudgetScope::Notebook(notebook) => format!("notebook={notebook}"),
        BudgetScope::Tag(tag) => format!("tag={tag}"),
        BudgetScope::Model(model) => format!("model={model}"),
        BudgetScope::Verb(verb) => format!("verb={verb}"),
    }
}

/// A period as it is given on a line.
pub fn period(period: Period) -> &'static str {
    match period {
        Period::Always => "always",
        Period::Day => "day",
        Period::Week => "week",
        Period::Month => "month",
        Period::Year => "year",
    }
}

/// What a budget allows, such as `1000 tokens a month for tag=nightly`.
fn allowance(allowed: &NewBudget) -> String {
    let how_often = match allowed.period {
        Period::Always => String::new(),
        other => format!(" a {}", period(other)),
    };
    let whose = match &allowed.scope {
        BudgetScope::Lab => String::new(),
        other => format!(" for {}", scope(other)),
    };
    format!("{}{how_often}{whose}", amount(allowed.most, &allowed.unit))
}

/// Why a call is refused, or what it does to a soft budget.
pub fn refusal(refusal: &Refusal, model: &str) -> String {
    let state = &refusal.state;
    let allowed = &state.budget.allowed;
    let kind = if allowed.is_hard { "the hard budget" } else { "the soft budget" };
    let budget = format!("{kind} {} allows {}", state.budget.id, allowance(allowed));
    let Some(wanted) = refusal.wanted else {
        let currency = allowed.unit.currency().unwrap_or_default();
        return format!(
            "{budget}, and what a call of {model} costs in {currency} nobody said: it is not known, and not zero"
        );
    };
    let under_way = match state.reserved {
        0 => String::new(),
        reserved => format!(", calls under way may use {}", number(reserved, &allowed.unit)),
    };
    let (spent, wanted) = (number(state.spent, &allowed.unit), number(wanted, &allowed.unit));
    format!("{budget}: {spent} are used{under_way}, and this call of {model} may use {wanted} more")
}
