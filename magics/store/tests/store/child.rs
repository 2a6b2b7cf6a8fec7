//! Other processes: this test program started again, doing one thing in a lab until it is done or killed.

use std::io::{BufRead, BufReader, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use kernwerk_core::{Cancel, Event, Events, Resource, Work};
use kernwerk_store::{Lab, WriteMode};

use crate::budgets;
use crate::common::{numbers, rows, run};

const TASK: &str = "KERNWERK_TEST_TASK";
const ROOT: &str = "KERNWERK_TEST_LAB";
const WORKER: &str = "KERNWERK_TEST_WORKER";

/// A process that does `task` in the lab at `root`.
pub struct Worker {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Worker {
    pub fn start(task: &str, root: &Path, number: usize) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["child::do_the_task", "--exact", "--nocapture", "--test-threads=1"])
            .env(TASK, task)
            .env(ROOT, root)
            .env(WORKER, number.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Self { process, lines }
    }

    /// Waits until the process says a line that contains `word`; returns the line.
    pub fn wait_for(&mut self, word: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "the process ended before it said `{word}`");
            if line.contains(word) {
                return line.trim().to_owned();
            }
        }
    }

    pub fn kill(&mut self) {
        // SIGKILL: the process gets no chance to clean up.
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Kills the process and returns what it had said until then.
    pub fn kill_and_read(mut self) -> Vec<String> {
        self.kill();
        self.rest()
    }

    pub fn succeed(mut self) {
        let said = self.rest();
        assert!(self.process.wait().unwrap().success(), "{said:#?}");
    }

    fn rest(&mut self) -> Vec<String> {
        self.lines.by_ref().lines().map_while(Result::ok).collect()
    }
}

/// A test that fails leaves no process behind.
impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Says a line to the parent at once.
pub fn say(line: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// Stands still late in the work, when part of the rows lies on the disk, so that the parent can kill in the middle of a write.
struct Stuck;

impl Events for Stuck {
    fn emit(&self, event: Event) {
        if let Event::Progress { done: done @ 3_000_000.., .. } = event {
            say(format!("in the middle after {done}"));
            std::thread::sleep(std::time::Duration::from_secs(600));
        }
    }
}

/// What the child does; in an ordinary run of the tests it is an empty test.
#[test]
fn do_the_task() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let root = PathBuf::from(std::env::var_os(ROOT).unwrap());
    let worker: i64 = std::env::var(WORKER).unwrap().parse().unwrap();
    match task.as_str() {
        "open" => drop(Lab::open(&root).unwrap()),
        "append" => append(&root, worker),
        "count up" => count_up(&root),
        "define" => define(&root, worker),
        "spend" => spend(&root),
        "reserve all" => reserve_all(&root),
        "log" => log(&root, worker),
        "stuck write" => stuck_write(&root),
        "stuck publish" => stuck_publish(&root),
        "write on and on" => write_on_and_on(&root),
        "read only" => crate::read_only::look_around(&root),
        "read empty" => crate::read_only::look_at_nothing(&root),
        other => panic!("no task is called {other}"),
    }
}

fn append(root: &Path, worker: i64) {
    let lab = Lab::open(root).unwrap();
    run(async {
        for turn in 0..6 {
            let rows = rows([worker * 1000 + turn], "appended");
            lab.write(Resource::Table, "shared", WriteMode::Append, vec![rows], &Work::silent()).await.unwrap();
        }
    });
}

/// Reads a number and writes the next one, under the lock.
fn count_up(root: &Path) {
    let lab = Lab::open(root).unwrap();
    run(async {
        for _ in 0..5 {
            let lock = lab.lock(Resource::Table, "counter", &Cancel::new()).unwrap();
            let now =
                numbers(&lab.dataset(Resource::Table, "counter").await.unwrap().read(None, None).await.unwrap())[0];
            lock.rewrite(Some("true".to_owned()), vec![rows([now + 1], "count")], &Work::silent()).await.unwrap();
        }
    });
}

fn define(root: &Path, worker: i64) {
    let lab = Lab::open(root).unwrap();
    for turn in 0..20 {
        lab.ledger().define("suite", "shared", &serde_json::json!({ "worker": worker, "turn": turn })).unwrap();
    }
}

fn log(root: &Path, worker: i64) {
    let lab = Lab::open(root).unwrap();
    for turn in 0..50 {
        let cell = crate::ledger::new_cell(&format!("worker-{worker}.ipynb"), turn);
        let id = lab.ledger().begin_cell(&cell).unwrap();
        lab.ledger().finish_cell(id, &cell.names, &crate::ledger::end()).unwrap();
    }
}

fn stuck_write(root: &Path) {
    let lab = Lab::open(root).unwrap();
    let operation = lab.begin("source", "rides").unwrap();
    let work = Work::new(Cancel::new(), Arc::new(Stuck));
    run(lab.write(Resource::Table, "rides", WriteMode::Append, vec![rows(0..4_000_000, "late")], &work)).unwrap();
    operation.done().unwrap();
}

fn stuck_publish(root: &Path) {
    let lab = Lab::open(root).unwrap();
    let _operation = lab.begin("publish", "quickstart").unwrap();
    std::fs::write(lab.staging_dir().unwrap().join("pipeline.toml"), "half").unwrap();
    std::fs::write(lab.exchange_dir().join("frame.arrow"), "half").unwrap();
    lab.ledger().begin_cell(&crate::ledger::new_cell("a.ipynb", 1)).unwrap();
    say("in the middle");
    std::thread::sleep(std::time::Duration::from_secs(600));
}

/// Replaces a generation of rows by the next one, and says each that is stored.
fn write_on_and_on(root: &Path) {
    let lab = Lab::open(root).unwrap();
    run(async {
        for generation in 0.. {
            let delete = format!("number < {generation}");
            let append = vec![rows(std::iter::repeat_n(generation, 50), "generation")];
            lab.rewrite(Resource::Table, "generations", Some(delete), append, &Work::silent()).await.unwrap();
            lab.ledger().set_setting("generation", &generation.to_string()).unwrap();
            lab.blobs().put(format!("generation {generation}").as_bytes()).unwrap();
            lab.atomic_write(&root.join("generation.txt"), generation.to_string().as_bytes()).unwrap();
            say(format!("stored {generation}"));
        }
    });
}

/// Calls whenever one is let in, until it is told to stop.
fn spend(root: &Path) {
    let lab = Lab::open(root).unwrap();
    let (call, bound) = (budgets::call("x"), budgets::bound(budgets::TOKENS_A_CALL));
    while !root.join("stop").exists() {
        // Without a pause: whoever pauses is not there when two are let in at once.
        if let Ok(reservation) = budgets::reserve(&lab, &call, &bound) {
            reservation.settle(&budgets::usage("m", budgets::TOKENS_A_CALL, 0.1), None).unwrap();
        }
    }
}

/// Takes the whole budget and stands still, so that the parent can kill in the middle of a call.
fn reserve_all(root: &Path) {
    let lab = Lab::open(root).unwrap();
    match budgets::reserve(&lab, &budgets::call("x"), &budgets::bound(budgets::MOST.unsigned_abs())) {
        Err(_) => say("refused"),
        Ok(_reservation) => {
            say("reserved");
            std::thread::sleep(std::time::Duration::from_secs(600));
        }
    }
}
