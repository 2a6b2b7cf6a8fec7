//! `%eval golden show`: the questions of a golden set.

use kernwerk_core::{Access, Output, Problem, Resource, Table};
use kernwerk_lang::{BodyUse, Example};

use super::super::{QUESTIONS, questions};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Show {
    #[arg(value_name = "GOLDEN")]
    name: String,
}

impl Verb for Show {
    const MAGIC: &'static str = "eval";
    const NAME: &'static str = "golden show";
    const ABOUT: &'static str = "the questions of a golden set, with their answers and relevant documents";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "what is asked, and what is right",
        line: "%eval golden show questions",
        body: None,
        setup: &[QUESTIONS],
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let (shown, table) = context.block_on(async {
            let shown = kernwerk_eval::golden(&lab, &self.name).await?;
            let stored = lab.dataset_at(Resource::Table, &self.name, shown.golden.version).await?;
            let batches = stored.read(None, None).await?;
            Ok::<_, Problem>((shown, Table::new(stored.schema(), batches)))
        })?;
        let golden = &shown.golden;
        let (version, digest) = (Some(golden.version), Some(golden.digest.clone()));
        context.effect(Access::Read, Resource::Table, &golden.name, version, digest);
        let title = format!("{}: {} from {}", golden.name, questions(golden.items.len()), shown.source);
        let version = format!("`{}` is at version {}", golden.name, golden.version);
        Ok(Output::table(table).with_title(title).with_note(version).into())
    }
}
