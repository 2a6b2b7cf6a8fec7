//! Which version of an artifact is where: stages such as `production`, aliases, approvals, and the way back.
//!
//! All of it is what the history says ([`History`]), read anew each time. A stage or an alias names a version by its number and its
//! identity, so another artifact in its place is not taken for it.

mod event;

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::Work;
use kernwerk_store::Lab;

pub use event::{Action, Event, History};

use crate::Error;
use crate::artifact::{self, Location, Reference, find};
use crate::verify::verify_location;

/// The stage that rolling back is about unless another is named.
pub const PRODUCTION: &str = "production";
/// What a stage or an alias cannot be called: it means the last version.
const LATEST: &str = "latest";

/// Who does something, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    pub by: String,
    pub why: Option<String>,
}

/// A version as the history names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub version: u32,
    pub identity: String,
}

/// What the history of an artifact comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    /// For each stage the versions that a rollback can go back to, and last the one that holds it.
    stages: BTreeMap<String, Vec<Holder>>,
    aliases: BTreeMap<String, Holder>,
    /// For each stage, who approved which identity.
    approvals: BTreeMap<String, BTreeSet<(String, String)>>,
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
        match event.action {
            Action::Stage => self.stages.entry(label).or_default().push(holder),
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
                _ = self.approvals.entry(label).or_default().insert((event.identity.clone(), event.by.clone()))
            }
        }
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

    /// Who approved an identity for a stage.
    pub fn approvers(&self, stage: &str, identity: &str) -> BTreeSet<&str> {
        let given = self.approvals.get(stage).into_iter().flatten();
        given.filter(|(approved, _)| approved == identity).map(|(_, by)| by.as_str()).collect()
    }
}

/// The identities that the history knows a version by; more than one where another artifact was put in its place. What is wrong with the
/// history itself is no finding about a version.
pub(crate) fn identities(lab: &Lab, name: &str, version: u32) -> BTreeSet<String> {
    let events = History::read(lab, name).unwrap_or_default().events;
    events.into_iter().filter(|event| event.version == version).map(|event| event.identity).collect()
}

/// The versions that the history knows.
pub(crate) fn known_versions(lab: &Lab, name: &str) -> BTreeSet<u32> {
    History::read(lab, name).unwrap_or_default().events.iter().map(|event| event.version).collect()
}

/// The registry of an artifact.
///
/// # Errors
/// [`Error::BrokenHistory`] where events were changed or taken out.
pub fn registry(lab: &Lab, name: &str) -> Result<Registry, Error> {
    Ok(Registry::of(&History::sound(lab, name)?))
}

/// The history of an artifact, with what is wrong with it.
///
/// # Errors
/// [`Error::UnknownArtifact`]; those of reading files.
pub fn history(lab: &Lab, name: &str) -> Result<History, Error> {
    find(lab, &Reference::latest(name)?)?;
    History::read(lab, name)
}

/// Gives a version a stage, which it takes over from the version that holds it.
///
/// # Errors
/// Those of finding the version; [`Error::NotSound`] where its files are not those that were published; [`Error::Unsigned`];
/// [`Error::NotApproved`] where `kernwerk.toml` asks for more approvals; [`Error::HeldAlready`]; [`Error::BadLabel`]; [`Error::BrokenHistory`].
pub fn stage(lab: &Lab, reference: &Reference, stage: &str, author: Author, work: &Work) -> Result<Event, Error> {
    let change = Change::begin(lab, reference, stage, work)?;
    if change.registry.aliases.contains_key(stage) {
        return Err(Error::LabelTaken { label: stage.to_owned(), kind: "an alias" });
    }
    change.check_free(stage)?;
    let wanted = lab.config().promote.approvals.get(stage).copied().unwrap_or(0);
    let approvers = change.registry.approvers(stage, &change.holder.identity);
    if approvers.len() < wanted as usize {
        let given = approvers.into_iter().map(str::to_owned).collect();
        return Err(Error::NotApproved {
            artifact: change.location.to_string(),
            stage: stage.to_owned(),
            wanted,
            given,
        });
    }
    change.append(lab, Action::Stage, stage, author)
}

/// Says that a person wants to see a version on a stage. Who says it twice counts once.
///
/// # Errors
/// As [`stage`], but for what is about the stage's holder.
pub fn approve(lab: &Lab, reference: &Reference, stage: &str, author: Author, work: &Work) -> Result<Event, Error> {
    let change = Change::begin(lab, reference, stage, work)?;
    change.append(lab, Action::Approve, stage, author)
}

/// Makes a name stand for a version.
///
/// # Errors
/// As [`stage`], but for approvals.
pub fn alias(lab: &Lab, reference: &Reference, alias: &str, author: Author, work: &Work) -> Result<Event, Error> {
    let change = Change::begin(lab, reference, alias, work)?;
    if change.registry.stages.contains_key(alias) {
        return Err(Error::LabelTaken { label: alias.to_owned(), kind: "a stage" });
    }
    change.check_free(alias)?;
    change.append(lab, Action::Alias, alias, author)
}

