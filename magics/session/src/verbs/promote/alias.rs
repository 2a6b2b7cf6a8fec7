//! `%promote alias`: another name for a version of an artifact.

use kernwerk_core::Problem;
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::Reference;

use super::{TWO_VERSIONS, entered};
use crate::person::Signature;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Alias {
    /// Such as `fares@2`; without a version the latest
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
    /// Such as `champion`
    #[arg(value_name = "ALIAS")]
    alias: String,
    /// Take the name away again
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    signature: Signature,
}

impl Verb for Alias {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "alias";
    const ABOUT: &'static str = "a name of your own for a version, such as fares@champion";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "a name that moves with you",
        line: "%promote alias fares@2 champion",
        body: None,
        setup: TWO_VERSIONS,
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let reference: Reference = self.artifact.parse().map_err(Problem::from)?;
        let author = self.signature.author(context)?;
        let lab = context.lab_with(&reference.name)?;
        if self.remove {
            let event = kernwerk_promote::unalias(&lab, &reference.name, &self.alias, author, context.work())?;
            return Ok(entered(&event, "is no longer"));
        }
        let event = kernwerk_promote::alias(&lab, &reference, &self.alias, author, context.work())?;
        Ok(entered(&event, "is now"))
    }
}
