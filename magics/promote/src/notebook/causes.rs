//! Why a cell of a notebook may show something else in a fresh process, as far as texts and traces tell.

use kernwerk_core::{Access, CellOutcome, CellStatus, Network, StoredCell};

use super::scene::Scene;
use crate::environment::variables_in;
use crate::execution::label;
use crate::network::asks_network;
use crate::reason::noun;

/// Words of code that asks for the time, or for chance.
const CHANCE: [&str; 22] = [
    "Instant::now",
    "SystemTime",
    "Utc::now",
    "Local::now",
    "thread_rng",
    "rand::",
    "RandomState",
    "HashMap",
    "HashSet",
    // Without an order, groups of Polars come in another one each time.
    "group_by(",
    "time.time",
    "perf_counter",
    "datetime.now",
    "datetime.utcnow",
    "date.today",
    "Timestamp.now",
    "random",
    "shuffle",
    "default_rng()",
    ".sample(",
    "uuid",
    "getpid",
];
/// Words of code that makes chance the same each time.
const SEEDED: [&str; 4] = ["seed", "random_state", "default_rng(", "from_seed"];

/// What ran up to the cell that differs first: each cell's text with what it did. The last is the one that differs.
pub(super) fn likely(
    ran: &[(&StoredCell, &CellOutcome)],
    is_python: bool,
    network: Option<&Network>,
    scene: &Scene,
) -> Vec<String> {
    let mut causes = Vec::new();
    let Some((last, outcome)) = ran.last() else { return causes };
    if outcome.status != CellStatus::Ok && network == Some(&Network::Off) && asks_network(&last.source) {
        causes.push("the network is kept away from cells; `--live` lets them use it".to_owned());
    }
    let seeded = ran.iter().any(|(cell, _)| SEEDED.iter().any(|word| cell.source.contains(word)));
    let asks = |cell: &StoredCell| CHANCE.iter().find(|word| cell.source.contains(**word)).filter(|_| !seeded);
    if let Some((cell, word)) = ran.iter().rev().find_map(|(cell, _)| Some((cell, asks(cell)?))) {
        causes.push(format!(
            "{} asks for the time, for chance or for what is another in each process (`{word}`)",
            called(cell)
        ));
    }
    for (cell, _) in ran {
        for name in variables_in(&cell.source, is_python) {
            // In capitals they are variables of the environment by custom, whether or not there is one here.
            let is_custom = name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
            if is_custom || std::env::var_os(&name).is_some() {
                let words = format!(
                    "{} asks for `{name}` of the environment, and a notebook does not keep what it was",
                    called(cell)
                );
                causes.push(words);
            }
        }
    }
    for ((resource, name), version) in &scene.found {
        let reads = |(_, outcome): &&(&StoredCell, &CellOutcome)| {
            let mut effects = outcome.effects.iter();
            effects.any(|effect| (effect.access, effect.resource, &effect.name) == (Access::Read, *resource, name))
        };
        if let Some((cell, _)) = ran.iter().find(reads) {
            causes.push(format!(
                "{} reads {} `{name}` as the lab has it now (version {version})",
                called(cell),
                noun(*resource)
            ));
        }
    }
    causes
}

/// How people know the cell.
fn called(cell: &StoredCell) -> String {
    cell.execution_count.map_or_else(|| "a cell that was not executed".to_owned(), label)
}
