//! The history of an artifact on the disk: one file for each event in `pipelines/NAME/history`, never changed and never removed.
//!
//! A file's name is `NUMBER-DIGEST.json`, where the digest is blake3 of its bytes; each event names the digests of the last events
//! before it. So what was changed or taken out from between shows, and version control merges what two people added at once: both
//! files are there, under the same number, and whatever comes next names both.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kernwerk_store::Lab;
use serde::{Deserialize, Serialize};

use super::approval::Signed;
use super::{Author, Holder, approval, seen};
use crate::Error;
use crate::artifact::{home, replace_in};
use crate::bundle::to_json;
use crate::files::{digest, write_file};
use crate::sealed::{self, LARGEST_TEXT};
use crate::trust::{Envelope, SigningKey, keys};

const HISTORY: &str = "history";
/// Rises whenever an older Kernwerk could not read the events.
const FORMAT: u32 = 1;
/// Hexadecimal digits of the digest in a file's name.
const NAMED_DIGITS: usize = 16;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The version took the stage.
    Stage,
    /// The stage went back to the version.
    Rollback,
    /// The name stands for the version.
    Alias,
    /// The name stands for no version any more.
    Unalias,
    /// A person wants to see the version on the stage.
    Approve,
    /// A person takes an approval back.
    Withdraw,
    /// The version's files were removed. Its number is not given again.
    Prune,
    /// A version that was removed counts again.
    Restore,
}

impl Action {
    /// As it stands in the history.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Rollback => "rollback",
            Self::Alias => "alias",
            Self::Unalias => "unalias",
            Self::Approve => "approve",
            Self::Withdraw => "withdraw",
            Self::Prune => "prune",
            Self::Restore => "restore",
        }
    }
}

/// An entry of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    pub format: u32,
    /// From 1; events of one number were added at once in two places.
    pub number: u32,
    pub artifact: String,
    pub action: Action,
    /// The stage or the alias; empty where it is about none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    pub version: u32,
    /// blake3 of the version's manifest.
    pub identity: String,
    pub by: String,
    /// RFC 3339, UTC.
    pub at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Digests of the last events before this one.
    pub after: BTreeSet<String>,
    /// What a person signed who approves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signature: Option<Envelope>,
    /// What is known of its signature; told when it is read.
    #[serde(skip)]
    pub signed: Signed,
}

/// The events of an artifact, in their order, and what is wrong with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    pub events: Vec<Event>,
    /// What was changed, taken out, or is no event, one line each.
    pub findings: Vec<String>,
    /// Events that this lab has seen and that are gone, in words: somebody took them away from the end, or this is another branch, to which they
    /// never came.
    pub gone: Vec<String>,
    /// Digests of the events that no other one follows.
    pub(super) heads: BTreeSet<String>,
}

