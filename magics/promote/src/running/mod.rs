//! Running a pipeline: an artifact's cells on what its inputs are now, with other values of its parameters, in a fresh process.
//!
//! What each step gives is kept under a key that says all on which it depends, as soon as the step has ended. So a step whose results are
//! kept need not run again; a run that was cut off goes on; and of two runs at once neither harms the other. Variables in
//! the memory of a process cannot be kept: a step whose variables a later one needs runs again with it, and only what magics bound by
//! `-> name` is bound again without running them. Code that asks the network or the calendar runs each time.

mod attempt;
mod inputs;
mod key;
mod lineage;
mod numpy;
mod outside;
mod plain;
mod record;
mod result;
mod retention;
mod schedule;
mod steps;
mod usage;

use std::path::PathBuf;

use kernwerk_core::{Cassette, Runner, Verdict, Work};
use kernwerk_store::{Call, Lab};
use uuid::Uuid;

pub use record::{
    KeptOutput, Metrics, ResultFile, RunCassette, RunInput, RunParameter, RunRecord, RunStatus, RunStep, StepStatus,
    runs,
};
pub use result::{ResultKind, RunResult, result_kind};
pub(crate) use retention::{RunSurvey, remove_runs, survey_runs};

use crate::Error;
use crate::artifact::{CONFIG, Location, Reference};
use crate::cassette::source;
use crate::files::digest;
use crate::holding::{find_held, hold_steps};
use crate::lock;
use crate::parameters::values;
use crate::pipeline::{PinnedParameter, Pipeline};
use crate::replay::FindModel;
use crate::verify::verify_location;
use attempt::{Attempt, Ended, enter};
use inputs::{Present, look};
use key::{Ground, keys};
use lineage::{Happened, Lineage};
use outside::outside;
use record::{FORMAT, RunLock, cut_off, now};
use schedule::{Turn, schedule};
use steps::KeptStep;

/// What to run.
#[derive(Clone, Debug)]
pub struct RunSpec {
    pub reference: Reference,
    /// Names of parameters with their values, as people write them.
    pub parameters: Vec<(String, String)>,
    /// How often steps may be tried again that failed, or whose process was gone, all together.
    pub retries: u32,
    /// Runs all steps, whatever earlier runs kept.
    pub fresh: bool,
    /// Who runs it.
    pub by: String,
    /// What compiles the Rust cells now.
    pub toolchain: Option<String>,
    /// A file to which events of OpenLineage are added, beside the run's own.
    pub lineage: Option<PathBuf>,
    /// Cells may use the network.
    pub live: bool,
    /// Under whose name usage of models is recorded.
    pub call: Call,
}

/// What became of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub location: Location,
    pub verdict: Verdict,
    /// None where nothing was run, because of what the findings say.
    pub record: Option<RunRecord>,
    /// Where the record lies.
    pub directory: Option<PathBuf>,
    /// What is wrong with the artifact, its inputs, or a step.
    pub findings: Vec<String>,
    /// What people should know, in words.
    pub notes: Vec<String>,
    /// The target's value; none unless the run succeeded.
    pub result: Option<RunResult>,
}

