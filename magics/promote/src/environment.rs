//! The environment that an artifact is pinned to: the variables that its cells read, and how many threads its libraries may use.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::{Language, Surroundings};
use kernwerk_detect::may_name_secret;
use serde::{Deserialize, Serialize};

use crate::execution::{Execution, label};
use crate::network::asking;
use crate::plan::{Kept, Plan};
use crate::slice::literals;

/// How code asks for a variable of the environment, in Rust and in Python.
const ASKS: [&str; 7] = ["var(", "var_os(", "env!(", "environ", "getenv", "environb", "expandvars"];

/// The environment of an artifact's cells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedEnvironment {
    /// How many threads numerical libraries may use, for the last digits of sums depend on it.
    pub threads: u32,
    /// The cells use the network: they are published and replayed with it, and what they get may change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub network: bool,
    /// Variables that hold secrets: their values are no part of the artifact, and are looked for where it runs.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secrets: BTreeSet<String>,
    /// Variables that the cells read, with their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

impl PinnedEnvironment {
    /// The environment of this process, as far as `cells` read it.
    pub(crate) fn here<'a>(cells: impl Iterator<Item = &'a Execution>, network: bool) -> Self {
        Self::of_names(cells.flat_map(asked), network)
    }

    /// The environment of this process, as far as it has variables of these names.
    pub(crate) fn of_names(names: impl Iterator<Item = String>, network: bool) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut environment = Self { threads: u32::try_from(cores).unwrap_or(1), network, ..Self::default() };
        for name in names {
            match std::env::var(&name) {
                Ok(_) if may_name_secret(&name) => _ = environment.secrets.insert(name),
                Ok(value) if !Surroundings::settles(&name) => _ = environment.variables.insert(name, value),
                // One that is not there is not there in runs either.
                _ => {}
            }
        }
        environment
    }

    /// What the cells of a run find around them.
    pub(crate) fn surroundings(&self, live: bool) -> Surroundings {
        let secrets = self.secrets.iter().filter_map(|name| Some((name.clone(), std::env::var(name).ok()?)));
        Surroundings {
            threads: self.threads,
            variables: self.variables.clone().into_iter().chain(secrets).collect(),
            network: live,
        }
    }

    /// The secrets that this process does not have, in words.
    pub(crate) fn missing(&self) -> Vec<String> {
        let missing = self.secrets.iter().filter(|name| std::env::var_os(name).is_none());
        missing
            .map(|name| format!("missing: the secret `{name}` in the environment, which is no part of an artifact"))
            .collect()
    }
}

/// The names that the text of a cell may ask the environment for.
fn asked(cell: &Execution) -> Vec<String> {
    variables_in(&cell.text, cell.language == Language::Python)
}

/// The names that a text may ask the environment for.
pub(crate) fn variables_in(text: &str, is_python: bool) -> Vec<String> {
    if !ASKS.iter().any(|word| text.contains(word)) {
        return Vec::new();
    }
    let is_name = |word: &String| {
        !word.is_empty()
            && !word.starts_with(|first: char| first.is_ascii_digit())
            && word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    literals(text, is_python).into_iter().filter(is_name).collect()
}

/// What a cell of the plan asks for and runs do not see, or not as it is here; a likely reason where the cell does something else
/// in a run. To stand behind a sentence.
pub(crate) fn unseen(plan: &Plan, kept: &Kept, live: bool) -> String {
    let cell = &kept.execution;
    let is_unseen = |name: &String| Surroundings::settles(name) && std::env::var_os(name).is_some();
    if let Some(name) = asked(cell).into_iter().find(is_unseen) {
        return format!("; it asks for `{name}`, which is the same in every run and not what it is here");
    }
    let hint = "`--record` publishes with what it answers, `--live` with the network itself";
    match asking(plan, kept).filter(|_| !live) {
        Some(asking) if asking.id == cell.id => format!("; the network is kept away from runs: {hint}"),
        Some(asking) => {
            let label = label(asking.execution_count);
            format!("; {label}, which it needs, speaks of the network, and that is kept away from runs: {hint}")
        }
        None => String::new(),
    }
}
