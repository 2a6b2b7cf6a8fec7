//! `%eval suite list`: which suites there are.

use kernwerk_core::{Output, Problem};
use kernwerk_eval::StoredSuite;
use kernwerk_lang::{BodyUse, Example};

use super::super::{QUALITY, numbers, texts};
use super::{metrics, thresholds};
use crate::verbs::table;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct List {}

impl Verb for List {
    const MAGIC: &'static str = "eval";
    const NAME: &'static str = "suite list";
    const ABOUT: &'static str = "the suites, with what they measure";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] =
        &[Example { about: "the suites of the lab", line: "%eval suite list", body: None, setup: &[QUALITY] }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let suites = StoredSuite::all(&context.lab()?)?;
        let words = |of: fn(&StoredSuite) -> String| texts(suites.iter().map(|stored| Some(of(stored))));
        let shown = table(vec![
            ("suite", words(|stored| stored.name.clone())),
            ("version", numbers(suites.iter().map(|stored| Some(stored.version.into())))),
            ("target", words(|stored| stored.suite.target.to_string())),
            ("golden_set", words(|stored| stored.suite.golden.clone())),
            ("metrics", words(|stored| metrics(&stored.suite).join(", "))),
            ("thresholds", words(|stored| thresholds(&stored.suite).join(", "))),
        ])?;
        let mut output = Output::table(shown);
        if suites.is_empty() {
            output = output.with_note("there is no suite yet; `%%eval suite define` makes one");
        }
        // Versions count the steps on the way to a suite, not what it says.
        Ok(output.volatile().into())
    }
}
