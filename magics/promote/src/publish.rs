//! Publishing: the slice is proved by a run in a fresh process, and what the run showed becomes the artifact's reference.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

use kernwerk_core::{
    CellOutcome, CellStatus, PythonRun, PythonTold, Resource, RunCell, RunError, RunResult, Runner, Work,
};
use kernwerk_store::Lab;

use crate::Error;
use crate::artifact::{self, Location, Manifest};
use crate::bundle::{self, Bundle, Proved};
use crate::compare::{Agreement, Level};
use crate::files::{read_file, write_file};
use crate::judge::{CellReport, against_notebook, error_text};
use crate::mirror::Mirror;
use crate::pipeline::{FORMAT, MadeWith, PinnedInput, Pipeline, TargetStep};
use crate::plan::{Input, Kept, Plan, PlanSpec, plan};
use crate::proof::{Proof, ProofCell};
use crate::python::{PinnedPython, run_here};
use crate::run::{Course, Ran, run};
use crate::slice::has_code;
use crate::target::Target;
use crate::verify::verify_location;

/// What to publish.
#[derive(Clone, Debug)]
pub struct PublishSpec {
    pub name: String,
    pub plan: PlanSpec,
    /// How well replays must agree.
    pub level: Level,
    /// For whom the cells run; none is nobody.
    pub principal: Option<String>,
    /// What compiles the Rust cells, such as `rustc 1.95.0`; none where it is not known.
    pub toolchain: Option<String>,
    /// The digest of what a target of Python holds now, where it is a variable of this process.
    pub value: Option<String>,
    /// What else was measured and goes to `attestations/`, by the name of its file without `.json`.
    pub attestations: BTreeMap<String, serde_json::Value>,
}

/// A published artifact.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    pub location: Location,
    /// Its identity: blake3 of the manifest.
    pub id: String,
    /// The latest version was this already; nothing was written.
    pub unchanged: bool,
    pub plan: Plan,
    /// How the proof run compares with the notebook, cell by cell.
    pub cells: Vec<CellReport>,
    /// What people should know, in words.
    pub notes: Vec<String>,
    pub wall_seconds: f64,
}

/// Slices, proves and publishes a target as the next version of an artifact. A slice that gives the latest version again is
/// that version.
///
/// # Errors
/// Those of [`plan`]; [`Error::Obstacles`]; [`Error::ProofFailed`] and [`Error::ProofDiffers`] where a fresh process does not
/// repeat what the notebook recorded. Nothing is written then.
pub async fn publish(lab: &Lab, spec: &PublishSpec, runner: &dyn Runner, work: &Work) -> Result<Published, Error> {
    artifact::check_name(&spec.name)?;
    let operation = lab.begin("publish", &spec.name)?;
    let mut plan = plan(lab, &spec.plan, work).await?;
    if !plan.obstacles.is_empty() {
        return Err(Error::Obstacles { obstacles: plan.obstacles });
    }
    if let Some(value) = &spec.value {
        plan.record_value(value.clone());
    }
    let python = plan.is_python().then(run_here);
    if python.is_some() {
        check_python(runner, work)?;
    }
    let config = config(lab)?;
    let mut pipeline = pipeline(lab, spec, &plan);
    let mirror = match Mirror::build(lab, &pipeline, config.as_deref(), work).await? {
        Ok(mirror) => mirror,
        Err(changed) => {
            return Err(Error::Obstacles {
                obstacles: vec![format!("file `{}` changes while it is published", changed.name)],
            });
        }
    };
    let begun = Instant::now();
    let RunResult { outcomes, python: told, .. } =
        prove(&plan, &mirror, spec.principal.as_deref(), python, runner, work)?;
    let wall_seconds = begun.elapsed().as_secs_f64();
    let cells = judge(&plan, &pipeline, &outcomes)?;
    let code = match python.zip(told) {
        Some((run, PythonTold { environment, code })) => {
            pipeline.python = Some(PinnedPython::new(environment, run));
            code
        }
        None => Vec::new(),
    };
    let bundle = bundle::bundle(pipeline, &plan, &Proved { outcomes: &outcomes, code: &code }, &mirror, config)?;
    drop(mirror);
    let proof = proof(&plan, &cells, wall_seconds);
    let (location, id, unchanged) = put(lab, spec, &bundle, proof, work)?;
    operation.done()?;
    Ok(Published { notes: notes(&plan, &cells), location, id, unchanged, plan, cells, wall_seconds })
}

