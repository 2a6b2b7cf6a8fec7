//! `%eval suite show`: a suite as it was written.

use kernwerk_core::{Access, Body, Output, Problem};
use kernwerk_eval::StoredSuite;
use kernwerk_lang::{BodyUse, Example};

use super::super::{QUALITY, record_suite};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Show {
    #[arg(value_name = "SUITE")]
    name: String,
}

impl Verb for Show {
    const MAGIC: &'static str = "eval";
    const NAME: &'static str = "suite show";
    const ABOUT: &'static str = "a suite as it was written";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] =
        &[Example { about: "the YAML of a suite", line: "%eval suite show quality", body: None, setup: &[QUALITY] }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let stored = StoredSuite::find(&context.lab()?, &self.name)?;
        record_suite(context, Access::Read, &stored);
        let version = format!("`{}` is at version {}", stored.name, stored.version);
        let output = Output::new(Body::Source { language: "yaml", text: stored.yaml });
        Ok(output.with_title(stored.name).with_note(version).into())
    }
}