impl History {
    /// Reads the history of an artifact; none is an empty one.
    pub(crate) fn read(lab: &Lab, name: &str) -> Result<Self, Error> {
        let directory = directory(lab, name);
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let gone = seen::gone(lab, name, &BTreeMap::new(), &Self::default());
                return Ok(Self { gone, ..Self::default() });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
                let findings = vec![format!("changed: {HISTORY}, in whose place a file lies")];
                return Ok(Self { findings, ..Self::default() });
            }
            Err(error) => return Err(Error::io("list", &directory)(error)),
        };
        let mut history = Self::default();
        let mut read: BTreeMap<String, Event> = BTreeMap::new();
        for entry in entries {
            let path = entry.map_err(Error::io("list", &directory))?.path();
            match event(&path, name)? {
                Ok((digest, event)) => _ = read.insert(digest, event),
                Err(finding) => history.findings.push(finding),
            }
        }
        check_signatures(lab, &mut read, &mut history.findings)?;
        history.heads = read.keys().cloned().collect();
        for event in read.values() {
            for before in &event.after {
                history.heads.remove(before);
                if read.get(before).is_none_or(|before| before.number >= event.number) {
                    let short = before.get(..NAMED_DIGITS).unwrap_or(before);
                    history.findings.push(format!("missing: the event {short} before number {}", event.number));
                }
            }
        }
        history.findings.sort();
        history.findings.dedup();
        history.gone = seen::gone(lab, name, &read, &history);
        let mut events: Vec<(String, Event)> = read.into_iter().collect();
        events.sort_by(|(one, first), (other, second)| {
            (first.number, &first.at, one).cmp(&(second.number, &second.at, other))
        });
        history.events = events.into_iter().map(|(_, event)| event).collect();
        Ok(history)
    }

    /// The history, if nothing is wrong with it.
    pub(crate) fn sound(lab: &Lab, name: &str) -> Result<Self, Error> {
        let history = Self::read(lab, name)?;
        match history.findings.as_slice() {
            [] => Ok(history),
            findings => Err(Error::BrokenHistory { name: name.to_owned(), findings: findings.to_vec() }),
        }
    }

    /// Adds an event behind all others; it is there whole or not at all. The caller holds the artifact's lock.
    pub(crate) fn append(
        &self,
        lab: &Lab,
        artifact: &str,
        what: (Action, &str, &Holder),
        author: Author,
    ) -> Result<Event, Error> {
        let event = self.next(artifact, what, author);
        write(lab, &event)?;
        Ok(event)
    }

    /// As [`History::append`], signed with the key of who does it.
    pub(super) fn append_signed(
        &self,
        lab: &Lab,
        artifact: &str,
        what: (Action, &str, &Holder),
        author: Author,
        (key, signed): (&SigningKey, Signed),
    ) -> Result<Event, Error> {
        let mut event = self.next(artifact, what, author);
        event.signature = Some(approval::sign(&event, key));
        write(lab, &event)?;
        event.signed = signed;
        Ok(event)
    }

    fn next(&self, artifact: &str, (action, label, holder): (Action, &str, &Holder), author: Author) -> Event {
        Event {
            format: FORMAT,
            number: self.events.last().map_or(0, |event| event.number) + 1,
            artifact: artifact.to_owned(),
            action,
            label: label.to_owned(),
            version: holder.version,
            identity: holder.identity.clone(),
            by: author.by,
            at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            why: author.why,
            after: self.heads.clone(),
            signature: None,
            signed: Signed::No,
        }
    }
}

/// Puts an event into its place, whole.
fn write(lab: &Lab, event: &Event) -> Result<(), Error> {
    let bytes = to_json(event);
    let digest = digest(&bytes);
    let file = file_name(event.number, &digest);
    let staging = lab.staging_dir()?;
    let target = directory(lab, &event.artifact).join(&file);
    let staged = staging.join(&file);
    let written = write_file(&staged, &bytes).and_then(|()| replace_in(&staged, &home(lab, &event.artifact), &target));
    let _ = std::fs::remove_dir_all(&staging);
    written?;
    // It is entered all the same: whoever reads the history next keeps it in mind.
    let _ = seen::entered(lab, event, digest);
    Ok(())
}

/// Checks what was signed. Keys are looked at only where something was.
fn check_signatures(lab: &Lab, events: &mut BTreeMap<String, Event>, findings: &mut Vec<String>) -> Result<(), Error> {
    if events.values().all(|event| event.signature.is_none()) {
        return Ok(());
    }
    let (names, keys) = keys(lab)?;
    for (digest, event) in events {
        match approval::check(event, &names, &keys) {
            Ok(signed) => event.signed = signed,
            Err(fault) => findings.push(format!("changed: {HISTORY}/{}, {fault}", file_name(event.number, digest))),
        }
    }
    Ok(())
}

fn directory(lab: &Lab, name: &str) -> PathBuf {
    home(lab, name).join(HISTORY)
}

fn file_name(number: u32, digest: &str) -> String {
    format!("{number:04}-{}.json", digest.get(..NAMED_DIGITS).unwrap_or(digest))
}

/// Reads one event of the artifact `name`, and its digest; or says why it is none.
fn event(path: &Path, name: &str) -> Result<Result<(String, Event), String>, Error> {
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // A plain file alone: a link would take the reader out of the project.
    let bytes = match sealed::read(path.parent().unwrap_or(path), &file, LARGEST_TEXT) {
        Ok(bytes) if file.ends_with(".json") => bytes,
        _ => return Ok(Err(format!("extra: {HISTORY}/{file}"))),
    };
    let digest = digest(&bytes);
    Ok(match serde_json::from_slice::<Event>(&bytes) {
        Ok(event) if event.format > FORMAT => {
            return Err(Error::NewerArtifact { path: path.to_owned(), found: event.format, known: FORMAT });
        }
        Ok(event) if file == file_name(event.number, &digest) && event.artifact == name => Ok((digest, event)),
        _ => Err(format!("changed: {HISTORY}/{file}")),
    })
}
