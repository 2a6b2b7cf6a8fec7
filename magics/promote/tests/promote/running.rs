//! Running pipelines: with other values and other inputs, what need not run again, what goes on, and what is refused.

use std::sync::Arc;

use kernwerk_core::{Cancel, Silent, Verdict, Work};
use kernwerk_promote::{
    Error, InstalledModel, Run, RunRecord, RunSpec, RunStatus, SigningKey, StepStatus, execute, runs, show,
};
use kernwerk_store::{Call, Lab};

use crate::kernel::{MiniRunner, WEIGHTS, wait};
use crate::place::Place;

/// Rows that a query binds, a parameter, and code that needs both.
const CELLS: [&str; 5] = [
    "%source numbers ../data/numbers.txt",
    "%table numbers -> df",
    "%promote param more=1",
    "let total = df + more\nprint total",
    "third total",
];

fn published() -> Place {
    let place = Place::after(&CELLS);
    place.publish("5").expect("published");
    place
}

fn spec(parameters: &[(&str, &str)]) -> RunSpec {
    RunSpec {
        reference: "sums".parse().expect("a reference"),
        parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        retries: 0,
        live: false,
        fresh: false,
        by: "ada".to_owned(),
        toolchain: Some("rustc 1.95.0".to_owned()),
        lineage: None,
        call: Call::default(),
    }
}

fn try_run(lab: &Lab, spec: &RunSpec, runner: &MiniRunner, work: &Work) -> Result<Run, Error> {
    let models = |_: &str| Ok(InstalledModel::Digest(WEIGHTS.to_owned()));
    wait(execute(lab, spec, &models, runner, work))
}

fn run(place: &Place, spec: &RunSpec, runner: &MiniRunner) -> Run {
    try_run(&place.lab, spec, runner, &Work::silent()).expect("the artifact is there")
}

/// The result as text.
fn result(run: &Run) -> String {
    String::from_utf8(run.result.as_ref().expect("a result").bytes.clone()).expect("text")
}

fn statuses(run: &Run) -> Vec<StepStatus> {
    run.record.as_ref().expect("a record").steps.iter().map(|step| step.status).collect()
}

fn records(place: &Place) -> Vec<RunRecord> {
    runs(&place.lab, "sums").expect("records that can be read")
}

fn events(place: &Place, run: &str) -> Vec<String> {
    let path = place.path(".kernwerk/runs").join(run).join("lineage.jsonl");
    let text = std::fs::read_to_string(path).expect("events");
    let event = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    text.lines().map(|line| event(line)["eventType"].as_str().expect("a type").to_owned()).collect()
}

#[test]
fn parameters_are_typed_inputs_of_the_pipeline() {
    let place = published();
    let text = std::fs::read_to_string(place.path("pipelines/sums/1/pipeline.toml")).expect("a file");
    assert!(text.contains("[[parameters]]\nname = \"more\"\ntype = \"integer\"\ndefault = 1\nstep = 3\n"), "{text}");
    let shown = show(&place.lab, &"sums".parse().expect("a reference")).expect("it can be read");
    assert_eq!(shown.pipeline.parameters.len(), 1);
    assert_eq!(place.replay("sums@1").verdict, Verdict::Passed, "a replay takes the defaults");
}

#[test]
fn a_parameter_that_two_cells_declare_cannot_be_published() {
    let place = Place::after(&["%promote param n=1", "let a = n + 1", "%promote param n=2", "let b = a + n\nprint b"]);
    let error = place.publish("4").expect_err("it is refused");
    assert!(error.to_string().contains("parameter `n` is declared by two cells of the slice, 1 and 3"), "{error}");
}

#[test]
fn parameters_are_looked_at_before_anything_runs() {
    let place = Place::after(&[
        "%promote param n=1",
        "let a = n + 1",
        "%promote param n=2",
        "let b = a + n\nprint b",
        "%promote param m=2",
    ]);
    let mut spec = crate::place::spec("4");
    // The cells of the tests declare one each.
    spec.plan.parameters = |text| {
        let declared = text.strip_prefix("%promote param ").and_then(|rest| rest.split_once('='));
        declared.map(|(name, _)| name.to_owned()).into_iter().collect()
    };
    let runner = MiniRunner::default();
    let refused = wait(kernwerk_promote::publish(&place.lab, &spec, &runner, &Work::silent())).expect_err("refused");
    assert!(refused.to_string().contains("parameter `n` is declared by In[1] and by In[3]"), "{refused}");
    assert_eq!(runner.runs(), 0, "nothing ran");
    spec.plan.target = "a".parse().expect("a target");
    let published = wait(kernwerk_promote::publish(&place.lab, &spec, &runner, &Work::silent())).expect("published");
    assert!(published.notes.iter().any(|note| note.contains("not among the parameters: `m`")), "{:?}", published.notes);
}

