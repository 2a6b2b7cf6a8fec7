//! Publishing: the slice is proved by a run in a fresh process, and what the run showed becomes the artifact's reference.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

use kernwerk_core::{
    Cassette, CellOutcome, CellStatus, CrateLock, Exchanged, Network, PythonTold, Resource, RunCell, RunError,
    RunResult, Runner, Work,
};
use kernwerk_store::Lab;

use crate::Error;
use crate::artifact::{self, Location, Manifest};
use crate::bundle::{self, Bundle, Proved};
use crate::cassette::{CASSETTE, behind, unanswered};
use crate::cause::likely;
use crate::compare::{Agreement, Level};
use crate::environment::{PinnedEnvironment, unseen};
use crate::execution::read_log;
use crate::files::{read_file, write_file};
use crate::gates::{self, GateReport, GateSpec, Subject};
use crate::holding::{Hold, hold_inputs};
use crate::judge::{CellReport, against_notebook, error_text};
use crate::known::Known;
use crate::lock::PinnedRust;
use crate::machine::Machine;
use crate::mirror::Mirror;
use crate::names::check_new_name;
use crate::network::asking;
use crate::parameters::declared;
use crate::pipeline::{FORMAT, MadeWith, PinnedInput, Pipeline, TargetStep};
use crate::plan::{Input, Kept, Plan, PlanSpec, plan};
use crate::proof::{Proof, ProofCell};
use crate::python::PinnedPython;
use crate::recording::{Recording, record};
use crate::registry::History;
use crate::run::{Course, Ran, run};
use crate::sealed::{LARGEST_FILE, is_inside_or_root};
use crate::slice::has_code;
use crate::target::Target;
use crate::trust::is_signed;
use crate::verify::verify_location;

/// What to publish.
#[derive(Debug)]
pub struct PublishSpec {
    pub name: String,
    pub plan: PlanSpec,
    /// How well replays must agree.
    pub level: Level,
    /// The cells may use the network.
    pub live: bool,
    /// What the cells say over HTTP is recorded in a run before the proof, and is answered from there from then on.
    pub record: bool,
    /// Headers, in lower case, that are not looked at where a request is looked for in what was recorded: they change from run to run, and say
    /// nothing of what is asked.
    pub ignored_headers: BTreeSet<String>,
    /// For whom the cells run; none is nobody.
    pub principal: Option<String>,
    /// What compiles the Rust cells, such as `rustc 1.95.0`; none where it is not known.
    pub toolchain: Option<String>,
    /// The `Cargo.lock` with which the notebook's cells were compiled, where it is known: the proof run takes the same versions.
    pub lock: Option<String>,
    /// The digest of what a target of Python holds now, where it is a variable of this process.
    pub value: Option<String>,
    /// What is still known of what cells showed and variables hold, to say how a fresh run differs.
    pub known: Known,
    /// What else was measured and goes to `attestations/`, by the name of its file without `.json`.
    pub attestations: BTreeMap<String, serde_json::Value>,
    /// What the gates know beside the lab.
    pub gates: GateSpec,
}

impl PublishSpec {
    /// The versions of crates that the notebook's cells were compiled with. What a run does not need of them is left out, and what it needs
    /// beside them is found.
    pub(crate) fn crate_lock(&self) -> Option<CrateLock> {
        self.lock.clone().map(|text| CrateLock { text, is_exact: false, packed: None })
    }
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
    /// What the gates said.
    pub gates: Vec<GateReport>,
    /// What people should know, in words.
    pub notes: Vec<String>,
    pub wall_seconds: f64,
}

/// Slices, proves and publishes a target as the next version of an artifact. A slice that gives the latest version again is
/// that version.
///
/// # Errors
/// Those of [`plan`]; [`Error::Obstacles`]; [`Error::ProofFailed`] and [`Error::ProofDiffers`] where a fresh process does not
/// repeat what the notebook recorded; [`Error::GatesNotPassed`]. Nothing is written then.
pub async fn publish(lab: &Lab, spec: &PublishSpec, runner: &dyn Runner, work: &Work) -> Result<Published, Error> {
    check_new_name(lab, &spec.name)?;
    // Which number is free only a whole history tells: better said before the cells run.
    History::sound(lab, &spec.name)?;
    let operation = lab.begin("publish", &spec.name)?;
    let Prepared { plan, cells, wall_seconds, bundle, proof, gates, notes, held } =
        prepare(lab, spec, runner, work).await?;
    gates::must_pass(&gates)?;
    let (location, id, unchanged) = put(lab, spec, &bundle, proof, &gates, work)?;
    drop(held);
    operation.done()?;
    Ok(Published { notes, location, id, unchanged, plan, cells, gates, wall_seconds })
}

