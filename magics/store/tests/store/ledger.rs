//! The ledger: cells, usage, definitions, runs, settings, and its schema.

use kernwerk_core::{
    Access, BoundValue, CellId, CellStatus, Channel, Effect, Language, ModelId, Names, Problem, Resource, Usage,
};
use kernwerk_store::{Call, CellEnd, Lab, NewCell, OutputRecord, Price};
use rusqlite::Connection;
use serde_json::json;
use uuid::Uuid;

use crate::common::Place;

pub fn new_cell(notebook: &str, execution_count: u32) -> NewCell {
    NewCell {
        notebook: notebook.to_owned(),
        process: Uuid::from_u128(7),
        execution_count,
        language: Language::Rust,
        text: "let x = 1;\n%feature list -> 'y'".to_owned(),
        names: Names { defines: ["x".to_owned()].into(), ..Names::default() },
    }
}

pub fn end() -> CellEnd {
    CellEnd {
        status: CellStatus::Ok,
        effects: vec![Effect {
            access: Access::Read,
            resource: Resource::Table,
            name: "rides".to_owned(),
            version: Some(3),
            digest: None,
        }],
        bindings: vec![BoundValue { name: "y".to_owned(), digest: "d".to_owned() }],
        outputs: vec![OutputRecord {
            channel: Channel::Display,
            format: "html".to_owned(),
            digest: "e".to_owned(),
            bytes: 12,
            volatile: false,
        }],
        wall_seconds: 0.25,
        cpu_seconds: None,
    }
}

#[test]
fn cells_come_back_in_the_order_in_which_they_began() {
    let place = Place::new();
    let ledger = place.lab.ledger();
    let first = ledger.begin_cell(&new_cell("a.ipynb", 1)).unwrap();
    let other = ledger.begin_cell(&new_cell("b.ipynb", 1)).unwrap();
    let second = ledger.begin_cell(&new_cell("a.ipynb", 2)).unwrap();
    assert!(first < other && other < second);
    // What only running it has shown.
    let seen = Names { uses: ["frame".to_owned()].into(), ..new_cell("a.ipynb", 2).names };
    ledger.finish_cell(second, &seen, &end()).unwrap();
    let cells = ledger.cells("a.ipynb").unwrap();
    assert_eq!(cells.iter().map(|cell| cell.id).collect::<Vec<_>>(), [first, second]);
    assert_eq!((cells[0].status(), &cells[0].end), (CellStatus::Running, &None));
    assert_eq!((cells[1].status(), &cells[1].end), (CellStatus::Ok, &Some(end())));
    assert_eq!(cells[1].cell, NewCell { names: seen, ..new_cell("a.ipynb", 2) });
    assert!(cells[0].started_at.ends_with('Z'), "{}", cells[0].started_at);
    assert_eq!(ledger.cell(second).unwrap().as_ref(), Some(&cells[1]));
    assert_eq!(ledger.cell(CellId(99)).unwrap(), None);
    assert_eq!(ledger.notebooks().unwrap(), ["a.ipynb", "b.ipynb"]);
    assert!(ledger.cells("c.ipynb").unwrap().is_empty());
}

#[test]
fn a_cell_that_ran_before_there_was_a_lab_keeps_its_time() {
    let place = Place::new();
    let ledger = place.lab.ledger();
    let started = std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_767_225_600_250);
    ledger.begin_cell_at(&new_cell("a.ipynb", 1), started).unwrap();
    assert_eq!(ledger.cells("a.ipynb").unwrap()[0].started_at, "2026-01-01T00:00:00.250Z");
}

