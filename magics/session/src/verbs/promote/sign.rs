//! `%promote sign`: vouch for an artifact.

use kernwerk_core::{Output, Problem};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::Reference;

use super::TWO_VERSIONS;
use crate::person::{Keys, in_words, user};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Sign {
    /// Such as `fares@2`; without a version the latest
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
    /// Whose key signs; else that of the machine's user
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    #[command(flatten)]
    keys: Keys,
}

impl Verb for Sign {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "sign";
    const ABOUT: &'static str =
        "sign an artifact's provenance (in-toto and SLSA, in a DSSE envelope), beside those who have";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "vouch for a version",
        line: "%promote sign fares@2 --key ada --directory keys",
        body: None,
        setup: TWO_VERSIONS,
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let reference: Reference = self.artifact.parse().map_err(Problem::from)?;
        let nobody =
            || Problem::new("Nobody", "it is not known whose key is meant").with_hint("name it with `--key NAME`");
        let name = self.key.or_else(user).ok_or_else(nobody)?;
        let lab = context.lab_with(&reference.name)?;
        let key = self.keys.read(context, &name)?;
        let signed = kernwerk_promote::sign(&lab, &reference, &key, context.work())?;
        let output = Output::text(format!("{signed} is signed with {}", in_words(&lab, &key)?));
        let output = match kernwerk_promote::owner(&lab, &key)? {
            Some(_) => output,
            None => output
                .with_note("so the signature does not count here yet; `%promote key` shows the line for kernwerk.toml"),
        };
        Ok(output.volatile().into())
    }
}
