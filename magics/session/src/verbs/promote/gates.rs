//! `%promote gates`: what stands in the way of a publication, and what of a version that is published.

use kernwerk_core::{Output, Problem, Verdict};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::{PublishSpec, Reference, State, judge_published, judge_target};

use super::{More, gate_table, header_name, plan_spec, publish_spec};
use crate::verbs::eval::{HANDBOOK, QUALITY, QUESTIONS};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Gates {
    /// The name of what is to be published, or a version such as `fares@1`
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
    /// A variable, or a cell by its number in `In [7]`; without it the published version is judged
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// The notebook, where it is not this one: its latest session
    #[arg(long, value_name = "FILE", requires = "target")]
    notebook: Option<String>,
    #[command(flatten)]
    more: More,
    /// Give the cells the network
    #[arg(long, requires = "target")]
    live: bool,
    /// Record what services answer to the cells
    #[arg(long, requires = "target", conflicts_with = "live")]
    record: bool,
    /// A header that changes from run to run and says nothing of what is asked; may be repeated
    #[arg(long = "ignore-header", value_name = "HEADER", requires = "record", value_parser = header_name)]
    ignored_headers: Vec<String>,
    /// A suite whose gate is asked, too
    #[arg(long = "gate", value_name = "SUITE")]
    gates: Vec<String>,
}

impl Verb for Gates {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "gates";
    const ABOUT: &'static str = "ask the gates and publish nothing: secrets, pii, staleness, licences, advisories, budget, production, and suites; \
                                 in a shell the exit code is 0, 1 or 2";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "what stands in the way of publishing a table",
            line: "%promote gates fares --target fares",
            body: None,
            setup: &[
                "%feature source rides rides.csv --event-time pickup",
                "%feature sql \"SELECT zone, avg(fare) AS fare FROM rides GROUP BY zone ORDER BY zone\" -> fares",
            ],
        },
        Example {
            about: "a published version, judged anew, and a suite with it",
            line: "%promote gates answers@1 --gate quality",
            body: None,
            setup: &[
                HANDBOOK,
                "%rag search handbook replay --mode text -> hits",
                "%promote publish answers --target hits",
                QUESTIONS,
                QUALITY,
                "%eval run quality",
            ],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let runner = context.runner()?;
        let (name, gates) = match &self.target {
            Some(target) => {
                let lab = context.lab_for_writing()?;
                let plan = plan_spec(context, target, self.notebook.as_deref(), self.more)?;
                let spec = publish_spec(context, self.artifact.clone(), plan, &self.gates)?;
                let ignored_headers = self.ignored_headers.into_iter().collect();
                let spec = PublishSpec { live: self.live, record: self.record, ignored_headers, ..spec };
                let judged = judge_target(&lab, &spec, runner.as_ref(), context.work());
                (self.artifact, context.block_on(judged)?)
            }
            None => {
                let reference: Reference = self.artifact.parse().map_err(Problem::from)?;
                let lab = context.lab_with(&reference.name)?;
                let spec = context.gate_spec(&self.gates, false)?;
                let (location, gates) = judge_published(&lab, &reference, &spec, runner.as_ref(), context.work())?;
                (location.to_string(), gates)
            }
        };
        let told = gates.iter().filter(|report| report.state != State::Pass || !report.reasons.is_empty());
        let told: Vec<String> = told.map(ToString::to_string).collect();
        let refusing: Vec<_> = gates.iter().filter(|report| report.refuses()).collect();
        let verdict = match refusing.iter().map(|report| report.state.verdict()).collect::<Vec<_>>()[..] {
            [] => Verdict::Passed,
            ref verdicts if verdicts.contains(&Verdict::Failed) => Verdict::Failed,
            _ => Verdict::Undecided,
        };
        let title = match refusing.len() {
            0 => format!("{name}: nothing stands in the way"),
            1 => format!("{name}: one gate stands in the way"),
            count => format!("{name}: {count} gates stand in the way"),
        };
        let mut output = Output::table(gate_table(&gates)?).with_title(title).with_verdict(verdict);
        output = told.into_iter().fold(output, Output::with_note);
        for report in refusing {
            output = output.with_note(format!("what to do about `{}`: {}", report.gate, report.remedy));
        }
        Ok(output.volatile().into())
    }
}
