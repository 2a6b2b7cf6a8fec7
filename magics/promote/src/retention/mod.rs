//! Retention: which versions, runs and kept results may go by the rules of the lab, which stay in spite of them, and their removal.
//!
//! The rules say what may go; what somebody relies on stays: the latest version, one that holds a stage or an alias, held it within the
//! time that is kept, could be rolled back to, waits for approvals, is read by another artifact or by a process right now, is launched by a module of an orchestrator. A removal
//! is an event of the history, written before anything is touched: killed in between, the version counts as removed, and the next
//! pruning takes its files away. So does a pruning where version control or a colleague brings the files of a removed version back.

mod launched;
mod stay;

use std::path::Path;

use chrono::{DateTime, Utc};
use kernwerk_core::Work;
use kernwerk_store::{Lab, RetentionRules};
use uuid::Uuid;

use crate::Error;
use crate::artifact::{self, Location, Reference, find, names};
use crate::files::make_directory;
use crate::holding::{Hold, alone, steps_alone};
use crate::registry::{Action, Author, History, Holder};
use crate::running::{RunSurvey, remove_runs, survey_runs};
use crate::verify::verify_location;
use stay::{Ground, Pins};
pub(crate) use stay::{among, moment, not_among};

/// What to look at, and the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneSpec {
    /// One artifact; all where it is none.
    pub name: Option<String>,
    pub rules: RetentionRules,
}

/// What becomes of a version or a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Such as `fares@2`, or `run 0198… of fares@2`.
    pub what: String,
    pub goes: bool,
    /// Why it goes, or why it stays.
    pub why: String,
    /// What its files take.
    pub bytes: u64,
}

/// What goes and what stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruning {
    /// By name and number.
    pub versions: Vec<Fate>,
    /// Oldest first.
    pub runs: Vec<Fate>,
    /// Results of steps that no run names which stays.
    pub steps: usize,
    /// What these results take.
    pub step_bytes: u64,
    /// What people should know, in words.
    pub notes: Vec<String>,
}

impl Pruning {
    /// Bytes of all that goes.
    pub fn bytes(&self) -> u64 {
        let going = self.versions.iter().chain(&self.runs).filter(|fate| fate.goes);
        going.map(|fate| fate.bytes).sum::<u64>() + self.step_bytes
    }

    /// Whether nothing goes.
    pub fn is_empty(&self) -> bool {
        self.steps == 0 && !self.versions.iter().chain(&self.runs).any(|fate| fate.goes)
    }
}

/// A version with what becomes of it.
struct Candidate {
    location: Location,
    /// None where nothing can be told of it; it stays then.
    holder: Option<Holder>,
    /// It was removed before, and its files are here again.
    is_back: bool,
    fate: Fate,
}

/// Says what would be removed; nothing is.
///
/// # Errors
/// [`Error::UnknownArtifact`]; [`Error::BrokenHistory`]; [`Error::BrokenArtifact`] where nobody can tell what an artifact reads.
pub fn survey(lab: &Lab, spec: &PruneSpec, work: &Work) -> Result<Pruning, Error> {
    let now = Utc::now();
    let runs = survey_runs(lab, spec.name.as_deref(), &spec.rules, now)?;
    let mut pruning = told(&runs);
    for name in chosen(lab, spec)? {
        let pins = Pins::of(lab, work)?;
        let candidates = candidates(lab, &name, &spec.rules, &pins, &runs, now)?;
        pruning.versions.extend(candidates.into_iter().map(|candidate| candidate.fate));
    }
    Ok(pruning)
}

/// Removes what may go, and says what did. An artifact's versions go one by one: what was removed before an interrupt is removed.
///
/// # Errors
/// As [`survey`]; those of removing files.
pub fn prune(lab: &Lab, spec: &PruneSpec, author: &Author, work: &Work) -> Result<Pruning, Error> {
    let now = Utc::now();
    let names = chosen(lab, spec)?;
    let operation = lab.begin("prune", spec.name.as_deref().unwrap_or("artifacts"))?;
    let mut pruning = prune_runs(lab, spec, now)?;
    let runs = survey_runs(lab, spec.name.as_deref(), &spec.rules, now)?;
    for name in names {
        let _lock = artifact::lock(lab, &name, work)?;
        artifact::sweep_drafts(lab, &name);
        pruning.versions.extend(prune_versions(lab, &name, &spec.rules, &runs, now, author, work)?);
    }
    operation.done()?;
    Ok(pruning)
}

/// The artifacts that it is about.
fn chosen(lab: &Lab, spec: &PruneSpec) -> Result<Vec<String>, Error> {
    match &spec.name {
        Some(name) => find(lab, &Reference::latest(name)?).map(|location| vec![location.name]),
        None => Ok(names(lab)),
    }
}

fn told(runs: &RunSurvey) -> Pruning {
    Pruning { runs: runs.fates.clone(), steps: runs.steps.len(), step_bytes: runs.step_bytes, ..Pruning::default() }
}

