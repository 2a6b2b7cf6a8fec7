//! `%promote rollback`: the version before, on a stage.

use kernwerk_core::Problem;
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::PRODUCTION;

use super::{TWO_VERSIONS, entered, signed};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Rollback {
    /// Its name, such as `fares`
    #[arg(value_name = "NAME")]
    name: String,
    /// The stage to roll back
    #[arg(long, value_name = "STAGE", default_value = PRODUCTION)]
    stage: String,
    /// The reason, for the history
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Who does it; else the principal of the session or the user of the machine
    #[arg(long, value_name = "PERSON")]
    by: Option<String>,
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
        setup: &[
            TWO_VERSIONS[0],
            TWO_VERSIONS[1],
            TWO_VERSIONS[2],
            TWO_VERSIONS[3],
            TWO_VERSIONS[4],
            TWO_VERSIONS[5],
            "%promote stage fares@2 production",
        ],
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let signed = signed(context, self.by, self.why)?;
        let lab = context.lab_for_writing()?;
        let event = kernwerk_promote::rollback(&lab, &self.name, &self.stage, signed, context.work())?;
        Ok(entered(&event, "is again"))
    }
}
