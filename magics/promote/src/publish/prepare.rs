//! All of a publication but for writing: the plan, the recording, the proof, the files in memory, and what the gates say of them.

use std::collections::BTreeSet;
use std::time::Instant;

use kernwerk_core::{Cassette, Network, RunError, RunResult, Runner, Work};
use kernwerk_store::Lab;

use super::PublishSpec;
use super::agree::judge;
use super::describe::{config, has_rust, pipeline};
use super::notes::notes;
use super::prove::{mirror, prove};
use crate::Error;
use crate::artifact;
use crate::bundle::{self, Bundle, Proved};
use crate::cassette::CASSETTE;
use crate::execution::read_log;
use crate::gates::{self, GateReport, Subject};
use crate::holding::{Hold, hold_inputs};
use crate::judge::CellReport;
use crate::lock::PinnedRust;
use crate::machine::Machine;
use crate::mirror::Mirror;
use crate::parameters::declared;
use crate::pipeline::Pipeline;
use crate::plan::{Plan, plan};
use crate::proof::{Proof, ProofCell};
use crate::python::PinnedPython;
use crate::recording::{Recording, record};
use crate::sealed::is_inside_or_root;

/// An artifact that could be written.
pub(super) struct Prepared {
    pub plan: Plan,
    pub cells: Vec<CellReport>,
    pub wall_seconds: f64,
    pub bundle: Bundle,
    pub proof: Proof,
    pub gates: Vec<GateReport>,
    pub notes: Vec<String>,
    /// Versions of which the slice reads files.
    pub held: Vec<Hold>,
}

/// A proof run that gave what the notebook did.
pub(super) struct Proven {
    pub run: RunResult,
    pub cells: Vec<CellReport>,
    pub wall_seconds: f64,
}

/// Slices, proves, puts the files together in memory, and asks the gates.
pub(super) async fn prepare(
    lab: &Lab,
    spec: &PublishSpec,
    runner: &dyn Runner,
    work: &Work,
) -> Result<Prepared, Error> {
    let plan = planned(lab, spec, runner, work).await?;
    let config = config(lab)?;
    let mut pipeline = pipeline(lab, spec, &plan);
    let environment = pipeline.environment.clone();
    let held = hold_inputs(lab, &pipeline.inputs, work)?;
    let recording = match spec.record {
        true => Some(record(lab, spec, &plan, &mut pipeline, config.as_deref(), runner, work).await?),
        false => None,
    };
    let mirror = mirror(lab, &pipeline, config.as_deref(), work).await?;
    // A recording is what the notebook would show now.
    let shown = recording.as_ref().map_or(&plan, |recording| &recording.plan);
    let proven = proven(spec, shown, &pipeline, &mirror, recording.as_ref(), (runner, work))?;
    let lock = complete(&mut pipeline, &plan, &proven.run)?;
    let code = proven.run.python.as_ref().map(|told| told.code.as_slice()).unwrap_or_default();
    let proved = Proved { outcomes: &proven.run.outcomes, code, lock: lock.as_deref() };
    let mut bundle = bundle::bundle(pipeline, shown, &proved, &mirror, config)?;
    drop(mirror);
    let proof = proof(&plan, &proven, recording.as_ref());
    bundle.files.extend(recording.iter().map(|recording| (CASSETTE.to_owned(), recording.tape.clone())));
    let gates = ask_gates(lab, spec, (&plan, &bundle, &proof), runner, work).await?;
    let notes = notes(spec, &plan, &environment, &proven, recording.as_ref(), &bundle);
    let Proven { cells, wall_seconds, .. } = proven;
    Ok(Prepared { plan, cells, wall_seconds, bundle, proof, gates, notes, held })
}

/// The plan, where nothing stands in the way of it.
async fn planned(lab: &Lab, spec: &PublishSpec, runner: &dyn Runner, work: &Work) -> Result<Plan, Error> {
    let mut plan = plan(lab, &spec.plan, work).await?;
    if !plan.obstacles.is_empty() {
        return Err(Error::Obstacles { obstacles: plan.obstacles });
    }
    if !is_inside_or_root(&plan.directory) {
        let obstacle = format!("the notebook runs in {}, which is not in the lab", plan.directory);
        return Err(Error::Obstacles { obstacles: vec![obstacle] });
    }
    if let Some(value) = &spec.value {
        plan.record_value(value.clone());
    }
    if plan.is_python() {
        check_python(runner, work)?;
    }
    Ok(plan)
}

