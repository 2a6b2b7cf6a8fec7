//! `%promote run`: an artifact's pipeline on what its inputs are now, with other values of its parameters.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array};
use kernwerk_core::{Access, Output, ParameterValue, Problem, Resource, Table, Verdict, listed};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::{Metrics, Reference, ResultKind, RunRecord, RunResult, RunSpec, StepStatus};
use kernwerk_store::{Call, Lab};

use super::toolchain;
use crate::arguments::count;
use crate::columns::{numbers, table, texts};
use crate::person::user;
use crate::place::{Guarded, ending};
use crate::{Answer, Context, Verb};

/// So much of a result that is no table is shown.
const SHOWN_LINES: usize = 20;
const SHOWN_CHARACTERS: usize = 1000;

/// Runs the pipeline in a fresh process, on the latest versions of its tables and corpora and on its files as they are.
///
/// Results of cells that were run before with the same text, inputs, parameters and programs are taken from there; variables in memory are not kept, so
/// a cell runs again where a later one needs them. A run that was cut off goes on when the same is run again.
#[derive(clap::Args)]
pub(crate) struct Run {
    /// Such as `fares@1` or `fares@production`; without a version the latest
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
    /// A parameter's value; `promote show` lists the parameters. May be repeated
    #[arg(long = "param", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// How often cells that fail, or whose process dies, are tried again, all together
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, value_parser = count)]
    retries: u32,
    /// Run every cell, whatever was kept of earlier runs
    #[arg(long)]
    fresh: bool,
    /// Let cells use the network, which is kept away from them otherwise, and play no cassette
    #[arg(long)]
    live: bool,
    /// Write the result to this file, as its name says: a table as parquet, csv, json or arrow; a value as json or txt; text as it is
    #[arg(long, value_name = "FILE")]
    output: Option<String>,
    /// Add the events of OpenLineage to this file, too, one JSON line each
    #[arg(long, value_name = "FILE")]
    lineage: Option<String>,
}

impl Verb for Run {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "run";
    const ABOUT: &'static str =
        "run an artifact's pipeline on its inputs as they are now, with values for its parameters";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "the pipeline with another value, and its result as a variable",
            line: "%promote run dear@1 --param least=9 -> rides_from_nine",
            body: None,
            setup: super::DEAR,
        },
        Example {
            about: "what is in production, into a file, with a second try for what fails",
            line: "%promote run dear@production --retries 1 --output dear.csv",
            body: None,
            setup: super::DEAR,
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let reference = self.artifact.parse::<Reference>().map_err(Problem::from)?;
        let parameters = self.parameters.iter().map(|word| assignment(word)).collect::<Result<_, _>>()?;
        let lab = context.lab_with(&reference.name)?;
        self.check_places(context, &lab, &reference)?;
        let spec = RunSpec {
            reference,
            parameters,
            retries: self.retries,
            fresh: self.fresh,
            live: self.live,
            by: context.principal_name().or_else(user).unwrap_or_default(),
            toolchain: toolchain(),
            lineage: self.lineage.as_ref().map(|file| context.path(file)),
            call: Call {
                cell: context.cell_id(&lab),
                notebook: Some(context.notebook()),
                verb: "promote run".to_owned(),
            },
        };
        let runner = context.runner()?;
        let configured = lab.config().models.embedder.as_ref().map(|path| lab.root().join(path));
        let installed = |_name: &str| super::replay::installed(configured.as_deref());
        let run = kernwerk_promote::execute(&lab, &spec, &installed, runner.as_ref(), context.work());
        let run = context.block_on(run)?;
        let name = run.location.to_string();
        let identity = run.record.as_ref().map(|record| record.identity.clone());
        context.effect(Access::Read, Resource::Artifact, &name, None, identity);
        let title = match (run.verdict, &run.record) {
            (Verdict::Passed, Some(record)) => format!("{name} ran: {}", tally(record)),
            (Verdict::Undecided, _) => format!("{name} could not be run"),
            _ => format!("{name} did not run to its end"),
        };
        let steps = run.record.as_ref().map(step_table).transpose()?;
        let mut output = steps.map_or_else(Output::empty, Output::table).with_title(title).with_verdict(run.verdict);
        output = run.findings.into_iter().chain(run.notes).fold(output, Output::with_note);
        let bound = run.result.as_ref().and_then(RunResult::table);
        if let Some(result) = &run.result {
            output = output.with_note(format!("its result: {}", in_words(result, bound.as_ref())));
        }
        if let (Some(file), Some(result)) = (&self.output, &run.result) {
            context.save(file, &in_form(file, result, bound.as_ref())?)?;
            output = output.with_note(format!("its result is in {file}"));
        }
        if let (Some(file), None, Verdict::Passed) = (&self.output, &run.result, run.verdict) {
            let words = format!(
                "it gives no result, so nothing was written to {file}: its target shows nothing, and has no value that can be kept"
            );
            output = output.with_note(words).with_verdict(Verdict::Failed);
        }
        if let (Some(record), Some(directory)) = (&run.record, &run.directory) {
            output = output.with_note(format!("run {}: {}", record.id, words(record)));
            output = output.with_note(format!("its record and result lie in {}", lab.relative(directory)));
            let machine = serde_json::to_value(record);
            output = output.with_machine(machine.map_err(|error| Problem::new("InternalError", error.to_string()))?);
        }
        let directory = run.directory.unwrap_or_default();
        let bind = match (bound, run.result) {
            (None, Some(result)) => Some(one_value(&result, &directory)?),
            (bound, _) => bound,
        };
        Ok(Answer { bind, ..Answer::from(output.volatile()) })
    }
}

