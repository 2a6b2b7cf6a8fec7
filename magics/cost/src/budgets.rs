//! Setting budgets, and asking them whether a call may run.

use kernwerk_store::{
    Bound, Budget, BudgetScope, BudgetState, Call, Lab, NewBudget, Period, Reservation, Reserved, Unit,
};

use crate::{Error, words};

/// The largest number up to which decimal fractions count whole parts exactly.
const MOST_PARTS: f64 = 9.0e15;

/// A budget as somebody puts it.
#[derive(Clone, Debug)]
pub struct BudgetRequest<'a> {
    /// Such as `100000` or `2.50`.
    pub limit: &'a str,
    pub unit: Unit,
    /// See [`parse_scope`].
    pub scope: &'a str,
    /// What `notebook` alone stands for.
    pub notebook: &'a str,
    pub period: Period,
    pub is_hard: bool,
}

/// Sets a budget, in place of one of the same unit, scope, period and hardness.
pub fn set_budget(lab: &Lab, request: &BudgetRequest<'_>) -> Result<Budget, Error> {
    let most = parse_limit(request.limit, &request.unit)?;
    let scope = parse_scope(request.scope, request.notebook)?;
    let (unit, period, is_hard) = (request.unit.clone(), request.period, request.is_hard);
    Ok(lab.ledger().set_budget(&NewBudget { unit, scope, period, is_hard, most })?)
}

/// The budget with this number, and what counts against it.
pub fn budget(lab: &Lab, id: i64) -> Result<BudgetState, Error> {
    let states = lab.budgets()?;
    states.into_iter().find(|state| state.budget.id == id).ok_or(Error::UnknownBudget { id })
}

/// Takes a budget away.
pub fn remove_budget(lab: &Lab, id: i64) -> Result<Budget, Error> {
    let state = budget(lab, id)?;
    lab.ledger().remove_budget(id)?;
    Ok(state.budget)
}

/// The currency of a budget of money: the one given, or the only one that the lab has prices in.
pub fn currency(lab: &Lab, given: Option<&str>) -> Result<String, Error> {
    if let Some(given) = given {
        return checked_currency(given);
    }
    let prices = lab.prices()?;
    let mut known: Vec<String> =
        prices.values().flat_map(|prices| prices.history()).map(|price| price.currency.clone()).collect();
    known.sort();
    known.dedup();
    match known.as_slice() {
        [only] => Ok(only.clone()),
        _ => Err(Error::NoCurrency { known }),
    }
}

/// A code of ISO 4217, by its form.
pub(crate) fn checked_currency(given: &str) -> Result<String, Error> {
    let is_code = given.len() == 3 && given.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_code { Ok(given.to_owned()) } else { Err(Error::BadCurrency { given: given.to_owned() }) }
}

/// Reads `lab`, `notebook` (this one), `notebook=FILE`, `tag=TAG`, `model=MODEL` or `verb=VERB`.
pub fn parse_scope(text: &str, notebook: &str) -> Result<BudgetScope, Error> {
    let scope = match text.split_once('=') {
        None if text == "lab" => Some(BudgetScope::Lab),
        None if text == "notebook" => Some(BudgetScope::Notebook(notebook.to_owned())),
        Some((_, "")) | None => None,
        Some(("notebook", file)) => Some(BudgetScope::Notebook(file.to_owned())),
        Some(("tag", tag)) => Some(BudgetScope::Tag(crate::tags::checked(tag)?)),
        Some(("model", model)) => Some(BudgetScope::Model(model.to_owned())),
        // As people write it in a notebook, with the sign.
        Some(("verb", verb)) => Some(BudgetScope::Verb(verb.trim_start_matches('%').trim().to_owned())),
        Some(_) => None,
    };
    scope.ok_or_else(|| Error::BadScope { given: text.to_owned() })
}

fn parse_limit(given: &str, unit: &Unit) -> Result<i64, Error> {
    let wrong = |reason| Error::BadLimit { given: given.to_owned(), reason };
    let number: f64 = given.replace('_', "").parse().map_err(|_| wrong("it is no number"))?;
    let parts = number * unit.parts() as f64;
    if !number.is_finite() || number < 0.0 {
        return Err(wrong("it is no amount"));
    }
    if parts > MOST_PARTS {
        return Err(wrong("it is too large"));
    }
    if *unit == Unit::Tokens && parts.fract() != 0.0 {
        return Err(wrong("tokens are whole"));
    }
    Ok(parts.round() as i64)
}

/// A call that may run.
pub struct Admitted {
    pub reservation: Reservation,
    /// What to tell of soft budgets that it goes over, each with the budget's number.
    pub warnings: Vec<(i64, String)>,
}

/// Asks all budgets whether a call of `model` may run.
///
/// # Errors
///
/// [`Error::OverBudget`] when it would overspend a hard one; nothing is reserved then.
pub fn admit(lab: &Lab, call: &Call, bound: &Bound, model: &str) -> Result<Admitted, Error> {
    match lab.reserve(call, bound)? {
        Reserved::Refused(refusal) => Err(Error::OverBudget { refusal, model: model.to_owned() }),
        Reserved::Admitted(reservation, over) => {
            let warn = |refusal: kernwerk_store::Refusal| (refusal.state.budget.id, words::refusal(&refusal, model));
            Ok(Admitted { reservation: *reservation, warnings: over.into_iter().map(warn).collect() })
        }
    }
}

/// Asks for more for a call of `model` that runs.
///
/// # Errors
///
/// [`Error::OverBudget`] when a hard budget would be overspent; the reservation then stays as it was.
pub fn extend(reservation: &mut Reservation, bound: &Bound, model: &str) -> Result<(), Error> {
    match reservation.extend(bound)? {
        None => Ok(()),
        Some(refusal) => Err(Error::OverBudget { refusal: Box::new(refusal), model: model.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read() {
        let read = |text: &str| parse_scope(text, "a.ipynb").map(|scope| words::scope(&scope)).ok();
        for text in ["lab", "notebook=b.ipynb", "tag=nightly", "model=m", "verb=rag ingest"] {
            assert_eq!(read(text).as_deref(), Some(text));
        }
        assert_eq!(read("notebook").as_deref(), Some("notebook=a.ipynb"));
        assert_eq!(read("verb=%rag").as_deref(), Some("verb=rag"));
        for bad in ["", "all", "tag", "tag=", "tag=a b", "user=anna", "lab=x"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn limits_are_exact() {
        let read = |text: &str, unit: Unit| parse_limit(text, &unit).ok();
        assert_eq!(read("100000", Unit::Tokens), Some(100_000));
        assert_eq!(read("1_000", Unit::Tokens), Some(1_000));
        assert_eq!(read("0", Unit::Tokens), Some(0));
        assert_eq!(read("2.5", Unit::Money("EUR".to_owned())), Some(2_500_000));
        assert_eq!(read("0.1", Unit::Seconds), Some(100_000));
        for bad in ["-1", "NaN", "inf", "ten", "", "1e30"] {
            assert_eq!(read(bad, Unit::Seconds), None, "{bad}");
        }
        assert_eq!(read("1.5", Unit::Tokens), None);
    }
}
