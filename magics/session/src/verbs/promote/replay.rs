//! `%promote replay`: the cells of an artifact or of an executed notebook once more, in a fresh process, compared with what was recorded.

use kernwerk_core::{Embedder, Output, Problem, Verdict};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_models::MiniLm;
use kernwerk_promote::{CellOrder, InstalledModel, Level, Reference, ReplaySpec, Shown, Which, is_notebook};
use kernwerk_render::Report;
use kernwerk_store::Lab;

use super::{PUBLISHED, cell_table, toolchain};
use crate::place::Guarded;
use crate::report::{Wanted, facts, network, report_cell};
use crate::{Answer, Context, Verb, notebook_replay};

#[derive(clap::Args)]
pub(crate) struct Replay {
    /// Such as `fares@1`, without a version the latest; or the file of an executed notebook, which ends in `.ipynb`
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
    /// How well outputs must agree: bytes, canonical, pixels or tolerance; else as the artifact says, and pixels for a notebook
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,
    /// In which order cells of a notebook run: document, as they stand, or execution, as they were numbered; else document
    #[arg(long, value_name = "ORDER")]
    order: Option<CellOrder>,
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
    const ABOUT: &'static str =
        "run the cells of an artifact or of a notebook again in a fresh process and compare, cell by cell";
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
        Example {
            about: "whether an executed notebook gives what its file holds, though nobody published it; neither it nor the lab changes",
            line: "%promote replay exploration.ipynb",
            body: None,
            setup: &[],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        if is_notebook(&self.artifact) {
            let order = self.order.unwrap_or_default();
            let wishes = notebook_replay::Wishes { order, level: self.level, live: self.live, reports: &self.reports };
            return notebook_replay::replay(context, &self.artifact, &wishes);
        }
        if self.order.is_some() {
            return Err(Problem::new(
                "BadArguments",
                "only cells of a notebook have an `--order`: an artifact has its own",
            ));
        }
        let reference: Reference = self.artifact.parse().map_err(Problem::from)?;
        let lab = context.lab_with(&reference.name)?;
        // What cannot be read is told by the replay, which says more of it.
        let guarded = Guarded::of_all(&lab, kernwerk_promote::show(&lab, &reference).iter());
        let wanted = Wanted::new(context, &self.reports, &guarded)?;
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
        let output = wanted.write(context, output, || report(&lab, &replay, &title))?;
        Ok(output.volatile().into())
    }
}

/// The replay with all that its cells gave.
fn report(lab: &Lab, replay: &kernwerk_promote::Replay, title: &str) -> Result<Report, Problem> {
    let location = &replay.verification.location;
    let reference = Reference { name: location.name.clone(), which: Which::Version(location.version) };
    let shown = kernwerk_promote::show(lab, &reference)?;
    let is_python = shown.pipeline.python.is_some();
    let cells = replay.cells.iter().map(|cell| report_cell(cell, is_python, replay.level, None));
    Ok(Report {
        artifact: location.to_string(),
        expected: "published",
        title: title.to_owned(),
        verdict: replay.verdict,
        facts: known(replay, &shown),
        findings: replay.findings.clone(),
        notes: replay.notes.clone(),
        cells: cells.collect(),
    })
}

/// What there is to know of the artifact and of the run.
fn known(replay: &kernwerk_promote::Replay, shown: &Shown) -> Vec<(String, String)> {
    let pipeline = &shown.pipeline;
    let inputs = pipeline.inputs.iter().map(|input| {
        let version = input.version.map(|version| format!(" version {version}")).unwrap_or_default();
        format!("{}{version}", input.name)
    });
    let network =
        replay.cassette.iter().fold(network(replay.network.as_ref()), |network, source| format!("{network}; {source}"));
    let mut known = vec![
        ("identity", shown.id.clone()),
        ("target", kernwerk_promote::target(pipeline)),
        ("cells", format!("{} of {}", replay.cells.len(), replay.total)),
        ("inputs", inputs.collect::<Vec<_>>().join(", ")),
        ("level", replay.level.name().to_owned()),
        ("network", network),
        ("made with", format!("Kernwerk {}", pipeline.made_with.kernwerk)),
    ];
    known.extend(pipeline.made_with.toolchain.clone().map(|toolchain| ("toolchain", toolchain)));
    let crates = pipeline.rust.iter().flat_map(|rust| &rust.crates).map(|(name, version)| format!("{name} {version}"));
    known.push(("crates", crates.collect::<Vec<_>>().join(", ")));
    known.extend(
        pipeline.python.as_ref().map(|python| ("Python", format!("{} {}", python.implementation, python.version))),
    );
    known.extend(shown.proof.as_ref().map(|proof| ("published", proof.published_at.clone())));
    facts(known)
}

/// The model as it lies on the disk now; a changed file is told apart from a missing one.
pub(super) fn installed(configured: Option<&std::path::Path>) -> Result<InstalledModel, Problem> {
    let directory = MiniLm::find(configured)?;
    match MiniLm::load(&directory) {
        Ok(model) => Ok(InstalledModel::Digest(model.id().digest.clone())),
        Err(error) => Ok(InstalledModel::Damaged(error.to_string())),
    }
}
