//! Notebooks that nobody published: they run beside what the lab holds now, and change nothing of it.

use std::path::Path;
use std::sync::Arc;

use kernwerk_core::{Cancel, Channel, Resource, Shown, Silent, StoredCell, StoredNotebook, Verdict, Work};
use kernwerk_promote::{Agreement, CellOrder, Error, NotebookReplay, NotebookSpec, replay_notebook};
use kernwerk_store::Lab;
use serde_json::json;

use crate::kernel::{MiniRunner, store, wait};
use crate::place::Place;

fn cell(count: Option<u32>, source: &str, printed: Option<&str>) -> StoredCell {
    let shown = printed.map(|text| Shown::text(Channel::Stdout, text));
    StoredCell { source: source.to_owned(), execution_count: count, shown: shown.into_iter().collect() }
}

fn spec(place: &Place, cells: &[StoredCell]) -> NotebookSpec {
    let path = place.path("notebooks/nb.ipynb");
    std::fs::write(&path, "the file itself is read by others").expect("a file");
    NotebookSpec {
        path,
        notebook: StoredNotebook {
            language: "rust".to_owned(),
            kernel: Some("kernwerk".to_owned()),
            language_version: None,
            cells: cells.to_vec(),
        },
        order: CellOrder::Document,
        level: None,
        live: false,
        principal: None,
    }
}

fn replayed(place: &Place, cells: &[StoredCell], runner: &MiniRunner) -> NotebookReplay {
    let spec = spec(place, cells);
    wait(replay_notebook(Some(&place.lab), &spec, runner, &Work::silent())).expect("it can be replayed")
}

/// What the lab holds, but for the ledger and what processes leave while they run.
fn held(lab: &Lab) -> Vec<(String, Vec<u8>)> {
    let is_data = |path: &Path| {
        let below = path.strip_prefix(lab.root()).expect("below").to_string_lossy().into_owned();
        !below.starts_with(".kernwerk") || below.starts_with(".kernwerk/tables")
    };
    let entries = walkdir::WalkDir::new(lab.root()).sort_by_file_name().into_iter().flatten();
    let files = entries.filter(|entry| entry.file_type().is_file() && is_data(entry.path()));
    files
        .map(|entry| (entry.path().display().to_string(), std::fs::read(entry.path()).expect("it can be read")))
        .collect()
}

#[test]
fn what_the_cells_make_is_made_anew_and_what_others_made_is_read() {
    let place = Place::new();
    store(&place.lab, "base", vec![4.0, 5.0]);
    let made = ["%source numbers ../data/numbers.txt", "%table numbers -> n\nprint n"];
    // Twice, as people do.
    place.run(&made);
    place.run(&made);
    for name in ["views", "others"] {
        place.lab.ledger().define("feature-view", name, &json!({"sql": name})).expect("it is defined");
    }
    let before = held(&place.lab);
    let mut cells = vec![
        cell(Some(1), made[0], None),
        cell(Some(2), "%table base -> b\nwrite \"../data/more.txt\" b\nprint b", Some("b = 9\n")),
        cell(Some(3), "%table numbers -> n\nprint n", Some("n = 6\n")),
    ];
    // Tables are displays of their own here, which only this kernel stores.
    for (place, number) in [(1, [4.0, 5.0].as_slice()), (2, [1.0, 2.0, 3.0].as_slice())] {
        let bytes = crate::kernel::arrow_file(&[crate::kernel::rows(number.to_vec())]);
        let forms = vec![kernwerk_core::ShownForm { format: "arrow".to_owned(), bytes }];
        cells[place].shown.push(Shown { channel: Channel::Display, forms, volatile: false });
    }
    let runner = MiniRunner::default();
    let replay = replayed(&place, &cells, &runner);
    assert_eq!((replay.verdict, replay.agreement()), (Verdict::Passed, Some(Agreement::IDENTICAL)), "{replay:?}");
    let pins: Vec<(Resource, String)> = runner.pins().into_iter().map(|pin| (pin.resource, pin.name)).collect();
    assert_eq!(pins, [(Resource::Table, "base".to_owned())]);
    // But for the notebook, which this test has put there.
    let after: Vec<_> = held(&place.lab).into_iter().filter(|(name, _)| !name.ends_with(".ipynb")).collect();
    assert_eq!(after, before);
    place.assert_clean();
    // Another value in the lab is another result, and the lab is named as the reason.
    store(&place.lab, "base", vec![4.0, 6.0]);
    let replay = replayed(&place, &cells, &MiniRunner::default());
    assert_eq!(replay.verdict, Verdict::Failed);
    assert_eq!(replay.first_divergence().map(|cell| replay.called(cell)).as_deref(), Some("cell 2 (In[2])"));
    let causes = replay.findings.join("\n");
    assert!(causes.contains("In[2] reads table `base` as the lab has it now (version 2)"), "{causes}");
}

