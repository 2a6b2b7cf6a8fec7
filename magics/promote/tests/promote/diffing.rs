//! What differs between two artifacts: what was planted is told, and nothing else.

use kernwerk_core::{Side, Work};
use kernwerk_promote::{Author, Diff, Error, MatchedBy, Reference, StepChange, compared, diff, stage};

use crate::kernel::wait;
use crate::place::Place;

fn reference(text: &str) -> Reference {
    text.parse().expect("a reference")
}

fn diff_of(place: &Place, before: &str, after: &str) -> Diff {
    let (before, after) = compared(&place.lab, &reference(before), Some(&reference(after))).expect("they are there");
    wait(diff(&place.lab, &before, &after, &Work::silent())).expect("they can be read")
}

/// A place with two versions: the numbers, a cell and what it prints differ.
fn two_versions() -> Place {
    let cells = |first: &str| {
        vec![
            first.to_owned(),
            "%source numbers ../data/numbers.txt".to_owned(),
            "%table numbers -> df".to_owned(),
            "let total = df + 1\nprint total".to_owned(),
        ]
    };
    let run = |place: &Place, first: &str| place.run(&cells(first).iter().map(String::as_str).collect::<Vec<_>>());
    let place = Place::new();
    run(&place, "let idle = 1");
    place.publish("4").expect("published");
    std::fs::write(place.path("data/numbers.txt"), "1\n2\n4.5\n7\n").expect("a file");
    run(&place, "let idle = 1");
    place.run(&[
        "%source numbers ../data/numbers.txt",
        "%table numbers -> df",
        "let factor = 2",
        "let total = df + factor\nprint total",
    ]);
    place.publish("4").expect("published");
    place
}

#[test]
fn cells_data_and_results_are_compared() {
    let place = two_versions();
    let found = diff_of(&place, "sums@1", "sums@2");
    assert!(!found.is_same());
    let steps: Vec<_> = found.steps.iter().map(|step| (step.change, step.before, step.after)).collect();
    assert_eq!(
        steps,
        [
            (StepChange::Same, Some(1), Some(1)),
            (StepChange::Same, Some(2), Some(2)),
            (StepChange::Added, None, Some(3)),
            (StepChange::Changed, Some(3), Some(4)),
        ]
    );
    let lines: Vec<_> = found.steps[3].lines[0].lines.iter().map(|line| (line.side, line.text.as_str())).collect();
    assert_eq!(
        lines,
        [(Side::Before, "let total = df + 1"), (Side::After, "let total = df + factor"), (Side::Both, "print total")]
    );
    assert_eq!(found.inputs.len(), 1);
    assert!(found.inputs[0].name == "data/numbers.txt" && found.inputs[0].table.is_none());
    let results: Vec<_> = found.outputs.iter().map(|output| (output.after, output.name.as_str())).collect();
    let names: Vec<&str> = results.iter().map(|(_, name)| *name).collect();
    assert_eq!(
        names,
        ["table `numbers`, which it wrote", "output 1 (display, arrow)", "`df`", "output 1 (standard output, txt)"],
        "{results:?}"
    );
    // The lab still holds both contents of the table that the cell wrote.
    for output in &found.outputs[..2] {
        let table = output.table.as_ref().expect("rows were compared");
        assert_eq!((table.rows_before, table.rows_after, &table.matched_by), (3, 4, &MatchedBy::Values));
        assert_eq!((table.added, table.removed), (2, 1));
    }
    let printed: Vec<_> = found.outputs[3].lines[0].lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(printed, ["total = 7", "total = 16.5"]);
    assert!(found.settings.is_empty() && found.files.is_empty(), "{:?} {:?}", found.settings, found.files);
    assert!(found.before.findings.is_empty() && found.after.findings.is_empty());
}

#[test]
fn an_artifact_does_not_differ_from_itself_or_from_a_copy() {
    let place = two_versions();
    assert!(diff_of(&place, "sums@2", "sums@2").is_same());
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .args([place.path("pipelines/sums/2"), place.path("pipelines/sums/3")])
        .status();
    assert!(copied.expect("cp runs").success());
    let proof = place.path("pipelines/sums/3/attestations/proof.json");
    let text = std::fs::read_to_string(&proof).expect("a proof");
    let mut told: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let seconds = told["wall_seconds"].as_f64().expect("seconds");
    told["wall_seconds"] = (seconds + 9.0).into();
    std::fs::write(&proof, told.to_string()).expect("written");
    let found = diff_of(&place, "sums@2", "sums@3");
    assert!(found.measured.iter().any(|change| change.name == "proof run, seconds"), "{:?}", found.measured);
    assert!(found.is_same() && !found.measured.is_empty(), "what was measured is told, and makes no difference");
}

