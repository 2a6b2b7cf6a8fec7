//! One process that runs the steps of a run which have to run; what each gives is kept as soon as it has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use kernwerk_core::{
    BoundValue, Cassette, CellOutcome, CellStatus, CrateLock, GivenTable, RunCell, RunError, RunRequest, RunResult,
    Runner, Work,
};
use kernwerk_store::{Call, Lab};

use super::record::{KeptOutput, RunRecord, RunStep, StepStatus};
use super::schedule::Turn;
use super::steps::KeptStep;
use super::usage::collect;
use crate::Error;
use crate::cassette::{first_unanswered, unanswered};
use crate::judge::{error_text, not_compiled};
use crate::mirror::Mirror;
use crate::pipeline::{PinnedParameter, Pipeline, StepRecord};
use crate::proof::Proof;

/// How an attempt ended.
pub(super) enum Ended {
    Done,
    /// A step failed, or the process was gone before it had ended; in words. Another attempt may do better.
    Failed {
        step: u32,
        reason: String,
    },
    /// A step that was to fail did not, or asked what was not recorded: it does something else than the artifact says, and would again.
    Unlike {
        reason: String,
    },
    /// No process could be started, or an input changed meanwhile.
    NotRun {
        reason: String,
    },
}

/// What an attempt needs to know.
pub(super) struct Attempt<'a> {
    pub lab: &'a Lab,
    /// With its inputs as they are now.
    pub pipeline: &'a Pipeline,
    pub parameters: &'a [PinnedParameter],
    pub texts: &'a [String],
    pub settings: Option<&'a [u8]>,
    /// Cells may use the network.
    pub live: bool,
    /// What answers them in its place.
    pub cassette: Option<Cassette>,
    /// The proof run of the artifact, where its attestation is there.
    pub proof: Option<&'a Proof>,
    /// The crates that cells of Rust are compiled with.
    pub lock: Option<&'a CrateLock>,
    /// Under whose name usage is recorded.
    pub call: &'a Call,
    pub runner: &'a dyn Runner,
    pub work: &'a Work,
}

