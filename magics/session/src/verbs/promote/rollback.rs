//! `%promote rollback`: the version before, on a stage.

use kernwerk_core::Problem;
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::PRODUCTION;

use super::{HISTORY, entered};
use crate::person::Signature;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Rollback {
    /// Its name, such as `fares`
    #[arg(value_name = "NAME")]
    name: String,
    /// The stage to roll back
    #[arg(long, value_name = "STAGE", default_value = PRODUCTION)]
    stage: String,
    #[command(flatten)]
    signature: Signature,
}

impl Verb for Rollback {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "rollback";
    const ABOUT: &'static str = "give a stage back to the version that held it before";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "the new version was a mistake",
        line: "%promote rollback fares --why \"the averages are wrong\"",
        body: None,
        setup: HISTORY,
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let author = self.signature.author(context)?;
        let lab = context.lab_with(&self.name)?;
        let event = kernwerk_promote::rollback(&lab, &self.name, &self.stage, author, context.work())?;
        let mut answer = entered(&event, "is again");
        // What held the stage before is not what this history says, where its end is missing.
        for gone in kernwerk_promote::history(&lab, &self.name)?.gone {
            let words = format!("an event that this lab has seen is gone, and was not rolled back: {gone}");
            answer.output = answer.output.with_note(words);
        }
        Ok(answer)
    }
}