/// Runs an artifact's pipeline.
///
/// # Errors
/// Those of finding the artifact and of reading it; [`Error::UnknownParameter`], [`Error::BadParameter`] and, of a value that is a secret,
/// [`kernwerk_store::Error::HoldsSecret`], before anything runs; an interrupt, after which the record says so. All that a run can find out is in the [`Run`].
pub async fn execute(
    lab: &Lab,
    spec: &RunSpec,
    models: FindModel<'_>,
    runner: &dyn Runner,
    work: &Work,
) -> Result<Run, Error> {
    let (location, _held) = find_held(lab, &spec.reference, work)?;
    let _steps = hold_steps(lab, work)?;
    let verification = verify_location(lab, &location, work)?;
    if verification.verdict() != Verdict::Passed {
        return Ok(Run::refused(location, verification.verdict(), verification.findings(), Vec::new()));
    }
    let pipeline = location.pipeline()?;
    let parameters = values(&location.to_string(), &pipeline, &spec.parameters)?;
    for (name, text) in &spec.parameters {
        // A run that goes on needs the value, so that its record cannot do without. A value may be a secret by its name alone.
        let given = serde_json::json!([text, format!("{name} = {text:?}")]);
        lab.ledger().refuse_secrets(&format!("the value of parameter `{name}`"), &given)?;
    }
    let present = look(lab, pipeline, spec.live, models, runner, work).await?;
    if present.verdict != Verdict::Passed {
        return Ok(Run::refused(location, present.verdict, present.findings, present.notes));
    }
    let settings = location.attestation(CONFIG)?;
    let texts =
        present.pipeline.steps.iter().map(|step| location.cell(step)).collect::<Result<Vec<String>, Error>>()?;
    let environment = present.pipeline.surroundings(spec.live);
    let cassette = present.pipeline.cassette(&location, spec.live)?;
    let played = cassette.as_ref().and_then(played);
    let crates = lock::of_runs(&location, &present.pipeline, &texts, work)?;
    let ground = Ground {
        pipeline: &present.pipeline,
        parameters: &parameters,
        texts: &texts,
        settings: settings.as_deref(),
        toolchain: spec.toolchain.as_deref(),
        environment: &environment,
        lock: crates.as_ref(),
        cassette: played.as_ref().map(|played| played.digest.as_str()),
        python: present.python.as_ref(),
    };
    let keys = keys(&ground);
    let lineage = Lineage { lab, also: spec.lineage.clone(), code: code(&present.pipeline, &texts) };
    let operation = lab.begin("run", &location.to_string())?;
    let (mut record, lock, mut notes) =
        begin(lab, spec, &location, &verification.id, &present, &parameters, keys, &lineage)?;
    notes.extend(present.notes.iter().cloned());
    let proof = location.proof()?;
    if played.is_some() {
        notes.push(source(proof.as_ref()));
    }
    record.cassette = played;
    let attempt = Attempt {
        lab,
        pipeline: &present.pipeline,
        parameters: &parameters,
        texts: &texts,
        settings: settings.as_deref(),
        live: spec.live,
        lock: crates.as_ref(),
        cassette,
        proof: proof.as_ref(),
        call: &spec.call,
        runner,
        work,
    };
    let mut course = Course { lab, spec, attempt, lineage, record, notes };
    let ended = course.run().await;
    let run = course.end(location, ended);
    drop(lock);
    operation.done()?;
    run
}

impl Run {
    fn refused(location: Location, verdict: Verdict, findings: Vec<String>, notes: Vec<String>) -> Self {
        Self { location, verdict, record: None, directory: None, findings, notes, result: None }
    }
}

/// The language and the text of the steps, as a whole.
fn code(pipeline: &Pipeline, texts: &[String]) -> Option<(&'static str, String)> {
    let language = if pipeline.python.is_some() { "Python" } else { "Rust" };
    Some((language, texts.iter().map(|text| text.trim_end()).collect::<Vec<_>>().join("\n\n")))
}

