//! `%lab init`: makes a lab.

use kernwerk_core::{Output, Problem, Value};
use kernwerk_lang::{BodyUse, Example};

use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Init {
    /// The lab's root; the notebook's directory unless given
    #[arg(value_name = "PATH", default_value = ".")]
    directory: String,
}

impl Verb for Init {
    const MAGIC: &'static str = "lab";
    const NAME: &'static str = "init";
    const ABOUT: &'static str = "make a lab: kernwerk.toml, to be committed, and .kernwerk/ for the data";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] =
        &[Example { about: "a lab in the notebook's directory", line: "%lab init", body: None, setup: &[] }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let root = context.path(&self.directory);
        let lab = context.make_lab(&root)?;
        let output = Output::record([
            ("lab", Value::from(lab.root().display().to_string())),
            ("identity", Value::from(lab.id().to_string())),
        ]);
        Ok(output.with_note("commit kernwerk.toml; the data in .kernwerk/ ignores itself").volatile().into())
    }
}