/// That there is a Python that can run cells.
fn check_python(runner: &dyn Runner, work: &Work) -> Result<(), Error> {
    match runner.environment(&[], work) {
        Ok(_) => Ok(()),
        Err(RunError::Cancelled(cancelled)) => Err(cancelled.into()),
        Err(error) => Err(Error::NotRun { reason: error.to_string() }),
    }
}

/// Runs the slice, and compares what it gives with what was shown.
fn proven(
    spec: &PublishSpec,
    shown: &Plan,
    pipeline: &Pipeline,
    mirror: &Mirror,
    recording: Option<&Recording>,
    (runner, work): (&dyn Runner, &Work),
) -> Result<Proven, Error> {
    let begun = Instant::now();
    let tape = recording.map(|recording| Cassette::Play { tape: recording.tape.clone() });
    let run = prove(shown, pipeline, mirror, (spec.crate_lock(), tape), runner, work)?;
    let wall_seconds = begun.elapsed().as_secs_f64();
    let known = (&spec.known, mirror);
    let cells = judge(shown, pipeline, &run.outcomes, known, run.exchanged.as_ref(), &BTreeSet::new())?;
    Ok(Proven { run, cells, wall_seconds })
}

/// Adds to the description what only the run could tell, and returns the lock file with which its cells were compiled.
fn complete(pipeline: &mut Pipeline, plan: &Plan, run: &RunResult) -> Result<Option<String>, Error> {
    pipeline.parameters = declared(&run.outcomes)?;
    pipeline.python = run.python.as_ref().map(|told| PinnedPython::new(told.environment.clone()));
    let lock = compiled_with(plan, run.rust.as_ref().and_then(|told| told.lock.clone()))?;
    pipeline.rust = lock.as_deref().map(PinnedRust::new).transpose().map_err(|reason| Error::NotRun { reason })?;
    Ok(lock)
}

/// The lock file with which the cells of the proof were compiled; none where none has code of Rust.
fn compiled_with(plan: &Plan, told: Option<String>) -> Result<Option<String>, Error> {
    match told {
        _ if !has_rust(plan) => Ok(None),
        Some(lock) => Ok(Some(lock)),
        None => Err(Error::NotRun { reason: "it does not say with which crates its cells were compiled".to_owned() }),
    }
}

/// What is attested of the proof run.
fn proof(plan: &Plan, proven: &Proven, recording: Option<&Recording>) -> Proof {
    let Proven { run, cells, wall_seconds } = proven;
    let cells = plan.kept.iter().zip(cells).map(|(kept, report)| ProofCell {
        step: report.step,
        execution_count: kept.execution.execution_count,
        wall_seconds: report.wall_seconds,
        agreement: report.agreement.to_string(),
        difference: report.difference.clone(),
        recorded_anew: recording.and_then(|recording| recording.anew.get(&report.step).cloned()),
    });
    Proof {
        artifact: String::new(),
        published_at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        notebook: plan.notebook.clone(),
        wall_seconds: *wall_seconds,
        machine: Machine::here(),
        network: match &run.network {
            Network::Unenforced(reason) => Some(reason.clone()),
            Network::Off | Network::Open => None,
        },
        recorded_at: recording.map(|recording| recording.at.clone()),
        unanswered: run.exchanged.iter().flat_map(|exchanged| &exchanged.unanswered).map(|asked| asked.cell).collect(),
        cells: cells.collect(),
    }
}

/// Asks the gates about what would be written.
async fn ask_gates(
    lab: &Lab,
    spec: &PublishSpec,
    (plan, bundle, proof): (&Plan, &Bundle, &Proof),
    runner: &dyn Runner,
    work: &Work,
) -> Result<Vec<GateReport>, Error> {
    let beside = (artifact::PROOF, String::from_utf8_lossy(&bundle::to_json(proof)).into_owned());
    let subject = Subject::new(lab, &spec.gates, (&bundle.pipeline, &bundle.files), Some(beside), (runner, work))?;
    let log = || read_log(lab, &spec.plan.notebook, spec.plan.process);
    gates::judge(subject.of_plan(plan, log).await?)
}