#[test]
fn usage_is_priced_when_it_is_recorded() {
    let place = Place::new();
    let ledger = place.lab.ledger();
    let cell = ledger.begin_cell(&new_cell("a.ipynb", 4)).unwrap();
    let model = Some(ModelId { name: "m".to_owned(), digest: "d".to_owned() });
    let usage = Usage { model, tokens_in: 500, tokens_out: 0, wall_seconds: 1.5, cpu_seconds: Some(1.0) };
    let price = Price {
        from: None,
        currency: "EUR".to_owned(),
        million_tokens_in: Some(2.0),
        million_tokens_out: None,
        cpu_hour: None,
    };
    let call = |cell, notebook: Option<&str>, verb: &str| Call {
        cell,
        notebook: notebook.map(str::to_owned),
        verb: verb.to_owned(),
    };
    let nightly = ["nightly".to_owned()];
    ledger.change_tags("a.ipynb", &nightly, &[]).unwrap();
    ledger.change_tags("a.ipynb", &nightly, &[]).unwrap();
    ledger.add_usage(&call(Some(cell), Some("a.ipynb"), "rag ingest"), &usage, Some(&price)).unwrap();
    ledger.change_tags("a.ipynb", &[], &nightly).unwrap();
    assert!(ledger.tags("a.ipynb").unwrap().is_empty());
    let bare = Usage { model: None, cpu_seconds: None, ..usage.clone() };
    ledger.add_usage(&call(None, None, "feature source"), &bare, None).unwrap();
    let rows = ledger.usage().unwrap();
    assert_eq!(
        (rows[0].cell, rows[0].notebook.as_deref(), rows[0].execution_count),
        (Some(cell), Some("a.ipynb"), Some(4))
    );
    assert_eq!((rows[0].verb.as_str(), &rows[0].usage), ("rag ingest", &usage));
    let cost = rows[0].cost.as_ref().unwrap();
    assert_eq!((cost.amount_micros, cost.currency.as_str()), (1000, "EUR"));
    assert_eq!((rows[1].cell, &rows[1].notebook, &rows[1].cost), (None, &None, &None));
    assert_eq!(rows[1].usage, bare);
    assert_eq!((rows[0].tags.as_slice(), rows[1].tags.len()), (&["nightly".to_owned()][..], 0));
}

#[test]
fn a_definition_gets_a_version_when_it_changes() {
    let place = Place::new();
    let ledger = place.lab.ledger();
    let one = ledger.define("feature-view", "rides", &json!({ "sql": "SELECT 1", "ttl": 5 })).unwrap();
    let same = ledger.define("feature-view", "rides", &json!({ "ttl": 5, "sql": "SELECT 1" })).unwrap();
    let two = ledger.define("feature-view", "rides", &json!({ "sql": "SELECT 2", "ttl": 5 })).unwrap();
    let back = ledger.define("feature-view", "rides", &json!({ "sql": "SELECT 1", "ttl": 5 })).unwrap();
    assert_eq!((one.version, same.version, two.version, back.version), (1, 1, 2, 3));
    assert_eq!((&one, &one.digest), (&same, &back.digest));
    ledger.define("feature-view", "another", &json!(null)).unwrap();
    ledger.define("suite", "rides", &json!([])).unwrap();
    assert_eq!(ledger.definition("feature-view", "rides", None).unwrap(), Some(back.clone()));
    assert_eq!(ledger.definition("feature-view", "rides", Some(2)).unwrap(), Some(two.clone()));
    assert_eq!(ledger.definition("feature-view", "rides", Some(9)).unwrap(), None);
    assert_eq!(ledger.definition("feature-view", "none", None).unwrap(), None);
    let listed = ledger.definitions("feature-view").unwrap();
    assert_eq!(
        listed.iter().map(|one| (one.name.as_str(), one.version)).collect::<Vec<_>>(),
        [("another", 1), ("rides", 3)]
    );
    assert_eq!(ledger.definition_history("feature-view", "rides").unwrap(), [one, two, back]);
}

#[test]
fn runs_are_numbered_for_each_reader() {
    let place = Place::new();
    let ledger = place.lab.ledger();
    let one = ledger.add_run("scores", "quality", "ada", &json!({ "mean": 0.5 })).unwrap();
    let two = ledger.add_run("scores", "quality", "ada", &json!({ "mean": 0.5 })).unwrap();
    let others = ledger.add_run("scores", "quality", "bob", &json!({})).unwrap();
    assert_eq!((one.number, two.number, others.number), (1, 2, 1));
    assert_eq!(ledger.run("scores", "quality", "ada", None).unwrap(), Some(two));
    assert_eq!(ledger.run("scores", "quality", "ada", Some(1)).unwrap(), Some(one));
    assert_eq!(ledger.run("scores", "quality", "ada", Some(3)).unwrap(), None);
    for (kind, name, reader) in [("scores", "quality", ""), ("scores", "other", "ada"), ("another", "quality", "ada")] {
        assert_eq!(ledger.run(kind, name, reader, None).unwrap(), None);
    }
}

