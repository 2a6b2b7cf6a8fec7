//! Why a version stays: by the rules, or because somebody relies on it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use kernwerk_core::Work;
use kernwerk_store::{Lab, RetentionRules};

use super::launched::launched;
use super::{Candidate, Fate, size};
use crate::Error;
use crate::artifact::{Location, location, names, present_versions};
use crate::holding::pinned;
use crate::registry::{History, Holder, Registry};
use crate::running::RunSurvey;

/// Which versions others rely on, such as `fares@2`, and who they are, in words.
pub(super) struct Pins(BTreeMap<String, Vec<String>>);

impl Pins {
    /// Reads what all artifacts of the lab read, and which the modules in the checkout launch.
    ///
    /// # Errors
    /// [`Error::BrokenArtifact`] where one does not say it: nobody could tell what may go.
    pub fn of(lab: &Lab, work: &Work) -> Result<Self, Error> {
        let mut pins: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in names(lab) {
            for version in present_versions(lab, &name)? {
                work.check()?;
                let reader = location(lab, &name, version);
                for input in &reader.pipeline()?.inputs {
                    if let Some(pinned) = pinned(lab, input).filter(|pinned| *pinned != reader) {
                        pins.entry(pinned.to_string()).or_default().push(format!("{reader} reads it"));
                    }
                }
            }
        }
        for (artifact, module) in launched(lab, work)? {
            pins.entry(artifact).or_default().push(format!("{module} launches it"));
        }
        Ok(Self(pins))
    }

    /// Who relies on a version, in words.
    fn of_version(&self, location: &Location) -> Option<&String> {
        self.0.get(&location.to_string())?.first()
    }
}

/// What decides about the versions of an artifact.
pub(super) struct Ground<'a> {
    rules: &'a RetentionRules,
    pins: &'a Pins,
    runs: &'a RunSurvey,
    now: DateTime<Utc>,
    history: History,
    registry: Registry,
    /// Those that were not removed, oldest first.
    present: Vec<u32>,
}

impl<'a> Ground<'a> {
    pub fn new(
        lab: &Lab,
        name: &str,
        rules: &'a RetentionRules,
        pins: &'a Pins,
        runs: &'a RunSurvey,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let history = History::sound(lab, name)?;
        let registry = Registry::of(&history);
        Ok(Self { rules, pins, runs, now, history, registry, present: present_versions(lab, name)? })
    }

    /// A version with what becomes of it.
    pub fn candidate(&self, location: Location) -> Candidate {
        let removal = self.registry.removed().get(&location.version);
        let identity = location.manifest().map(|(_, identity)| identity);
        let holder =
            identity.as_ref().ok().map(|identity| Holder { version: location.version, identity: identity.clone() });
        let (goes, why) = match (&identity, removal) {
            (Err(error), _) => {
                let remedy = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                (false, format!("nobody can tell what it is: {error}{remedy}"))
            }
            (Ok(identity), Some(removal)) if *identity != removal.holder.identity => {
                (false, "it is not the artifact that was removed".to_owned())
            }
            (Ok(identity), _) => match self.relied_on(&location, identity) {
                Some(why) => (false, why),
                None if removal.is_some() => (true, "it was removed, and its files are here again".to_owned()),
                None => match self.by_rule(&location) {
                    Ok(why) => (true, why),
                    Err(why) => (false, why),
                },
            },
        };
        let fate = Fate { what: location.to_string(), goes, why, bytes: size(&location.directory) };
        Candidate { location, holder, is_back: removal.is_some(), fate }
    }

    /// Why it goes by the rules; the error says why it stays by them.
    fn by_rule(&self, location: &Location) -> Result<String, String> {
        let RetentionRules { keep_versions, keep_days, .. } = *self.rules;
        if keep_versions.is_none() && keep_days.is_none() {
            return Err("no rule says that versions go".to_owned());
        }
        let mut whys = Vec::new();
        if let Some(keep) = keep_versions {
            let later = self.present.iter().filter(|other| **other > location.version).count();
            if later < keep as usize {
                return Err(among(keep, "version"));
            }
            whys.push(not_among(keep, "version"));
        }
        if let Some(days) = keep_days {
            let proof = location.proof().ok().flatten().and_then(|proof| moment(&proof.published_at));
            match proof {
                None => return Err("nothing tells how old it is".to_owned()),
                Some(published) if self.is_within(published, days) => {
                    return Err(format!("it is younger than {days} days"));
                }
                Some(_) => whys.push(format!("it is older than {days} days")),
            }
        }
        Ok(whys.join(", "))
    }

    /// Why somebody relies on it, whatever the rules say.
    fn relied_on(&self, location: &Location, identity: &str) -> Option<String> {
        let version = location.version;
        if self.present.last() == Some(&version) {
            return Some("it is the latest version".to_owned());
        }
        if let Some((label, _)) = self.registry.labels().find(|(_, holder)| holder.version == version) {
            return Some(format!("it is `{label}`"));
        }
        if let Some(stage) =
            self.registry.behind().find(|(_, behind)| self.reaches(behind, version)).map(|(stage, _)| stage)
        {
            return Some(format!("a rollback of `{stage}` goes back to it"));
        }
        if let Some(days) = self.rules.keep_days {
            let is_recent = |at: &str| moment(at).is_none_or(|at| self.is_within(at, days));
            if let Some((label, at)) = self.registry.left(version).find(|(_, at)| is_recent(at)) {
                return Some(format!("it was `{label}` until {at}, less than {days} days ago"));
            }
        }
        if let Some(stage) = self.registry.waiting(identity).next() {
            return Some(format!("its approval for `{stage}` waits for the stage"));
        }
        if let Some(why) = self.pins.of_version(location) {
            return Some(why.clone());
        }
        if let Some(run) = self.runs.unfinished.get(&location.to_string()) {
            return Some(format!("run {run} has not come to its end"));
        }
        let other = self.history.identities(version).into_iter().find(|known| *known != identity)?;
        Some(format!("the history knows another artifact by its number: {other}"))
    }

    /// Whether a rollback is to go back so far.
    fn reaches(&self, behind: &[Holder], version: u32) -> bool {
        let far = self.rules.keep_rollbacks.map_or(usize::MAX, |far| far as usize);
        behind.iter().rev().take(far).any(|holder| holder.version == version)
    }

    /// What has not yet come is no older than anything.
    fn is_within(&self, moment: DateTime<Utc>, days: u32) -> bool {
        moment > self.now - TimeDelta::days(i64::from(days))
    }
}

/// That it is one of the last.
pub(crate) fn among(keep: u32, noun: &str) -> String {
    if keep == 1 { format!("it is the last {noun}") } else { format!("it is one of the last {keep} {noun}s") }
}

/// That it is none of the last.
pub(crate) fn not_among(keep: u32, noun: &str) -> String {
    match keep {
        0 => format!("no {noun} is kept for being the last"),
        1 => format!("it is not the last {noun}"),
        keep => format!("it is none of the last {keep} {noun}s"),
    }
}

/// A moment as it stands in files; none where it is none.
pub(crate) fn moment(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.to_utc())
}
