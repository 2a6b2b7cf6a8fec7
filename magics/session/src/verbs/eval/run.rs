//! `%eval run`: measures a suite.

use kernwerk_core::{Access, Answerer, Output, Problem, Retriever, Table};
use kernwerk_eval::{AnswersFile, Golden, Measured, Run, RunFile, Sides, StoredSuite, Target, measure};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_store::Lab;

use super::{HANDBOOK, MEANING, QUALITY, QUESTIONS, floats, numbers, questions, record_basis, record_run, texts};
use crate::target::CorpusTarget;
use crate::verbs::table;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct RunSuite {
    #[arg(value_name = "SUITE")]
    suite: String,
}

impl Verb for RunSuite {
    const MAGIC: &'static str = "eval";
    const NAME: &'static str = "run";
    const ABOUT: &'static str = "measure a suite: its metrics for each question, and their means with intervals";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "the means, and the scores of each question for a later cell",
            line: "%eval run quality -> scores",
            body: None,
            setup: &[HANDBOOK, QUESTIONS, QUALITY],
        },
        Example {
            about: "another suite over the same questions, to compare",
            line: "%eval run meaning",
            body: None,
            setup: &[HANDBOOK, QUESTIONS, MEANING],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let principal = context.principal()?;
        let stored = StoredSuite::find(&lab, &self.suite)?;
        let golden = context.block_on(Golden::load(&lab, &stored.suite.golden))?;
        let measured = measured(context, &lab, &stored, &golden)?;
        let run = Run::record(&lab, &principal, &stored, &golden, &measured)?;
        for basis in &run.basis {
            record_basis(context, basis);
        }
        record_run(context, &lab, Access::Write, &run)?;
        let scores = run.scores(&lab)?;
        // The number counts the runs in this lab; a replay in another one has its own count, and compares no notes.
        let output = shown(&run)?.with_note(format!("this is run `{}`", run.reference));
        Ok(Answer::binding(output, Table::new(scores.schema(), vec![scores])))
    }
}

fn measured(context: &Context<'_>, lab: &Lab, stored: &StoredSuite, golden: &Golden) -> Result<Measured, Problem> {
    match &stored.suite.target {
        Target::Corpus { corpus, mode, .. } => {
            let target = CorpusTarget::new(context, lab, corpus, *mode)?;
            Ok(measure(stored, golden, Sides { retriever: Some(&target), answerer: None }, context.work())?)
        }
        Target::Files { run, answers } => {
            let name = |file: &str| lab.relative(&context.path(file));
            let run = run.as_ref().map(|file| RunFile::read(&context.path(file), &name(file))).transpose()?;
            let answers =
                answers.as_ref().map(|file| AnswersFile::read(&context.path(file), &name(file))).transpose()?;
            let sides = Sides {
                retriever: run.as_ref().map(|run| run as &dyn Retriever),
                answerer: answers.as_ref().map(|answers| answers as &dyn Answerer),
            };
            Ok(measure(stored, golden, sides, context.work())?)
        }
    }
}

/// The means. Versions are left out: they count the steps on the way.
fn shown(run: &Run) -> Result<Output, Problem> {
    let summaries = &run.summaries;
    let value = |of: fn(&kernwerk_eval::Summary) -> Option<f64>| floats(summaries.iter().map(of));
    let shown = table(vec![
        ("metric", texts(summaries.iter().map(|summary| Some(summary.metric.to_string())))),
        ("mean", value(|summary| summary.mean)),
        ("low", value(|summary| summary.low)),
        ("high", value(|summary| summary.high)),
        ("measured", numbers(summaries.iter().map(|summary| Some(summary.measured as u64)))),
        ("questions", numbers(summaries.iter().map(|_| Some(run.questions as u64)))),
    ])?;
    let (suite, target) = (&run.reference.suite, &run.suite.target);
    let title = format!("{suite}: {target}, on {} of {}", questions(run.questions), run.suite.golden);
    let mut output = Output::table(shown).with_title(title);
    for summary in summaries {
        if let Some(reason) = &summary.reason {
            output = output.with_note(format!("{} is unmeasured: {reason}", summary.metric));
        }
    }
    output = run.notes.iter().fold(output, |output, note| output.with_note(note.clone()));
    Ok(output.with_note(format!(
        "low and high: the interval that covers the mean in {:.0} of 100 cases, had other such questions been asked (BCa \
         bootstrap, {} resamples, seed {})",
        kernwerk_eval::CONFIDENCE * 100.0,
        kernwerk_eval::RESAMPLES,
        run.suite.seed
    )))
}