#[test]
fn another_value_gives_another_result_and_runs_what_depends_on_it() {
    let place = published();
    let runner = MiniRunner::default();
    let first = run(&place, &spec(&[]), &runner);
    assert_eq!((first.verdict, result(&first).as_str()), (Verdict::Passed, "2.3333333333333335"), "{first:?}");
    assert_eq!(statuses(&first), [StepStatus::Ran; 5]);

    let second = run(&place, &spec(&[]), &runner);
    assert_eq!((runner.runs(), result(&second)), (1, result(&first)), "{second:?}");
    assert_eq!(statuses(&second), [StepStatus::Cached; 5]);
    assert!(second.notes.iter().any(|note| note.contains("nothing had to run")), "{:?}", second.notes);

    let third = run(&place, &spec(&[("more", "3")]), &runner);
    assert_eq!(result(&third), "3.0");
    assert_eq!(runner.asked(), [3, 4, 5], "the table is bound again, its source is not read");
    let request = runner.requests.lock().expect("no test panics with it").last().cloned().expect("a request");
    assert_eq!(request.given.iter().map(|given| given.name.as_str()).collect::<Vec<_>>(), ["df"]);
    let record = third.record.as_ref().expect("a record");
    assert_eq!((record.parameters[0].is_default, record.parameters[0].value.to_string().as_str()), (false, "3"));

    let fresh = run(&place, &RunSpec { fresh: true, ..spec(&[]) }, &runner);
    assert_eq!((statuses(&fresh), result(&fresh)), (vec![StepStatus::Ran; 5], result(&first)));
    assert_eq!(records(&place).len(), 4);
    place.assert_clean();
}

#[test]
fn of_several_parameters_only_those_count_that_a_cell_names() {
    let place = Place::after(&[
        "%promote param more=1 other=2",
        "%load ../data/numbers.txt -> df",
        "let total = df + more\nprint total",
        "let end = total + other\nprint end",
    ]);
    place.publish("4").expect("published");
    let runner = MiniRunner::default();
    run(&place, &spec(&[]), &runner);
    let key = |run: &Run, step: usize| run.record.as_ref().expect("a record").steps[step - 1].key.clone();
    let keys = |parameters: &[(&str, &str)]| {
        let run = run(&place, &spec(parameters), &runner);
        [1, 3, 4].map(|step| key(&run, step))
    };
    let [declared, total, end] = keys(&[]);
    let [_, other_total, other_end] = keys(&[("other", "5")]);
    assert_eq!((other_total == total, other_end == end), (true, false), "the third cell does not read it");
    let [more_declared, more_total, more_end] = keys(&[("more", "5")]);
    assert!(more_declared != declared && more_total != total && more_end != end);
}

#[test]
fn code_that_asks_the_calendar_or_the_network_runs_each_time() {
    let place = Place::after(&[
        "%source numbers ../data/numbers.txt",
        "%table numbers -> df",
        "let today = df + 1\nlet value = today + 1",
        "let end = value + 1\nprint end",
    ]);
    place.publish("4").expect("published");
    let runner = MiniRunner::default();
    run(&place, &spec(&[]), &runner);
    let again = run(&place, &spec(&[]), &runner);
    assert_eq!(statuses(&again), [StepStatus::Cached, StepStatus::Cached, StepStatus::Ran, StepStatus::Ran]);
    let why: Vec<_> = again.record.expect("a record").steps.into_iter().filter_map(|step| step.why).collect();
    assert!(why[2].contains("`today`") && why[3].contains("needs cell 3, which runs each time"), "{why:?}");
}

#[test]
fn a_run_reads_its_inputs_as_they_are_now() {
    let place = published();
    let runner = MiniRunner::default();
    run(&place, &spec(&[]), &runner);
    std::fs::write(place.path("data/numbers.txt"), "1\n2\n5\n").expect("a file");
    let changed = run(&place, &spec(&[]), &runner);
    assert_eq!((statuses(&changed), result(&changed).as_str()), (vec![StepStatus::Ran; 5], "3.0"));
    // What was before is remembered as well.
    std::fs::write(place.path("data/numbers.txt"), "1\n2\n3\n").expect("a file");
    assert_eq!(statuses(&run(&place, &spec(&[]), &runner)), [StepStatus::Cached; 5]);
    std::fs::remove_file(place.path("data/numbers.txt")).expect("it is there");
    let missing = run(&place, &spec(&[]), &runner);
    assert_eq!((missing.verdict, missing.record), (Verdict::Undecided, None));
    assert!(missing.findings[0].contains("missing: file `data/numbers.txt`"), "{:?}", missing.findings);
}

