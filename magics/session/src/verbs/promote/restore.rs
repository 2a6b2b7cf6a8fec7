//! `%promote restore`: a removed version counts again.

use kernwerk_core::{Output, Problem};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::Reference;

use super::{TWO_VERSIONS, entered};
use crate::person::Signature;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Restore {
    /// Such as `fares@2`
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
    #[command(flatten)]
    signature: Signature,
}

impl Verb for Restore {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "restore";
    const ABOUT: &'static str =
        "make a version count again that `prune` removed, once version control has brought its files back";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "somebody needs it after all",
        line: "%promote restore fares@1 --why \"the audit asks for it\"",
        body: None,
        setup: TWO_VERSIONS,
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let reference: Reference = self.artifact.parse().map_err(Problem::from)?;
        let author = self.signature.author(context)?;
        let lab = context.lab_with(&reference.name)?;
        Ok(match kernwerk_promote::restore(&lab, &reference, author, context.work())? {
            Some(event) => entered(&event, "counts again"),
            None => Output::text(format!("{} was not removed and counts as before", self.artifact)).volatile().into(),
        })
    }
}
