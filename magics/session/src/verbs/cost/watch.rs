//! `%cost watch`: what was consumed, kept up to date while cells run.

use chrono::Utc;
use kernwerk_core::{Output, Problem, Value};
use kernwerk_cost::{Scope, Totals, totals};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_store::{BudgetState, Lab};

use super::budget::{kind, left};
use super::{milliseconds, money, scope};
use crate::verb::Live;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Watch {
    /// The whole lab, not only this notebook since its kernel started (in a shell always the whole lab)
    #[arg(long)]
    all: bool,
    /// End what an earlier `%cost watch` keeps up to date
    #[arg(long, conflicts_with = "all")]
    stop: bool,
}

impl Verb for Watch {
    const MAGIC: &'static str = "cost";
    const NAME: &'static str = "watch";
    const ABOUT: &'static str =
        "tokens, seconds, money and budgets, kept up to date while cells run; in a shell until it is interrupted";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "a display that follows what this notebook consumes",
            line: "%cost watch",
            body: None,
            setup: &["%lab init"],
        },
        Example {
            about: "no longer keep up to date what an earlier line shows",
            line: "%cost watch --stop",
            body: None,
            setup: &["%lab init"],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        if self.stop {
            let output = Output::text("what `%cost watch` shows stands still now").volatile();
            return Ok(Answer { live: Some(Live::End), ..Answer::from(output) });
        }
        let scope = scope(context, self.all);
        Answer::following(move || state(&lab, &scope))
    }
}

/// What was consumed until now.
fn state(lab: &Lab, scope: &Scope) -> Result<Output, Problem> {
    let title = match scope {
        Scope::Lab => "consumption of the lab",
        Scope::Process { .. } => "consumption of this notebook since its kernel started",
    };
    let mut fields = fields(&totals(lab, scope)?);
    fields.extend(lab.budgets()?.iter().map(budget));
    Ok(Output::record(fields).with_title(title).volatile())
}

fn fields(totals: &Totals) -> Vec<(String, Value)> {
    let running = totals.running_since.map(|since| Utc::now().signed_duration_since(since).num_seconds().max(0));
    let fields = [
        ("cells that have ended", Value::from(totals.cells)),
        ("seconds of the cell that runs", Value::from(running)),
        ("calls of models", Value::from(totals.calls)),
        ("tokens in", Value::from(totals.tokens_in)),
        ("tokens out", Value::from(totals.tokens_out)),
        ("wall seconds", Value::from(milliseconds(totals.wall_seconds))),
        ("cpu seconds", totals.cpu_seconds.map_or(Value::Unmeasured, |seconds| Value::from(milliseconds(seconds)))),
        ("cost", Value::from(money(&totals.cost))),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A budget in one line.
fn budget(state: &BudgetState) -> (String, Value) {
    let allowed = &state.budget.allowed;
    let amount = |parts| kernwerk_cost::amount(parts, &allowed.unit);
    let under_way = match state.reserved {
        0 => String::new(),
        reserved => format!(" and up to {} under way", amount(reserved)),
    };
    let words = format!(
        "{} of {} used{under_way}, {} left ({}, {}, {})",
        amount(state.spent),
        amount(allowed.most),
        amount(left(state)),
        kind(state),
        kernwerk_cost::scope(&allowed.scope),
        kernwerk_cost::period(allowed.period),
    );
    (format!("budget {}", state.budget.id), Value::from(words))
}
