//! Retention: what goes by the rules, what stays because somebody relies on it, and that what went is told of and does not come back unseen.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use kernwerk_core::{Verdict, Work};
use kernwerk_promote::{
    Action, Author, Error, ExportSpec, Fate, Form, InstalledModel, PruneSpec, Pruning, PublishSpec, Reference, RunSpec,
    RunStatus, alias, approve, execute, history, list, prune, publish, references, registry, restore, rollback, runs,
    show, stage, survey, verify, withdraw,
};
use kernwerk_store::{Call, Lab, RetentionRules};

use crate::kernel::{MiniRunner, WEIGHTS, wait};
use crate::place::{Place, spec};

/// A place with so many versions of one artifact, each of its own cells.
fn versions(count: u32) -> Place {
    let place = Place::new();
    (1..=count).for_each(|number| publish_another(&place, number));
    place
}

fn publish_another(place: &Place, number: u32) {
    place.run(&[&format!("let x = {number}"), "print x"]);
    assert_eq!(place.publish("2").expect("published").location.version, number);
}

fn reference(text: &str) -> Reference {
    text.parse().expect("a reference")
}

fn author() -> Author {
    Author { by: "ada".to_owned(), why: None }
}

fn to_stage(lab: &Lab, artifact: &str, label: &str) {
    stage(lab, &reference(artifact), label, author(), &Work::silent()).expect("staged");
}

fn keep(versions: u32) -> PruneSpec {
    PruneSpec { name: None, rules: RetentionRules { keep_versions: Some(versions), ..RetentionRules::default() } }
}

fn pruned(lab: &Lab, spec: &PruneSpec) -> Pruning {
    prune(lab, spec, &author(), &Work::silent()).expect("pruned")
}

fn surveyed(lab: &Lab, spec: &PruneSpec) -> Pruning {
    survey(lab, spec, &Work::silent()).expect("it can be told")
}

/// What goes of some fates.
fn going(fates: &[Fate]) -> Vec<&str> {
    fates.iter().filter(|fate| fate.goes).map(|fate| fate.what.as_str()).collect()
}

fn why<'a>(pruning: &'a Pruning, what: &str) -> &'a str {
    let mut fates = pruning.versions.iter().chain(&pruning.runs);
    &fates.find(|fate| fate.what == what).expect("it was looked at").why
}

/// The versions whose files are there.
fn present(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.path("pipelines/sums")).expect("a directory").flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| name != "history");
    names.sort();
    names
}

