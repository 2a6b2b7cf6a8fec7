//! `%promote replay`: an artifact's cells once more, in a fresh process, compared with what was recorded.

use std::path::Path;

use kernwerk_core::{Embedder, Network, Output, Problem, Verdict};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_models::MiniLm;
use kernwerk_promote::{Agreement, Compared, InstalledModel, Level, Reference, ReplaySpec, Shown, Which};
use kernwerk_render::{Report, ReportCell, ReportResult, Standing, report_json, report_notebook, report_page};
use kernwerk_store::Lab;

use super::{PUBLISHED, agreement, cell_table, toolchain};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Replay {
    /// Such as `fares@1`; without a version the latest
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
    /// How well outputs must agree: bytes, canonical or tolerance; else as the artifact says
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,
    /// Let cells use the network, which is kept away from them otherwise, and play no cassette
    #[arg(long)]
    live: bool,
    /// Write a report: by its ending a page (html), a notebook (ipynb) or JSON (json)
    #[arg(long = "report", value_name = "FILE")]
    reports: Vec<String>,
}

impl Verb for Replay {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "replay";
    const ABOUT: &'static str = "run an artifact's cells again in a fresh process and compare, cell by cell";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "whether a version still gives the same bytes",
            line: "%promote replay fares@1",
            body: None,
            setup: PUBLISHED,
        },
        Example {
            about: "the same, with a page that shows what was published and what was found side by side",
            line: "%promote replay fares@1 --report fares.html",
            body: None,
            setup: PUBLISHED,
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab_for_writing()?;
        let forms = self.reports.iter().map(|file| form(file)).collect::<Result<Vec<_>, _>>()?;
        let reference: Reference = self.artifact.parse().map_err(Problem::from)?;
        let spec = ReplaySpec { reference, level: self.level, toolchain: toolchain(), live: self.live };
        let runner = context.runner()?;
        let configured = lab.config().models.embedder.as_ref().map(|path| lab.root().join(path));
        let installed = |_name: &str| installed(configured.as_deref());
        let replay = kernwerk_promote::replay(&lab, &spec, &installed, runner.as_ref(), context.work());
        let replay = context.block_on(replay)?;
        let name = replay.verification.location.to_string();
        let title = match (replay.verdict, replay.agreement()) {
            (Verdict::Passed, Some(agreement)) => {
                let compared: usize = replay.cells.iter().map(|cell| cell.compared).sum();
                format!("{name} replays: all {compared} results are {agreement}")
            }
            (Verdict::Undecided, _) => format!("{name} could not be replayed"),
            _ => format!("{name} does not replay"),
        };
        let mut output =
            Output::table(cell_table(&replay.cells)?).with_title(title.clone()).with_verdict(replay.verdict);
        for finding in &replay.findings {
            output = output.with_note(finding.clone());
        }
        if let Some(cell) = replay.first_divergence() {
            let difference = cell.difference.as_deref().unwrap_or("its results differ");
            output = output.with_note(format!("cell {} is the first to diverge: {difference}", cell.step));
        }
        output = replay.notes.iter().cloned().fold(output, Output::with_note);
        if !forms.is_empty() {
            let report = report(&lab, &replay, &title)?;
            for (file, form) in self.reports.iter().zip(forms) {
                let path = context.save(file, form(&report).as_bytes())?;
                output = output.with_note(format!("report: {}", path.display()));
            }
        }
        Ok(output.volatile().into())
    }
}

/// How a report is written.
type Form = fn(&Report) -> String;

/// The form that the ending of a file asks for.
fn form(file: &str) -> Result<Form, Problem> {
    let ending = Path::new(file).extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("html" | "htm") => Ok(report_page),
        Some("ipynb") => Ok(report_notebook),
        Some("json") => Ok(report_json),
        _ => Err(Problem::new("BadReport", format!("`{file}` does not say what kind of report it is to be"))
            .with_hint("end it in .html, .ipynb or .json")),
    }
}

/// The replay with all that its cells gave.
fn report(lab: &Lab, replay: &kernwerk_promote::Replay, title: &str) -> Result<Report, Problem> {
    let location = &replay.verification.location;
    let reference = Reference { name: location.name.clone(), which: Which::Version(location.version) };
    let shown = kernwerk_promote::show(lab, &reference)?;
    let is_python = shown.pipeline.python.is_some();
    let cells = replay.cells.iter().map(|cell| ReportCell {
        step: cell.step,
        code: cell.text.clone(),
        is_python,
        standing: match cell.agreement.reaches(replay.level) {
            false => Standing::Differs,
            true if cell.compared == 0 => Standing::Silent,
            true => Standing::Agrees,
        },
        agreement: agreement(cell),
        difference: cell.difference.clone(),
        wall_seconds: cell.wall_seconds,
        results: cell.results.iter().map(|result| self::result(result, replay.level)).collect(),
    });
    Ok(Report {
        artifact: location.to_string(),
        title: title.to_owned(),
        verdict: replay.verdict,
        facts: facts(replay, &shown),
        findings: replay.findings.clone(),
        notes: replay.notes.clone(),
        cells: cells.collect(),
    })
}

fn result(result: &Compared, level: Level) -> ReportResult {
    ReportResult {
        place: result.place.clone(),
        format: result.format.clone(),
        expected: result.expected.clone(),
        found: result.found.clone(),
        agrees: result.agreement.reaches(level),
        identical: result.agreement == Agreement::IDENTICAL,
    }
}

/// What there is to know of the artifact and of the run.
fn facts(replay: &kernwerk_promote::Replay, shown: &Shown) -> Vec<(String, String)> {
    let pipeline = &shown.pipeline;
    let inputs = pipeline.inputs.iter().map(|input| {
        let version = input.version.map(|version| format!(" version {version}")).unwrap_or_default();
        format!("{}{version}", input.name)
    });
    let network = match &replay.network {
        Some(Network::Off) => "kept away".to_owned(),
        Some(Network::Open) => "open".to_owned(),
        Some(Network::Unenforced(reason)) => format!("unenforced: {reason}"),
        None => "nothing ran".to_owned(),
    };
    let network = replay.cassette.iter().fold(network, |network, source| format!("{network}; {source}"));
    let mut facts = vec![
        ("identity", shown.id.clone()),
        ("target", kernwerk_promote::target(pipeline)),
        ("cells", format!("{} of {}", replay.cells.len(), replay.total)),
        ("inputs", inputs.collect::<Vec<_>>().join(", ")),
        ("level", replay.level.name().to_owned()),
        ("network", network),
        ("made with", format!("Kernwerk {}", pipeline.made_with.kernwerk)),
    ];
    facts.extend(pipeline.made_with.toolchain.clone().map(|toolchain| ("toolchain", toolchain)));
    facts.extend(
        pipeline.python.as_ref().map(|python| ("Python", format!("{} {}", python.implementation, python.version))),
    );
    facts.extend(shown.proof.as_ref().map(|proof| ("published", proof.published_at.clone())));
    facts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The model as it lies on the disk now; a changed file is told apart from a missing one.
pub(super) fn installed(configured: Option<&std::path::Path>) -> Result<InstalledModel, Problem> {
    let directory = MiniLm::find(configured)?;
    match MiniLm::load(&directory) {
        Ok(model) => Ok(InstalledModel::Digest(model.id().digest.clone())),
        Err(error) => Ok(InstalledModel::Damaged(error.to_string())),
    }
}
