//! Replay: runs an artifact again in a fresh process, and says cell by cell how well its outputs agree with the reference.
//!
//! Digests on the disk are only ever compared with what was read or run just now, never with other digests on the disk.

use kernwerk_core::{CellOutcome, CellStatus, Network, Problem, Resource, RunCell, RunError, Runner, Verdict, Work};
use kernwerk_store::Lab;

use crate::Error;
use crate::artifact::{CONFIG, Location, Reference};
use crate::cassette::{source, unanswered};
use crate::compare::{Agreement, Level};
use crate::files::digest_file;
use crate::holding::find_held;
use crate::inputs::open;
use crate::judge::{CellReport, against_reference, not_compiled};
use crate::lock;
use crate::machine::Machine;
use crate::mirror::Mirror;
use crate::network::asks_network;
use crate::pipeline::{MadeWith, PinnedInput, Pipeline};
use crate::reason::noun;
use crate::run::{Course, Ran};
use crate::verify::{Verification, verify_location};

/// A model as it is installed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstalledModel {
    /// SHA-256 of its weights, as they lie on the disk, hexadecimal.
    Digest(String),
    /// Its files are not what they should be; in words which, and how.
    Damaged(String),
}

/// Finds a model by its name; the error says why there is none.
pub type FindModel<'a> = &'a (dyn Fn(&str) -> Result<InstalledModel, Problem> + Sync);

/// What to replay.
#[derive(Clone, Debug)]
pub struct ReplaySpec {
    pub reference: Reference,
    /// How well outputs must agree; none is what the artifact declares.
    pub level: Option<Level>,
    /// What compiles the Rust cells now; a difference is only told.
    pub toolchain: Option<String>,
    /// Cells may use the network.
    pub live: bool,
}

/// What a replay found.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    pub verification: Verification,
    pub verdict: Verdict,
    /// The level that was asked for.
    pub level: Level,
    /// What is wrong with the artifact or its inputs, or why the run could not be done; nothing ran then, or not to its end.
    pub findings: Vec<String>,
    /// The cells that ran, in order.
    pub cells: Vec<CellReport>,
    /// Cells of the artifact.
    pub total: usize,
    /// Whether cells could reach the network; none where nothing ran.
    pub network: Option<Network>,
    /// Where the network's answers came from, where it was a cassette; in words.
    pub cassette: Option<String>,
    /// What people should know, in words.
    pub notes: Vec<String>,
}

impl Replay {
    /// The worst agreement of all cells; none unless all of them ran.
    pub fn agreement(&self) -> Option<Agreement> {
        let worst = self.cells.iter().map(|cell| cell.agreement).max()?;
        (self.cells.len() == self.total).then_some(worst)
    }

    /// The first cell that agrees less well than asked for.
    pub fn first_divergence(&self) -> Option<&CellReport> {
        self.cells.iter().find(|cell| !cell.agreement.reaches(self.level))
    }
}

/// Replays an artifact.
///
/// # Errors
/// [`Error::UnknownArtifact`], [`Error::UnknownVersion`], [`Error::BrokenArtifact`]; all that a replay can find out is in the
/// [`Replay`].
pub async fn replay(
    lab: &Lab,
    spec: &ReplaySpec,
    models: FindModel<'_>,
    runner: &dyn Runner,
    work: &Work,
) -> Result<Replay, Error> {
    let (location, _held) = find_held(lab, &spec.reference, work)?;
    let verification = verify_location(lab, &location, work)?;
    let mut replay = Replay {
        verdict: verification.verdict(),
        findings: verification.findings(),
        verification,
        level: spec.level.unwrap_or_default(),
        cells: Vec::new(),
        total: 0,
        network: None,
        cassette: None,
        notes: Vec::new(),
    };
    if replay.verdict != Verdict::Passed {
        return Ok(replay);
    }
    let pipeline = location.pipeline()?;
    replay.level = spec.level.unwrap_or(pipeline.level);
    replay.total = pipeline.steps.len();
    check_inputs(lab, &pipeline, models, spec.live, &mut replay, work).await?;
    replay.cassette = pipeline
        .cassette
        .as_ref()
        .filter(|_| !spec.live)
        .map(|_| location.proof())
        .transpose()?
        .map(|proof| source(proof.as_ref()));
    let mut changed = changes(&location, &pipeline, spec.toolchain.as_deref())?;
    changed.extend(check_python(&pipeline, runner, &mut replay, work)?);
    if replay.verdict == Verdict::Passed {
        let run = Run { lab, location: &location, pipeline: &pipeline, live: spec.live, runner };
        changed.splice(0..0, run_again(&run, &mut replay, work).await?);
    }
    match &replay.network {
        Some(Network::Unenforced(reason)) => {
            replay.notes.push(format!("that cells do without the network is unenforced: {reason}"));
        }
        Some(Network::Open) => replay.notes.push("cells were free to use the network (`--live`)".to_owned()),
        Some(Network::Off) | None => {}
    }
    replay.notes.extend(replay.cassette.clone());
    if let Some(cell) = replay.first_divergence() {
        if cell.status != CellStatus::Ok
            && replay.network == Some(Network::Off)
            && replay.cassette.is_none()
            && asks_network(&cell.text)
        {
            changed.push("the network is kept away from cells; `--live` lets them use it".to_owned());
        }
        replay.findings.extend(changed.into_iter().map(|change| format!("likely cause: {change}")));
    } else {
        replay.notes.extend(changed);
    }
    Ok(replay)
}

