//! `%promote approve`: a person wants to see a version on a stage.

use kernwerk_core::Problem;
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::Reference;

use super::{TWO_VERSIONS, entered};
use crate::person::Signature;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Approve {
    /// Such as `fares@2`; without a version the latest
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
    /// Such as `staging`, `production`, `archived`, or one of your own
    #[arg(value_name = "STAGE")]
    stage: String,
    #[command(flatten)]
    signature: Signature,
}

impl Verb for Approve {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "approve";
    const ABOUT: &'static str = "approve a version for a stage; `kernwerk.toml` says how many people have to";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "one of those who have to agree",
        line: "%promote approve fares@2 production --by ada --why \"scores as before, half the cost\"",
        body: None,
        setup: TWO_VERSIONS,
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let reference: Reference = self.artifact.parse().map_err(Problem::from)?;
        let author = self.signature.author(context)?;
        let lab = context.lab_for_writing()?;
        let event = kernwerk_promote::approve(&lab, &reference, &self.stage, author, context.work())?;
        Ok(entered(&event, "is approved for"))
    }
}
