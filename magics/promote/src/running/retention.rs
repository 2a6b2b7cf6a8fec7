//! Which runs may go, and with them what only their steps gave.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use kernwerk_store::{Lab, RetentionRules};

use super::record::{RunLock, RunRecord, RunStatus, home, ids, read};
use super::steps::{KeptStep, kept_keys};
use crate::Error;
use crate::retention::{Fate, among, moment, not_among, remove_directory, size};

/// The runs of a lab, and what becomes of them.
#[derive(Default)]
pub(crate) struct RunSurvey {
    /// Oldest first.
    pub fates: Vec<Fate>,
    /// Runs that have not come to their end and stay, by their artifacts.
    pub unfinished: BTreeMap<String, String>,
    /// Keys of what steps gave and no run names that stays.
    pub steps: Vec<String>,
    pub step_bytes: u64,
    /// Runs that go.
    going: Vec<String>,
    /// Blobs that nothing names that stays.
    blobs: BTreeSet<String>,
}

/// Looks at the runs of one artifact, or of all.
///
/// # Errors
/// [`Error::BrokenRun`] names a record that cannot be read.
pub(crate) fn survey_runs(
    lab: &Lab,
    name: Option<&str>,
    rules: &RetentionRules,
    now: DateTime<Utc>,
) -> Result<RunSurvey, Error> {
    let mut survey = RunSurvey::default();
    let (mut staying, mut going) = (Vec::new(), Vec::new());
    // Those of which enough later ones stay may go.
    let mut later: BTreeMap<String, u32> = BTreeMap::new();
    for id in ids(lab)?.into_iter().rev() {
        let directory = home(lab).join(&id);
        let Some(record) = read(&directory)? else {
            let may_go = name.is_none() && rules.keep_runs.is_some() && !lab.is_read_only();
            if may_go && is_alone(lab, &id)?.is_some() {
                survey.add(format!("run {id}"), true, "it never began", size(&directory));
                survey.going.push(id);
            }
            continue;
        };
        let after = later.entry(record.artifact_name().to_owned()).or_default();
        let is_meant = name.is_none_or(|name| record.artifact_name() == name);
        let fate = if is_meant { fate(lab, &record, *after, rules, now)? } else { Err("it is another's".to_owned()) };
        *after += 1;
        let what = format!("run {id} of {}", record.artifact);
        let (goes, why) = match fate {
            Ok(why) => (true, why),
            Err(why) => (false, why),
        };
        if is_meant {
            survey.add(what, goes, &why, size(&directory));
        }
        if goes { going.push(record) } else { staying.push(record) }
    }
    survey.fates.reverse();
    for record in staying.iter().filter(|record| record.status == RunStatus::Running) {
        survey.unfinished.insert(record.artifact.clone(), record.id.clone());
    }
    if rules.keep_runs.is_some() {
        survey.look_at_steps(lab, &staying, &going, name.is_none())?;
    }
    survey.going.extend(going.into_iter().map(|record| record.id));
    Ok(survey)
}

/// Why a run goes; the error says why it stays. `after` later ones are there of the same artifact.
fn fate(
    lab: &Lab,
    record: &RunRecord,
    after: u32,
    rules: &RetentionRules,
    now: DateTime<Utc>,
) -> Result<Result<String, String>, Error> {
    let Some(keep) = rules.keep_runs else {
        return Ok(Err("no rule says that runs go".to_owned()));
    };
    if after < keep {
        return Ok(Err(among(keep, "run")));
    }
    if let Some(days) = rules.keep_days {
        let began = moment(&record.began_at);
        if began.is_none_or(|began| began > now - TimeDelta::days(i64::from(days))) {
            return Ok(Err(format!("it is younger than {days} days")));
        }
    }
    // Where nothing can be locked nothing is removed.
    if !lab.is_read_only() && is_alone(lab, &record.id)?.is_none() {
        return Ok(Err("it is under way".to_owned()));
    }
    Ok(Ok(not_among(keep, "run")))
}

/// Whether nobody is at work on a run.
fn is_alone(lab: &Lab, id: &str) -> Result<Option<RunLock>, Error> {
    RunRecord::lock(lab, id)
}

impl RunSurvey {
    fn add(&mut self, what: String, goes: bool, why: &str, bytes: u64) {
        self.fates.push(Fate { what, goes, why: why.to_owned(), bytes });
    }

    /// Finds what steps gave that no run names which stays, and the blobs that go with it. What no run names at all goes where it is about
    /// all artifacts.
    fn look_at_steps(
        &mut self,
        lab: &Lab,
        staying: &[RunRecord],
        going: &[RunRecord],
        is_about_all: bool,
    ) -> Result<(), Error> {
        let keys = |records: &[RunRecord]| -> BTreeSet<String> {
            records.iter().flat_map(|record| &record.steps).map(|step| step.key.clone()).collect()
        };
        let (named, left) = (keys(staying), keys(going));
        let (mut kept, mut gone) = (blobs(staying), blobs(going));
        for key in kept_keys(lab)? {
            let step = KeptStep::read(lab, &key);
            let blobs = step.iter().flat_map(KeptStep::blobs).map(str::to_owned);
            if named.contains(&key) || !(is_about_all || left.contains(&key)) {
                kept.extend(blobs);
            } else {
                gone.extend(blobs);
                self.step_bytes += KeptStep::size(lab, &key);
                self.steps.push(key);
            }
        }
        self.blobs = gone.difference(&kept).cloned().collect();
        self.step_bytes += self.blobs.iter().map(|blob| lab.blobs().size(blob)).sum::<u64>();
        Ok(())
    }
}

/// The blobs that the outputs of runs are.
fn blobs(records: &[RunRecord]) -> BTreeSet<String> {
    let outputs = records.iter().flat_map(|record| &record.steps).flat_map(|step| &step.outputs);
    outputs.map(|output| output.digest.clone()).collect()
}

/// Removes what goes. The caller is alone with what steps gave. What names something goes after it: cut off, the next pruning finds the rest.
pub(crate) fn remove_runs(lab: &Lab, survey: &RunSurvey) -> Result<(), Error> {
    for blob in &survey.blobs {
        lab.blobs().remove(blob)?;
    }
    for key in &survey.steps {
        KeptStep::remove(lab, key)?;
    }
    for id in &survey.going {
        // Who is at work on it keeps it.
        if is_alone(lab, id)?.is_some() {
            remove_directory(lab, &home(lab).join(id))?;
        }
    }
    Ok(())
}
