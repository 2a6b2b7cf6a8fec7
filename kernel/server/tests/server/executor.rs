//! The executor without a protocol: magics in a real session, their outputs, and what of a cell is recorded.

use std::path::Path;
use std::sync::{Arc, Mutex};

use kernwerk_core::{Cancel, Event, Problem};
use kernwerk_server::{Cell, Engine, Executor, Failure, Outputs, Shown};
use kernwerk_session::Options;

/// Keeps what a cell shows.
#[derive(Default)]
struct Kept(Mutex<Vec<Shown>>);

impl Outputs for Kept {
    fn show(&self, shown: Shown) {
        self.0.lock().expect("no test panics with it").push(shown);
    }

    fn event(&self, event: Event) {
        if let Event::Note(line) = event {
            self.show(Shown::Stderr(line));
        }
    }

    fn progress_ended(&self) {}

    fn input(&self, _prompt: &str, _password: bool) -> Result<String, Problem> {
        Err(Problem::new("NoInput", "nobody is there"))
    }
}

fn executor(directory: &Path) -> Executor {
    Executor::new(Options {
        directory: directory.to_owned(),
        lab: None,
        principal: None,
        notebook: Some("book.ipynb".into()),
        program: "/nowhere/kernwerk".into(),
        pins: Vec::new(),
    })
}

fn run(executor: &Executor, code: &str) -> (Result<(), Failure>, Vec<Shown>) {
    let kept = Arc::new(Kept::default());
    let result = executor.run(Cell { code, execution_count: 1 }, kept.clone(), &Cancel::new());
    let shown = std::mem::take(&mut *kept.0.lock().expect("no test panics with it"));
    (result, shown)
}

fn text_of(shown: &Shown) -> &str {
    match shown {
        Shown::Display { bundle, .. } => bundle.get("text/plain").expect("plain text"),
        other => panic!("a display was expected, not {other:?}"),
    }
}

#[test]
fn a_magic_shows_text_and_html() {
    let directory = tempfile::tempdir().expect("a directory");
    let (result, shown) = run(&executor(directory.path()), "%lab status");
    assert_eq!(result, Ok(()));
    let [Shown::Display { bundle, display_id: None }] = shown.as_slice() else { panic!("{shown:?}") };
    assert!(bundle.get("text/plain").is_some_and(|text| text.contains("no lab")));
    assert!(bundle.get("text/html").is_some_and(|html| html.starts_with("<div")));
}

#[test]
fn a_mistake_in_the_last_line_is_found_before_the_first_one_runs() {
    let directory = tempfile::tempdir().expect("a directory");
    let executor = executor(directory.path());
    for (code, name) in [
        ("%lab init\n%lab stauts", "UnknownVerb"),
        ("%lab init\n%lb status", "UnknownMagic"),
        ("%lab init\n%lab status --nonsense", "BadArguments"),
        ("%lab init\n%lab 'status", "MagicSyntax"),
    ] {
        let (result, shown) = run(&executor, code);
        let failure = result.expect_err("a mistake");
        assert_eq!(failure.name, name);
        assert!(failure.traceback[1].contains("hint"), "{failure:?}");
        assert!(shown.is_empty(), "{shown:?}");
        assert!(!directory.path().join(".kernwerk").exists());
    }
}

#[test]
fn every_cell_is_recorded_with_those_before_the_lab() {
    let directory = tempfile::tempdir().expect("a directory");
    let executor = executor(directory.path());
    for code in ["%lab status", "%lab nonsense", "%lab init"] {
        let _ = run(&executor, code);
    }
    let (_, shown) = run(&executor, "%lab status");
    let text = text_of(&shown[0]).to_owned();
    assert!(text.lines().any(|line| line.starts_with("recorded cells") && line.ends_with('4')), "{text}");
}

#[test]
fn a_raised_flag_stops_a_cell_between_its_parts() {
    let directory = tempfile::tempdir().expect("a directory");
    let cancel = Cancel::new();
    cancel.cancel();
    let kept = Arc::new(Kept::default());
    let cell = Cell { code: "%lab init", execution_count: 1 };
    let failure = executor(directory.path()).run(cell, kept, &cancel).expect_err("interrupted");
    assert_eq!(failure.name, Problem::INTERRUPTED);
    assert!(!directory.path().join(".kernwerk").exists());
}

#[test]
fn a_lab_that_cannot_be_opened_is_an_error_of_the_cell() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("kernwerk.toml"), "nonsense = [").expect("written");
    let executor = executor(directory.path());
    let failure = run(&executor, "%lab status").0.expect_err("a broken lab");
    assert!(failure.message.contains("kernwerk.toml"), "{failure:?}");
    // Once mended, the same kernel goes on.
    std::fs::write(directory.path().join("kernwerk.toml"), "").expect("written");
    assert_eq!(run(&executor, "%lab status").0, Ok(()));
}

#[test]
fn completion_and_help_know_magics() {
    let directory = tempfile::tempdir().expect("a directory");
    let executor = executor(directory.path());
    let found = executor.complete("let x = 1;\n%lab stat", 20);
    let matches: Vec<(&str, &str)> =
        found.matches.iter().map(|candidate| (candidate.text.as_str(), candidate.kind.as_str())).collect();
    assert_eq!((found.start, found.end, matches), (16, 20, vec![("status", "verb")]));
    let help = executor.inspect("%lab status", 6, 0).expect("help");
    assert!(help.get("text/plain").is_some_and(|text| text.contains("%lab status")), "{help:?}");
    assert_eq!(executor.inspect("plain words", 3, 0), None);
}
