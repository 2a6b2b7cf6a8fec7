//! `%cost budget list`: which budgets there are.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use kernwerk_core::{Output, Problem};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_store::BudgetState;

use super::{kind, left, number, unit};
use crate::verbs::table;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct List {}

impl Verb for List {
    const MAGIC: &'static str = "cost";
    const NAME: &'static str = "budget list";
    const ABOUT: &'static str = "the budgets, with what is used and left of each";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "what is left",
        line: "%cost budget list",
        body: None,
        setup: &["%cost budget set --limit 100000 --unit tokens --hard"],
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let states = context.lab()?.budgets()?;
        let mut output = Output::table(table(columns(&states))?);
        if states.is_empty() {
            output = output.with_note("there is no budget; `%cost budget set` makes one");
        }
        if states.iter().any(|state| state.unpriced_calls > 0) {
            output = output.with_note("calls of models without a price in a budget's currency are in none of its sums");
        }
        Ok(output.volatile().into())
    }
}

fn columns(states: &[BudgetState]) -> Vec<(&'static str, ArrayRef)> {
    let texts = |of: &dyn Fn(&BudgetState) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(states.iter().map(of)))
    };
    let amounts = |of: &dyn Fn(&BudgetState) -> i64| -> ArrayRef {
        let amount = |state: &BudgetState| number(of(state), &state.budget.allowed.unit);
        Arc::new(Float64Array::from_iter_values(states.iter().map(amount)))
    };
    let unpriced = |state: &BudgetState| i64::try_from(state.unpriced_calls).unwrap_or(i64::MAX);
    vec![
        ("budget", Arc::new(Int64Array::from_iter_values(states.iter().map(|state| state.budget.id)))),
        ("kind", texts(&|state| kind(state).to_owned())),
        ("limit", amounts(&|state| state.budget.allowed.most)),
        ("unit", texts(&|state| unit(&state.budget.allowed.unit).to_owned())),
        ("scope", texts(&|state| kernwerk_cost::scope(&state.budget.allowed.scope))),
        ("period", texts(&|state| kernwerk_cost::period(state.budget.allowed.period).to_owned())),
        ("used", amounts(&|state| state.spent)),
        ("under_way", amounts(&|state| state.reserved)),
        ("left", amounts(&left)),
        ("unpriced_calls", Arc::new(Int64Array::from_iter_values(states.iter().map(unpriced)))),
    ]
}