#[test]
fn what_does_not_fit_is_refused_before_anything_runs() {
    let place = published();
    let runner = MiniRunner::default();
    let refused = |parameters: &[(&str, &str)], word: &str, hint: &str| {
        let error = try_run(&place.lab, &spec(parameters), &runner, &Work::silent()).expect_err(word);
        assert!(error.to_string().contains(word), "{error}");
        assert!(error.hint().is_some_and(|found| found.contains(hint)), "{:?}", error.hint());
    };
    refused(&[("mroe", "1")], "no parameter `mroe`", "did you mean `more`");
    refused(&[("more", "many")], "is of type integer, and `many` is none", "a whole number");
    refused(&[("more", "1.5")], "is of type integer, and `1.5` is none", "a whole number");
    refused(&[("more", "1"), ("more", "2")], "is given two values", "one");
    std::fs::write(place.path("pipelines/sums/1/cells/04.rs"), "let total = 8\nprint total").expect("a file");
    let changed = run(&place, &spec(&[]), &runner);
    assert_eq!((changed.verdict, changed.record), (Verdict::Failed, None));
    assert_eq!(changed.findings, ["changed: cells/04.rs (the text of cell 4)"]);
    assert_eq!((runner.runs(), records(&place).len()), (0, 0));
}

#[test]
fn an_unsigned_artifact_does_not_run_where_keys_count() {
    let place = published();
    let key = SigningKey::create(&place.path("keys"), "ada").expect("a key").public().text();
    std::fs::write(place.path("kernwerk.toml"), format!("[promote.keys]\nada = \"{key}\"\n")).expect("a file");
    let place = place.reopened();
    let runner = MiniRunner::default();
    let refused = run(&place, &spec(&[]), &runner);
    assert_eq!((refused.verdict, runner.runs()), (Verdict::Failed, 0));
    assert!(refused.findings[0].starts_with("unsigned"), "{:?}", refused.findings);
}

#[test]
fn a_step_is_tried_again_as_often_as_asked() {
    let place = published();
    let runner = MiniRunner::dying_once_in(4);
    let retried = run(&place, &RunSpec { retries: 1, ..spec(&[]) }, &runner);
    assert_eq!((retried.verdict, runner.runs()), (Verdict::Passed, 2), "{retried:?}");
    assert_eq!(runner.asked(), [3, 4, 5], "what can be bound again did not run again");
    let record = retried.record.as_ref().expect("a record");
    let attempts: Vec<u32> = record.steps.iter().map(|step| step.attempts).collect();
    assert_eq!((record.attempts, attempts), (2, vec![1, 1, 2, 1, 1]));
    assert!(retried.notes.iter().any(|note| note.contains("ended in cell 4") && note.contains("tried again")));

    let runner = MiniRunner::dying_in(4);
    let failed = run(&place, &RunSpec { retries: 2, ..spec(&[("more", "7")]) }, &runner);
    assert_eq!((failed.verdict, runner.runs()), (Verdict::Failed, 3));
    assert_eq!(failed.result, None);
    let record = failed.record.expect("a record");
    assert_eq!((record.status, events(&place, &record.id)), (RunStatus::Failed, vec!["START".into(), "FAIL".into()]));
    let after = run(&place, &spec(&[("more", "7")]), &MiniRunner::default());
    assert_eq!((after.verdict, result(&after).as_str()), (Verdict::Passed, "4.333333333333333"));
    assert_ne!(after.record.expect("a record").id, record.id, "what failed has ended");
    place.assert_clean();
}

#[test]
fn a_cell_that_fails_ends_the_run_and_is_named() {
    let place = Place::after(&["%load ../data/numbers.txt -> total", "write \"../data/out.txt\" total\nprint total"]);
    place.publish("2").expect("published");
    let runner = MiniRunner::bending(|outcome| {
        if outcome.ordinal == 2 {
            outcome.status = kernwerk_core::CellStatus::Error;
        }
    });
    let failed = run(&place, &spec(&[]), &runner);
    assert_eq!(failed.verdict, Verdict::Failed);
    assert!(failed.findings[0].starts_with("cell 2 failed"), "{:?}", failed.findings);
    assert_eq!(statuses(&failed), [StepStatus::Ran, StepStatus::Failed]);
}

/// As a kill leaves it: the record says that the run goes on, and nobody holds it.
fn forget_the_end(place: &Place, id: &str) {
    let path = place.path(".kernwerk/runs").join(id).join("run.json");
    let mut record: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).expect("a record")).expect("JSON");
    record["status"] = "running".into();
    for field in ["ended_at", "failure", "result"] {
        record[field] = serde_json::Value::Null;
    }
    std::fs::write(&path, record.to_string()).expect("a file");
    let events = path.with_file_name("lineage.jsonl");
    let text = std::fs::read_to_string(&events).expect("events");
    std::fs::write(&events, format!("{}\n", text.lines().next().expect("a first"))).expect("a file");
}