/// Takes a name away again.
///
/// # Errors
/// [`Error::UnknownArtifact`]; [`Error::UnknownLabel`] where it is no alias.
pub fn unalias(lab: &Lab, name: &str, alias: &str, author: Author, work: &Work) -> Result<Event, Error> {
    find(lab, &Reference::latest(name)?)?;
    let _lock = artifact::lock(lab, name, work)?;
    let history = History::sound(lab, name)?;
    let registry = Registry::of(&history);
    let Some(holder) = registry.aliases.get(alias) else {
        return Err(unknown_label(name, alias, &registry));
    };
    history.append(lab, name, (Action::Unalias, alias, holder), author)
}

/// Gives a stage back to the version that held it before. Approvals are not asked for: they were given then.
///
/// # Errors
/// [`Error::UnknownLabel`] where nothing was staged so; [`Error::NothingBefore`]; [`Error::NotSound`] where the files of the version
/// before are not those that were published.
pub fn rollback(lab: &Lab, name: &str, stage: &str, author: Author, work: &Work) -> Result<Event, Error> {
    find(lab, &Reference::latest(name)?)?;
    let _lock = artifact::lock(lab, name, work)?;
    let history = History::sound(lab, name)?;
    let registry = Registry::of(&history);
    let Some(held) = registry.stages.get(stage) else {
        return Err(unknown_label(name, stage, &registry));
    };
    let Some(before) = held.iter().rev().nth(1) else {
        return Err(Error::NothingBefore { name: name.to_owned(), stage: stage.to_owned() });
    };
    let location = held_by(lab, name, stage, before)?;
    check_sound(lab, &location, work)?;
    history.append(lab, name, (Action::Rollback, stage, before), author)
}

/// The version that `label` stands for.
pub(crate) fn labelled(lab: &Lab, name: &str, label: &str) -> Result<Location, Error> {
    let registry = registry(lab, name)?;
    match registry.holder(label) {
        Some(holder) => held_by(lab, name, label, holder),
        None => Err(unknown_label(name, label, &registry)),
    }
}

/// A change to the history of an artifact, under its lock.
struct Change {
    _lock: artifact::VersionLock,
    location: Location,
    holder: Holder,
    history: History,
    registry: Registry,
}

impl Change {
    fn begin(lab: &Lab, reference: &Reference, label: &str, work: &Work) -> Result<Self, Error> {
        check_label(label)?;
        find(lab, reference)?;
        let lock = artifact::lock(lab, &reference.name, work)?;
        // What the reference names is settled under the lock: it may be a stage that somebody else is changing.
        let location = find(lab, reference)?;
        let identity = check_sound(lab, &location, work)?;
        let history = History::sound(lab, &location.name)?;
        let registry = Registry::of(&history);
        Ok(Self { _lock: lock, holder: Holder { version: location.version, identity }, location, history, registry })
    }

    /// That the version does not hold the label already.
    fn check_free(&self, label: &str) -> Result<(), Error> {
        match self.registry.holder(label) {
            Some(holder) if *holder == self.holder => {
                Err(Error::HeldAlready { artifact: self.location.to_string(), label: label.to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn append(self, lab: &Lab, action: Action, label: &str, author: Author) -> Result<Event, Error> {
        self.history.append(lab, &self.location.name, (action, label, &self.holder), author)
    }
}

/// Checks the files of a version against its manifest, and its signatures; gives its identity.
pub(crate) fn check_sound(lab: &Lab, location: &Location, work: &Work) -> Result<String, Error> {
    let verification = verify_location(lab, location, work)?;
    let artifact = location.to_string();
    match verification.changes() {
        findings if !findings.is_empty() => Err(Error::NotSound { artifact, findings }),
        _ if verification.trust.unsigned => Err(Error::Unsigned { artifact }),
        _ => Ok(verification.id),
    }
}

/// The version that holds a label, if it is still the artifact that was given it.
fn held_by(lab: &Lab, name: &str, label: &str, holder: &Holder) -> Result<Location, Error> {
    let location = find(lab, &Reference::version(name, holder.version)?)?;
    let (_, found) = location.manifest()?;
    if found == holder.identity {
        return Ok(location);
    }
    Err(Error::OtherIdentity {
        artifact: location.to_string(),
        label: label.to_owned(),
        wanted: holder.identity.clone(),
        found,
    })
}

fn unknown_label(name: &str, label: &str, registry: &Registry) -> Error {
    let labels = registry.labels().map(|(label, _)| label.to_owned()).collect();
    Error::UnknownLabel { name: name.to_owned(), label: label.to_owned(), labels }
}

/// Checks that a stage or an alias may be called so: neither a number nor what stands for one.
fn check_label(label: &str) -> Result<(), Error> {
    if artifact::check_name(label).is_ok() && label != LATEST {
        return Ok(());
    }
    Err(Error::BadLabel { label: label.to_owned() })
}