/// Makes a version so many days old.
fn age(place: &Place, version: u32, days: i64) {
    let path = place.path(&format!("pipelines/sums/{version}/attestations/proof.json"));
    let mut proof: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).expect("a proof")).expect("JSON");
    proof["published_at"] = (chrono::Utc::now() - chrono::TimeDelta::days(days)).to_rfc3339().into();
    std::fs::write(&path, proof.to_string()).expect("written");
    place.list_attested(&format!("pipelines/sums/{version}"));
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().flatten() {
        let target = to.join(entry.path().strip_prefix(from).expect("below"));
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(target).expect("made");
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

#[test]
fn what_a_module_in_the_checkout_launches_stays() {
    let place = versions(4);
    let export = |artifact: &str, form: Form, output: &str| {
        let spec = ExportSpec {
            reference: reference(artifact),
            output: Some(output.into()),
            directory: place.lab.root().to_owned(),
            overwrite: false,
        };
        kernwerk_promote::export(&place.lab, &spec, form, &|_| Err(String::new()), &Work::silent()).expect("exported");
    };
    export("sums@1", Form::Dagster, "jobs/sums.py");
    export("sums@2", Form::Airflow, "dags/nightly.py");
    export("sums@3", Form::Airflow, ".cache/hidden.py");
    // Changed by hand, it launches the version all the same; what only speaks of one does not.
    let module = place.path("dags/nightly.py");
    let text = std::fs::read_to_string(&module).expect("a module");
    std::fs::write(&module, text + "\n# at night\n").expect("written");
    std::fs::write(place.path("dags/notes.py"), "ARTIFACT = \"sums@3\"\n").expect("written");
    let shown = surveyed(&place.lab, &keep(1));
    assert_eq!(going(&shown.versions), ["sums@3"]);
    assert_eq!(why(&shown, "sums@1"), "jobs/sums.py launches it");
    assert_eq!(why(&shown, "sums@2"), "dags/nightly.py launches it");
    std::fs::remove_file(&module).expect("removed");
    assert_eq!(going(&surveyed(&place.lab, &keep(1)).versions), ["sums@2", "sums@3"]);
}

#[test]
fn what_goes_is_shown_first_and_told_for_ever() {
    let place = versions(5);
    let lab = &place.lab;
    let shown = surveyed(lab, &keep(2));
    assert_eq!(going(&shown.versions), ["sums@1", "sums@2", "sums@3"]);
    assert_eq!(why(&shown, "sums@4"), "it is one of the last 2 versions");
    assert!(shown.bytes() > 1000 && !shown.is_empty());
    assert_eq!(present(&place), ["1", "2", "3", "4", "5"], "nothing was touched");
    let identity = verify(lab, &reference("sums@2"), &Work::silent()).expect("it is there").id;

    let done = prune(lab, &keep(2), &Author { why: Some("old".to_owned()), ..author() }, &Work::silent());
    assert_eq!(done.expect("pruned").versions, shown.versions);
    assert_eq!(present(&place), ["4", "5"]);
    let events = history(lab, "sums").expect("it is whole").events;
    let told: Vec<_> = events.iter().map(|event| (event.action, event.version)).collect();
    assert_eq!(told, [(Action::Prune, 1), (Action::Prune, 2), (Action::Prune, 3)]);
    assert_eq!((events[1].identity.as_str(), events[1].why.as_deref()), (identity.as_str(), Some("old")));

    for error in [
        show(lab, &reference("sums@2")).map(|_| ()).expect_err("it is gone"),
        verify(lab, &reference("sums@2"), &Work::silent()).map(|_| ()).expect_err("it is gone"),
        stage(lab, &reference("sums@2"), "staging", author(), &Work::silent()).map(|_| ()).expect_err("it is gone"),
    ] {
        assert_eq!(error.to_string(), format!("sums@2 was removed at {} by ada: old", events[1].at));
        assert!(error.hint().expect("a hint").contains("%promote restore sums@2"));
    }
    assert_eq!(surveyed(lab, &keep(2)).bytes(), 0);
    // The number is not given again, even to the same.
    place.run(&["let x = 1", "print x"]);
    assert_eq!(place.publish("2").expect("published").location.version, 6);
    assert_eq!(list(lab).len(), 3);
    place.assert_clean();
}

#[test]
fn without_a_rule_nothing_goes() {
    let place = versions(2);
    let nothing = pruned(&place.lab, &PruneSpec::default());
    assert!(nothing.is_empty());
    assert_eq!(why(&nothing, "sums@1"), "no rule says that versions go");
    let unknown = survey(&place.lab, &PruneSpec { name: Some("sum".to_owned()), ..keep(1) }, &Work::silent());
    assert!(matches!(unknown, Err(Error::UnknownArtifact { .. })));
}

#[test]
fn what_somebody_relies_on_stays() {
    let place = versions(9);
    let lab = &place.lab;
    to_stage(lab, "sums@1", "production");
    to_stage(lab, "sums@2", "production");
    alias(lab, &reference("sums@3"), "champion", author(), &Work::silent()).expect("named");
    approve(lab, &reference("sums@4"), "production", author(), &Work::silent()).expect("approved");
    // Another artifact reads a file of version 5.
    place.run(&["%load ../pipelines/sums/5/cells/01.rs -> x", "print x"]);
    let reader = PublishSpec { name: "reader".to_owned(), ..spec("2") };
    wait(publish(lab, &reader, &MiniRunner::default(), &Work::silent())).expect("published");
    // A run of version 6 was cut off.
    let run = run_of(lab, "sums@6", &MiniRunner::default()).record.expect("a record");
    let record = place.path(".kernwerk/runs").join(&run.id).join("run.json");
    let text = std::fs::read_to_string(&record).expect("a record");
    std::fs::write(&record, text.replace("\"succeeded\"", "\"running\"")).expect("written");
    // Version 7 is not what was published.
    std::fs::write(place.path("pipelines/sums/7/cells/01.rs"), "let x = 9").expect("written");

    let done = pruned(lab, &keep(1));
    let whys = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(|version| why(&done, &format!("sums@{version}")).to_owned());
    assert_eq!(
        whys[..6],
        [
            "a rollback of `production` goes back to it".to_owned(),
            "it is `production`".to_owned(),
            "it is `champion`".to_owned(),
            "its approval for `production` waits for the stage".to_owned(),
            "reader@1 reads it".to_owned(),
            format!("run {} has not come to its end", run.id),
        ]
    );
    assert!(whys[6].starts_with("it is not what was published: changed: cells/01.rs"), "{}", whys[6]);
    assert_eq!(whys[8], "it is the latest version");
    assert_eq!(going(&done.versions), ["sums@8"]);
    assert_eq!(present(&place), ["1", "2", "3", "4", "5", "6", "7", "9"]);

    // What nobody relies on any more goes.
    withdraw(lab, &reference("sums@4"), "production", author(), &Work::silent()).expect("taken back");
    assert_eq!(going(&surveyed(lab, &keep(1)).versions), ["sums@4", "sums@7"]);
    to_stage(lab, "sums@4", "production");
    assert_eq!(why(&surveyed(lab, &keep(1)), "sums@4"), "it is `production`");
    std::fs::remove_dir_all(place.path("pipelines/reader")).expect("removed");
    std::fs::write(&record, text).expect("written");
    assert_eq!(going(&pruned(lab, &keep(1)).versions), ["sums@5", "sums@6"]);
    assert_eq!(rollback(lab, "sums", "production", author(), &Work::silent()).expect("back").version, 2);
    assert_eq!(rollback(lab, "sums", "production", author(), &Work::silent()).expect("back").version, 1);
}

#[test]
fn a_bound_on_rollbacks_is_kept_by_rollbacks_too() {
    let place = versions(5);
    let lab = &place.lab;
    (1..=4).for_each(|version| to_stage(lab, &format!("sums@{version}"), "production"));
    assert!(going(&surveyed(lab, &keep(1)).versions).is_empty());
    let mut bound = keep(1);
    bound.rules.keep_rollbacks = Some(1);
    assert_eq!(going(&pruned(lab, &bound).versions), ["sums@1", "sums@2"]);
    assert_eq!(rollback(lab, "sums", "production", author(), &Work::silent()).expect("back").version, 3);
    let before = rollback(lab, "sums", "production", author(), &Work::silent());
    assert!(matches!(before, Err(Error::NothingBefore { .. })), "{before:?}");
}

#[test]
fn what_is_young_or_was_in_use_lately_stays() {
    let place = versions(4);
    let lab = &place.lab;
    (1..=3).for_each(|version| age(&place, version, 100));
    to_stage(lab, "sums@3", "staging");
    to_stage(lab, "sums@4", "staging");
    let mut days = PruneSpec::default();
    days.rules.keep_days = Some(90);
    days.rules.keep_rollbacks = Some(0);
    let shown = surveyed(lab, &days);
    assert_eq!(going(&shown.versions), ["sums@1", "sums@2"]);
    let lately = why(&shown, "sums@3");
    assert!(lately.starts_with("it was `staging` until 2") && lately.ends_with("less than 90 days ago"), "{lately}");
    std::fs::remove_file(place.path("pipelines/sums/1/attestations/proof.json")).expect("removed");
    age(&place, 2, 89);
    let shown = surveyed(lab, &days);
    assert_eq!((going(&shown.versions).len(), why(&shown, "sums@1")), (0, "nothing tells how old it is"));
    assert_eq!(why(&shown, "sums@2"), "it is younger than 90 days");
    // Both rules together: neither is enough.
    days.rules.keep_versions = Some(4);
    age(&place, 2, 100);
    assert!(going(&surveyed(lab, &days).versions).is_empty());
}

#[test]
fn what_is_being_read_stays() {
    let place = versions(2);
    let root = place.lab.root().to_owned();
    let seen: Mutex<Vec<Pruning>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let (send, told) = std::sync::mpsc::channel::<()>();
        let (answer, go_on) = std::sync::mpsc::channel::<()>();
        let go_on = Mutex::new(go_on);
        let before = Box::new(move |_| {
            send.send(()).expect("somebody listens");
            go_on.lock().expect("one thread alone").recv().expect("an answer");
        });
        let seen = &seen;
        scope.spawn(move || {
            while told.recv().is_ok() {
                let lab = Lab::open(&root).expect("a lab");
                let rules = RetentionRules { keep_runs: Some(0), ..keep(1).rules };
                seen.lock().expect("one at a time").push(pruned(&lab, &PruneSpec { name: None, rules }));
                answer.send(()).expect("somebody waits");
            }
        });
        let runner = MiniRunner { before: Some(before), ..MiniRunner::default() };
        assert_eq!(place.replay_with("sums@1", None, &runner).verdict, Verdict::Passed);
        assert_eq!(run_of(&place.lab, "sums@1", &runner).verdict, Verdict::Passed);
    });
    let seen = seen.into_inner().expect("all are done");
    assert_eq!(seen.len(), 4, "once before each cell");
    for pruning in &seen {
        assert_eq!((going(&pruning.versions), going(&pruning.runs)), (vec![], vec![]));
    }
    for pruning in &seen[..2] {
        assert_eq!(why(pruning, "sums@1"), "a run or a replay is using it");
    }
    assert!(why(&seen[3], "sums@1").starts_with("run ") && why(&seen[3], "sums@1").ends_with("not come to its end"));
    assert!(seen[3].notes[0].starts_with("a run is under way"), "{:?}", seen[3].notes);
    assert_eq!(going(&pruned(&place.lab, &keep(1)).versions), ["sums@1"]);
}

