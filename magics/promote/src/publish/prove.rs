//! The proof: the slice runs in a fresh process that sees its inputs and nothing else.

use kernwerk_core::{Cassette, CellStatus, CrateLock, RunCell, RunResult, Runner, Work};
use kernwerk_store::Lab;

use crate::Error;
use crate::cassette::behind;
use crate::environment::unseen;
use crate::judge::error_text;
use crate::mirror::Mirror;
use crate::network::asking;
use crate::pipeline::Pipeline;
use crate::plan::Plan;
use crate::run::{Course, Ran, run};

/// The scratch directory with the inputs of the slice.
pub(crate) async fn mirror(
    lab: &Lab,
    pipeline: &Pipeline,
    config: Option<&[u8]>,
    work: &Work,
) -> Result<Mirror, Error> {
    let mirror = Mirror::build(lab, pipeline, config, work).await?;
    mirror.map_err(|changed| Error::Obstacles {
        obstacles: vec![format!("file `{}` changes while it is published", changed.name)],
    })
}

/// Runs the slice in the mirror. The outcomes are as many as the kept cells, and a run of Python has told of itself.
pub(crate) fn prove(
    plan: &Plan,
    pipeline: &Pipeline,
    mirror: &Mirror,
    (lock, cassette): (Option<CrateLock>, Option<Cassette>),
    runner: &dyn Runner,
    work: &Work,
) -> Result<RunResult, Error> {
    let count = |ordinal: u32| {
        let kept = plan.kept.get(ordinal.saturating_sub(1) as usize);
        kept.map_or(ordinal, |kept| kept.execution.execution_count)
    };
    let cells = plan.kept.iter().zip(1..).map(|(kept, ordinal)| RunCell {
        ordinal,
        source: kept.execution.text.clone(),
        may_fail: kept.fails(),
        values: plan.value().filter(|_| ordinal == plan.target_step()).map(str::to_owned).into_iter().collect(),
    });
    let is_recorded = matches!(cassette, Some(Cassette::Record { .. }));
    let live = pipeline.environment.network || is_recorded;
    let course = Course {
        principal: pipeline.principal.as_deref(),
        cells: cells.collect(),
        python: plan.is_python(),
        surroundings: pipeline.surroundings(live),
        cassette,
        lock,
        shown: false,
        task: if is_recorded { "recording" } else { "proof run" },
    };
    let result = match run(runner, mirror, course, work)? {
        Ran::Done(result) => result,
        Ran::NotStarted(reason) => return Err(Error::NotRun { reason }),
        Ran::Died { ordinal, reason, .. } => {
            return Err(Error::ProofFailed { count: count(ordinal), reason });
        }
    };
    let outcomes = &result.outcomes;
    let failed =
        outcomes.iter().zip(&plan.kept).find(|(outcome, kept)| outcome.status != CellStatus::Ok && !kept.fails());
    if let Some((outcome, kept)) = failed {
        let reason = error_text(outcome).unwrap_or_else(|| "it did not end well".to_owned());
        let cause = behind(outcome.ordinal, asking(plan, kept).is_some(), result.exchanged.as_ref());
        return Err(Error::ProofFailed {
            count: kept.execution.execution_count,
            reason: reason + &cause.unwrap_or_else(|| unseen(plan, kept, live || result.exchanged.is_some())),
        });
    }
    if outcomes.len() != plan.kept.len() {
        return Err(Error::ProofFailed {
            count: count(outcomes.len() as u32 + 1),
            reason: "the run ended before it".to_owned(),
        });
    }
    if plan.is_python() && result.python.is_none() {
        return Err(Error::NotRun { reason: "Python does not say which packages its cells used".to_owned() });
    }
    Ok(result)
}
