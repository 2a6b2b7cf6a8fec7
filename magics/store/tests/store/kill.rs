//! kill -9 in the middle: what was acknowledged is there, the lab is sound, and the next open says what it found.

use std::path::Path;
use std::time::Duration;

use kernwerk_core::{CellStatus, Resource};
use kernwerk_store::{Lab, WriteMode};

use crate::child::Worker;
use crate::common::{Place, files_below, numbers, rows, run};

fn kill_in_the_middle(task: &str, root: &Path) {
    let mut worker = Worker::start(task, root, 0);
    worker.wait_for("in the middle");
    worker.kill();
}

#[test]
fn a_killed_append_leaves_the_last_version() {
    let place = Place::new();
    place.write("rides", WriteMode::Create, rows([1, 2], "a"));
    let before = files_below(&place.lab.data_dir().join("tables"));
    kill_in_the_middle("stuck write", place.root());
    assert_ne!(files_below(&place.lab.data_dir().join("tables")), before, "the write had not begun");
    // Whoever has the lab open does not mind.
    assert_eq!(place.numbers("rides"), [1, 2]);
    let lab = Lab::open(place.root()).unwrap();
    let [line] = lab.recovered() else { panic!("{:?}", lab.recovered()) };
    assert!(line.contains("`source` of `rides` was cut off"), "{line}");
    assert!(line.contains("table `rides` is whole, at version 1"), "{line}");
    assert!(line.contains("bytes of unfinished files were removed"), "{line}");
    assert_eq!(files_below(&place.lab.data_dir().join("tables")), before);
    let stored = run(lab.dataset(Resource::Table, "rides")).unwrap();
    assert_eq!(numbers(&run(stored.read(None, None)).unwrap()), [1, 2]);
    assert!(Lab::open(place.root()).unwrap().recovered().is_empty(), "it is told once");
    assert_eq!(place.write("rides", WriteMode::Append, rows([3], "a")).version, 2);
}

#[test]
fn a_killed_first_write_leaves_nothing() {
    let place = Place::new();
    kill_in_the_middle("stuck write", place.root());
    assert_eq!(place.lab.names(Resource::Table), Vec::<String>::new());
    let lab = Lab::open(place.root()).unwrap();
    let [line] = lab.recovered() else { panic!("{:?}", lab.recovered()) };
    assert!(line.contains("table `rides` was not there before and is not there now"), "{line}");
    assert!(!place.lab.data_dir().join("tables/rides.lance").exists());
    assert_eq!(place.write("rides", WriteMode::Create, rows([3], "a")).version, 1);
}

#[test]
fn drafts_and_exchange_files_of_the_dead_are_swept_those_of_the_living_stay() {
    let place = Place::new();
    let own = [place.lab.exchange_dir().join("own.arrow"), place.lab.staging_dir().unwrap().join("own.toml")];
    for path in &own {
        std::fs::write(path, "mine").unwrap();
    }
    kill_in_the_middle("stuck publish", place.root());
    let left = || {
        files_below(place.lab.data_dir())
            .into_iter()
            .filter(|path| path.ends_with("frame.arrow") || path.ends_with("pipeline.toml"))
            .count()
    };
    assert_eq!(left(), 2);
    let lab = Lab::open(place.root()).unwrap();
    let [line] = lab.recovered() else { panic!("{:?}", lab.recovered()) };
    assert!(line.contains("`publish` of `quickstart` was cut off"), "{line}");
    assert!(line.contains("nothing of it was half written"), "{line}");
    assert_eq!(left(), 0);
    assert!(own.iter().all(|path| path.exists()));
    assert_eq!(lab.ledger().cells("a.ipynb").unwrap()[0].status(), CellStatus::Running);
}

#[test]
fn an_operation_that_ends_or_fails_is_not_recovered() {
    let place = Place::new();
    place.lab.begin("ingest", "docs").unwrap().done().unwrap();
    drop(place.lab.begin("ingest", "docs").unwrap());
    let _running = place.lab.begin("ingest", "docs").unwrap();
    assert!(Lab::open(place.root()).unwrap().recovered().is_empty());
}

#[test]
fn another_process_that_still_works_is_left_alone() {
    let place = Place::new();
    let mut worker = Worker::start("stuck publish", place.root(), 0);
    worker.wait_for("in the middle");
    assert!(Lab::open(place.root()).unwrap().recovered().is_empty());
    assert!(files_below(&place.lab.data_dir().join("exchange")).iter().any(|path| path.ends_with("frame.arrow")));
    worker.kill();
}

/// Kills at moments that nobody chose. Seen to fail when files are written in place.
#[test]
fn at_any_moment_what_was_acknowledged_is_there() {
    let place = Place::new();
    for round in 0..6 {
        let mut worker = Worker::start("write on and on", place.root(), 0);
        worker.wait_for("stored 2");
        std::thread::sleep(Duration::from_millis(7 * round));
        let said = worker.kill_and_read();
        let acknowledged =
            said.iter().filter_map(|line| line.strip_prefix("stored ")?.parse::<i64>().ok()).max().unwrap_or(2);
        let lab = Lab::open(place.root()).unwrap();
        let stored = run(lab.dataset(Resource::Table, "generations")).unwrap();
        let seen = numbers(&run(stored.read(None, None)).unwrap());
        let generation = *seen.iter().max().unwrap();
        assert!(generation >= acknowledged, "generation {generation}, acknowledged {acknowledged}");
        assert!(generation <= acknowledged + 1, "generation {generation}, acknowledged {acknowledged}");
        assert_eq!(seen.iter().filter(|one| **one == generation).count(), 50);
        assert!(seen.iter().all(|one| *one == generation), "{seen:?}");
        let number = |text: String| text.parse::<i64>().unwrap();
        assert!(number(lab.ledger().setting("generation").unwrap().unwrap()) >= acknowledged);
        let file = number(std::fs::read_to_string(place.root().join("generation.txt")).unwrap());
        assert!((acknowledged..=acknowledged + 1).contains(&file));
        let blob = blake3::hash(format!("generation {acknowledged}").as_bytes()).to_hex().to_string();
        lab.blobs().get(&blob).unwrap();
        // The next worker begins at generation 0 again.
        let work = kernwerk_core::Work::silent();
        run(lab.rewrite(Resource::Table, "generations", Some("true".into()), Vec::new(), &work)).unwrap();
    }
}
