//! The budget: what the cells of the slice used up of models when they ran, against what `kernwerk.toml` allows.

use std::collections::BTreeSet;

use kernwerk_core::CellId;
use kernwerk_store::{GateRules, Unit, UsageRow};

use super::report::{Demand, Finding, Judged, State, counted};
use super::{Gate, Subject};
use crate::Error;

pub(super) struct Budget;

impl Gate for Budget {
    fn name(&self) -> &'static str {
        "budget"
    }

    fn demand(&self, rules: &GateRules) -> Demand {
        if rules.budget.is_some() { Demand::Require } else { Demand::Warn }
    }

    fn remedy(&self) -> &'static str {
        "`%cost report` shows which cells used up how much; raise `budget` below [promote.gates] of kernwerk.toml, or give the models prices"
    }

    fn judge(&self, subject: &Subject<'_>) -> Result<Judged, Error> {
        let Some(plan) = subject.plan else { return Ok(subject.recorded(self.name())) };
        let cells: BTreeSet<CellId> = plan.kept.iter().map(|kept| kept.execution.id).collect();
        let looked_at = format!("the usage of {}", counted(cells.len(), "cell"));
        let Some(budget) = &subject.rules().budget else {
            return Ok(Judged::unmeasured(
                looked_at,
                "no budget is set: `budget = \"0.50 EUR\"` below [promote.gates]",
            ));
        };
        let Some((most, unit)) = amount(budget) else {
            let reason = format!("`budget = \"{budget}\"` is no amount such as 0.50 EUR, 20000 tokens or 90 seconds");
            return Ok(Judged::unmeasured(looked_at, &reason));
        };
        let usage = subject.lab.ledger().usage()?;
        let mut rows = usage.iter().filter(|row| row.cell.is_some_and(|cell| cells.contains(&cell)));
        let (mut used, mut unpriced) = (0i64, 0);
        rows.by_ref().for_each(|row| match parts(row, &unit) {
            Some(parts) => used = used.saturating_add(parts),
            None => unpriced += 1,
        });
        let words = format!("{} of {}", shown(used, &unit), shown(most, &unit));
        let looked_at = format!("{looked_at}: {words}");
        if used > most {
            let what = format!("they used up {words}");
            let finding = Finding { place: "the cells of the slice".to_owned(), what, fingerprint: None };
            return Ok(Judged::by_findings(looked_at, vec![finding]));
        }
        let mut judged = Judged::pass(looked_at);
        if unpriced > 0 {
            judged.state = State::Unmeasured;
            judged.reasons.push(format!(
                "{} of models that have no price in {}",
                counted(unpriced, "call"),
                shown_unit(&unit)
            ));
        }
        Ok(judged)
    }
}

/// Reads an amount and its unit.
fn amount(text: &str) -> Option<(i64, Unit)> {
    let (number, unit) = text.trim().split_once(char::is_whitespace)?;
    let unit = match unit.trim() {
        "token" | "tokens" => Unit::Tokens,
        "second" | "seconds" | "s" => Unit::Seconds,
        code if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) => Unit::Money(code.to_owned()),
        _ => return None,
    };
    let number: f64 = number.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)?;
    Some(((number * unit.parts() as f64).round() as i64, unit))
}

/// What a call used up; none where that is not known.
fn parts(row: &UsageRow, unit: &Unit) -> Option<i64> {
    match unit {
        Unit::Tokens => i64::try_from(row.usage.tokens_in.saturating_add(row.usage.tokens_out)).ok(),
        Unit::Seconds => Some((row.usage.wall_seconds * 1e6).round() as i64),
        Unit::Money(currency) => {
            row.cost.as_ref().filter(|cost| cost.currency == *currency).map(|cost| cost.amount_micros)
        }
    }
}

fn shown(parts: i64, unit: &Unit) -> String {
    let number = match unit.parts() {
        1 => parts.to_string(),
        one => {
            let text = format!("{:.6}", parts as f64 / one as f64);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    };
    format!("{number} {}", shown_unit(unit))
}

fn shown_unit(unit: &Unit) -> &str {
    match unit {
        Unit::Tokens => "tokens",
        Unit::Seconds => "seconds",
        Unit::Money(currency) => currency,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read() {
        assert_eq!(amount("0.50 EUR"), Some((500_000, Unit::Money("EUR".to_owned()))));
        assert_eq!(amount("20000 tokens"), Some((20_000, Unit::Tokens)));
        assert_eq!(amount(" 90 seconds "), Some((90_000_000, Unit::Seconds)));
        for none in ["", "12", "EUR 12", "-1 EUR", "NaN EUR", "1 euro", "x tokens"] {
            assert_eq!(amount(none), None, "{none}");
        }
        assert_eq!(shown(500_000, &Unit::Money("EUR".to_owned())), "0.5 EUR");
    }
}
