//! `%cost tag`: what the usage of a notebook is for.

use kernwerk_core::{Output, Problem, Value};
use kernwerk_lang::{BodyUse, Example};

use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Tag {
    /// Tags that its usage gets from now on; without any the present ones are shown
    #[arg(value_name = "TAG")]
    tags: Vec<String>,
    /// A tag that its usage no longer gets; usage that has it keeps it
    #[arg(long, value_name = "TAG")]
    remove: Vec<String>,
}

impl Verb for Tag {
    const MAGIC: &'static str = "cost";
    const NAME: &'static str = "tag";
    const ABOUT: &'static str = "mark what this notebook (in a shell: all shells) uses up, for reports and budgets";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example { about: "what follows is for the nightly run", line: "%cost tag nightly", body: None, setup: &[] },
        Example {
            about: "what follows is not",
            line: "%cost tag --remove nightly",
            body: None,
            setup: &["%cost tag nightly"],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let changes = !self.tags.is_empty() || !self.remove.is_empty();
        let lab = if changes { context.lab_for_writing()? } else { context.lab()? };
        let notebook = context.notebook();
        if changes {
            kernwerk_cost::change_tags(&lab, &notebook, &self.tags, &self.remove)?;
        }
        let tags = lab.ledger().tags(&notebook)?.into_iter().map(Value::from).collect();
        let output = Output::record([("notebook", Value::from(notebook)), ("tags", Value::List(tags))]);
        Ok(output.volatile().into())
    }
}
