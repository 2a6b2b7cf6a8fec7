//! `%eval report`: what was measured, against what is wanted.

use kernwerk_core::{Access, Output, Problem, Table};
use kernwerk_eval::{Gated, Reference, Run, State, StoredSuite, Summary};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_store::Lab;

use super::{HANDBOOK, QUALITY, QUESTIONS, floats, numbers, record_run, texts};
use crate::verbs::table;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Report {
    /// A suite, or one of its runs such as `quality@3`; without it the latest runs of all suites
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// The scores of each question
    #[arg(long, requires = "run")]
    questions: bool,
}

impl Verb for Report {
    const MAGIC: &'static str = "eval";
    const NAME: &'static str = "report";
    const ABOUT: &'static str = "what was measured of the suites, against their thresholds and for each question";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "the latest run of every suite",
            line: "%eval report",
            body: None,
            setup: &[HANDBOOK, QUESTIONS, QUALITY, "%eval run quality"],
        },
        Example {
            about: "the scores of each question in the latest run of one",
            line: "%eval report quality --questions -> scores",
            body: None,
            setup: &[HANDBOOK, QUESTIONS, QUALITY, "%eval run quality"],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let principal = context.principal()?;
        let Some(given) = &self.run else {
            let mut rows = Vec::new();
            for suite in StoredSuite::all(&lab)? {
                let reference = Reference { suite: suite.name.clone(), number: None };
                let run = Run::find(&lab, &principal, &reference)?;
                rows.extend(suite_rows(context, &lab, &suite, run.as_ref())?);
            }
            return shown(&rows);
        };
        let reference: Reference = given.parse()?;
        let run = Run::get(&lab, &principal, &reference)?;
        record_run(context, &lab, Access::Read, &run)?;
        if self.questions {
            let scores = run.scores(&lab)?;
            let output = Output::table(Table::new(scores.schema(), vec![scores]));
            return Ok(output.with_title(format!("{given}: {}", run.suite.target)).into());
        }
        let suite = StoredSuite::find(&lab, &run.reference.suite)?;
        shown(&suite_rows(context, &lab, &suite, Some(&run))?)
    }
}

/// A line of the report.
struct Row {
    suite: String,
    run: Option<Run>,
    metric: String,
    summary: Option<Summary>,
    least: Option<f64>,
    state: String,
    /// Why the state is what it is.
    reason: Option<String>,
}

fn suite_rows(context: &Context<'_>, lab: &Lab, suite: &StoredSuite, run: Option<&Run>) -> Result<Vec<Row>, Problem> {
    let judged = context.block_on(kernwerk_eval::assess(lab, suite, run.cloned()))?;
    let metrics = run.map_or(&suite.suite.metrics, |run| &run.suite.metrics);
    let row = |metric: &kernwerk_eval::Metric| {
        let summary = run.and_then(|run| run.summaries.iter().find(|summary| summary.metric == *metric));
        let own = judged.thresholds.iter().filter(|judged| judged.threshold.metric == *metric);
        Row {
            suite: suite.name.clone(),
            run: run.cloned(),
            metric: metric.to_string(),
            least: own.clone().map(|judged| judged.threshold.least).next(),
            state: state(&judged, summary, own.map(|judged| judged.state).max()),
            reason: judged.reasons.first().cloned(),
            summary: summary.cloned(),
        }
    };
    Ok(metrics.iter().map(row).collect())
}

fn state(judged: &Gated, summary: Option<&Summary>, thresholds: Option<State>) -> String {
    match (summary.and_then(|summary| summary.mean), thresholds) {
        (None, _) => State::Unmeasured.to_string(),
        _ if !judged.current => "out of date".to_owned(),
        (Some(_), Some(state)) => state.to_string(),
        (Some(_), None) => "measured".to_owned(),
    }
}

fn shown(rows: &[Row]) -> Result<Answer, Problem> {
    let value = |of: fn(&Summary) -> Option<f64>| floats(rows.iter().map(|row| row.summary.as_ref().and_then(of)));
    let count = |of: fn(&Run) -> Option<u64>| numbers(rows.iter().map(|row| row.run.as_ref().and_then(of)));
    let shown = table(vec![
        ("suite", texts(rows.iter().map(|row| Some(&row.suite)))),
        ("run", count(|run| run.reference.number.map(u64::from))),
        ("metric", texts(rows.iter().map(|row| Some(&row.metric)))),
        ("mean", value(|summary| summary.mean)),
        ("low", value(|summary| summary.low)),
        ("high", value(|summary| summary.high)),
        ("measured", numbers(rows.iter().map(|row| row.summary.as_ref().map(|summary| summary.measured as u64)))),
        ("questions", count(|run| Some(run.questions as u64))),
        ("least", floats(rows.iter().map(|row| row.least))),
        ("state", texts(rows.iter().map(|row| Some(&row.state)))),
        ("measured_at", texts(rows.iter().map(|row| row.run.as_ref().map(|run| &run.at)))),
    ])?;
    let mut output = Output::table(shown);
    let mut told: Vec<String> = Vec::new();
    for row in rows {
        if let Some(reason) = &row.reason {
            let note = format!("{}: {reason}", row.suite);
            if !told.contains(&note) {
                told.push(note.clone());
                output = output.with_note(note);
            }
        }
    }
    if rows.is_empty() {
        output = output.with_note("there is no suite yet; `%%eval suite define` makes one");
    }
    // Runs are counted and dated by the lab.
    Ok(output.volatile().into())
}
