//! The executor without a protocol: magics in a real session, their outputs, and what of a cell is recorded.

use std::path::Path;
use std::sync::{Arc, Mutex};

use kernwerk_core::{Cancel, Event, Problem};
use kernwerk_server::{Bundle, Cell, Engine, Executor, Failure, Following, Outputs, Shown};
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

    fn follow(&self, first: Bundle, _answer: Following) {
        self.show(Shown::Display { bundle: first, display_id: None });
    }

    fn end_following(&self) {}

    fn widget_value(&self, _name: &str) -> Option<serde_json::Value> {
        None
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
        parameters: std::collections::BTreeMap::new(),
    })
}

fn run(executor: &Executor, code: &str) -> (Result<(), Failure>, Vec<Shown>) {
    let kept = Arc::new(Kept::default());
    let result = executor.run(Cell { code, execution_count: 1, id: None }, kept.clone(), &Cancel::new());
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
    let cell = Cell { code: "%lab init", execution_count: 1, id: None };
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

fn notes(shown: &[Shown]) -> Vec<&str> {
    shown.iter().filter_map(|shown| if let Shown::Stderr(line) = shown { Some(line.as_str()) } else { None }).collect()
}

#[test]
fn the_kernel_s_own_magic_is_a_magic_like_the_others() {
    let directory = tempfile::tempdir().expect("a directory");
    let executor = executor(directory.path());
    let (result, shown) = run(&executor, "%kernel --help");
    assert_eq!(result, Ok(()));
    assert!(text_of(&shown[0]).contains("dep add"), "{shown:?}");
    let failure = run(&executor, "%kernel tming").0.expect_err("a mistake");
    assert!(failure.name == "UnknownVerb" && failure.traceback[1].contains("timing"), "{failure:?}");
    assert!(text_of(&run(&executor, "%kernel vars").1[0]).contains("no variables"));
    assert!(text_of(&run(&executor, "%kernel timing").1[0]).contains("no Rust cell"));
    assert_eq!(run(&executor, "%kernel vars -> v").0.expect_err("nothing to bind").name, "NothingToBind");
    assert_eq!(executor.complete("%kernel timing --l", 18).matches[0].text, "--last");
}

#[test]
fn a_table_that_changed_makes_its_readers_stale() {
    let directory = tempfile::tempdir().expect("a directory");
    let executor = executor(directory.path());
    let csv = directory.path().join("rides.csv");
    let rides = |zones: &str| {
        let rows = zones.chars().map(|zone| format!("{zone},2026-03-01T08:00:00Z\n"));
        std::fs::write(&csv, format!("zone,pickup\n{}", rows.collect::<String>())).expect("written");
    };
    let load = "%feature source rides rides.csv --event-time pickup";
    rides("AB");
    for code in [load, "%feature sql \"SELECT zone FROM rides\" -> zones"] {
        assert_eq!(run(&executor, code).0, Ok(()));
    }
    let vars = run(&executor, "%kernel vars").1;
    assert!(text_of(&vars[0]).contains("2 rows × 1 columns") && text_of(&vars[0]).contains("In [1]"), "{vars:?}");
    assert!(text_of(&run(&executor, "%kernel stale").1[0]).contains("no cell is stale"));
    // The file is another, and the cell that read it has not run again.
    rides("ABC");
    let stale = run(&executor, "%kernel stale").1;
    assert!(text_of(&stale[0]).contains("file `rides.csv` has changed"), "{stale:?}");
    assert_eq!(run(&executor, load).0, Ok(()));
    let stale = run(&executor, "%kernel stale").1;
    assert!(text_of(&stale[0]).contains("table `rides` has changed: it was read in version 1"), "{stale:?}");
    // A cell that reads what a stale cell made is told so, once; whatever becomes of it.
    let reader = "%feature training zones --features nothing";
    let shown = run(&executor, reader).1;
    assert_eq!(notes(&shown).len(), 1, "{shown:?}");
    assert!(notes(&shown)[0].contains("`zones` is stale"), "{shown:?}");
    assert_eq!(run(&executor, "%kernel stale --quiet").0, Ok(()));
    assert!(notes(&run(&executor, reader).1).is_empty());
    assert_eq!(run(&executor, "%kernel stale --tell").0, Ok(()));
    assert_eq!(run(&executor, "%feature sql \"SELECT zone FROM rides\" -> zones").0, Ok(()));
    assert!(notes(&run(&executor, reader).1).is_empty(), "it is fresh again");
}