/// What is otherwise than at publication, in words: a likely cause, should a result differ.
fn changes(location: &Location, pipeline: &Pipeline, toolchain: Option<&str>) -> Result<Vec<String>, Error> {
    let MadeWith { kernwerk, toolchain: then } = &pipeline.made_with;
    let mut changes = Vec::new();
    if let Some((then, now)) = then.as_deref().zip(toolchain).filter(|(then, now)| then != now) {
        changes.push(format!("published with {then}, replayed with {now}"));
    }
    let now = env!("CARGO_PKG_VERSION");
    if kernwerk != now {
        changes.push(format!("published with Kernwerk {kernwerk}, replayed with {now}"));
    }
    changes.extend(location.proof()?.into_iter().flat_map(|proof| proof.machine.changed(&Machine::here())));
    Ok(changes)
}

/// Checks that everything from outside is what it was. What changed makes the replay fail, what is missing leaves it
/// undecided.
async fn check_inputs(
    lab: &Lab,
    pipeline: &Pipeline,
    models: FindModel<'_>,
    live: bool,
    replay: &mut Replay,
    work: &Work,
) -> Result<(), Error> {
    let (mut changed, mut missing) = (Vec::new(), Vec::new());
    for input in &pipeline.inputs {
        work.check()?;
        let label = label(input);
        match digest_now(lab, input, work).await? {
            Ok(digest) if digest == input.digest => {}
            Ok(_) => changed.push(format!("changed: {label} is not what the artifact was published with")),
            Err(reason) => missing.push(format!("missing: {label}, {reason}")),
        }
    }
    for model in &pipeline.models {
        match models(&model.name) {
            Ok(InstalledModel::Digest(digest)) if digest == model.digest => {}
            Ok(InstalledModel::Damaged(reason)) => changed.push(format!("changed: model `{}`, {reason}", model.name)),
            Ok(InstalledModel::Digest(digest)) => changed.push(format!(
                "changed: model `{}` has weights of the digest {digest}, the artifact was published with {}",
                model.name, model.digest
            )),
            Err(problem) if problem.is_interrupt() => return Err(kernwerk_core::Cancelled.into()),
            Err(problem) => missing.push(format!("missing: model `{}`, {problem}", model.name)),
        }
    }
    missing.extend(pipeline.missing_secrets(live));
    if pipeline.environment.network && !live {
        missing.push("not run: its cells use the network, which `--live` lets them".to_owned());
    }
    replay.verdict = match (changed.is_empty(), missing.is_empty()) {
        (true, true) => Verdict::Passed,
        (true, false) => Verdict::Undecided,
        (false, _) => Verdict::Failed,
    };
    replay.findings.extend(changed.into_iter().chain(missing));
    Ok(())
}

/// Checks that Python has the packages of the artifact; without one of them nothing runs. Returns what has another version.
fn check_python(
    pipeline: &Pipeline,
    runner: &dyn Runner,
    replay: &mut Replay,
    work: &Work,
) -> Result<Vec<String>, Error> {
    let Some(python) = &pipeline.python else { return Ok(Vec::new()) };
    let packages: Vec<&str> = python.packages.keys().map(String::as_str).collect();
    let (missing, changed) = match runner.environment(&packages, work) {
        Ok(now) => {
            let missing = python.missing(&now).into_iter().map(|package| format!("missing: {package}"));
            (missing.collect(), python.changed(&now))
        }
        Err(RunError::Cancelled(cancelled)) => return Err(cancelled.into()),
        Err(error) => (vec![format!("could not run: {error}")], Vec::new()),
    };
    if !missing.is_empty() && replay.verdict == Verdict::Passed {
        replay.verdict = Verdict::Undecided;
    }
    replay.findings.extend(missing);
    Ok(changed)
}

fn label(input: &PinnedInput) -> String {
    let version = input.version.map(|version| format!(" version {version}")).unwrap_or_default();
    format!("{} `{}`{version}", noun(input.resource), input.name)
}

