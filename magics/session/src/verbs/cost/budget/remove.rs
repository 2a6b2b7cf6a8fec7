//! `%cost budget remove`: a budget holds no longer.

use kernwerk_core::{Output, Problem};
use kernwerk_lang::{BodyUse, Example};

use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Remove {
    /// The budget's number, as `%cost budget list` shows it
    #[arg(value_name = "BUDGET")]
    budget: i64,
}

impl Verb for Remove {
    const MAGIC: &'static str = "cost";
    const NAME: &'static str = "budget remove";
    const ABOUT: &'static str = "take a budget away; what was used stays recorded";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "without the first budget",
        line: "%cost budget remove 1",
        body: None,
        setup: &["%cost budget set --limit 100000 --unit tokens --hard"],
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let budget = kernwerk_cost::remove_budget(&context.lab_for_writing()?, self.budget)?;
        let allowed = &budget.allowed;
        let limit = kernwerk_cost::amount(allowed.most, &allowed.unit);
        let scope = kernwerk_cost::scope(&allowed.scope);
        Ok(Output::text(format!("budget {} of {limit} for {scope} is gone", budget.id)).volatile().into())
    }
}