impl Attempt<'_> {
    /// Runs the steps whose turn it is. The record is up to date on the disk after each of them, and after an interrupt.
    pub async fn run(&self, turns: &[Turn], record: &mut RunRecord) -> Result<Ended, Error> {
        let mirror = match Mirror::build(self.lab, self.pipeline, self.settings, self.work).await? {
            Ok(mirror) => mirror,
            Err(changed) => {
                return Ok(Ended::NotRun { reason: format!("file `{}` changes while it is read", changed.name) });
            }
        };
        record.attempts += 1;
        record.save(self.lab)?;
        let begun = Instant::now();
        let ended = self.run_in(&mirror, turns, record);
        record.metrics.wall_seconds += begun.elapsed().as_secs_f64();
        collect(self.lab, &mirror.lab, self.call, &mut record.metrics)?;
        record.save(self.lab)?;
        ended
    }

    fn run_in(&self, mirror: &Mirror, turns: &[Turn], record: &mut RunRecord) -> Result<Ended, Error> {
        let request = self.request(mirror, turns)?;
        let (wanted, total) = (request.cells.len(), record.steps.len() as u64);
        let mut ended = 0;
        let mut unkept = None;
        let (mut failed, mut unlike_here) = (None, None);
        let done = |record: &RunRecord| {
            record.steps.iter().filter(|step| !matches!(step.status, StepStatus::Waiting | StepStatus::Failed)).count()
        };
        self.work.progress("run", done(record) as u64, Some(total), "cells");
        let result = self.runner.run(&request, self.work, &mut |outcome| {
            if unkept.is_none() {
                unkept = self.take(outcome, mirror, record).err();
            }
            ended += 1;
            if unlike_here.is_none() {
                unlike_here = not_compiled(outcome).map(|reason| format!("cell {}: {reason}", outcome.ordinal));
            }
            let declared = self.pipeline.steps.get(outcome.ordinal.saturating_sub(1) as usize);
            let fails = declared.is_some_and(|step| step.fails);
            if failed.is_none() && fails != (outcome.status != CellStatus::Ok) {
                let reason = error_text(outcome).unwrap_or_else(|| "it did not end well".to_owned());
                failed = Some((outcome.ordinal, fails, reason));
            }
            self.work.progress("run", done(record) as u64, Some(total), "cells");
        });
        if let Some(error) = unkept {
            return Err(error);
        }
        if let Some(reason) = unlike_here {
            return Ok(Ended::NotRun { reason });
        }
        if let (Some(told), Ok(RunResult { exchanged: Some(exchanged), .. })) = (&mut record.cassette, &result) {
            told.unanswered = unanswered(exchanged);
            if let Some((step, words)) = first_unanswered(exchanged, self.proof) {
                self.forget_from(step, record)?;
                let failed = failed.filter(|(at, ..)| *at == step).map(|(_, _, reason)| format!(" ({reason})"));
                return Ok(Ended::Unlike { reason: format!("{words}{}", failed.unwrap_or_default()) });
            }
        }
        let next = request.cells.get(ended).map(|cell| cell.ordinal);
        let died = |step: u32, reason: String| {
            let reason = format!("the process ended in cell {step}: {reason}");
            Ok(Ended::Failed { step, reason })
        };
        match (result, failed) {
            (Err(RunError::Cancelled(cancelled)), _) => Err(cancelled.into()),
            (Err(RunError::Start(reason)), _) => Ok(Ended::NotRun { reason }),
            (_, Some((step, true, _))) => {
                Ok(Ended::Unlike { reason: format!("cell {step} failed when it was recorded, and does not fail now") })
            }
            (_, Some((step, false, reason))) => {
                Ok(Ended::Failed { step, reason: format!("cell {step} failed: {reason}") })
            }
            (Err(RunError::Died { ordinal, reason }), None) => died(next.unwrap_or(ordinal), reason),
            (Ok(_), None) if ended < wanted => {
                let step = next.unwrap_or_default();
                Ok(Ended::Failed { step, reason: format!("the process ended before cell {step}") })
            }
            (Ok(_), None) => Ok(Ended::Done),
        }
    }

    fn request(&self, mirror: &Mirror, turns: &[Turn]) -> Result<RunRequest, Error> {
        let (mut cells, mut given) = (Vec::new(), Vec::new());
        for ((step, text), turn) in self.pipeline.steps.iter().zip(self.texts).zip(turns) {
            match turn {
                Turn::Run(_) => cells.push(RunCell {
                    ordinal: step.step,
                    source: text.clone(),
                    may_fail: step.fails,
                    values: self.values_of(step),
                }),
                Turn::Restore(kept) => {
                    for binding in &kept.bindings {
                        let Some((_, blob)) = &binding.value else { continue };
                        let path =
                            mirror.give(&format!("{}-{}", step.step, binding.name), &self.lab.blobs().get(blob)?)?;
                        given.push(GivenTable { ordinal: step.step, name: binding.name.clone(), path });
                    }
                }
                Turn::Skip(_) => {}
            }
        }
        let values = self.parameters.iter();
        let values = values.map(|pinned| (pinned.parameter.name.clone(), pinned.parameter.value.to_string()));
        Ok(RunRequest {
            directory: mirror.directory.clone(),
            lab: mirror.lab.clone(),
            principal: self.pipeline.principal.clone(),
            pins: mirror.pins.clone(),
            cells,
            parameters: values.collect::<BTreeMap<_, _>>(),
            given,
            python: self.pipeline.python.is_some(),
            lock: self.lock.cloned(),
            shown: false,
            program: None,
            surroundings: self.pipeline.surroundings(self.live),
            cassette: self.cassette.clone(),
            proxy: None,
        })
    }

    /// The variables of Python whose values are to be kept: the target, and tables that magics bind. Rust's tables are in files anyway.
    fn values_of(&self, step: &StepRecord) -> Vec<String> {
        let target = &self.pipeline.target;
        if self.pipeline.python.is_none() {
            return target.variable.iter().filter(|_| step.step == target.step).cloned().collect();
        }
        let is_parameter = |name: &str| self.parameters.iter().any(|pinned| pinned.parameter.name == name);
        let bound = step.bindings.iter().map(|binding| &binding.name).filter(|name| step.magics && !is_parameter(name));
        let value = target.variable.iter().filter(|_| step.step == target.step);
        bound.chain(value).collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }

    /// Keeps what a step gave, and then enters it into the record.
    fn take(&self, outcome: &CellOutcome, mirror: &Mirror, record: &mut RunRecord) -> Result<(), Error> {
        let index = outcome.ordinal.saturating_sub(1) as usize;
        let (Some(step), Some(entry)) = (self.pipeline.steps.get(index), record.steps.get_mut(index)) else {
            return Ok(());
        };
        entry.attempts += 1;
        entry.wall_seconds = Some(outcome.wall_seconds);
        entry.effects.clone_from(&outcome.effects);
        entry.bindings.clone_from(&outcome.bindings);
        if step.fails == (outcome.status != CellStatus::Ok) {
            let kept = KeptStep::keep(self.lab, &entry.key, &record.id, outcome, mirror)?;
            entry.status = if step.fails { StepStatus::FailedAsRecorded } else { StepStatus::Ran };
            entry.outputs.clone_from(&kept.outputs);
        } else {
            entry.status = StepStatus::Failed;
            entry.outputs = self.failed_outputs(outcome)?;
        }
        record.save(self.lab)
    }

    /// Forgets what this run kept of a step, which is no result, and of those behind it, which may rest on it.
    fn forget_from(&self, step: u32, record: &mut RunRecord) -> Result<(), Error> {
        for entry in record.steps.iter_mut().filter(|entry| entry.step >= step) {
            if matches!(entry.status, StepStatus::Ran | StepStatus::FailedAsRecorded) {
                KeptStep::remove(self.lab, &entry.key)?;
                entry.status = if entry.step == step { StepStatus::Failed } else { StepStatus::Waiting };
            }
        }
        record.save(self.lab)
    }

    fn failed_outputs(&self, outcome: &CellOutcome) -> Result<Vec<KeptOutput>, Error> {
        let outputs = outcome.outputs.iter().map(|output| {
            Ok(KeptOutput {
                channel: output.channel,
                format: output.format.clone(),
                digest: self.lab.blobs().put(&output.bytes)?,
                volatile: output.volatile,
            })
        });
        outputs.collect()
    }
}

/// Enters into the record what becomes of each step in the coming attempt.
pub(super) fn enter(turns: &[Turn], record: &mut RunRecord) {
    let id = record.id.clone();
    for (turn, entry) in turns.iter().zip(&mut record.steps) {
        match turn {
            Turn::Run(why) => {
                let again = entry.attempts > 0;
                entry.why = Some(if again { format!("once more: {why}") } else { why.clone() });
                entry.status = StepStatus::Waiting;
            }
            // It ran in an earlier attempt of this run.
            Turn::Restore(kept) | Turn::Skip(kept) if kept.run == id => {}
            Turn::Restore(kept) => cached(entry, kept, "its tables are those"),
            Turn::Skip(kept) => cached(entry, kept, "its results are those"),
        }
    }
}

fn cached(entry: &mut RunStep, kept: &KeptStep, what: &str) {
    entry.status = StepStatus::Cached;
    entry.why = Some(format!("{what} of run {}", kept.run));
    entry.outputs.clone_from(&kept.outputs);
    entry.bindings = kept.bound() as Vec<BoundValue>;
    entry.effects.clone_from(&kept.effects);
}
