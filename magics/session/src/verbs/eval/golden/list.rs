//! `%eval golden list`: which golden sets there are.

use kernwerk_core::{Output, Problem};
use kernwerk_lang::{BodyUse, Example};

use super::super::{QUESTIONS, numbers, texts};
use crate::verbs::table;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct List {}

impl Verb for List {
    const MAGIC: &'static str = "eval";
    const NAME: &'static str = "golden list";
    const ABOUT: &'static str = "the golden sets, with what is known of their questions";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] =
        &[Example { about: "the golden sets of the lab", line: "%eval golden list", body: None, setup: &[QUESTIONS] }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let sets = context.block_on(kernwerk_eval::golden_sets(&lab))?;
        let counts = |of: fn(&kernwerk_eval::Golden) -> u64| numbers(sets.iter().map(|set| Some(of(&set.golden))));
        let shown = table(vec![
            ("golden_set", texts(sets.iter().map(|set| Some(&set.golden.name)))),
            ("version", counts(|golden| golden.version)),
            ("questions", counts(|golden| golden.items.len() as u64)),
            ("judged", counts(|golden| golden.judged() as u64)),
            ("answered", counts(|golden| golden.answered() as u64)),
            ("source", texts(sets.iter().map(|set| Some(&set.source)))),
        ])?;
        let mut output = Output::table(shown);
        if sets.is_empty() {
            output = output.with_note("there is no golden set yet; `%eval golden import` makes one");
        }
        // Versions count the steps on the way to a golden set, not what it holds.
        Ok(output.volatile().into())
    }
}