fn prune_runs(lab: &Lab, spec: &PruneSpec, now: DateTime<Utc>) -> Result<Pruning, Error> {
    if spec.rules.keep_runs.is_none() {
        return survey_runs(lab, spec.name.as_deref(), &spec.rules, now).map(|runs| told(&runs));
    }
    // While a run is under way, what it finds kept must stay.
    let Some(_alone) = steps_alone(lab)? else {
        let note = "a run is under way: runs and what their steps gave were left as they are".to_owned();
        return Ok(Pruning { notes: vec![note], ..Pruning::default() });
    };
    let runs = survey_runs(lab, spec.name.as_deref(), &spec.rules, now)?;
    remove_runs(lab, &runs)?;
    Ok(told(&runs))
}

/// All versions of an artifact with what becomes of them by the rules.
fn candidates(
    lab: &Lab,
    name: &str,
    rules: &RetentionRules,
    pins: &Pins,
    runs: &RunSurvey,
    now: DateTime<Utc>,
) -> Result<Vec<Candidate>, Error> {
    let ground = Ground::new(lab, name, rules, pins, runs, now)?;
    let versions = artifact::versions(lab, name).into_iter();
    Ok(versions.map(|version| ground.candidate(artifact::location(lab, name, version))).collect())
}

/// Removes what may go of an artifact; the caller holds its lock.
fn prune_versions(
    lab: &Lab,
    name: &str,
    rules: &RetentionRules,
    runs: &RunSurvey,
    now: DateTime<Utc>,
    author: &Author,
    work: &Work,
) -> Result<Vec<Fate>, Error> {
    let mut held: Vec<(u32, Hold)> = Vec::new();
    let first = candidates(lab, name, rules, &Pins::of(lab, work)?, runs, now)?;
    for candidate in first.into_iter().filter(|candidate| candidate.fate.goes) {
        held.extend(alone(lab, &candidate.location)?.map(|hold| (candidate.location.version, hold)));
    }
    // From here on nobody begins to read them; who did before has written down that he does.
    let candidates = candidates(lab, name, rules, &Pins::of(lab, work)?, runs, now)?;
    let mut fates = Vec::new();
    let total = candidates.len() as u64;
    for Candidate { location, holder, is_back, mut fate } in candidates {
        work.progress("prune", fates.len() as u64, Some(total), "versions");
        if fate.goes {
            work.check()?;
            let is_held = held.iter().any(|(version, _)| *version == location.version);
            if let Some(reason) = in_the_way(lab, &location, is_held, work)? {
                (fate.goes, fate.why) = (false, reason);
            } else if let Some(holder) = holder {
                if !is_back {
                    let author = Author { why: author.why.clone().or(Some(fate.why.clone())), ..author.clone() };
                    History::sound(lab, name)?.append(lab, name, (Action::Prune, "", &holder), author)?;
                }
                remove(lab, &location)?;
            }
        }
        fates.push(fate);
    }
    Ok(fates)
}

/// What keeps a version that may go by the rules from going now.
fn in_the_way(lab: &Lab, location: &Location, is_held: bool, work: &Work) -> Result<Option<String>, Error> {
    if !is_held {
        return Ok(Some("a run or a replay is using it".to_owned()));
    }
    let changes = verify_location(lab, location, work)?.differences();
    Ok((!changes.is_empty()).then(|| format!("it is not what was published: {}", changes.join("; "))))
}

/// Takes a version away: from one moment to the next it is gone, and its bytes follow.
fn remove(lab: &Lab, location: &Location) -> Result<(), Error> {
    let staging = lab.staging_dir()?;
    let failed = Error::io("remove", &location.directory);
    let away = match std::fs::rename(&location.directory, staging.join("removed")) {
        Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => {
            let home = location.directory.parent().unwrap_or(Path::new("."));
            let beside = home.join(format!("{}{}", artifact::REMOVED, Uuid::new_v4().simple()));
            std::fs::rename(&location.directory, &beside).map_err(failed)?;
            beside
        }
        renamed => renamed.map(|()| staging.clone()).map_err(failed)?,
    };
    // What cannot be removed now is swept by the lab's next opening, or by the next pruning.
    let _ = std::fs::remove_dir_all(away);
    let _ = std::fs::remove_dir_all(staging);
    Ok(())
}

/// The bytes of all files below a directory.
pub(crate) fn size(directory: &Path) -> u64 {
    let entries = walkdir::WalkDir::new(directory).into_iter().flatten();
    entries
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| entry.metadata().ok())
        .map(|file| file.len())
        .sum()
}

/// Moves a directory away and removes it.
pub(crate) fn remove_directory(lab: &Lab, directory: &Path) -> Result<(), Error> {
    let staging = lab.staging_dir()?;
    make_directory(&staging)?;
    std::fs::rename(directory, staging.join("removed")).map_err(Error::io("remove", directory))?;
    let _ = std::fs::remove_dir_all(staging);
    Ok(())
}