#[test]
fn a_name_alone_is_what_is_in_production_against_the_latest() {
    let place = two_versions();
    let sides = |text: &str| {
        let (before, after) = compared(&place.lab, &reference(text), None)?;
        Ok::<_, Error>((before.version, after.version))
    };
    assert_eq!(sides("sums").expect("two versions"), (1, 2));
    assert_eq!(sides("sums@1").expect("two versions"), (1, 2));
    assert_eq!(sides("sums@2").expect("two versions"), (1, 2));
    place.run(&["let x = 5", "print x"]);
    place.publish("2").expect("published");
    assert_eq!(sides("sums").expect("three versions"), (2, 3));
    let to_production = |version: &str| {
        let author = Author { by: "ada".to_owned(), why: None };
        stage(&place.lab, &reference(version), "production", author, &Work::silent()).expect("staged");
    };
    to_production("sums@1");
    assert_eq!(sides("sums").expect("three versions"), (1, 3));
    assert_eq!(sides("sums@production").expect("three versions"), (1, 3));
    to_production("sums@3");
    assert_eq!(sides("sums").expect("three versions"), (2, 3));
    assert_eq!(sides("sums@2").expect("three versions"), (2, 3));
    let single = Place::after(&["let x = 1", "print x"]);
    single.publish("2").expect("published");
    let error = compared(&single.lab, &reference("sums"), None).expect_err("there is nothing to compare");
    assert!(matches!(error, Error::NothingToCompare { .. }), "{error}");
}

#[test]
fn settings_that_nobody_here_knows_are_compared_as_well() {
    let place = two_versions();
    let path = place.path("pipelines/sums/2/pipeline.toml");
    let text = std::fs::read_to_string(&path).expect("a text");
    let changed = text.replace("level = \"bytes\"", "level = \"tolerance\"").replace("rustc 1.95.0", "rustc 1.96.0");
    let changed = format!(
        "{changed}\n[[parameters]]\nname = \"date\"\ntype = \"date\"\nstep = 1\ndefault = \"2026-01-01\"\n\n[[models]]\nname = \"mini\"\ndigest = \"77\"\n"
    );
    std::fs::write(&path, changed).expect("written");
    std::fs::write(place.path("pipelines/sums/2/lab.toml"), "language = \"de\"\n").expect("written");
    let found = diff_of(&place, "sums@1", "sums@2");
    let settings: Vec<_> =
        found.settings.iter().map(|change| (change.name.as_str(), change.after.as_deref())).collect();
    assert_eq!(
        settings,
        [
            ("level", Some("tolerance")),
            ("made_with.toolchain", Some("rustc 1.96.0")),
            ("models.mini.digest", Some("77")),
            ("models.mini.name", Some("mini")),
            ("parameters.date.default", Some("2026-01-01")),
            ("parameters.date.name", Some("date")),
            ("parameters.date.step", Some("1")),
            ("parameters.date.type", Some("date")),
        ]
    );
    assert!(found.files.is_empty(), "the manifest was not forged: {:?}", found.files);
    assert!(!found.after.findings.is_empty(), "and that something is not as it was published is told");
}

/// A table that is none, or that says more than it holds, is told and not believed.
#[test]
fn a_hostile_table_is_no_table() {
    let place = two_versions();
    let path = place.path("pipelines/sums/2/outputs/02-1-display.arrow");
    let good = std::fs::read(&path).expect("a table");
    let mut longer = good.clone();
    let middle = longer.len() / 2;
    longer[middle..middle + 8].fill(0x7f);
    for bad in [Vec::new(), b"ARROW1".to_vec(), vec![0xff; 4096], good[..good.len() - 4].to_vec(), longer] {
        std::fs::write(&path, &bad).expect("written");
        let found = diff_of(&place, "sums@1", "sums@2");
        assert!(!found.is_same());
    }
    std::fs::remove_file(&path).expect("removed");
    let (before, after) = compared(&place.lab, &reference("sums@1"), Some(&reference("sums@2"))).expect("there");
    let error = wait(diff(&place.lab, &before, &after, &Work::silent())).expect_err("a file is missing");
    assert!(error.to_string().contains("02-1-display.arrow"), "{error}");
}