#[test]
fn what_comes_back_is_noticed() {
    let place = versions(3);
    let lab = &place.lab;
    let elsewhere = place.home.path().join("elsewhere");
    copy(&place.path("pipelines/sums/1"), &elsewhere);
    pruned(lab, &PruneSpec { name: Some("sums".to_owned()), ..keep(2) });
    let back = || copy(&elsewhere, &place.path("pipelines/sums/1"));
    back();
    let error = show(lab, &reference("sums@1")).expect_err("it was removed");
    assert!(error.hint().expect("a hint").starts_with("its files are here again"), "{error:?}");
    assert!(!references(lab).contains(&"sums@1".to_owned()), "nobody is offered it");
    let listed = list(lab).remove(0).summary.expect_err("it is told");
    assert!(listed.starts_with("sums@1 was removed at 2") && listed.contains("its files are here again"), "{listed}");
    let shown = surveyed(lab, &PruneSpec::default());
    assert_eq!(why(&shown, "sums@1"), "it was removed, and its files are here again");
    assert_eq!(going(&pruned(lab, &PruneSpec::default()).versions), ["sums@1"]);
    assert_eq!((present(&place).len(), history(lab, "sums").expect("it is whole").events.len()), (2, 1));

    let take_back = || restore(lab, &reference("sums@1"), author(), &Work::silent());
    assert!(matches!(take_back(), Err(Error::Removed { is_here: false, .. })));
    back();
    std::fs::write(place.path("pipelines/sums/1/cells/01.rs"), "let x = 9").expect("written");
    assert!(matches!(take_back(), Err(Error::NotSound { .. })));
    back();
    assert_eq!(take_back().expect("restored").expect("an event").action, Action::Restore);
    assert_eq!(place.replay("sums@1").verdict, Verdict::Passed);
    assert!(take_back().expect("it is there").is_none());
    let unnumbered = restore(lab, &reference("sums"), author(), &Work::silent());
    assert!(matches!(unnumbered, Err(Error::NotRemoved { .. })));
}