/// Goes on with the run of the same that was cut off, else begins another. Those that were cut off and are not gone on with are
/// ended, and why is told.
#[expect(clippy::too_many_arguments, reason = "a record is made of all of these, here and nowhere else")]
fn begin(
    lab: &Lab,
    spec: &RunSpec,
    location: &Location,
    identity: &str,
    present: &Present,
    parameters: &[PinnedParameter],
    keys: Vec<String>,
    lineage: &Lineage<'_>,
) -> Result<(RunRecord, RunLock, Vec<String>), Error> {
    let mut notes = Vec::new();
    let mut found = None;
    for (mut record, lock) in cut_off(lab, &location.name)?.into_iter().rev() {
        let has_same_keys = record.steps.iter().map(|step| &step.key).eq(&keys);
        let why = if record.identity != identity {
            "it was of another version"
        } else if spec.fresh {
            "this one runs everything"
        } else if found.is_some() {
            "a later one of the same was cut off as well"
        } else if !has_same_keys {
            "its parameters, inputs or programs were others"
        } else {
            found = Some((record, lock));
            continue;
        };
        record.status = RunStatus::CutOff;
        record.failure = Some("its process was gone before its end".to_owned());
        record.ended_at = Some(now());
        lineage.tell(&record, Happened::Abort, None)?;
        record.save(lab)?;
        notes.push(format!("run {} was cut off and is not gone on with: {why}", record.id));
    }
    if let Some((mut record, lock)) = found {
        record.continued += 1;
        lineage.tell(&record, Happened::Running, None)?;
        record.save(lab)?;
        let (done, total) = (record.steps.iter().filter(|step| is_done(step)).count(), record.steps.len());
        notes.push(format!("goes on with run {}, which was cut off after {done} of {total} cells", record.id));
        return Ok((record, lock, notes));
    }
    let record = RunRecord {
        format: FORMAT,
        id: Uuid::now_v7().to_string(),
        artifact: location.to_string(),
        identity: identity.to_owned(),
        status: RunStatus::Running,
        failure: None,
        parameters: given(&location.pipeline()?, parameters),
        inputs: present.inputs.clone(),
        principal: present.pipeline.principal.clone(),
        by: spec.by.clone(),
        began_at: now(),
        ended_at: None,
        attempts: 0,
        continued: 0,
        fresh: spec.fresh,
        cassette: None,
        steps: keys.into_iter().zip(1..).map(|(key, step)| waiting(step, key)).collect(),
        result: None,
        metrics: Metrics::default(),
    };
    let lock = RunRecord::lock(lab, &record.id)?
        .ok_or_else(|| Error::NotRun { reason: "its new record is locked by somebody else".to_owned() })?;
    record.save(lab)?;
    lineage.tell(&record, Happened::Start, None)?;
    Ok((record, lock, notes))
}

/// What is known of a cassette before it is played.
fn played(cassette: &Cassette) -> Option<RunCassette> {
    let Cassette::Play { tape } = cassette else { return None };
    Some(RunCassette { digest: digest(tape), unanswered: Vec::new() })
}

fn given(published: &Pipeline, parameters: &[PinnedParameter]) -> Vec<RunParameter> {
    let given = parameters.iter().zip(&published.parameters).map(|(now, default)| RunParameter {
        name: now.parameter.name.clone(),
        value: now.parameter.value.clone(),
        is_default: now == default,
    });
    given.collect()
}

fn waiting(step: u32, key: String) -> RunStep {
    RunStep {
        step,
        key,
        status: StepStatus::Waiting,
        why: None,
        attempts: 0,
        wall_seconds: None,
        outputs: Vec::new(),
        bindings: Vec::new(),
        effects: Vec::new(),
    }
}

fn is_done(step: &RunStep) -> bool {
    !matches!(step.status, StepStatus::Waiting | StepStatus::Failed)
}

/// A run under way.
struct Course<'a> {
    lab: &'a Lab,
    spec: &'a RunSpec,
    attempt: Attempt<'a>,
    lineage: Lineage<'a>,
    record: RunRecord,
    notes: Vec<String>,
}

