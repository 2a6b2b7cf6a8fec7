//! `%promote approve`: a person wants to see a version on a stage.

use kernwerk_core::{Output, Problem};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::{Approval, Approved, Reference, Signed};

use super::{TWO_VERSIONS, entered};
use crate::person::{Keys, Signature};
use crate::{Answer, Context, Verb};

/// What is said of a signature by a key that nobody has been given.
const UNKNOWN_KEY: &str =
    "kernwerk.toml does not name this key, so it does not count as signed here yet; `%promote key` shows the line";

#[derive(clap::Args)]
pub(crate) struct Approve {
    /// Such as `fares@2`; without a version the latest
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
    /// Such as `staging`, `production`, `archived`, or one of your own
    #[arg(value_name = "STAGE")]
    stage: String,
    /// Take the approval back
    #[arg(long, conflicts_with = "key")]
    withdraw: bool,
    /// Whose key signs it; with `signed_approvals` in kernwerk.toml that of the person, unless another is named
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    #[command(flatten)]
    keys: Keys,
    #[command(flatten)]
    signature: Signature,
}

impl Verb for Approve {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "approve";
    const ABOUT: &'static str = "approve a version for a stage; `kernwerk.toml` says how many people have to";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "one of those who have to agree",
            line: "%promote approve fares@2 production --by ada --why \"scores as before, half the cost\"",
            body: None,
            setup: TWO_VERSIONS,
        },
        Example {
            about: "signed, so that nobody else can say it",
            line: "%promote approve fares@2 production --key ada --directory keys",
            body: None,
            setup: TWO_VERSIONS,
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let reference: Reference = self.artifact.parse().map_err(Problem::from)?;
        let lab = context.lab_with(&reference.name)?;
        let key = self.key.as_deref().map(|name| self.keys.read(context, name)).transpose()?;
        // Who signs approves in their own name, whatever their key's file is called.
        let owner = match &key {
            Some(key) => kernwerk_promote::owner(&lab, key)?.or_else(|| Some(key.name().to_owned())),
            None => None,
        };
        let author = self.signature.author_or(context, owner)?;
        if self.withdraw {
            let event = kernwerk_promote::withdraw(&lab, &reference, &self.stage, author, context.work())?;
            return Ok(entered(&event, "is no longer approved for"));
        }
        let key = match key {
            None if lab.promotion_rules()?.signed_approvals => Some(self.keys.read(context, &author.by)?),
            key => key,
        };
        let (stage, work) = (&self.stage, context.work());
        let approved = match &key {
            Some(key) => kernwerk_promote::approve_signed(&lab, &reference, stage, author, key, work)?,
            None => kernwerk_promote::approve(&lab, &reference, stage, author, work)?,
        };
        match approved {
            Approved::Now(event) => {
                let mut answer = entered(&event, "is approved for");
                if event.signed == Signed::Stranger {
                    answer.output = answer.output.with_note(UNKNOWN_KEY);
                }
                Ok(answer)
            }
            Approved::Before { artifact, approval: Approval { stage, by, signed, at } } => {
                let words = format!("{artifact} is already approved for {stage} by {by}, on {at} ({signed})");
                Ok(Output::text(words).with_note("nothing was entered into the history").volatile().into())
            }
        }
    }
}