#[test]
fn another_artifact_under_a_removed_number_is_left_alone() {
    let place = versions(3);
    pruned(&place.lab, &keep(1));
    copy(&place.path("pipelines/sums/3"), &place.path("pipelines/sums/1"));
    let shown = pruned(&place.lab, &keep(1));
    assert_eq!(why(&shown, "sums@1"), "it is not the artifact that was removed");
    assert_eq!(present(&place), ["1", "3"]);
}

#[test]
fn a_version_that_was_removed_here_and_staged_there_is_told_of() {
    let here = versions(3);
    let there = here.checkout();
    to_stage(&there.lab, "sums@1", "production");
    to_stage(&there.lab, "sums@2", "staging");
    pruned(&here.lab, &keep(2));
    // What version control makes of it: all events, and the files that one of the two removed are gone.
    copy(&there.path("pipelines/sums/history"), &here.path("pipelines/sums/history"));
    let merged = registry(&here.lab, "sums").expect("it is whole");
    let conflicts = merged.conflicts("sums");
    assert!(
        matches!(conflicts.as_slice(), [one] if one.starts_with("removed: sums@1 is `production`, and ada")),
        "{conflicts:?}"
    );
    assert!(matches!(show(&here.lab, &reference("sums@production")), Err(Error::Removed { .. })));
    // Files that somebody relies on are not removed again.
    copy(&there.path("pipelines/sums/1"), &here.path("pipelines/sums/1"));
    assert_eq!(why(&pruned(&here.lab, &keep(2)), "sums@1"), "it is `production`");
    restore(&here.lab, &reference("sums@1"), author(), &Work::silent()).expect("restored");
    assert_eq!(show(&here.lab, &reference("sums@production")).expect("it is there").location.version, 1);
    assert!(registry(&here.lab, "sums").expect("it is whole").conflicts("sums").is_empty());
}