impl Course<'_> {
    /// Runs until all is done, or until what failed may not be tried again.
    async fn run(&mut self) -> Result<Ended, Error> {
        let mut retries = self.spec.retries;
        loop {
            let turns = self.turns();
            enter(&turns, &mut self.record);
            if !turns.iter().any(|turn| matches!(turn, Turn::Run(_))) {
                self.record.save(self.lab)?;
                return Ok(Ended::Done);
            }
            let ended = self.attempt.run(&turns, &mut self.record).await?;
            let Ended::Failed { step, reason } = &ended else { return Ok(ended) };
            if retries == 0 {
                return Ok(ended);
            }
            retries -= 1;
            let line = format!("{reason}; cell {step} is tried again, with the cells whose variables it needs");
            self.attempt.work.note(line.clone());
            self.notes.push(line);
        }
    }

    fn turns(&self) -> Vec<Turn> {
        let record = &self.record;
        let outside = outside(&self.attempt.pipeline.steps, self.attempt.texts);
        let kept = |index: usize| {
            let kept = KeptStep::find(self.lab, &record.steps[index].key)?;
            let is_of_others = record.fresh || outside[index].is_some();
            Some(kept).filter(|kept| !is_of_others || kept.run == record.id)
        };
        let why =
            if record.fresh { "`--fresh` runs all" } else { "it was not run before with these inputs and parameters" };
        schedule(&self.attempt.pipeline.steps, kept, |index| outside[index].clone().unwrap_or_else(|| why.to_owned()))
    }

    /// Enters the end into the record and tells it.
    fn end(mut self, location: Location, ended: Result<Ended, Error>) -> Result<Run, Error> {
        let (status, failure, happened) = match &ended {
            Ok(Ended::Done) => (RunStatus::Succeeded, None, Happened::Complete),
            Ok(Ended::Failed { reason, .. } | Ended::Unlike { reason }) => {
                (RunStatus::Failed, Some(reason.clone()), Happened::Fail)
            }
            Ok(Ended::NotRun { reason }) => {
                (RunStatus::NotRun, Some(format!("could not run: {reason}")), Happened::Fail)
            }
            Err(Error::Cancelled(_)) => {
                (RunStatus::Interrupted, Some("somebody stopped it".to_owned()), Happened::Abort)
            }
            Err(error) => (RunStatus::NotRun, Some(error.to_string()), Happened::Fail),
        };
        let result = if status == RunStatus::Succeeded { self.result()? } else { None };
        self.record.result = result.as_ref().map(|result| result::put(self.lab, &self.record, result)).transpose()?;
        // What cells say when they fail may hold what they were given.
        let failure = failure.map(|words| self.lab.ledger().masked(&words).into_owned());
        (self.record.status, self.record.failure) = (status, failure);
        self.record.ended_at = Some(now());
        // An end that was told and not entered is told once: whoever goes on with the run sees it.
        self.lineage.tell(&self.record, happened, result.as_ref().and_then(RunResult::schema).as_ref())?;
        self.record.save(self.lab)?;
        ended?;
        if self.record.steps.iter().all(|step| step.status == StepStatus::Cached) {
            self.notes.push("nothing had to run: all results were kept by earlier runs; `--fresh` runs all".to_owned());
        }
        let asked = self.record.cassette.iter().flat_map(|cassette| &cassette.unanswered);
        // The first may be what the run failed for.
        let is_told = |words: &&String| self.record.failure.as_ref().is_some_and(|failure| failure.contains(*words));
        self.notes.extend(asked.filter(|words| !is_told(words)).cloned());
        let verdict = match status {
            RunStatus::Succeeded => Verdict::Passed,
            RunStatus::NotRun => Verdict::Undecided,
            _ => Verdict::Failed,
        };
        Ok(Run {
            location,
            verdict,
            directory: Some(self.record.directory(self.lab)),
            findings: self.record.failure.clone().into_iter().collect(),
            notes: self.notes,
            record: Some(self.record),
            result,
        })
    }

    fn result(&self) -> Result<Option<RunResult>, Error> {
        let pipeline = self.attempt.pipeline;
        let entry = self.record.steps.get(pipeline.target.step.saturating_sub(1) as usize);
        let kept = entry.and_then(|entry| KeptStep::find(self.lab, &entry.key));
        kept.map_or(Ok(None), |kept| result::find(self.lab, pipeline, &kept))
    }
}