/// The digest of what an input holds now, or why there is none.
async fn digest_now(lab: &Lab, input: &PinnedInput, work: &Work) -> Result<Result<String, String>, Error> {
    if input.resource == Resource::File {
        let path = lab.root().join(&input.name);
        if !path.is_file() {
            return Ok(Err("which this checkout does not have".to_owned()));
        }
        return digest_file(&path, work).map(Ok);
    }
    match open(lab, input.resource, &input.name, input.version).await {
        // The ledger remembers digests of versions; what lies on the disk now is what counts here.
        Ok(stored) => Ok(Ok(content_digest_of(&stored).await?)),
        Err(kernwerk_store::Error::Unknown { .. } | kernwerk_store::Error::UnknownVersion { .. }) => {
            Ok(Err("which this lab does not have".to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

async fn content_digest_of(stored: &kernwerk_store::Stored) -> Result<String, Error> {
    let batches = stored.read(None, None).await?;
    Ok(kernwerk_store::content_digest(&stored.schema(), &batches))
}

/// What runs again, and where.
struct Run<'a> {
    lab: &'a Lab,
    location: &'a Location,
    pipeline: &'a Pipeline,
    live: bool,
    runner: &'a dyn Runner,
}

/// Runs the cells and judges them; returns in words what they asked that nobody answered.
async fn run_again(run: &Run<'_>, replay: &mut Replay, work: &Work) -> Result<Vec<String>, Error> {
    let Run { lab, location, pipeline, live, runner } = *run;
    let config = location.attestation(CONFIG)?;
    let mirror = match Mirror::build(lab, pipeline, config.as_deref(), work).await? {
        Ok(mirror) => mirror,
        Err(changed) => {
            replay.verdict = Verdict::Failed;
            replay.findings.push(format!("changed: file `{}` changes while it is replayed", changed.name));
            return Ok(Vec::new());
        }
    };
    let cells = run_cells(location, pipeline)?;
    let texts: Vec<String> = cells.iter().map(|cell| cell.source.clone()).collect();
    let lock = lock::of_runs(location, pipeline, &texts, work)?;
    let course = Course {
        principal: pipeline.principal.as_deref(),
        cells,
        python: pipeline.python.is_some(),
        surroundings: pipeline.surroundings(live),
        cassette: pipeline.cassette(location, live)?,
        lock,
        shown: false,
        task: "replay",
    };
    let mut asked = Vec::new();
    let (mut outcomes, mut cut_off) = match crate::run::run(runner, &mirror, course, work)? {
        Ran::Done(result) => {
            replay.network = Some(result.network);
            asked = result.exchanged.as_ref().map(unanswered).unwrap_or_default();
            (result.outcomes, None)
        }
        Ran::NotStarted(reason) => (Vec::new(), Some(format!("could not run: {reason}"))),
        Ran::Died { ordinal, reason, outcomes } => {
            (outcomes, Some(format!("could not run: the process ended in cell {ordinal}: {reason}")))
        }
    };
    // A cell that could not be compiled here says nothing of what was published.
    if let Some((place, reason)) = outcomes.iter().position(is_not_compiled).zip(outcomes.iter().find_map(not_compiled))
    {
        cut_off = cut_off.or_else(|| Some(format!("could not run: cell {}: {reason}", place + 1)));
        outcomes.truncate(place);
    }
    for ((step, text), outcome) in pipeline.steps.iter().zip(texts).zip(&outcomes) {
        replay.cells.push(against_reference(location, step, text, outcome, &mirror)?);
    }
    replay.findings.extend(cut_off.clone());
    replay.verdict = if replay.first_divergence().is_some() {
        Verdict::Failed
    } else if cut_off.is_some() || outcomes.len() < pipeline.steps.len() {
        Verdict::Undecided
    } else {
        Verdict::Passed
    };
    if cut_off.is_none() && replay.verdict == Verdict::Undecided {
        replay.findings.push(format!("could not run: the run ended before cell {}", outcomes.len() + 1));
    }
    Ok(asked)
}

fn is_not_compiled(outcome: &CellOutcome) -> bool {
    not_compiled(outcome).is_some()
}

fn run_cells(location: &Location, pipeline: &Pipeline) -> Result<Vec<RunCell>, Error> {
    let target = &pipeline.target;
    let cells = pipeline.steps.iter().map(|step| {
        let is_told = |name: &&String| step.bindings.iter().any(|bound| bound.name == **name);
        let value = target.variable.as_ref().filter(|name| pipeline.python.is_some() || is_told(name));
        Ok(RunCell {
            ordinal: step.step,
            source: location.cell(step)?,
            may_fail: step.fails,
            values: value.filter(|_| step.step == target.step).cloned().into_iter().collect(),
        })
    });
    cells.collect()
}

/// How many cells agree at each level, best first; for a summary.
pub fn tally(cells: &[CellReport]) -> Vec<(Agreement, usize)> {
    let levels = Level::ALL.map(Agreement::At).into_iter().chain([Agreement::Different]);
    let count = |level: Agreement| cells.iter().filter(|cell| cell.agreement == level).count();
    levels.map(|level| (level, count(level))).filter(|(_, count)| *count > 0).collect()
}
