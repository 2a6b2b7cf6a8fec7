//! An engine for tests: a cell is a script whose lines say what to show, how long to take and how to end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kernwerk_core::{Cancel, Cancelled, Event, Problem};
use kernwerk_server::{
    Bundle, Candidate, Cell, Completeness, Completions, Engine, Failure, Outputs, Shown, Widget, WidgetKind,
};
use serde_json::json;

/// Runs scripts, one command a line; see [`Double::command`].
#[derive(Default)]
pub struct Double {
    /// What was asked of the engine beside running cells.
    pub calls: Mutex<Vec<String>>,
    /// How many cells have ended.
    pub ended: AtomicUsize,
    /// How often what is followed was asked for.
    pub asked: Arc<AtomicUsize>,
}

impl Double {
    fn note(&self, call: impl Into<String>) {
        self.calls.lock().expect("no test panics with it").push(call.into());
    }

    fn command(&self, line: &str, outputs: &dyn Outputs, cancel: &Cancel) -> Result<(), Problem> {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.replace("\\n", "\n");
        match command {
            "print" => outputs.show(Shown::Stdout(rest)),
            "eprint" => outputs.show(Shown::Stderr(rest)),
            "display" => outputs.show(Shown::Display {
                bundle: Bundle(vec![
                    ("text/plain".into(), rest.clone()),
                    ("text/html".into(), format!("<b>{rest}</b>")),
                ]),
                display_id: None,
            }),
            "named" => outputs.show(Shown::Display { bundle: Bundle::plain(rest), display_id: Some("d1".into()) }),
            "update" => outputs.show(Shown::UpdateDisplay { bundle: Bundle::plain(rest), display_id: "d1".into() }),
            "result" => outputs.show(Shown::Result(Bundle::plain(rest))),
            "clear" => outputs.show(Shown::Clear { wait: rest == "wait" }),
            "note" => outputs.event(Event::Note(rest)),
            "progress" => outputs.event(Event::Progress {
                task: "load".into(),
                done: rest.parse().expect("a number"),
                total: Some(100),
                unit: "rows",
            }),
            "progress_ended" => outputs.progress_ended(),
            "widget" => outputs.show(Shown::Widget(widget(&rest))),
            "value" => {
                let value = outputs.widget_value(&rest).unwrap_or_default();
                outputs.show(Shown::Stdout(value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
            }
            "follow" => {
                let asked = self.asked.clone();
                let answer = move || match asked.fetch_add(1, Ordering::SeqCst) {
                    2 => Err(Problem::new("Gone", "the ledger is gone")),
                    number => Ok(Bundle::plain(format!("answer {number}"))),
                };
                outputs.follow(Bundle::plain(rest), Box::new(answer));
            }
            "end_following" => outputs.end_following(),
            "input" => outputs.show(Shown::Stdout(format!("[{}]", outputs.input(&rest, false)?))),
            "sleep" => sleep(Duration::from_millis(rest.parse().expect("milliseconds")), cancel)?,
            "flood" => flood(rest.parse().expect("mebibytes"), outputs, cancel)?,
            "panic" => panic!("the double was told to panic"),
            "fail" => return Err(Problem::new("Wrong", rest).with_hint("do it right")),
            "" => {}
            other => panic!("the script has no command `{other}`"),
        }
        Ok(())
    }
}

impl Engine for Double {
    fn run(&self, cell: Cell<'_>, outputs: Arc<dyn Outputs>, cancel: &Cancel) -> Result<(), Failure> {
        for line in cell.code.lines() {
            self.command(line, outputs.as_ref(), cancel)?;
        }
        self.ended.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn evaluate(&self, expression: &str) -> Result<Bundle, Failure> {
        match expression {
            "wrong" => Err(Problem::new("Wrong", "no such name").into()),
            other => Ok(Bundle::plain(other.to_uppercase())),
        }
    }

    fn interrupt(&self) {
        self.note("interrupt");
    }

    fn complete(&self, code: &str, cursor: usize) -> Completions {
        Completions {
            start: code[..cursor].rfind(' ').map_or(0, |blank| blank + 1),
            end: cursor,
            matches: vec![Candidate { text: "match".into(), kind: "keyword".into(), signature: None }],
        }
    }

    fn inspect(&self, code: &str, _cursor: usize, _detail_level: u32) -> Option<Bundle> {
        (!code.is_empty()).then(|| Bundle::plain(format!("help on {code}")))
    }

    fn is_complete(&self, code: &str) -> Completeness {
        match code {
            "{" => Completeness::Incomplete { indent: "    ".into() },
            "}" => Completeness::Invalid,
            _ => Completeness::Complete,
        }
    }

    fn shutdown(&self) {
        self.note("shutdown");
    }
}

/// A widget of the words `NAME KIND VALUE`.
fn widget(words: &str) -> Widget {
    let words: Vec<&str> = words.splitn(3, ' ').collect();
    let [name, kind, value] = words.as_slice() else { panic!("a widget has a name, a kind and a value") };
    let (kind, state) = match *kind {
        "progress" => (WidgetKind::Progress, json!({ "value": value.parse::<f64>().expect("a number"), "max": 10 })),
        "text" => (WidgetKind::Text, json!({ "value": value, "_model_name": "OtherModel" })),
        other => panic!("the double has no widget `{other}`"),
    };
    let state = state.as_object().expect("an object").clone();
    Widget { name: (*name).to_owned(), kind, state, fallback: Bundle::plain(format!("{value} of 10")) }
}

fn sleep(time: Duration, cancel: &Cancel) -> Result<(), Cancelled> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        cancel.check()?;
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn flood(mebibytes: usize, outputs: &dyn Outputs, cancel: &Cancel) -> Result<(), Cancelled> {
    let line = format!("{}\n", "x".repeat(1023));
    for _ in 0..mebibytes * 1024 {
        cancel.check()?;
        outputs.show(Shown::Stdout(line.clone()));
    }
    Ok(())
}
