//! What a history comes to: who holds which stage and alias, who approved what, and what was removed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Event, History, Signed};

/// A version as the history names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub version: u32,
    pub identity: String,
}

/// That a person wants to see a version on a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub stage: String,
    pub by: String,
    pub signed: Signed,
    /// When it was given; RFC 3339, UTC.
    pub at: String,
}

/// When an approval was given that still stands, and how it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    signed: Signed,
    at: String,
}

/// A version whose files were removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    pub holder: Holder,
    /// RFC 3339, UTC.
    pub at: String,
    pub by: String,
    pub why: Option<String>,
}

/// What the history of an artifact comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    /// For each stage the versions that a rollback can go back to, and last the one that holds it.
    pub(super) stages: BTreeMap<String, Vec<Holder>>,
    pub(super) aliases: BTreeMap<String, Holder>,
    /// For each stage, which identity was approved by whom.
    approvals: BTreeMap<String, BTreeMap<(String, String), Given>>,
    /// Stages that identities were approved for and have not taken since.
    waiting: BTreeSet<(String, String)>,
    /// When a version (by its number) last lost a stage or an alias.
    left: BTreeMap<(String, u32), String>,
    pub(super) removed: BTreeMap<u32, Removal>,
}

impl Registry {
    /// Replays a history.
    pub fn of(history: &History) -> Self {
        let mut registry = Self::default();
        history.events.iter().for_each(|event| registry.apply(event));
        registry
    }

    fn apply(&mut self, event: &Event) {
        let holder = Holder { version: event.version, identity: event.identity.clone() };
        let label = event.label.clone();
        let before = self.holder(&label).map(|before| before.version);
        match event.action {
            Action::Stage => {
                self.waiting.remove(&(label.clone(), event.identity.clone()));
                self.stages.entry(label).or_default().push(holder);
            }
            Action::Rollback => {
                let held = self.stages.entry(label).or_default();
                // Another event may have come in between where two places were merged: the rollback's own word counts.
                match held.iter().rposition(|earlier| *earlier == holder) {
                    Some(index) => held.truncate(index + 1),
                    None => held.push(holder),
                }
            }
            Action::Alias => _ = self.aliases.insert(label, holder),
            Action::Unalias => _ = self.aliases.remove(&label),
            Action::Approve => {
                self.waiting.insert((label.clone(), event.identity.clone()));
                let given = Given { signed: event.signed, at: event.at.clone() };
                let key = (event.identity.clone(), event.by.clone());
                let all = self.approvals.entry(label).or_default();
                // One that is signed goes on to count where a later one is not.
                if all.get(&key).is_none_or(|before| before.signed <= given.signed) {
                    all.insert(key, given);
                }
            }
            Action::Withdraw => self.withdraw(event),
            Action::Prune => self.remove(holder, event),
            Action::Restore => _ = self.removed.remove(&event.version),
        }
        let moved = before.filter(|before| self.holder(&event.label).is_none_or(|now| now.version != *before));
        if let Some(before) = moved {
            self.left.insert((event.label.clone(), before), event.at.clone());
        }
    }

    /// Takes an approval back; where it was the only one, nothing waits for the stage any more.
    fn withdraw(&mut self, event: &Event) {
        let Event { label, identity, by, .. } = event.clone();
        self.approvals.entry(label.clone()).or_default().remove(&(identity.clone(), by));
        if self.approvers(&label, &identity, false).is_empty() {
            self.waiting.remove(&(label, identity));
        }
    }

    /// Takes a version out of what a rollback goes back to. A stage or an alias that it holds all the same, where two places were merged,
    /// goes on naming it, so that it is seen.
    fn remove(&mut self, holder: Holder, event: &Event) {
        for held in self.stages.values_mut() {
            let Some(top) = held.pop() else { continue };
            held.retain(|earlier| *earlier != holder);
            held.push(top);
            held.dedup();
        }
        let Event { at, by, why, version, .. } = event.clone();
        self.removed.insert(version, Removal { holder, at, by, why });
    }

    /// The version that a stage or an alias stands for.
    pub fn holder(&self, label: &str) -> Option<&Holder> {
        self.stages.get(label).and_then(|held| held.last()).or_else(|| self.aliases.get(label))
    }

    /// The stages and aliases that there are.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &Holder)> {
        let stages = self.stages.iter().filter_map(|(label, held)| Some((label.as_str(), held.last()?)));
        stages.chain(self.aliases.iter().map(|(label, holder)| (label.as_str(), holder)))
    }

    /// Who approved an identity for a stage; where it asks for signatures, those who signed.
    pub fn approvers(&self, stage: &str, identity: &str, signed: bool) -> BTreeSet<&str> {
        let given = self.approvals.get(stage).into_iter().flatten();
        let least = if signed { Signed::Yes } else { Signed::No };
        let counts = given.filter(|((approved, _), given)| approved == identity && given.signed >= least);
        counts.map(|((_, by), _)| by.as_str()).collect()
    }

    /// The approvals of an identity.
    pub fn approvals(&self, identity: &str) -> Vec<Approval> {
        let all = self.approvals.iter().flat_map(|(stage, given)| given.iter().map(move |given| (stage, given)));
        all.filter(|(_, ((approved, _), _))| approved == identity)
            .map(|(stage, ((_, by), given))| Approval {
                stage: stage.clone(),
                by: by.clone(),
                signed: given.signed,
                at: given.at.clone(),
            })
            .collect()
    }

    /// The approval of a version for a stage that a person has given, unless the version has had the stage since and lost it.
    pub(super) fn standing(&self, stage: &str, holder: &Holder, by: &str) -> Option<Approval> {
        let stands = self.waiting(&holder.identity).any(|waiting| waiting == stage)
            || self.stages.get(stage).and_then(|held| held.last()) == Some(holder);
        let mut given = self.approvals(&holder.identity).into_iter();
        given.find(|given| stands && given.stage == stage && given.by == by)
    }

    /// The stages that an identity was approved for and has not taken since.
    pub(crate) fn waiting(&self, identity: &str) -> impl Iterator<Item = &str> {
        self.waiting.iter().filter(move |(_, approved)| approved == identity).map(|(stage, _)| stage.as_str())
    }

    /// The versions that a rollback can go back to, by their stages, each in the order in which they held it.
    pub(crate) fn behind(&self) -> impl Iterator<Item = (&str, &[Holder])> {
        let behind = |held: &'_ Vec<Holder>| held.len().saturating_sub(1);
        self.stages.iter().map(move |(stage, held)| (stage.as_str(), &held[..behind(held)]))
    }

    /// The stages and aliases that a version lost, each with the moment (RFC 3339) when it last did.
    pub(crate) fn left(&self, version: u32) -> impl Iterator<Item = (&str, &str)> {
        let left = self.left.iter().filter(move |((_, lost), _)| *lost == version);
        left.map(|((label, _), at)| (label.as_str(), at.as_str()))
    }

    /// The versions that were removed, by their numbers.
    pub fn removed(&self) -> &BTreeMap<u32, Removal> {
        &self.removed
    }

    /// Stages and aliases that a removed version holds, one line each: somebody gave it one elsewhere while it was removed here.
    pub fn conflicts(&self, name: &str) -> Vec<String> {
        let conflict = |(label, holder): (&str, &Holder)| {
            let Removal { at, by, .. } =
                self.removed.get(&holder.version).filter(|removal| removal.holder == *holder)?;
            let version = holder.version;
            Some(format!(
                "removed: {name}@{version} is `{label}`, and {by} removed it at {at}: restore it, or give `{label}` to another"
            ))
        };
        self.labels().filter_map(conflict).collect()
    }
}
