//! The inputs of this session, and what `history_request` asks of them.

use serde::Deserialize;
use serde_json::{Value, json};

/// Front ends ask for at most this many when they do not say how many.
const DEFAULT_COUNT: usize = 1000;

/// One stored input.
struct Entry {
    execution_count: u32,
    input: String,
    /// The text of the cell's result, once it has one.
    output: Option<String>,
}

/// The inputs of one session of the kernel, in order.
#[derive(Default)]
pub(super) struct History {
    entries: Vec<Entry>,
}

/// What of the history is asked for. There is one session, whatever number the request gives.
#[derive(Deserialize)]
#[serde(tag = "hist_access_type", rename_all = "lowercase")]
enum Access {
    Range {
        #[serde(default)]
        session: Option<i64>,
        #[serde(default)]
        start: Option<i64>,
        #[serde(default)]
        stop: Option<i64>,
    },
    Tail {
        #[serde(default)]
        n: Option<usize>,
    },
    Search {
        #[serde(default)]
        pattern: Option<String>,
        #[serde(default)]
        n: Option<usize>,
        #[serde(default)]
        unique: bool,
    },
}

#[derive(Deserialize)]
pub(super) struct HistoryRequest {
    #[serde(default)]
    output: bool,
    #[serde(flatten)]
    access: Access,
}

impl History {
    pub fn begin(&mut self, execution_count: u32, input: &str) {
        self.entries.push(Entry { execution_count, input: input.to_owned(), output: None });
    }

    /// The cell that began last has given `text` as its result.
    pub fn set_output(&mut self, text: &str) {
        if let Some(entry) = self.entries.last_mut() {
            entry.output = Some(text.to_owned());
        }
    }

    /// The content of `history_reply`.
    pub fn reply(&self, request: &HistoryRequest) -> Value {
        let history: Vec<Value> = self
            .select(&request.access)
            .into_iter()
            .map(|entry| match request.output {
                true => json!([1, entry.execution_count, [entry.input, entry.output]]),
                false => json!([1, entry.execution_count, entry.input]),
            })
            .collect();
        json!({ "status": "ok", "history": history })
    }

    fn select(&self, access: &Access) -> Vec<&Entry> {
        match access {
            Access::Range { session, start, stop } => self.range(session.unwrap_or(0), start.unwrap_or(0), *stop),
            Access::Tail { n } => last(self.entries.iter().collect(), n.unwrap_or(DEFAULT_COUNT)),
            Access::Search { pattern, n, unique } => {
                let pattern: Vec<char> = pattern.as_deref().unwrap_or("*").chars().collect();
                let mut found: Vec<&Entry> = self
                    .entries
                    .iter()
                    .filter(|entry| matches(&pattern, &entry.input.chars().collect::<Vec<_>>()))
                    .collect();
                if *unique {
                    found = keep_last_of_equals(found);
                }
                last(found, n.unwrap_or(DEFAULT_COUNT))
            }
        }
    }

    /// Inputs from `start` to before `stop`; session 0 is this one, negative ones are earlier, of which nothing is kept.
    fn range(&self, session: i64, start: i64, stop: Option<i64>) -> Vec<&Entry> {
        if !(0..=1).contains(&session) {
            return Vec::new();
        }
        let wanted = |entry: &&Entry| {
            let count = i64::from(entry.execution_count);
            count >= start && stop.is_none_or(|stop| count < stop)
        };
        self.entries.iter().filter(wanted).collect()
    }
}

fn last(mut entries: Vec<&Entry>, n: usize) -> Vec<&Entry> {
    entries.drain(..entries.len().saturating_sub(n));
    entries
}

fn keep_last_of_equals(entries: Vec<&Entry>) -> Vec<&Entry> {
    let mut seen = std::collections::BTreeSet::new();
    let mut kept: Vec<&Entry> = entries.into_iter().rev().filter(|entry| seen.insert(entry.input.as_str())).collect();
    kept.reverse();
    kept
}

/// Whether all of `text` matches the glob `pattern` of `*` and `?`. Backs up to the last star only, so it stays quadratic.
fn matches(pattern: &[char], text: &[char]) -> bool {
    let (mut at, mut position) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while position < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[position] => {
                at += 1;
                position += 1;
            }
            _ => match star {
                Some((star_at, from)) => {
                    star = Some((star_at, from + 1));
                    at = star_at + 1;
                    position = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let mut history = History::default();
        for (count, input) in [(1, "let a = 1;"), (2, "a + 1"), (3, "let a = 1;"), (4, "%lab status")] {
            history.begin(count, input);
        }
        history.entries[1].output = Some("2".to_owned());
        history
    }

    fn ask(request: Value) -> Value {
        let request: HistoryRequest = serde_json::from_value(request).expect("a request");
        history().reply(&request)["history"].clone()
    }

    #[test]
    fn tail_range_and_search_select() {
        let tail = ask(json!({ "hist_access_type": "tail", "n": 1, "output": false, "raw": true }));
        assert_eq!(tail, json!([[1, 4, "%lab status"]]));
        let range = ask(
            json!({ "hist_access_type": "range", "session": 0, "start": 2, "stop": 3, "output": true, "raw": true }),
        );
        assert_eq!(range, json!([[1, 2, ["a + 1", "2"]]]));
        assert_eq!(ask(json!({ "hist_access_type": "range", "session": -1, "start": 0 })), json!([]));
        let search = ask(json!({ "hist_access_type": "search", "pattern": "let*?;", "unique": true }));
        assert_eq!(search, json!([[1, 3, "let a = 1;"]]));
        assert_eq!(ask(json!({ "hist_access_type": "search", "pattern": "a" })), json!([]));
    }

    #[test]
    fn a_star_matches_nothing_and_anything() {
        let matches = |pattern: &str, text: &str| {
            matches(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
        };
        assert!(matches("*a*b", "xaxbxb"));
        assert!(matches("**", ""));
        assert!(!matches("a*b", "abc"));
        assert!(!matches("?", ""));
    }
}
