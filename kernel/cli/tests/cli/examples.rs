//! The examples in the verbs' help run as they stand, each in a fresh lab, with the files beside this one.

use std::path::Path;

use kernwerk_core::{CellOutcome, CellStatus, Channel, RunCell, RunRequest, Surroundings};
use kernwerk_lang::Example;

use crate::program::Place;

#[test]
fn every_example_runs() {
    let failures: Vec<String> = kernwerk_server::language()
        .verbs
        .iter()
        .flat_map(|verb| verb.examples)
        .filter_map(|example| failure(example).map(|failure| format!("{}\n{failure}", example.line)))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// What went wrong when the example and its setup ran.
fn failure(example: &Example) -> Option<String> {
    let place = Place::new();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/examples"), place.path());
    let own = match example.body {
        Some(body) => format!("{}\n{body}", example.line),
        None => example.line.to_owned(),
    };
    let sources = example.setup.iter().map(|line| (*line).to_owned()).chain([own]);
    let request = RunRequest {
        directory: place.path().to_owned(),
        lab: place.path().to_owned(),
        principal: None,
        pins: Vec::new(),
        cells: sources
            .zip(1..)
            .map(|(source, ordinal)| RunCell { ordinal, source, may_fail: false, values: Vec::new() })
            .collect(),
        parameters: std::collections::BTreeMap::new(),
        given: Vec::new(),
        python: false,
        surroundings: Surroundings { threads: 2, variables: [].into(), network: true },
        lock: None,
        shown: false,
        cassette: None,
        proxy: None,
        program: None,
    };
    let line = serde_json::to_string(&request).expect("a request is JSON");
    let ran = place.run_with(&["run-cells"], &format!("{line}\n"));
    // Behind the outcomes stands what is told of the run as a whole.
    let told = ran.stdout();
    let lines = told.lines().take(request.cells.len());
    let outcomes: Vec<CellOutcome> = lines.map(|line| serde_json::from_str(line).expect("an outcome")).collect();
    let complete =
        outcomes.len() == request.cells.len() && outcomes.iter().all(|outcome| outcome.status == CellStatus::Ok);
    (!complete).then(|| {
        let errors =
            outcomes.iter().flat_map(|outcome| &outcome.outputs).filter(|output| output.channel == Channel::Error);
        let errors: Vec<String> = errors.map(|output| String::from_utf8_lossy(&output.bytes).into_owned()).collect();
        format!("{} of {} cells; {}\n{}", outcomes.len(), request.cells.len(), errors.join("\n"), ran.stderr())
    })
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("the examples' files").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