#[test]
fn a_run_that_was_cut_off_goes_on() {
    let place = published();
    let failed = run(&place, &spec(&[]), &MiniRunner::dying_in(5)).record.expect("a record");
    forget_the_end(&place, &failed.id);
    let runner = MiniRunner::default();
    let other = run(&place, &spec(&[("more", "2")]), &runner);
    let words = "is not gone on with: its parameters, inputs or programs were others";
    assert!(other.notes.iter().any(|note| note.contains(&failed.id) && note.contains(words)), "{:?}", other.notes);
    assert_eq!(events(&place, &failed.id), ["START", "ABORT"]);
    assert_eq!(records(&place)[0].status, RunStatus::CutOff);

    let failed = run(&place, &spec(&[("more", "4")]), &MiniRunner::dying_in(5)).record.expect("a record");
    forget_the_end(&place, &failed.id);
    let went_on = run(&place, &spec(&[("more", "4")]), &runner);
    assert!(went_on.notes.iter().any(|note| note.contains("goes on with run")), "{:?}", went_on.notes);
    let record = went_on.record.expect("a record");
    assert_eq!((record.id.as_str(), record.status, record.continued), (failed.id.as_str(), RunStatus::Succeeded, 1));
    assert_eq!(events(&place, &record.id), ["START", "RUNNING", "COMPLETE"]);
    assert!(records(&place).iter().all(|record| record.status != RunStatus::Running));
}

#[test]
fn an_interrupt_is_the_end_of_a_run_and_keeps_what_was_done() {
    let place = published();
    let cancel = Cancel::new();
    let stop = cancel.clone();
    let before = Box::new(move |cell| {
        if cell == 4 {
            stop.cancel()
        }
    });
    let runner = MiniRunner { before: Some(before), ..MiniRunner::default() };
    let work = Work::new(cancel, Arc::new(Silent));
    let stopped = try_run(&place.lab, &spec(&[]), &runner, &work);
    assert!(matches!(stopped, Err(Error::Cancelled(_))), "{stopped:?}");
    let record = records(&place).remove(0);
    assert_eq!(
        (record.status, events(&place, &record.id)),
        (RunStatus::Interrupted, vec!["START".into(), "ABORT".into()])
    );
    let runner = MiniRunner::default();
    let next = run(&place, &spec(&[]), &runner);
    assert_eq!((next.verdict, runner.asked()), (Verdict::Passed, vec![3, 4, 5]));
    place.assert_clean();
}

#[test]
fn what_was_kept_and_is_gone_is_made_again() {
    let place = published();
    let runner = MiniRunner::default();
    let first = run(&place, &spec(&[]), &runner);
    std::fs::remove_dir_all(place.path(".kernwerk/blobs")).expect("there are blobs");
    let again = run(&place, &spec(&[]), &runner);
    assert_eq!((again.verdict, result(&again)), (Verdict::Passed, result(&first)));
    let steps = place.path(".kernwerk/runs/steps");
    for entry in std::fs::read_dir(&steps).expect("a directory").flatten() {
        std::fs::write(entry.path(), "{").expect("a file");
    }
    let again = run(&place, &spec(&[]), &runner);
    assert_eq!((statuses(&again), result(&again)), (vec![StepStatus::Ran; 5], result(&first)));
}

#[test]
fn two_runs_at_once_do_no_harm() {
    let place = published();
    let (one, other) = std::thread::scope(|scope| {
        let start = || {
            let lab = Lab::open(place.lab.root()).expect("a lab");
            try_run(&lab, &spec(&[]), &MiniRunner::default(), &Work::silent()).expect("a run")
        };
        let (one, other) = (scope.spawn(start), scope.spawn(start));
        (one.join().expect("it ends"), other.join().expect("it ends"))
    });
    assert_eq!((one.verdict, other.verdict, result(&one)), (Verdict::Passed, Verdict::Passed, result(&other)));
    let records = records(&place);
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record.status == RunStatus::Succeeded), "{records:?}");
}

#[test]
fn events_go_to_a_file_of_ones_own_as_well() {
    let place = published();
    let file = place.path("events.jsonl");
    std::fs::write(&file, "what was there\n").expect("a file");
    run(&place, &RunSpec { lineage: Some(file.clone()), ..spec(&[]) }, &MiniRunner::default());
    let text = std::fs::read_to_string(&file).expect("events");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "what was there"));
    let complete: serde_json::Value = serde_json::from_str(lines[2]).expect("JSON");
    assert_eq!(complete["eventType"], "COMPLETE");
    assert_eq!(complete["run"]["facets"]["executionParameters"]["parameters"][0]["value"], "1");
    assert_eq!(complete["inputs"][0]["namespace"], "file");
}
