//! Why a fresh run may give something else than the notebook: what the text of the cells has to do with chance, the clock, the order of maps and
//! the process itself. A guess, told as one.

use kernwerk_core::Language;

use crate::execution::{Execution, label};

/// A source of difference: words that tell of it, and what to do about it.
struct Source {
    rust: &'static [&'static str],
    python: &'static [&'static str],
    /// Words beside which it is none.
    settled: &'static [&'static str],
    words: &'static str,
}

const SOURCES: [Source; 5] = [
    Source {
        rust: &["rand", "thread_rng", "random", "fastrand", "getrandom", "new_v4", "from_os_rng", "OsRng"],
        python: &[
            "random",
            "randint",
            "randn",
            "rand",
            "shuffle",
            "sample",
            "default_rng",
            "uuid4",
            "uuid1",
            "urandom",
            "secrets",
        ],
        settled: &["seed", "seed_from_u64", "from_seed", "random_state", "with_seed", "manual_seed", "set_seed"],
        words: "which is chance: begin from a seed",
    },
    Source {
        rust: &["SystemTime", "Instant", "Utc", "Local", "elapsed"],
        python: &[
            "time",
            "time_ns",
            "perf_counter",
            "monotonic",
            "process_time",
            "now",
            "today",
            "utcnow",
            "strftime",
            "localtime",
        ],
        settled: &[],
        words: "which is the clock: make the moment a parameter, or show something else",
    },
    Source {
        rust: &["HashMap", "HashSet"],
        python: &["set", "frozenset", "hash"],
        settled: &["sorted", "sort", "sort_unstable", "sort_by", "sort_by_key"],
        words: "whose order is another in each process: sort what it gives",
    },
    Source {
        rust: &["Histogram"],
        python: &[],
        settled: &[],
        words: "whose bars plotters draws in another order in each process: draw them as `Rectangle`s",
    },
    Source {
        rust: &["process", "ThreadId", "as_ptr", "current_dir", "temp_dir"],
        python: &["getpid", "id", "getcwd", "gettempdir", "tempfile", "mkdtemp", "gethostname"],
        settled: &[],
        words: "which is of this process or machine alone",
    },
];

/// The likely cause, in words, where the text of `cells` tells of one; the cell that differs first stands first among them.
pub(crate) fn likely<'a>(cells: impl Iterator<Item = &'a Execution>) -> Option<String> {
    cells.filter_map(of_cell).next()
}

fn of_cell(cell: &Execution) -> Option<String> {
    let code = code(cell);
    let is_part = |character: char| !character.is_alphanumeric() && character != '_';
    let settled = |source: &Source| code.split(is_part).any(|word| source.settled.contains(&word));
    let found = SOURCES.iter().filter(|source| !settled(source)).filter_map(|source| {
        let own = if cell.language == Language::Python { source.python } else { source.rust };
        let word = own.iter().find(|word| is_used(code, word))?;
        Some(format!("`{word}`, {}", source.words))
    });
    let found: Vec<String> = found.collect();
    (!found.is_empty()).then(|| format!("{} has to do with {}", label(cell.execution_count), found.join("; with ")))
}

/// Whether the code calls what has this name, or looks into it: a column may be called `id` as well.
fn is_used(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        before.is_none_or(|before| !before.is_alphanumeric() && before != '_')
            && after.is_some_and(|after| "(.:<".contains(after))
    })
}

/// The text of a cell; magics alone have no code.
fn code(cell: &Execution) -> &str {
    if cell.text.trim_start().starts_with("%%") { "" } else { &cell.text }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kernwerk_core::{CellId, CellStatus, Names};

    use super::*;

    fn cause(language: Language, text: &str) -> Option<String> {
        let cell = Execution {
            id: CellId(1),
            execution_count: 3,
            language,
            text: text.to_owned(),
            names: Names { defines: BTreeSet::new(), ..Names::default() },
            status: CellStatus::Ok,
            effects: Vec::new(),
            bindings: Vec::new(),
            outputs: Vec::new(),
            began: 0,
            ended: None,
        };
        likely([&cell].into_iter())
    }

    #[test]
    fn the_text_tells_the_cause() {
        for (language, text, word) in [
            (Language::Python, "import random\nx = random.random()", "chance"),
            (Language::Python, "x = time.perf_counter() - begun", "clock"),
            (Language::Rust, "let t = std::time::Instant::now();", "clock"),
            (Language::Rust, "let m: HashMap<_, _> = words.collect();", "order"),
            (Language::Rust, "chart.draw_series(Histogram::vertical(&chart).data(bars))?;", "Rectangle"),
            (Language::Python, "print(id(x))", "process"),
        ] {
            assert!(cause(language, text).is_some_and(|told| told.contains(word) && told.contains("In[3]")), "{text}");
        }
        for (language, text) in [
            (Language::Python, "random.seed(7)\nx = random.random()"),
            (Language::Python, "x = sorted(set(words))"),
            (Language::Rust, "let x = 1; // ready"),
            (Language::Python, "x = table['id'], valid(1)"),
        ] {
            assert_eq!(cause(language, text), None, "{text}");
        }
    }
}
