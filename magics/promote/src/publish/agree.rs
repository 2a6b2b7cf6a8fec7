//! Whether the proof run gave what the notebook did.

use std::collections::BTreeSet;

use kernwerk_core::{CellOutcome, Exchanged};

use crate::Error;
use crate::cassette::behind;
use crate::cause::likely;
use crate::compare::Agreement;
use crate::environment::unseen;
use crate::judge::{CellReport, against_notebook};
use crate::known::Known;
use crate::mirror::Mirror;
use crate::network::asking;
use crate::pipeline::Pipeline;
use crate::plan::{Kept, Plan};

/// Compares the proof run with the notebook; refuses where the target is not what it was.
/// The steps in `free` may differ.
pub(crate) fn judge(
    plan: &Plan,
    pipeline: &Pipeline,
    outcomes: &[CellOutcome],
    known: (&Known, &Mirror),
    exchanged: Option<&Exchanged>,
    free: &BTreeSet<u32>,
) -> Result<Vec<CellReport>, Error> {
    let inputs: BTreeSet<&str> = pipeline.inputs.iter().map(|input| input.name.as_str()).collect();
    let cells: Vec<CellReport> = plan
        .kept
        .iter()
        .zip(outcomes)
        .zip(1..)
        .map(|((kept, outcome), step)| against_notebook(step, &kept.execution, outcome, &inputs, known))
        .collect();
    let differs =
        |(report, _): &(&CellReport, &Kept)| report.agreement == Agreement::Different && !free.contains(&report.step);
    let pairs = || cells.iter().zip(&plan.kept);
    // A target that shows nothing is proved by what the cells on the way show.
    let is_silent = !pairs().any(|(report, kept)| kept.is_target() && report.compared > 0);
    // Nor does a target prove anything that may differ itself.
    let is_free = pairs().any(|(report, kept)| kept.is_target() && free.contains(&report.step));
    let refused = pairs().filter(differs).any(|(_, kept)| is_silent || is_free || kept.is_target());
    let Some((report, first)) = pairs().find(differs).filter(|_| refused) else { return Ok(cells) };
    let mut difference = report.difference.clone().unwrap_or_default();
    // What the target is then is what people asked for.
    let target = pairs().filter(differs).find(|(_, kept)| kept.is_target() && kept.execution.id != first.execution.id);
    if let Some((target, kept)) = target {
        let label = crate::execution::label(kept.execution.execution_count);
        difference.push_str(&format!("\nthen in {label}: {}", target.difference.as_deref().unwrap_or("it differs")));
    }
    let reached = pipeline.environment.network || exchanged.is_some();
    let behind = behind(report.step, asking(plan, first).is_some(), exchanged);
    difference.push_str(&behind.unwrap_or_else(|| unseen(plan, first, reached)));
    let before = plan.kept.iter().map(|kept| &kept.execution).filter(|cell| cell.began < first.execution.began);
    let cause = likely([&first.execution].into_iter().chain(before.collect::<Vec<_>>().into_iter().rev()));
    let count = first.execution.execution_count;
    Err(Error::ProofDiffers { count, difference, cause, left_out: plan.doubtful() })
}