/// Does all that [`publish`] does but for writing, and gives what the gates say.
///
/// # Errors
/// As [`publish`], but for gates that do not pass.
pub async fn judge_target(
    lab: &Lab,
    spec: &PublishSpec,
    runner: &dyn Runner,
    work: &Work,
) -> Result<Vec<GateReport>, Error> {
    check_new_name(lab, &spec.name)?;
    Ok(prepare(lab, spec, runner, work).await?.gates)
}

/// An artifact that could be written.
struct Prepared {
    plan: Plan,
    cells: Vec<CellReport>,
    wall_seconds: f64,
    bundle: Bundle,
    proof: Proof,
    gates: Vec<GateReport>,
    notes: Vec<String>,
    /// Versions of which the slice reads files.
    held: Vec<Hold>,
}

/// Slices, proves, puts the files together in memory, and asks the gates.
async fn prepare(lab: &Lab, spec: &PublishSpec, runner: &dyn Runner, work: &Work) -> Result<Prepared, Error> {
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
    let config = config(lab)?;
    let mut pipeline = pipeline(lab, spec, &plan);
    let environment = pipeline.environment.clone();
    let held = hold_inputs(lab, &pipeline.inputs, work)?;
    let recording = match spec.record {
        true => Some(record(lab, spec, &plan, &mut pipeline, config.as_deref(), runner, work).await?),
        false => None,
    };
    let mirror = mirror(lab, &pipeline, config.as_deref(), work).await?;
    let begun = Instant::now();
    let lock = spec.crate_lock();
    // A recording is what the notebook would show now.
    let shown = recording.as_ref().map_or(&plan, |recording| &recording.plan);
    let tape = recording.as_ref().map(|recording| Cassette::Play { tape: recording.tape.clone() });
    let RunResult { outcomes, python: told, rust, network, exchanged, .. } =
        prove(shown, &pipeline, &mirror, (lock, tape), runner, work)?;
    let wall_seconds = begun.elapsed().as_secs_f64();
    let cells = judge(shown, &pipeline, &outcomes, (&spec.known, &mirror), exchanged.as_ref(), &BTreeSet::new())?;
    pipeline.parameters = declared(&outcomes)?;
    let code = match told {
        Some(PythonTold { environment: python, code }) => {
            pipeline.python = Some(PinnedPython::new(python));
            code
        }
        None => Vec::new(),
    };
    let lock = compiled_with(&plan, rust.and_then(|told| told.lock))?;
    pipeline.rust = lock.as_deref().map(PinnedRust::new).transpose().map_err(|reason| Error::NotRun { reason })?;
    let mut notes = recording.as_ref().map(|recording| recording.notes(&pipeline)).unwrap_or_default();
    notes.extend(exchanged.iter().flat_map(unanswered));
    let proved = Proved { outcomes: &outcomes, code: &code, lock: lock.as_deref() };
    let mut bundle = bundle::bundle(pipeline, shown, &proved, &mirror, config)?;
    drop(mirror);
    let mut proof = proof(&plan, &cells, wall_seconds, &network);
    proof.unanswered = exchanged.iter().flat_map(|exchanged| &exchanged.unanswered).map(|asked| asked.cell).collect();
    if let Some(Recording { tape, at, anew, .. }) = recording {
        bundle.files.insert(CASSETTE.to_owned(), tape);
        proof.recorded_at = Some(at);
        for cell in &mut proof.cells {
            cell.recorded_anew = anew.get(&cell.step).cloned();
        }
    }
    let gates = ask_gates(lab, spec, (&plan, &bundle, &proof), runner, work).await?;
    notes.extend(self::notes(&plan, &spec.plan.declared, &environment, &cells, spec.record));
    notes.extend(told_in_part(&plan, &bundle));
    if environment.network {
        notes.push("its cells use the network, so what they give may change: replays need `--live`".to_owned());
    }
    if let Network::Unenforced(reason) = &network {
        notes.push(format!("the network was not kept away from the proof run: {reason}"));
    }
    Ok(Prepared { plan, cells, wall_seconds, bundle, proof, gates, notes, held })
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

/// The lab's `kernwerk.toml`, if it has one.
fn config(lab: &Lab) -> Result<Option<Vec<u8>>, Error> {
    let path = lab.root().join("kernwerk.toml");
    path.is_file().then(|| read_file(&path)).transpose()
}

/// The description of the artifact, but for what the proof run adds to its steps.
fn pipeline(lab: &Lab, spec: &PublishSpec, plan: &Plan) -> Pipeline {
    Pipeline {
        format: FORMAT,
        name: spec.name.clone(),
        directory: plan.directory.clone(),
        principal: spec.principal.clone(),
        level: spec.level,
        made_with: MadeWith {
            kernwerk: env!("CARGO_PKG_VERSION").to_owned(),
            toolchain: spec.toolchain.clone().filter(|_| has_rust(plan)),
        },
        environment: PinnedEnvironment::here(plan.kept.iter().map(|kept| &kept.execution), spec.live),
        cassette: None,
        python: None,
        rust: None,
        target: TargetStep {
            step: plan.target_step(),
            variable: match &plan.target {
                Target::Variable(name) => Some(name.clone()),
                Target::Cell(_) => None,
            },
        },
        models: plan.models.clone(),
        parameters: Vec::new(),
        inputs: plan.inputs.iter().map(|input| pinned(lab, plan, input)).collect(),
        steps: Vec::new(),
    }
}

/// Whether a cell of the slice has code of Rust.
fn has_rust(plan: &Plan) -> bool {
    !plan.is_python() && plan.kept.iter().any(|kept| has_code(&kept.execution.text))
}

/// The lock file with which the cells of the proof were compiled; none where none has code of Rust.
fn compiled_with(plan: &Plan, told: Option<String>) -> Result<Option<String>, Error> {
    match told {
        _ if !has_rust(plan) => Ok(None),
        Some(lock) => Ok(Some(lock)),
        None => Err(Error::NotRun { reason: "it does not say with which crates its cells were compiled".to_owned() }),
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

fn notes(
    plan: &Plan,
    declared: &[String],
    environment: &PinnedEnvironment,
    cells: &[CellReport],
    is_recorded: bool,
) -> Vec<String> {
    let mut notes = plan.notes.clone();
    notes.extend(
        environment.variables.iter().map(|(name, value)| format!("`{name}` of the environment is pinned to `{value}`")),
    );
    let need = if is_recorded { "replays do without it" } else { "replays need it" };
    notes.extend(environment.secrets.iter().map(|name| {
        format!("`{name}` of the environment is a secret by its name: its value is no part of the artifact, and {need}")
    }));
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
    let is_silent = !cells.iter().zip(&plan.kept).any(|(report, kept)| kept.is_target() && report.compared > 0);
    // Cells of Python that are run afresh tell it in any case.
    if let (true, false, Target::Variable(name)) = (is_silent, plan.is_python(), &plan.target) {
        let rests = match cells.iter().all(|cell| cell.compared == 0) {
            true => {
                "and no cell shows anything, so nothing was compared: the proof says that the cells run, and no more"
            }
            false => "so the proof rests on what other cells show",
        };
        notes.push(format!(
            "nothing tells what `{name}` holds, {rests}. Show it in its cell, or publish from its notebook a variable whose type has `Debug`"
        ));
    }
    let presumed = plan.inputs.iter().filter(|input| input.presumed && !input.is_declared(declared));
    notes.extend(presumed.map(|input| format!("{input} counts as an input because cells name it")));
    notes
}

/// That what tells of the target leaves parts of it out, as the print of a long frame does.
fn told_in_part(plan: &Plan, bundle: &Bundle) -> Option<String> {
    let name = plan.value().filter(|_| !plan.is_python())?;
    let step = bundle.pipeline.steps.get(plan.target_step().checked_sub(1)? as usize)?;
    let file = step.bindings.iter().find(|binding| binding.name == name)?.file.as_ref()?;
    let text = std::str::from_utf8(bundle.files.get(file)?).ok().filter(|_| file.ends_with(".txt"))?;
    let is_cut = text.contains('…') || text.lines().any(|line| matches!(line.trim(), ".." | "..." | "..,"));
    is_cut.then(|| {
        format!(
            "`{name}` is compared by what its `Debug` tells, which leaves parts of it out: a difference there is not seen. A cell that prints all of it, or \
             a digest of it, says more"
        )
    })
}

fn proof(plan: &Plan, cells: &[CellReport], wall_seconds: f64, network: &Network) -> Proof {
    let cells = plan.kept.iter().zip(cells).map(|(kept, report)| ProofCell {
        step: report.step,
        execution_count: kept.execution.execution_count,
        wall_seconds: report.wall_seconds,
        agreement: report.agreement.to_string(),
        difference: report.difference.clone(),
        recorded_anew: None,
    });
    Proof {
        artifact: String::new(),
        published_at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        notebook: plan.notebook.clone(),
        wall_seconds,
        machine: Machine::here(),
        network: match network {
            Network::Unenforced(reason) => Some(reason.clone()),
            Network::Off | Network::Open => None,
        },
        recorded_at: None,
        unanswered: BTreeSet::new(),
        cells: cells.collect(),
    }
}

/// Adds what was attested to a version that is there already, each file whole or not at all; the caller holds the
/// artifact's lock. What was signed stays as it is.
fn attest(
    lab: &Lab,
    location: &Location,
    gates: &[GateReport],
    attestations: &BTreeMap<String, Vec<u8>>,
) -> Result<(), Error> {
    let place = |file: &str| location.directory.join(artifact::ATTESTATIONS).join(file);
    // What the gates looked at reads otherwise from day to day.
    let same_gates = gates::say_the_same(&gates::recorded(location).ok().flatten().unwrap_or_default(), gates);
    let is_known = |(name, bytes): &(&String, &Vec<u8>)| {
        (same_gates && *name == gates::FILE) || read_file(&place(name)).is_ok_and(|found| found == **bytes)
    };
    let new: Vec<_> = attestations.iter().filter(|attestation| !is_known(attestation)).collect();
    if new.is_empty() || is_signed(location) {
        return Ok(());
    }
    let staging = lab.staging_dir()?;
    for (file, bytes) in new {
        write_file(&staging.join(file), bytes)?;
        artifact::replace(&staging.join(file), &place(file))?;
    }
    let _ = std::fs::remove_dir_all(&staging);
    Ok(())
}

/// What is attested beside the proof, by the names of the files.
fn attestations(spec: &PublishSpec, gates: &[GateReport], identity: &str) -> BTreeMap<String, Vec<u8>> {
    let gates = serde_json::json!({ "artifact": identity, "gates": gates });
    let mut files = BTreeMap::from([(gates::FILE.to_owned(), bundle::to_json(&gates))]);
    files.extend(spec.attestations.iter().map(|(name, value)| (format!("{name}.json"), bundle::to_json(value))));
    files
}

/// Writes the artifact and puts it in place; returns its identity, and whether it was there already.
fn put(
    lab: &Lab,
    spec: &PublishSpec,
    bundle: &Bundle,
    mut proof: Proof,
    gates: &[GateReport],
    work: &Work,
) -> Result<(Location, String, bool), Error> {
    if let Some((path, _)) = bundle.files.iter().find(|(_, bytes)| bytes.len() as u64 > LARGEST_FILE) {
        return Err(Error::Obstacles { obstacles: vec![format!("{path} has more than {LARGEST_FILE} bytes")] });
    }
    let manifest = bundle::to_json(&Manifest::of(&bundle.files));
    let id = crate::files::digest(&manifest);
    proof.artifact.clone_from(&id);
    let attestations = attestations(spec, gates, &id);
    let name = &spec.name;
    let _lock = artifact::lock(lab, name, work)?;
    artifact::sweep_drafts(lab, name);
    if let Some(latest) = artifact::present_versions(lab, name)?.last() {
        let latest = artifact::location(lab, name, *latest);
        let same = latest.manifest().is_ok_and(|(_, found)| found == id);
        if same && verify_location(lab, &latest, work)?.differences().is_empty() {
            attest(lab, &latest, gates, &attestations)?;
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
    for (file, bytes) in &attestations {
        write_file(&draft.join(artifact::ATTESTATIONS).join(file), bytes)?;
    }
    // From here on nothing is interrupted: the version appears whole.
    let placed = artifact::place(lab, name, &draft);
    let _ = std::fs::remove_dir_all(&staging);
    Ok((placed?, id, false))
}