#[test]
fn what_cannot_be_told_stops_it() {
    let place = versions(3);
    let pipeline = place.path("pipelines/sums/2/pipeline.toml");
    let text = std::fs::read(&pipeline).expect("a file");
    std::fs::write(&pipeline, "").expect("written");
    let stopped = prune(&place.lab, &keep(1), &author(), &Work::silent()).expect_err("nobody knows what it reads");
    assert_eq!(stopped.to_string(), "sums@2 is damaged: pipeline.toml: it is empty");
    std::fs::write(&pipeline, text).expect("written");
    std::fs::write(place.path("pipelines/sums/1/MANIFEST.json"), "").expect("written");
    let shown = surveyed(&place.lab, &keep(1));
    assert!(why(&shown, "sums@1").starts_with("nobody can tell what it is"), "{shown:?}");
    to_stage(&place.lab, "sums@2", "staging");
    let event = std::fs::read_dir(place.path("pipelines/sums/history")).expect("events").flatten().next();
    std::fs::write(event.expect("one").path(), "{}").expect("written");
    let broken = prune(&place.lab, &keep(1), &author(), &Work::silent());
    assert!(matches!(broken, Err(Error::BrokenHistory { .. })), "{broken:?}");
    assert_eq!(present(&place), ["1", "2", "3"]);
    place.run(&["let x = 7", "print x"]);
    assert!(matches!(place.publish("2"), Err(Error::BrokenHistory { .. })), "nobody knows which numbers were given");
}

