//! `%feature history`: the versions of a table or feature view.

use kernwerk_core::{Output, Problem};
use kernwerk_lang::{BodyUse, Example};

use super::{RIDES, numbers, table, texts};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct History {
    #[arg(value_name = "TABLE|VIEW")]
    name: String,
}

impl Verb for History {
    const MAGIC: &'static str = "feature";
    const NAME: &'static str = "history";
    const ABOUT: &'static str = "the versions of a table or feature view, oldest first";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "when a table was written, and from which files",
        line: "%feature history rides",
        body: None,
        setup: &[RIDES],
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let changes = context.block_on(kernwerk_feature::history(&lab, &self.name))?;
        let table = table(vec![
            ("version", numbers(changes.iter().map(|change| Some(change.version)))),
            ("at", texts(changes.iter().map(|change| Some(&change.at)))),
            ("rows", numbers(changes.iter().map(|change| change.rows))),
            ("from", texts(changes.iter().map(|change| Some(&change.what)))),
        ])?;
        // Which versions there are depends on how often the cells ran, not on what they say.
        Ok(Output::table(table).with_title(self.name).volatile().into())
    }
}
