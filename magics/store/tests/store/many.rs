//! Several processes on one lab at once.

use std::collections::BTreeSet;

use kernwerk_core::{Resource, Work};
use kernwerk_store::{Lab, WriteMode};

use crate::child::Worker;
use crate::common::{Place, rows, run};

fn together(task: &str, place: &std::path::Path, count: usize) {
    let workers: Vec<_> = (0..count).map(|number| Worker::start(task, place, number)).collect();
    workers.into_iter().for_each(Worker::succeed);
}

#[test]
fn appends_of_processes_and_threads_lose_no_row() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for thread in 10..12 {
            let root = place.root();
            scope.spawn(move || {
                let lab = Lab::open(root).unwrap();
                run(async {
                    for turn in 0..6 {
                        let rows = rows([thread * 1000 + turn], "appended");
                        lab.write(Resource::Table, "shared", WriteMode::Append, vec![rows], &Work::silent())
                            .await
                            .unwrap();
                    }
                });
            });
        }
        together("append", place.root(), 3);
    });
    let wanted: BTreeSet<i64> =
        [0, 1, 2, 10, 11].iter().flat_map(|who| (0..6).map(move |turn| who * 1000 + turn)).collect();
    let seen = place.numbers("shared");
    assert_eq!(seen.len(), wanted.len());
    assert_eq!(seen.iter().copied().collect::<BTreeSet<_>>(), wanted);
    assert_eq!(place.table("shared").version(), 30);
    for who in [0, 1, 2, 10, 11] {
        let own: Vec<i64> = seen.iter().copied().filter(|number| number / 1000 == who).collect();
        assert!(own.is_sorted(), "{own:?}");
    }
}

/// Seen to fail (numbers lost) when the lock is not taken.
#[test]
fn who_reads_and_writes_under_the_lock_loses_nothing() {
    let place = Place::new();
    place.write("counter", WriteMode::Create, rows([0], "count"));
    together("count up", place.root(), 3);
    assert_eq!(place.numbers("counter"), [15]);
}

#[test]
fn a_new_lab_is_made_once_by_many() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("kernwerk.toml"), "").unwrap();
    together("open", directory.path(), 6);
    let lab = Lab::open(directory.path()).unwrap();
    assert!(!lab.id().is_nil());
    assert!(lab.recovered().is_empty());
}

#[test]
fn the_ledger_takes_writes_of_many() {
    let place = Place::new();
    let before = place.lab.id();
    std::thread::scope(|scope| {
        scope.spawn(|| together("define", place.root(), 2));
        scope.spawn(|| together("log", place.root(), 3));
    });
    let history = place.lab.ledger().definition_history("suite", "shared").unwrap();
    assert_eq!(history.iter().map(|one| one.version).collect::<Vec<_>>(), (1..=40).collect::<Vec<u32>>());
    for worker in 0..3 {
        let cells = place.lab.ledger().cells(&format!("worker-{worker}.ipynb")).unwrap();
        assert_eq!(cells.len(), 50);
        assert!(cells.iter().all(|cell| cell.end.is_some()));
    }
    assert_eq!(place.lab.id(), before);
}
