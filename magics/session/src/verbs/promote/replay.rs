//! `%promote replay`: an artifact's cells once more, in a fresh process, compared with what was recorded.

use kernwerk_core::{Embedder, Output, Problem, Verdict};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_models::MiniLm;
use kernwerk_promote::{InstalledModel, Level, Reference, ReplaySpec};

use super::{cell_table, toolchain};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Replay {
    /// Such as `fares@1`; without a version the latest
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
    /// How well outputs must agree: bytes, canonical or tolerance; else as the artifact says
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,
}

impl Verb for Replay {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "replay";
    const ABOUT: &'static str = "run an artifact's cells again in a fresh process and compare, cell by cell";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "whether a version still gives the same bytes",
        line: "%promote replay fares@1",
        body: None,
        setup: &[
            "%feature source rides rides.csv --event-time pickup",
            "%feature sql \"SELECT zone, avg(fare) AS fare FROM rides GROUP BY zone ORDER BY zone\" -> fares",
            "%promote publish fares --target fares",
        ],
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab_for_writing()?;
        let reference: Reference = self.artifact.parse().map_err(Problem::from)?;
        let spec = ReplaySpec { reference, level: self.level, toolchain: toolchain() };
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
        let mut output = Output::table(cell_table(&replay.cells)?).with_title(title).with_verdict(replay.verdict);
        for finding in &replay.findings {
            output = output.with_note(finding.clone());
        }
        if let Some(cell) = replay.first_divergence() {
            let difference = cell.difference.as_deref().unwrap_or("its results differ");
            output = output.with_note(format!("cell {} is the first to diverge: {difference}", cell.step));
        }
        output = replay.notes.into_iter().fold(output, Output::with_note);
        Ok(output.volatile().into())
    }
}

/// The model as it lies on the disk now; a changed file is told apart from a missing one.
pub(super) fn installed(configured: Option<&std::path::Path>) -> Result<InstalledModel, Problem> {
    let directory = MiniLm::find(configured)?;
    match MiniLm::load(&directory) {
        Ok(model) => Ok(InstalledModel::Digest(model.id().digest.clone())),
        Err(error) => Ok(InstalledModel::Damaged(error.to_string())),
    }
}