/// Reads `NAME=VALUE`.
fn assignment(word: &str) -> Result<(String, String), Problem> {
    let parts = word.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = parts.ok_or_else(|| {
        Problem::new("BadParameter", format!("`{word}` gives no parameter a value"))
            .with_hint("write NAME=VALUE, such as `--param rows=100`")
    })?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Run {
    /// Looks at the files that the run is to write, before it begins.
    fn check_places(&self, context: &Context<'_>, lab: &Lab, reference: &Reference) -> Result<(), Problem> {
        if self.output.is_none() && self.lineage.is_none() {
            return Ok(());
        }
        let shown = kernwerk_promote::show(lab, reference)?;
        let guarded = Guarded::of(lab, &shown);
        if let Some(file) = &self.lineage {
            let path = context.check_place("--lineage", file, &guarded)?;
            if !holds_events(&path) {
                return Err(Problem::new(
                    "BadPlace",
                    format!("`--lineage {file}` holds something else than events, which are added to it"),
                )
                .with_hint("name a file of its own for them"));
            }
        }
        let Some(file) = &self.output else { return Ok(()) };
        context.check_place("--output", file, &guarded)?;
        let named = [("--output", Some(file)), ("--lineage", self.lineage.as_ref())];
        let named = named.iter().filter_map(|(option, file)| Some((*option, file.as_ref()?.as_str())));
        context.check_distinct(&named.collect::<Vec<_>>())?;
        let kind = kernwerk_promote::result_kind(&shown.location)?;
        match (kind, ending(file)) {
            (_, ending) if ending.is_empty() => Ok(()),
            (Some(kind), ending) if !kind.endings().contains(&ending.as_str()) => Err(no_form(file, &kind)),
            _ => Ok(()),
        }
    }
}

/// Whether events may be added to a file: it is not there, it is empty, or it begins as they do.
fn holds_events(path: &Path) -> bool {
    let mut first = [0];
    match std::fs::File::open(path).and_then(|mut file| file.read(&mut first)) {
        Ok(read) => read == 0 || first == *b"{",
        Err(_) => true,
    }
}

/// That a result of this kind has no form with the ending of the file.
fn no_form(file: &str, kind: &ResultKind) -> Problem {
    let endings: Vec<String> = kind.endings().iter().take(6).map(|ending| format!(".{ending}")).collect();
    Problem::new("UnknownFormat", format!("the result is {}, which cannot be written as `{file}`", kind.name()))
        .with_hint(format!("name a file that ends with {}", listed(&endings, "or")))
}

/// The result as a file of this name holds it.
fn in_form(file: &str, result: &RunResult, table: Option<&Table>) -> Result<Vec<u8>, Problem> {
    let ending = ending(file);
    let Some(table) = table else {
        return result.in_file(&ending).ok_or_else(|| no_form(file, &result.kind()));
    };
    match ending.as_str() {
        "parquet" => kernwerk_render::parquet_file(table),
        "csv" => Ok(kernwerk_render::csv(&Output::table(table.clone()))?.into_bytes()),
        "json" => Ok(kernwerk_render::json(&Output::table(table.clone()))?.into_bytes()),
        "arrow" | "feather" | "" => Ok(result.bytes.clone()),
        _ => Err(no_form(file, &result.kind())),
    }
}

/// The result in a line or a few: a short value as it is.
fn in_words(result: &RunResult, table: Option<&Table>) -> String {
    if let Some(table) = table {
        let rows: usize = table.batches.iter().map(|batch| batch.num_rows()).sum();
        let names: Vec<&str> = table.schema.fields().iter().map(|field| field.name().as_str()).collect();
        return format!("a table of {rows} rows with the columns {}", names.join(", "));
    }
    let Some(text) = result.text() else { return format!("{} ({} bytes)", result.kind().name(), result.bytes.len()) };
    let text = text.trim_end();
    let lines: Vec<&str> = text.lines().take(SHOWN_LINES).collect();
    let shown: String = lines.join("\n").chars().take(SHOWN_CHARACTERS).collect();
    let rest = if shown.len() < text.len() { " …" } else { "" };
    let lead = if shown.contains('\n') { "\n" } else { "" };
    format!("{lead}{shown}{rest}")
}

/// What is no table, as a table of one value: a number as one, text as text, or where the file lies that is neither.
fn one_value(result: &RunResult, directory: &Path) -> Result<Table, Problem> {
    let column: ArrayRef = match result.single() {
        Some(ParameterValue::Integer(number)) => numbers([number]),
        Some(ParameterValue::Float(number)) => Arc::new(Float64Array::from(vec![number])),
        Some(ParameterValue::Boolean(value)) => Arc::new(BooleanArray::from(vec![value])),
        _ => {
            let place = || directory.join(format!("result.{}", result.format)).display().to_string();
            texts([Some(result.text().unwrap_or_else(place))])
        }
    };
    table(vec![("result", column)])
}

/// Such as `3 cells ran, 2 were kept from earlier runs`.
fn tally(record: &RunRecord) -> String {
    let count = |wanted: &[StepStatus]| record.steps.iter().filter(|step| wanted.contains(&step.status)).count();
    let ran = count(&[StepStatus::Ran, StepStatus::FailedAsRecorded]);
    match (ran, count(&[StepStatus::Cached])) {
        (ran, 0) => format!("all {ran} cells"),
        (0, kept) => format!("the results of all {kept} cells were kept by earlier runs"),
        (ran, kept) => format!("{ran} cells; the results of {kept} were kept by earlier runs"),
    }
}

/// The values of the parameters, and what it took.
fn words(record: &RunRecord) -> String {
    let values = record.parameters.iter().map(|parameter| format!("{}={}", parameter.name, parameter.value));
    let Metrics { wall_seconds, calls, tokens_in, tokens_out, cost, unpriced_calls } = &record.metrics;
    let mut words: Vec<String> = values.collect();
    words.push(format!("{wall_seconds:.1} s"));
    if *calls > 0 {
        words.push(format!("{} tokens", tokens_in + tokens_out));
        words.extend(cost.iter().map(|cost| format!("{:.6} {}", cost.amount_micros as f64 / 1e6, cost.currency)));
        if *unpriced_calls > 0 {
            words.push(format!("{unpriced_calls} of {calls} calls of models unpriced"));
        }
    }
    words.join(", ")
}

fn step_table(record: &RunRecord) -> Result<Table, Problem> {
    let word = |status: StepStatus| match status {
        StepStatus::Waiting => "did not run",
        StepStatus::Ran => "ran",
        StepStatus::FailedAsRecorded => "failed, as recorded",
        StepStatus::Cached => "kept",
        StepStatus::Failed => "failed",
    };
    let steps = || record.steps.iter();
    let column = |of: &dyn Fn(&kernwerk_promote::RunStep) -> Option<String>| -> ArrayRef { texts(steps().map(of)) };
    let mut table = table(vec![
        ("cell", numbers(steps().map(|step| i64::from(step.step)))),
        ("status", column(&|step| Some(word(step.status).to_owned()))),
        ("why", column(&|step| step.why.clone())),
        ("attempts", numbers(steps().map(|step| i64::from(step.attempts)))),
        ("seconds", column(&|step| step.wall_seconds.map(|seconds| format!("{seconds:.1}")))),
    ])?;
    table.volatile = vec!["seconds".to_owned()];
    Ok(table)
}
