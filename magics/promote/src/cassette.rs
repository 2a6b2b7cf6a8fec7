//! An artifact's cassette: what its cells were answered over HTTP when it was published. Replays and runs play it in place of the network.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::{Cassette, Exchanged, Surroundings, Unanswered};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::artifact::Location;
use crate::environment::PinnedEnvironment;
use crate::pipeline::Pipeline;
use crate::proof::Proof;
use crate::sealed::{self, LARGEST_TEXT};

pub(crate) const CASSETTE: &str = "cassette.json";

/// What an artifact says of its cassette.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedCassette {
    /// Relative to the artifact.
    pub file: String,
    /// How many requests it has answers to.
    pub exchanges: usize,
    /// The steps that asked.
    pub steps: BTreeSet<u32>,
}

impl Pipeline {
    /// What the cells of a run find around them. Where the cassette is played, secrets are what stands for them on it: nobody's value is
    /// needed, and none is given away.
    pub(crate) fn surroundings(&self, live: bool) -> Surroundings {
        let mut surroundings = self.environment.surroundings(live);
        if self.plays(live) {
            surroundings
                .variables
                .extend(self.environment.secrets.iter().map(|name| (name.clone(), placeholder(name))));
        }
        surroundings
    }

    /// The secrets that a run needs and this process does not have, in words.
    pub(crate) fn missing_secrets(&self, live: bool) -> Vec<String> {
        if self.plays(live) { Vec::new() } else { self.environment.missing() }
    }

    /// What answers the cells of a run, where that is not the network.
    pub(crate) fn cassette(&self, location: &Location, live: bool) -> Result<Option<Cassette>, Error> {
        let pinned = self.cassette.as_ref().filter(|_| !live);
        let read = |pinned: &PinnedCassette| sealed::read(&location.directory, &pinned.file, LARGEST_TEXT);
        let tape = pinned.map(|pinned| read(pinned).map_err(|error| location.broken(&pinned.file, error)));
        Ok(tape.transpose()?.map(|tape| Cassette::Play { tape }))
    }

    /// Whether the cassette answers in a run.
    fn plays(&self, live: bool) -> bool {
        self.cassette.is_some() && !live
    }
}

/// What stands on a cassette in place of a secret. No way of writing it into a URL or a document changes it.
fn placeholder(name: &str) -> String {
    format!("__secret_{name}__")
}

/// The values of the secrets that this process has, by what stands for them.
pub(crate) fn secrets(environment: &PinnedEnvironment) -> BTreeMap<String, String> {
    let values = environment.secrets.iter().filter_map(|name| Some((placeholder(name), std::env::var(name).ok()?)));
    values.collect()
}

/// Where the answers of the network come from, in words.
pub(crate) fn source(proof: Option<&Proof>) -> String {
    let at =
        proof.and_then(|proof| proof.recorded_at.as_ref()).map(|at| format!(", recorded {at}")).unwrap_or_default();
    format!("the network's answers come from the cassette{at}")
}

/// What cells asked that nobody answered, in words.
pub(crate) fn unanswered(exchanged: &Exchanged) -> Vec<String> {
    exchanged.unanswered.iter().map(in_words).collect()
}

fn in_words(asked: &Unanswered) -> String {
    format!("cell {} asked, and got no answer: {}", asked.cell, asked.words)
}

/// The first cell that asked what is not on the cassette, and what that was, in words; those do not count that did so in the proof run and gave the right
/// results. What such a cell gives is no result: a program that goes on without an answer gives something else than with it.
pub(crate) fn first_unanswered(exchanged: &Exchanged, proof: Option<&Proof>) -> Option<(u32, String)> {
    let is_proved = |asked: &&Unanswered| proof.is_some_and(|proof| proof.unanswered.contains(&asked.cell));
    let asked = exchanged.unanswered.iter().filter(|asked| !is_proved(asked)).min_by_key(|asked| asked.cell)?;
    Some((asked.cell, format!("{}; {TO_DO}", in_words(asked))))
}

/// What to do where a run asks what was not recorded.
pub(crate) const TO_DO: &str = "to record it, run the notebook with these values and `%promote publish` it once more with `--record`; `--live` asks the network";

/// What may be behind it that a cell does something else than was recorded, where a cassette says so; to stand behind a sentence. The cell
/// `asks` where its code, or what it calls, speaks of the network.
pub(crate) fn behind(step: u32, asks: bool, exchanged: Option<&Exchanged>) -> Option<String> {
    let exchanged = exchanged?;
    let of_step = exchanged.unanswered.iter().find(|asked| asked.cell == step);
    if let Some(asked) = of_step.or_else(|| exchanged.unanswered.first()) {
        let ignore = asked.headers.iter().map(|name| format!("`--ignore-header {name}`")).collect::<Vec<_>>().join(" ");
        let hint = if ignore.is_empty() {
            String::new()
        } else {
            format!(". Where the service does not answer by what changes from run to run there, {ignore} leaves it out")
        };
        return Some(format!("; {}{hint}", asked.words));
    }
    let is_past = asks && !exchanged.steps.contains(&step);
    let is_played = exchanged.tape.is_none();
    let words = match (is_past, is_played) {
        (true, _) => {
            "none of its requests came over the proxy, so none is on the cassette: its client has to be one of HTTP that goes by `HTTP_PROXY`"
        }
        (false, true) => {
            "this run had its answers from the cassette and must give what the recording gave: something in it changes from run to run, or a \
             client went past the proxy that `HTTP_PROXY` names"
        }
        (false, false) => return None,
    };
    Some(format!("; {words}"))
}