#[test]
fn definitions_of_the_lab_are_there() {
    let place = Place::new();
    for body in [json!({"a": 1}), json!({"a": 2})] {
        place.lab.ledger().define("feature-view", "busy", &body).expect("it is defined");
    }
    let runner = MiniRunner {
        before: Some(Box::new({
            let root = place.path(".kernwerk/tmp");
            move |_| {
                let copies = walkdir::WalkDir::new(&root).into_iter().flatten();
                let ledger = copies.into_iter().find(|entry| entry.file_name() == "ledger.sqlite").expect("a copy");
                let lab = Lab::open(ledger.path().ancestors().nth(2).expect("its root")).expect("a lab");
                let versions = lab.ledger().definition_history("feature-view", "busy").expect("it can be read");
                assert_eq!(versions.len(), 2);
            }
        })),
        ..MiniRunner::default()
    };
    let replay = replayed(&place, &[cell(Some(1), "let x = 1\nprint x", Some("x = 1\n"))], &runner);
    assert_eq!(replay.verdict, Verdict::Passed, "{replay:?}");
}

#[test]
fn a_run_that_ends_early_or_does_not_begin_decides_nothing() {
    let place = Place::new();
    let cells: Vec<StoredCell> =
        (1..=3).map(|count| cell(Some(count), "let x = 1\nprint x", Some("x = 1\n"))).collect();
    let replay = replayed(&place, &cells, &MiniRunner::dying_in(2));
    assert_eq!((replay.verdict, replay.cells.len()), (Verdict::Undecided, 1));
    let words = replay.findings.join("\n");
    assert!(words.contains("the process ended in cell 2") && words.contains("2 cells did not run"), "{words}");
    let replay = replayed(&place, &cells, &MiniRunner::dying_in(0));
    assert_eq!((replay.verdict, replay.cells.len(), replay.agreement()), (Verdict::Undecided, 0, None));
    let cancel = Cancel::new();
    let work = Work::new(cancel.clone(), Arc::new(Silent));
    let runner = MiniRunner { before: Some(Box::new(move |_| cancel.cancel())), ..MiniRunner::default() };
    let stopped = wait(replay_notebook(Some(&place.lab), &spec(&place, &cells), &runner, &work));
    assert!(matches!(stopped, Err(Error::Cancelled(_))), "{stopped:?}");
    place.assert_clean();
}

#[test]
fn a_cell_that_failed_is_expected_to_fail_again_and_the_rest_runs() {
    let place = Place::new();
    let mut failing = cell(Some(1), "panic", None);
    failing.shown.push(Shown::text(Channel::Error, "panicked"));
    let after = cell(Some(2), "let x = 1\nprint x", Some("x = 1\n"));
    let replay = replayed(&place, &[failing.clone(), after.clone()], &MiniRunner::default());
    assert_eq!((replay.verdict, replay.cells.len()), (Verdict::Passed, 2), "{replay:?}");
    failing.source = "let y = 1".to_owned();
    let replay = replayed(&place, &[failing, after], &MiniRunner::default());
    assert_eq!(replay.verdict, Verdict::Failed);
    let difference = replay.cells[0].difference.as_deref();
    assert!(difference.is_some_and(|words| words.starts_with("in the notebook it failed")), "{difference:?}");
}
