//! `%promote runs`: the record of an artifact's runs.

use kernwerk_core::{Output, Problem};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::{Reference, RunRecord, RunStatus, StepStatus};

use crate::columns::{numbers, table, texts};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Runs {
    /// The artifact's name, such as `fares`
    #[arg(value_name = "NAME")]
    name: String,
}

impl Verb for Runs {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "runs";
    const ABOUT: &'static str = "the runs of an artifact: when, with which parameters, and how they ended";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "what ran of an artifact here",
        line: "%promote runs dear",
        body: None,
        setup: super::DEAR,
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let name = self.name.parse::<Reference>().map_err(Problem::from)?.name;
        let runs = kernwerk_promote::runs(&lab, &name)?;
        let is_known =
            !runs.is_empty() || kernwerk_promote::list(&lab).iter().any(|listed| listed.location.name == name);
        if !is_known {
            // Says what is meant instead.
            kernwerk_promote::show(&lab, &Reference::latest(&name).map_err(Problem::from)?)?;
        }
        let column = |of: &dyn Fn(&RunRecord) -> Option<String>| texts(runs.iter().map(of));
        let shown = table(vec![
            ("run", column(&|run| Some(run.id.clone()))),
            ("artifact", column(&|run| Some(run.artifact.clone()))),
            ("began", column(&|run| Some(run.began_at.clone()))),
            ("status", column(&|run| Some(status(run.status).to_owned()))),
            ("parameters", column(&|run| Some(parameters(run)))),
            ("ran", numbers(runs.iter().map(|run| count(run, StepStatus::Ran)))),
            ("kept", numbers(runs.iter().map(|run| count(run, StepStatus::Cached)))),
            ("seconds", column(&|run| Some(format!("{:.1}", run.metrics.wall_seconds)))),
            ("by", column(&|run| Some(run.by.clone()))),
            ("failure", column(&|run| run.failure.clone())),
        ])?;
        let machine = serde_json::to_value(&runs).map_err(|error| Problem::new("InternalError", error.to_string()))?;
        let mut output = Output::table(shown).with_machine(machine);
        output = if runs.is_empty() {
            output.with_note(format!("nothing ran yet; `%promote run {name}` does"))
        } else {
            output.with_note("record, result and events of each run lie in .kernwerk/runs/RUN")
        };
        Ok(output.volatile().into())
    }
}

fn count(run: &RunRecord, status: StepStatus) -> i64 {
    run.steps.iter().filter(|step| step.status == status).count() as i64
}

fn parameters(run: &RunRecord) -> String {
    let words = run.parameters.iter().map(|parameter| format!("{}={}", parameter.name, parameter.value));
    words.collect::<Vec<_>>().join(", ")
}

fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "under way, or cut off",
        RunStatus::Succeeded => "succeeded",
        RunStatus::Failed => "failed",
        RunStatus::Interrupted => "interrupted",
        RunStatus::CutOff => "cut off",
        RunStatus::NotRun => "could not run",
    }
}
