//! Labs that nobody may write to.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kernwerk_core::{Cancel, Problem, Resource, Work};
use kernwerk_store::{Error, Lab, WriteMode};
use serde_json::json;

use crate::child::{Worker, say};
use crate::common::{Place, numbers, rows, run};

/// Takes the write permission from a directory and all in it, and leaves the permission to read for everybody.
fn seal(directory: &Path) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        if entry.path().is_dir() {
            seal(&entry.path());
        } else {
            std::fs::set_permissions(entry.path(), PermissionsExt::from_mode(0o444)).unwrap();
        }
    }
    std::fs::set_permissions(directory, PermissionsExt::from_mode(0o555)).unwrap();
}

fn unseal(directory: &Path) {
    std::fs::set_permissions(directory, PermissionsExt::from_mode(0o755)).unwrap();
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        if entry.path().is_dir() {
            unseal(&entry.path());
        }
    }
}

/// What the child does, as a user whom permissions bind.
pub fn look_around(root: &Path) {
    // SAFETY: plain system calls; the C library changes the user of all threads. The test user may be root, whom no
    // permission binds; 65534 is nobody.
    unsafe {
        if libc::geteuid() == 0 {
            assert_eq!(libc::setgid(65534), 0);
            assert_eq!(libc::setuid(65534), 0);
        }
    }
    let lab = Lab::open(root).unwrap();
    assert!(lab.is_read_only());
    assert!(!lab.id().is_nil());
    let stored = run(lab.dataset(Resource::Table, "rides")).unwrap();
    assert_eq!(numbers(&run(stored.read(None, None)).unwrap()), [1, 2]);
    assert_eq!(run(stored.digest()).unwrap().len(), 64);
    assert_eq!(run(stored.history()).unwrap().len(), 1);
    assert_eq!(lab.ledger().setting("principal").unwrap().as_deref(), Some("ada"));
    let digest = blake3::hash(b"blob").to_hex().to_string();
    assert_eq!(lab.blobs().get(&digest).unwrap(), b"blob");
    let frame = lab.exchange("frame.arrow", b"bytes").unwrap();
    assert_eq!(std::fs::read(&frame).unwrap(), b"bytes");
    std::fs::remove_dir_all(lab.exchange_dir()).unwrap();
    let elsewhere = std::env::temp_dir().join(format!("kernwerk-elsewhere-{}", std::process::id()));
    lab.atomic_write(&elsewhere, b"x").unwrap();
    std::fs::remove_file(&elsewhere).unwrap();

    let refused = |result: Result<(), Error>| {
        let problem = Problem::from(result.unwrap_err());
        assert_eq!(problem.name, "ReadOnlyLab", "{problem:?}");
        assert!(problem.message.contains("is read-only"), "{}", problem.message);
    };
    let work = Work::silent();
    let more = || vec![rows([3], "a")];
    refused(run(lab.write(Resource::Table, "rides", WriteMode::Append, more(), &work)).map(drop));
    refused(run(lab.write(Resource::Corpus, "docs", WriteMode::Create, more(), &work)).map(drop));
    refused(run(lab.rewrite(Resource::Table, "rides", Some("true".into()), more(), &work)).map(drop));
    refused(lab.lock(Resource::Table, "rides", &Cancel::new()).map(drop));
    refused(lab.begin("source", "rides").map(drop));
    refused(lab.ledger().set_setting("a", "b"));
    refused(lab.ledger().define("suite", "a", &json!(1)).map(drop));
    refused(lab.ledger().add_run("suite", "a", "", &json!(1)).map(drop));
    refused(lab.ledger().begin_cell(&crate::ledger::new_cell("a.ipynb", 1)).map(drop));
    refused(lab.blobs().put(b"another").map(drop));
    refused(lab.staging_dir().map(drop));
    refused(lab.atomic_write(&root.join("file"), b"x"));
    refused(Lab::init(&root.join("below")).map(drop));
    say("all seen");
}

fn filled() -> Place {
    let place = Place::new();
    place.write("rides", WriteMode::Create, rows([1, 2], "a"));
    place.lab.ledger().set_setting("principal", "ada").unwrap();
    place.lab.blobs().put(b"blob").unwrap();
    place
}

fn look_from_outside(root: &Path) {
    seal(root);
    let mut worker = Worker::start("read only", root, 0);
    worker.wait_for("all seen");
    worker.succeed();
    unseal(root);
}

#[test]
fn a_read_only_lab_is_read_and_not_written() {
    let Place { lab, directory } = filled();
    drop(lab);
    look_from_outside(directory.path());
}

#[test]
fn it_can_be_read_while_somebody_with_the_right_to_write_has_it_open() {
    let place = filled();
    look_from_outside(place.root());
}

#[test]
fn it_can_be_read_after_the_last_writer_was_killed() {
    let place = filled();
    let mut worker = Worker::start("stuck publish", place.root(), 0);
    worker.wait_for("in the middle");
    let Place { lab, directory } = place;
    drop(lab);
    worker.kill();
    assert!(directory.path().join(".kernwerk/ledger.sqlite-wal").metadata().unwrap().len() > 0);
    // Without the index of the log SQLite cannot read where it cannot write.
    std::fs::remove_file(directory.path().join(".kernwerk/ledger.sqlite-shm")).unwrap();
    look_from_outside(directory.path());
}

#[test]
fn a_sealed_checkout_without_data_opens_empty() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("kernwerk.toml"), "").unwrap();
    seal(directory.path());
    let mut worker = Worker::start("read empty", directory.path(), 0);
    worker.wait_for("all seen");
    worker.succeed();
    unseal(directory.path());
}

pub fn look_at_nothing(root: &Path) {
    // SAFETY: as in `look_around`.
    unsafe {
        if libc::geteuid() == 0 {
            assert_eq!(libc::setuid(65534), 0);
        }
    }
    let lab = Lab::open(root).unwrap();
    assert!(lab.is_read_only());
    assert!(lab.names(Resource::Table).is_empty());
    assert!(lab.ledger().notebooks().unwrap().is_empty());
    say("all seen");
}