#[test]
fn two_at_once_remove_each_version_once() {
    let place = versions(6);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| pruned(&Lab::open(place.lab.root()).expect("a lab"), &keep(2)));
        }
        scope.spawn(|| {
            place.run(&["let x = 70", "print x"]);
            place.publish("2").expect("published")
        });
    });
    let told = history(&place.lab, "sums").expect("it can be read");
    assert_eq!(told.findings, Vec::<String>::new());
    let removed: Vec<u32> = told.events.iter().map(|event| event.version).collect();
    let once: BTreeSet<u32> = removed.iter().copied().collect();
    assert_eq!(removed.len(), once.len(), "{removed:?}");
    let here: BTreeSet<u32> = present(&place).iter().map(|name| name.parse().expect("a number")).collect();
    assert_eq!(once.union(&here).copied().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
    assert!(once.is_disjoint(&here) && here.contains(&7) && once.is_superset(&BTreeSet::from([1, 2, 3, 4])));
    place.assert_clean();
}

fn run_with(lab: &Lab, artifact: &str, more: Option<&str>, runner: &MiniRunner) -> kernwerk_promote::Run {
    let spec = RunSpec {
        reference: reference(artifact),
        parameters: more.map(|more| ("more".to_owned(), more.to_owned())).into_iter().collect(),
        retries: 0,
        live: false,
        fresh: false,
        by: "ada".to_owned(),
        toolchain: None,
        lineage: None,
        call: Call::default(),
    };
    let models = |_: &str| Ok(InstalledModel::Digest(WEIGHTS.to_owned()));
    wait(execute(lab, &spec, &models, runner, &Work::silent())).expect("it can be run")
}

fn run_of(lab: &Lab, artifact: &str, runner: &MiniRunner) -> kernwerk_promote::Run {
    run_with(lab, artifact, None, runner)
}

#[test]
fn old_runs_go_with_what_only_they_kept() {
    let place = Place::after(&["%promote param more=1", "let total = 5 + more\nprint total", "third total"]);
    place.publish("3").expect("published");
    let (lab, runner) = (&place.lab, MiniRunner::default());
    for more in ["2", "3", "4", "5"] {
        run_with(lab, "sums", Some(more), &runner);
    }
    let files = |below: &str| place.files(&format!(".kernwerk/{below}")).len();
    let (steps, blobs) = (files("runs/steps"), files("blobs"));
    // A run that never came to write its record.
    std::fs::create_dir(place.path(".kernwerk/runs/01890000-0000-7000-8000-000000000000")).expect("made");
    let mut rules = PruneSpec::default();
    rules.rules.keep_runs = Some(2);
    let shown = surveyed(lab, &rules);
    assert_eq!((going(&shown.runs).len(), files("runs/steps")), (3, steps));
    assert_eq!(pruned(lab, &rules).runs, shown.runs);
    assert_eq!(runs(lab, "sums").expect("records").len(), 2);
    assert!(files("runs/steps") < steps && files("blobs") < blobs && files("blobs") > 0);
    // What stays is whole, and what went is computed again.
    let asked = runner.runs();
    assert_eq!(run_with(lab, "sums", Some("5"), &runner).verdict, Verdict::Passed);
    assert_eq!(runner.runs(), asked, "nothing had to run");
    let again = run_with(lab, "sums", Some("2"), &runner);
    assert_eq!((again.verdict, runner.runs()), (Verdict::Passed, asked + 1));
    assert!(runs(lab, "sums").expect("records").iter().all(|run| run.status == RunStatus::Succeeded));
    rules.rules.keep_runs = Some(0);
    let all = pruned(lab, &rules);
    assert!(all.bytes() > 0 && files("runs/steps") == 0 && files("blobs") == 0, "{all:?}");
    place.assert_clean();
}
