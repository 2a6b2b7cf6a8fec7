//! The record of a run: `.kernwerk/runs/ID/run.json`, written anew and whole at each step, so that a run that is cut off can go on.

use std::fs::File;
use std::path::{Path, PathBuf};

use kernwerk_core::{BoundValue, Channel, Effect, ParameterValue, Resource};
use kernwerk_store::{Lab, Money};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Error;
use crate::bundle::to_json;
use crate::damage;
use crate::files::{make_directory, read_file};

/// Rises whenever an older Kernwerk could not read the file.
pub(super) const FORMAT: u32 = 1;
const RECORD: &str = "run.json";
const LOCK: &str = "lock";

/// Everything that is known of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    pub format: u32,
    /// A UUID (version 7): later runs come later in order.
    pub id: String,
    /// Such as `fares@2`.
    pub artifact: String,
    /// blake3 of the artifact's manifest.
    pub identity: String,
    pub status: RunStatus,
    /// Why it did not succeed.
    pub failure: Option<String>,
    pub parameters: Vec<RunParameter>,
    pub inputs: Vec<RunInput>,
    /// For whom the cells ran; none is nobody.
    pub principal: Option<String>,
    /// Who ran it.
    pub by: String,
    /// RFC 3339, UTC.
    pub began_at: String,
    pub ended_at: Option<String>,
    /// Processes that ran cells of it.
    pub attempts: u32,
    /// How often it went on after its process was gone.
    pub continued: u32,
    /// Whether what earlier runs had kept was left alone.
    pub fresh: bool,
    /// Where the artifact's cassette answered in place of the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cassette: Option<RunCassette>,
    pub steps: Vec<RunStep>,
    /// The target's value.
    pub result: Option<ResultFile>,
    pub metrics: Metrics,
}

/// What a run had of a cassette.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunCassette {
    /// blake3 of the file.
    pub digest: String,
    /// What cells asked that is not on it, in words.
    pub unanswered: Vec<String>,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// Under way, or its process is gone.
    Running,
    Succeeded,
    /// A step failed, or did not do what the artifact says of it.
    Failed,
    /// Somebody stopped it.
    Interrupted,
    /// Its process was gone before its end, and no later run went on with it.
    CutOff,
    /// It could not be run to its end.
    NotRun,
}

/// A parameter with the value that it had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunParameter {
    pub name: String,
    #[serde(flatten)]
    pub value: ParameterValue,
    /// Whether it has the value that the notebook gave it.
    pub is_default: bool,
}

/// An input as it was when the run began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInput {
    pub resource: Resource,
    pub name: String,
    pub version: Option<u64>,
    /// blake3 of the content.
    pub digest: String,
    /// Columns of a table with their types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<(String, String)>,
}

/// A step of the pipeline in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStep {
    /// From 1.
    pub step: u32,
    /// What its results depend on, as a digest: its text, the steps that it needs, inputs, parameters, programs.
    pub key: String,
    pub status: StepStatus,
    /// Why it ran, or from where its results are.
    pub why: Option<String>,
    /// How often it was begun.
    pub attempts: u32,
    /// None where it has not ended, or did not run.
    pub wall_seconds: Option<f64>,
    pub outputs: Vec<KeptOutput>,
    pub bindings: Vec<BoundValue>,
    pub effects: Vec<Effect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepStatus {
    /// Not yet begun or not ended.
    Waiting,
    Ran,
    /// It failed, as it did when it was recorded.
    FailedAsRecorded,
    /// It was not run: what it gives was kept by an earlier run.
    Cached,
    Failed,
}

/// An output of a step, whose bytes are a blob of the lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptOutput {
    pub channel: Channel,
    pub format: String,
    /// blake3 of the bytes, which names the blob.
    pub digest: String,
    pub volatile: bool,
}

/// What a run gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultFile {
    /// Relative to the run's directory.
    pub file: String,
    /// A file suffix such as `arrow`, `json` or `svg`.
    pub format: String,
    /// blake3 of the file.
    pub digest: String,
}

/// What a run took. What nobody measured is no number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Of all its processes that came to an end.
    pub wall_seconds: f64,
    /// Calls of models.
    pub calls: u64,
    pub tokens_in: u64,
    pub tokens_out: u64,
    /// By currency, without the calls that are unpriced.
    pub cost: Vec<Money>,
    pub unpriced_calls: u64,
}

/// The right to go on with a run; freed on drop and by death.
pub(super) struct RunLock(#[expect(dead_code, reason = "holds the lock until it is closed")] File);

/// Where the lab's runs lie.
pub(super) fn home(lab: &Lab) -> PathBuf {
    lab.data_dir().join("runs")
}

impl RunRecord {
    pub(super) fn directory(&self, lab: &Lab) -> PathBuf {
        home(lab).join(&self.id)
    }

    /// Writes the record, whole or not at all.
    pub(super) fn save(&self, lab: &Lab) -> Result<(), Error> {
        let directory = self.directory(lab);
        make_directory(&directory)?;
        Ok(lab.atomic_write(&directory.join(RECORD), &to_json(self))?)
    }

    /// The name of the artifact without its version.
    pub(super) fn artifact_name(&self) -> &str {
        self.artifact.split('@').next().unwrap_or_default()
    }

    /// Takes the right to write the record; none where somebody has it, who is alive then.
    pub(super) fn lock(lab: &Lab, id: &str) -> Result<Option<RunLock>, Error> {
        let directory = home(lab).join(id);
        make_directory(&directory)?;
        let path = directory.join(LOCK);
        let file = File::create(&path).map_err(Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(RunLock(file))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(source)) => Err(Error::io("lock", &path)(source)),
        }
    }
}

/// The runs of an artifact whatever its version, oldest first. A run that never came to write its record is none.
///
/// # Errors
/// [`Error::BrokenArtifact`] names a record that cannot be read.
pub fn runs(lab: &Lab, name: &str) -> Result<Vec<RunRecord>, Error> {
    let mut records = Vec::new();
    for id in ids(lab)? {
        let record = read(&home(lab).join(id))?;
        records.extend(record.filter(|record| record.artifact_name() == name));
    }
    Ok(records)
}

pub(super) fn ids(lab: &Lab) -> Result<Vec<String>, Error> {
    let home = home(lab);
    let entries = match std::fs::read_dir(&home) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", &home)(error)),
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut ids: Vec<String> = names.filter(|name| Uuid::try_parse(name).is_ok()).collect();
    ids.sort_unstable();
    Ok(ids)
}

pub(super) fn read(directory: &Path) -> Result<Option<RunRecord>, Error> {
    let path = directory.join(RECORD);
    if !path.exists() {
        return Ok(None);
    }
    let bytes = read_file(&path)?;
    let broken =
        |error: serde_json::Error| Error::BrokenRun { path: path.clone(), message: damage::no_json(&bytes, &error) };
    serde_json::from_slice(&bytes).map(Some).map_err(broken)
}

/// The runs of an artifact that were cut off, with the right to go on with them or to end them.
pub(super) fn cut_off(lab: &Lab, name: &str) -> Result<Vec<(RunRecord, RunLock)>, Error> {
    let mut found = Vec::new();
    for record in runs(lab, name)?.into_iter().filter(|record| record.status == RunStatus::Running) {
        let Some(lock) = RunRecord::lock(lab, &record.id)? else { continue };
        // It may have come to its end between the look and the lock.
        let now = read(&record.directory(lab))?.filter(|record| record.status == RunStatus::Running);
        found.extend(now.map(|record| (record, lock)));
    }
    Ok(found)
}

/// The moment as records have it.
pub(super) fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
