//! `%promote stage`: which version of an artifact is in use.

use kernwerk_core::Problem;
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::{Reference, Which, judge_published, must_pass};

use super::{TWO_VERSIONS, entered};
use crate::person::Signature;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Stage {
    /// Such as `fares@2`; without a version the latest
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
    /// Such as `staging`, `production`, `archived`, or one of your own
    #[arg(value_name = "STAGE")]
    stage: String,
    #[command(flatten)]
    signature: Signature,
}

impl Verb for Stage {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "stage";
    const ABOUT: &'static str = "give a version a stage such as production, in place of the version that holds it";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "a version goes into production",
        line: "%promote stage fares@2 production --why \"the reviewers agree\"",
        body: None,
        setup: TWO_VERSIONS,
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let reference: Reference = self.artifact.parse().map_err(Problem::from)?;
        let author = self.signature.author(context)?;
        let lab = context.lab_with(&reference.name)?;
        let mut reference = reference;
        if lab.promotion_rules()?.gates.stages.contains(&self.stage) {
            let (runner, spec) = (context.runner()?, context.gate_spec(&[], false)?);
            let (location, gates) = judge_published(&lab, &reference, &spec, runner.as_ref(), context.work())?;
            must_pass(&gates)?;
            // What was judged takes the stage, whatever its name stands for by then.
            reference.which = Which::Version(location.version);
        }
        let event = kernwerk_promote::stage(&lab, &reference, &self.stage, author, context.work())?;
        Ok(entered(&event, "is now"))
    }
}
