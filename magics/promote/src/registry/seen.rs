//! The last events that this lab has seen of each history. One that is taken away from the end leaves no trace in the directory, which anybody
//! who may commit can change; here it does.

use std::collections::BTreeMap;

use kernwerk_store::Lab;
use serde::{Deserialize, Serialize};

use super::event::{Event, History};
use crate::Error;

/// What the ledger keeps of a history.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    /// The events that no other one followed, by their digests; what each was, in words.
    last: BTreeMap<String, String>,
}

impl Seen {
    fn read(lab: &Lab, name: &str) -> Result<Self, Error> {
        let text = lab.ledger().setting(&key(name))?;
        // What cannot be read is as if nothing had been seen: a warning is not worth more.
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    fn keep(&self, lab: &Lab, name: &str) -> Result<(), Error> {
        let text = serde_json::to_string(self).expect("a map of texts serialises");
        Ok(lab.ledger().set_setting(&key(name), &text)?)
    }
}

fn key(name: &str) -> String {
    format!("history of {name}")
}

/// The events that this lab has seen and that are gone, in words; and keeps in mind those that are last now, unless the history is not whole.
/// Who works on another branch has not lost them: they are kept in mind as well, until somebody says that they are meant to be gone.
pub(super) fn gone(lab: &Lab, name: &str, read: &BTreeMap<String, Event>, history: &History) -> Vec<String> {
    // A history is read all the same where the ledger cannot be, or not be written to: on a full disk.
    let seen = Seen::read(lab, name).unwrap_or_default();
    let gone = seen.last.iter().filter(|(digest, _)| !read.contains_key(*digest));
    let gone: BTreeMap<String, String> = gone.map(|(digest, words)| (digest.clone(), words.clone())).collect();
    let words = gone.values().cloned().collect();
    if history.findings.is_empty() && !lab.is_read_only() {
        let last = history.heads.iter().filter_map(|digest| Some((digest.clone(), in_words(read.get(digest)?))));
        let now = Seen { last: gone.into_iter().chain(last).collect() };
        if now != seen {
            let _ = now.keep(lab, name);
        }
    }
    words
}

/// Keeps in mind an event that was entered just now.
pub(super) fn entered(lab: &Lab, event: &Event, digest: String) -> Result<(), Error> {
    let mut seen = Seen::read(lab, &event.artifact)?;
    seen.last.retain(|before, _| !event.after.contains(before));
    seen.last.insert(digest, in_words(event));
    seen.keep(lab, &event.artifact)
}

/// Forgets the events of an artifact that are gone: from now on those that are there are all that there were.
///
/// # Errors
/// Those of reading the history and of writing to the lab.
pub fn accept_gone(lab: &Lab, name: &str) -> Result<(), Error> {
    let history = super::history(lab, name)?;
    if history.gone.is_empty() {
        return Ok(());
    }
    let seen = Seen::read(lab, name)?;
    let is_last = |digest: &String| history.heads.contains(digest);
    Seen { last: seen.last.into_iter().filter(|(digest, _)| is_last(digest)).collect() }.keep(lab, name)
}

/// Such as `number 7, stage production of fares@2 by ada at 2026-11-29T12:00:00.000Z`.
fn in_words(event: &Event) -> String {
    let Event { number, action, label, artifact, version, by, at, .. } = event;
    let label = if label.is_empty() { String::new() } else { format!(" {label}") };
    format!("number {number}, {}{label} of {artifact}@{version} by {by} at {at}", action.name())
}
