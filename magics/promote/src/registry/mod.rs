//! Which version of an artifact is where: stages such as `production`, aliases, approvals, and the way back.
//!
//! All of it is what the history says ([`History`]), read anew each time. A stage or an alias names a version by its number and its
//! identity, so another artifact in its place is not taken for it.

mod approval;
mod approve;
mod event;
mod seen;
mod state;

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::Work;
use kernwerk_store::Lab;

pub use approval::Signed;
pub use approve::{Approved, approve, approve_signed, withdraw};
pub use event::{Action, Event, History};
pub use seen::accept_gone;
pub use state::{Approval, Holder, Registry, Removal};

use crate::Error;
use crate::artifact::{self, Location, Reference, Which, find};
use crate::names::{self, check_label, differs_in_case};
use crate::verify::verify_location;

/// The stage that rolling back is about unless another is named.
pub const PRODUCTION: &str = "production";

/// Who does something, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    pub by: String,
    pub why: Option<String>,
}

impl History {
    /// The identities that it knows a version by; more than one where another artifact was put in its place.
    pub(crate) fn identities(&self, version: u32) -> BTreeSet<&str> {
        self.events.iter().filter(|event| event.version == version).map(|event| event.identity.as_str()).collect()
    }

    /// The versions that it knows.
    pub(crate) fn versions(&self) -> BTreeSet<u32> {
        self.events.iter().map(|event| event.version).collect()
    }
}

/// The versions that were removed, by what can be read of the history.
pub(crate) fn removals(lab: &Lab, name: &str) -> Result<BTreeMap<u32, Removal>, Error> {
    Ok(Registry::of(&History::read(lab, name)?).removed)
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
    let reference = Reference::latest(name)?;
    let history = History::read(lab, name)?;
    // What happened to versions that are gone is told all the same.
    if history.events.is_empty() && history.findings.is_empty() && history.gone.is_empty() {
        find(lab, &reference)?;
    }
    Ok(history)
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
    let rules = lab.promotion_rules()?;
    let (wanted, signed) = (rules.approvals.get(stage).copied().unwrap_or(0), rules.signed_approvals);
    let approvers = change.registry.approvers(stage, &change.holder.identity, signed);
    let given = people(&approvers, signed);
    if given.len() < wanted as usize {
        let approvals = change.registry.approvals(&change.holder.identity);
        let others = approvals.iter().filter(|other| other.stage == stage && !given.contains(other.by.as_str()));
        let why_not = |other: &Approval| match approvers.contains(other.by.as_str()) {
            true => "whose name differs from another's by letters' size or spaces alone".to_owned(),
            false => other.signed.to_string(),
        };
        return Err(Error::NotApproved {
            artifact: change.location.to_string(),
            stage: stage.to_owned(),
            wanted,
            uncounted: others.map(|other| format!("{} ({})", other.by, why_not(other))).collect(),
            given: given.into_iter().map(str::to_owned).collect(),
            signed,
        });
    }
    change.append(lab, Action::Stage, stage, author)
}

/// One name of each person. A signature tells two people apart whatever they are called; without, a name in other letters or with other
/// spaces is taken for the same person's.
fn people<'n>(names: &BTreeSet<&'n str>, signed: bool) -> BTreeSet<&'n str> {
    let plain = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let mut seen = BTreeSet::new();
    names.iter().copied().filter(|name| signed || seen.insert(plain(name))).collect()
}

/// Names that mean stages wherever pipelines are promoted.
const STAGES: [&str; 3] = ["archived", "production", "staging"];

/// Makes a name stand for a version.
///
/// # Errors
/// As [`stage`], but for approvals.
pub fn alias(lab: &Lab, reference: &Reference, alias: &str, author: Author, work: &Work) -> Result<Event, Error> {
    let change = Change::begin(lab, reference, alias, work)?;
    // What approvals or gates guard is taken by `stage` alone, and so is what people mean by these names.
    let rules = lab.promotion_rules()?;
    let is_guarded = rules.approvals.contains_key(alias) || rules.gates.stages.contains(alias);
    if change.registry.stages.contains_key(alias) || is_guarded || STAGES.contains(&alias) {
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

/// Makes a version count again that was removed and whose files are here again; gives none where it was not removed.
///
/// # Errors
/// [`Error::NotRemoved`] where no version is named by its number; [`Error::Removed`] where its files are not here; [`Error::OtherIdentity`] where they are another's;
/// [`Error::NotSound`].
pub fn restore(lab: &Lab, reference: &Reference, author: Author, work: &Work) -> Result<Option<Event>, Error> {
    let name = &reference.name;
    let _lock = artifact::lock(lab, name, work)?;
    let history = History::sound(lab, name)?;
    let registry = Registry::of(&history);
    let Which::Version(version) = reference.which else {
        return Err(Error::NotRemoved { artifact: name.clone(), removed: registry.removed.into_keys().collect() });
    };
    let location = artifact::location(lab, name, version);
    let Some(removal) = registry.removed.get(&version) else {
        return find(lab, reference).map(|_| None);
    };
    if !location.directory.is_dir() {
        return Err(location.removed(removal));
    }
    artifact::check_place(lab, &location)?;
    let identity = check_sound(lab, &location, work)?;
    let holder = Holder { version, identity };
    if holder != removal.holder {
        let (wanted, found) = (removal.holder.identity.clone(), holder.identity);
        return Err(Error::OtherIdentity {
            artifact: location.to_string(),
            label: "removed".to_owned(),
            wanted,
            found,
        });
    }
    history.append(lab, name, (Action::Restore, "", &holder), author).map(Some)
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
        check_label(lab, label)?;
        find(lab, reference)?;
        let lock = artifact::lock(lab, &reference.name, work)?;
        // What the reference names is settled under the lock: it may be a stage that somebody else is changing.
        let location = find(lab, reference)?;
        let identity = check_sound(lab, &location, work)?;
        let history = History::sound(lab, &location.name)?;
        let registry = Registry::of(&history);
        if let Some(like) = registry.labels().map(|(other, _)| other).find(|other| differs_in_case(other, label)) {
            return Err(names::like(label, like));
        }
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
