//! `%cost budget show`: one budget, and whether it holds.

use kernwerk_core::{Output, Problem, Verdict};
use kernwerk_lang::{BodyUse, Example};

use super::{fields, left};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Show {
    /// The budget's number, as `%cost budget list` shows it
    #[arg(value_name = "BUDGET")]
    budget: i64,
}

impl Verb for Show {
    const MAGIC: &'static str = "cost";
    const NAME: &'static str = "budget show";
    const ABOUT: &'static str = "one budget; in a shell the exit code is 1 when more was used than it allows";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "all of one budget",
        line: "%cost budget show 1",
        body: None,
        setup: &["%cost budget set --limit 100000 --unit tokens --hard"],
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let state = kernwerk_cost::budget(&context.lab()?, self.budget)?;
        let verdict = if left(&state) < 0 { Verdict::Failed } else { Verdict::Passed };
        Ok(Output::record(fields(&state)).with_verdict(verdict).volatile().into())
    }
}
