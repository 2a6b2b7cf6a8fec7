//! `%eval compare`: two runs over the same questions.

use kernwerk_core::{Access, Output, Problem, Table};
use kernwerk_eval::{Compared, Difference, Reference, Run, StoredSuite};
use kernwerk_lang::{BodyUse, Example};

use super::{HANDBOOK, MEANING, QUALITY, QUESTIONS, floats, numbers, record_run, texts};
use crate::verbs::table;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Compare {
    /// A suite for its latest run, or a run such as `quality@3`
    #[arg(value_name = "RUN")]
    one: String,
    /// The run that is compared with it
    #[arg(value_name = "RUN")]
    other: String,
}

impl Verb for Compare {
    const MAGIC: &'static str = "eval";
    const NAME: &'static str = "compare";
    const ABOUT: &'static str = "compare two runs question by question: differences with intervals and p-values";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "whether search by meaning is better than search by words",
            line: "%eval compare quality meaning",
            body: None,
            setup: &[HANDBOOK, QUESTIONS, QUALITY, MEANING, "%eval run quality", "%eval run meaning"],
        },
        Example {
            about: "an earlier run of a suite and the latest",
            line: "%eval compare quality@1 quality -> differences",
            body: None,
            setup: &[HANDBOOK, QUESTIONS, QUALITY, "%eval run quality", "%eval run quality"],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let principal = context.principal()?;
        let mut runs = Vec::new();
        for given in [&self.one, &self.other] {
            let run = Run::get(&lab, &principal, &given.parse::<Reference>()?)?;
            record_run(context, &lab, Access::Read, &run)?;
            runs.push(run);
        }
        let compared = kernwerk_eval::compare(&lab, &runs[0], &runs[1], context.work())?;
        let output = Output::table(shown(&compared)?)
            .with_title(format!("{} less {}", self.other, self.one))
            .with_note(
                "p: how often chance alone, which gives each question's two scores to either run, makes so great a \
                 difference; for each metric on its own",
            )
            .with_note("detectable: the difference that so many questions would show in 4 of 5 cases");
        for (given, run) in [&self.one, &self.other].into_iter().zip(&runs) {
            let suite = StoredSuite::find(&lab, &run.reference.suite)?;
            for change in context.block_on(kernwerk_eval::changes(&lab, run, &suite))? {
                // Versions count the steps on the way: a replay has its own, and the same differences.
                context.work().note(format!("`{given}` is out of date: {change}"));
            }
        }
        Ok(output.into())
    }
}

fn shown(compared: &[Compared]) -> Result<Table, Problem> {
    let value = |of: fn(&Difference) -> Option<f64>| {
        floats(compared.iter().map(|compared| compared.difference.as_ref().and_then(of)))
    };
    table(vec![
        ("metric", texts(compared.iter().map(|compared| Some(compared.metric.to_string())))),
        ("one", value(|difference| Some(difference.one))),
        ("other", value(|difference| Some(difference.other))),
        ("difference", value(|difference| Some(difference.mean))),
        ("low", value(|difference| difference.interval.map(|interval| interval.low))),
        ("high", value(|difference| difference.interval.map(|interval| interval.high))),
        ("p", value(|difference| Some(difference.p))),
        ("detectable", value(|difference| difference.detectable)),
        ("paired", numbers(compared.iter().map(|compared| Some(compared.paired as u64)))),
    ])
}