/// The lab's `kernwerk.toml`, if it has one.
fn config(lab: &Lab) -> Result<Option<Vec<u8>>, Error> {
    let path = lab.root().join("kernwerk.toml");
    path.is_file().then(|| read_file(&path)).transpose()
}

/// The description of the artifact, but for what the proof run adds to its steps.
fn pipeline(lab: &Lab, spec: &PublishSpec, plan: &Plan) -> Pipeline {
    let has_rust = !plan.is_python() && plan.kept.iter().any(|kept| has_code(&kept.execution.text));
    Pipeline {
        format: FORMAT,
        name: spec.name.clone(),
        directory: plan.directory.clone(),
        principal: spec.principal.clone(),
        level: spec.level,
        made_with: MadeWith {
            kernwerk: env!("CARGO_PKG_VERSION").to_owned(),
            toolchain: spec.toolchain.clone().filter(|_| has_rust),
        },
        python: None,
        target: TargetStep {
            step: plan.target_step(),
            variable: match &plan.target {
                Target::Variable(name) => Some(name.clone()),
                Target::Cell(_) => None,
            },
        },
        models: plan.models.clone(),
        inputs: plan.inputs.iter().map(|input| pinned(lab, plan, input)).collect(),
        steps: Vec::new(),
    }
}

fn pinned(lab: &Lab, plan: &Plan, input: &Input) -> PinnedInput {
    PinnedInput {
        resource: input.resource,
        name: match input.resource {
            Resource::File => portable_path(lab.root(), plan, &input.name),
            _ => input.name.clone(),
        },
        version: input.version,
        digest: input.digest.clone().unwrap_or_default(),
        steps: plan.steps_of(&input.by),
    }
}

/// The path of an input relative to the lab's root, by `..` where it lies outside; absolute where cells name it so.
fn portable_path(root: &Path, plan: &Plan, name: &str) -> String {
    let path = Path::new(name);
    let is_named = plan.kept.iter().any(|kept| kept.execution.text.contains(name));
    if !path.is_absolute() || is_named {
        return name.to_owned();
    }
    let shared = root.components().zip(path.components()).take_while(|(one, other)| one == other).count();
    let climb = root.components().skip(shared).map(|_| Component::ParentDir);
    let relative: PathBuf = climb.chain(path.components().skip(shared)).collect();
    relative.to_string_lossy().into_owned()
}

/// That there is a Python that can run cells.
fn check_python(runner: &dyn Runner, work: &Work) -> Result<(), Error> {
    match runner.environment(&[], work) {
        Ok(_) => Ok(()),
        Err(RunError::Cancelled(cancelled)) => Err(cancelled.into()),
        Err(error) => Err(Error::NotRun { reason: error.to_string() }),
    }
}

/// Runs the slice in the mirror. The outcomes are as many as the kept cells, and a run of Python has told of itself.
fn prove(
    plan: &Plan,
    mirror: &Mirror,
    principal: Option<&str>,
    python: Option<PythonRun>,
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
    let course = Course { principal, cells: cells.collect(), python, task: "proof run" };
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
        return Err(Error::ProofFailed {
            count: kept.execution.execution_count,
            reason: error_text(outcome).unwrap_or_else(|| "it did not end well".to_owned()),
        });
    }
    if outcomes.len() != plan.kept.len() {
        return Err(Error::ProofFailed {
            count: count(outcomes.len() as u32 + 1),
            reason: "the run ended before it".to_owned(),
        });
    }
    if python.is_some() && result.python.is_none() {
        return Err(Error::NotRun { reason: "Python does not say which packages its cells used".to_owned() });
    }
    Ok(result)
}

