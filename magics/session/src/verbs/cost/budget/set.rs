//! `%cost budget set`: how much may be used up.

use kernwerk_core::{Output, Problem};
use kernwerk_cost::BudgetRequest;
use kernwerk_lang::{BodyUse, Example};
use kernwerk_store::{Period, Unit};

use super::fields;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Set {
    /// How much: whole tokens, seconds of model calls, or units of the currency
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    limit: String,
    /// What is counted: tokens that models read and write, money, or the time that calls of models take
    #[arg(long, value_enum)]
    unit: Counted,
    /// Refuse calls that would go over, before they run: tokens are never overspent. How long a call takes is not known before
    /// it runs: one that goes over in seconds, or in money for processor time, is ended at its next sign of progress
    #[arg(long, required_unless_present = "soft", conflicts_with = "soft")]
    hard: bool,
    /// Tell of calls that go over, and let them run
    #[arg(long)]
    soft: bool,
    /// Whose calls: lab, notebook (this one), notebook=FILE, tag=TAG, model=MODEL, verb=VERB or verb=MAGIC
    #[arg(long, value_name = "SCOPE", default_value = "lab")]
    scope: String,
    /// When it begins anew, in UTC; a week begins on Monday
    #[arg(long, value_enum, default_value_t = Every::Always)]
    period: Every,
    /// The currency of money, where the lab has prices in more than one
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Counted {
    Tokens,
    Money,
    Seconds,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Every {
    /// Never
    Always,
    Day,
    Week,
    Month,
    Year,
}

impl Verb for Set {
    const MAGIC: &'static str = "cost";
    const NAME: &'static str = "budget set";
    const ABOUT: &'static str =
        "say how many tokens, seconds or how much money models may use up, in all notebooks and shells";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "no more than so many tokens in this lab",
            line: "%cost budget set --limit 100000 --unit tokens --hard",
            body: None,
            setup: &[],
        },
        Example {
            about: "a word of warning when the nightly runs take more than ten minutes a day",
            line: "%cost budget set --limit 600 --unit seconds --soft --scope tag=nightly --period day",
            body: None,
            setup: &[],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab_for_writing()?;
        let unit = match self.unit {
            Counted::Tokens => Unit::Tokens,
            Counted::Seconds => Unit::Seconds,
            Counted::Money => Unit::Money(kernwerk_cost::currency(&lab, self.currency.as_deref())?),
        };
        let period = match self.period {
            Every::Always => Period::Always,
            Every::Day => Period::Day,
            Every::Week => Period::Week,
            Every::Month => Period::Month,
            Every::Year => Period::Year,
        };
        let request = BudgetRequest {
            limit: &self.limit,
            unit,
            scope: &self.scope,
            notebook: &context.notebook(),
            period,
            is_hard: self.hard,
        };
        let set = kernwerk_cost::set_budget(&lab, &request)?;
        let state = kernwerk_cost::budget(&lab, set.id)?;
        Ok(Output::record(fields(&state)).volatile().into())
    }
}