#[test]
fn a_ledger_of_the_first_schema_is_carried_on() {
    let Place { lab, directory } = Place::new();
    lab.ledger().set_setting("principal", "ada").unwrap();
    drop(lab);
    let connection = Connection::open(directory.path().join(".kernwerk/ledger.sqlite")).unwrap();
    let back = "DROP TABLE run; DROP INDEX usage_by_time; DROP INDEX usage_under_way; \
                ALTER TABLE usage DROP COLUMN notebook; ALTER TABLE usage DROP COLUMN reserved_by; \
                ALTER TABLE usage DROP COLUMN is_cut_off; \
                DROP TABLE usage_tag; DROP TABLE tag; DROP TABLE budget; \
                DROP TABLE dataset; DROP TABLE dataset_file; PRAGMA user_version = 1";
    connection.execute_batch(back).unwrap();
    drop(connection);
    let lab = Lab::open(directory.path()).unwrap();
    assert_eq!(lab.ledger().setting("principal").unwrap().as_deref(), Some("ada"));
    assert_eq!(lab.ledger().add_run("scores", "quality", "", &json!({})).unwrap().number, 1);
}

#[test]
fn settings_are_kept() {
    let place = Place::new();
    assert_eq!(place.lab.ledger().setting("principal").unwrap(), None);
    place.lab.ledger().set_setting("principal", "ada").unwrap();
    place.lab.ledger().set_setting("principal", "bob").unwrap();
    let again = Lab::open(place.root()).unwrap();
    assert_eq!(again.ledger().setting("principal").unwrap().as_deref(), Some("bob"));
}

/// Closes the lab and changes its ledger behind its back.
fn tampered(change: impl FnOnce(&Connection)) -> (tempfile::TempDir, Problem) {
    let Place { lab, directory } = Place::new();
    drop(lab);
    change(&Connection::open(directory.path().join(".kernwerk/ledger.sqlite")).unwrap());
    let problem = Lab::open(directory.path()).err().unwrap().into();
    (directory, problem)
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let (directory, problem) = tampered(|connection| connection.pragma_update(None, "user_version", 99).unwrap());
    assert_eq!(problem.name, "NewerLedger");
    assert!(problem.message.contains("schema 99"), "{}", problem.message);
    assert!(problem.hint.unwrap().contains("newer Kernwerk"));
    let connection = Connection::open(directory.path().join(".kernwerk/ledger.sqlite")).unwrap();
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[test]
fn a_file_that_is_no_ledger_is_refused() {
    let (_directory, problem) = tampered(|connection| connection.pragma_update(None, "application_id", 5).unwrap());
    assert_eq!(problem.name, "ForeignLedger");
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join(".kernwerk")).unwrap();
    std::fs::write(directory.path().join(".kernwerk/ledger.sqlite"), vec![b'x'; 5000]).unwrap();
    let problem = Problem::from(Lab::open(directory.path()).err().unwrap());
    assert_eq!(problem.name, "LedgerFailed");
    assert!(problem.message.contains("ledger.sqlite"), "{}", problem.message);
    assert!(problem.hint.unwrap().contains("backup"));
}

/// A migration that does not come to its end leaves the old schema.
#[test]
fn a_schema_is_whole_or_not_there() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join(".kernwerk")).unwrap();
    let path = directory.path().join(".kernwerk/ledger.sqlite");
    // A table in the way makes the first step fail in its middle.
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "application_id", 0x4b45_524e).unwrap();
    connection.execute_batch("CREATE TABLE usage (x INTEGER)").unwrap();
    assert_eq!(Problem::from(Lab::open(directory.path()).err().unwrap()).name, "LedgerFailed");
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_master WHERE type = 'table'", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
    connection.execute_batch("DROP TABLE usage").unwrap();
    drop(connection);
    Lab::open(directory.path()).unwrap();
}