/// Compares the proof run with the notebook; refuses where the target is not what it was.
fn judge(plan: &Plan, pipeline: &Pipeline, outcomes: &[CellOutcome]) -> Result<Vec<CellReport>, Error> {
    let inputs: BTreeSet<&str> = pipeline.inputs.iter().map(|input| input.name.as_str()).collect();
    let cells: Vec<CellReport> = plan
        .kept
        .iter()
        .zip(outcomes)
        .zip(1..)
        .map(|((kept, outcome), step)| against_notebook(step, &kept.execution, outcome, &inputs))
        .collect();
    let differs = |(report, _): &(&CellReport, &Kept)| report.agreement == Agreement::Different;
    let pairs = || cells.iter().zip(&plan.kept);
    // A target that shows nothing is proved by what the cells on the way show.
    let is_silent = !pairs().any(|(report, kept)| kept.is_target() && report.compared > 0);
    let refused = pairs().filter(differs).any(|(_, kept)| is_silent || kept.is_target());
    match pairs().find(differs) {
        Some((report, kept)) if refused => Err(Error::ProofDiffers {
            count: kept.execution.execution_count,
            difference: report.difference.clone().unwrap_or_default(),
        }),
        _ => Ok(cells),
    }
}

fn notes(plan: &Plan, cells: &[CellReport]) -> Vec<String> {
    let mut notes = Vec::new();
    for (report, kept) in cells.iter().zip(&plan.kept) {
        let label = crate::execution::label(kept.execution.execution_count);
        if kept.fails() {
            notes.push(format!("{label} failed in the notebook and is expected to fail again"));
        }
        if let Some(difference) = &report.difference {
            notes.push(format!(
                "{label} is not part of the target and changes from run to run, so it is not compared: {difference}"
            ));
        }
    }
    let presumed = plan.inputs.iter().filter(|input| input.presumed);
    notes.extend(presumed.map(|input| format!("{input} counts as an input because cells name it")));
    notes
}

fn proof(plan: &Plan, cells: &[CellReport], wall_seconds: f64) -> Proof {
    let cells = plan.kept.iter().zip(cells).map(|(kept, report)| ProofCell {
        step: report.step,
        execution_count: kept.execution.execution_count,
        wall_seconds: report.wall_seconds,
        agreement: report.agreement.to_string(),
        difference: report.difference.clone(),
    });
    Proof {
        artifact: String::new(),
        published_at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        notebook: plan.notebook.clone(),
        wall_seconds,
        cells: cells.collect(),
    }
}

/// Adds what was attested to a version that is there already, each file whole or not at all; the caller holds the
/// artifact's lock.
fn attest(lab: &Lab, location: &Location, spec: &PublishSpec) -> Result<(), Error> {
    if spec.attestations.is_empty() {
        return Ok(());
    }
    let staging = lab.staging_dir()?;
    for (name, value) in &spec.attestations {
        let file = format!("{name}.json");
        write_file(&staging.join(&file), &bundle::to_json(value))?;
        artifact::replace(&staging.join(&file), &location.directory.join(artifact::ATTESTATIONS).join(&file))?;
    }
    let _ = std::fs::remove_dir_all(&staging);
    Ok(())
}

/// Writes the artifact and puts it in place; returns its identity, and whether it was there already.
fn put(
    lab: &Lab,
    spec: &PublishSpec,
    bundle: &Bundle,
    mut proof: Proof,
    work: &Work,
) -> Result<(Location, String, bool), Error> {
    let manifest = bundle::to_json(&Manifest::of(&bundle.files));
    let id = crate::files::digest(&manifest);
    proof.artifact.clone_from(&id);
    let name = &spec.name;
    let _lock = artifact::lock(lab, name, work)?;
    artifact::sweep_drafts(lab, name);
    if let Some(latest) = artifact::versions(lab, name).last() {
        let latest = artifact::location(lab, name, *latest);
        let same = latest.manifest().is_ok_and(|(_, found)| found == id);
        if same && verify_location(lab, &latest, work)?.differences().is_empty() {
            attest(lab, &latest, spec)?;
            return Ok((latest, id, true));
        }
    }
    let staging = lab.staging_dir()?;
    let draft = staging.join("artifact");
    for (path, bytes) in &bundle.files {
        work.check()?;
        write_file(&draft.join(path), bytes)?;
    }
    write_file(&draft.join(artifact::MANIFEST), &manifest)?;
    write_file(&draft.join(artifact::PROOF), &bundle::to_json(&proof))?;
    for (name, value) in &spec.attestations {
        write_file(&draft.join(artifact::ATTESTATIONS).join(format!("{name}.json")), &bundle::to_json(value))?;
    }
    // From here on nothing is interrupted: the version appears whole.
    let placed = artifact::place(lab, name, &draft);
    let _ = std::fs::remove_dir_all(&staging);
    Ok((placed?, id, false))
}
