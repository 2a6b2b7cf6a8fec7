//! Work in an engine thread, while Python's thread shows what it tells and looks out for interrupts. Python's lock is free
//! all along, but for the moments of showing.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kernwerk_core::{Cancel, Event, Events, Problem, Work};
use kernwerk_render::{Bar, Board};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

use crate::problem::raise;

/// How often Python's thread looks up.
const TICK: Duration = Duration::from_millis(20);

/// What work has told and nobody was shown yet.
#[derive(Default)]
struct Told {
    board: Mutex<Board>,
    notes: Mutex<Vec<String>>,
}

impl Events for Told {
    fn emit(&self, event: Event) {
        match event {
            Event::Progress { task, done, total, unit } => {
                lock(&self.board).tell(&task, done, total, unit, Instant::now());
            }
            Event::Note(line) => lock(&self.notes).push(line),
        }
    }
}

/// Runs `act` in an engine thread, to its end: an interrupt asks it to stop, and waits until it has taken back what it began.
/// `watcher` has the methods `note(line)` and `progress(number, is_new, text, html)`.
///
/// # Errors
/// What `act` reports; `KeyboardInterrupt` where somebody interrupted it; what the watcher raises.
pub fn run<T: Send + 'static>(
    watcher: &Bound<'_, PyAny>,
    act: impl FnOnce(&Work) -> Result<T, Problem> + Send + 'static,
) -> PyResult<Result<T, Problem>> {
    let py = watcher.py();
    let told = Arc::new(Told::default());
    let cancel = Cancel::new();
    let work = Work::new(cancel.clone(), told.clone());
    let (sender, receiver) = channel();
    // Shared with the part that does without Python's lock, which may use only what threads may share.
    let receiver = Mutex::new(receiver);
    let run = move || {
        // Nobody is left to be told only when Python itself has ended.
        let _ = sender.send(act(&work));
    };
    let thread = std::thread::Builder::new().name("kernwerk-verb".to_owned()).spawn(run);
    if let Err(error) = thread {
        return Err(raise(py, Problem::new("NoThread", format!("the operating system grants no thread: {error}"))));
    }
    let mut stopped = None;
    let result = loop {
        let received = py.detach(|| lock(&receiver).recv_timeout(TICK));
        let ended = !matches!(received, Err(RecvTimeoutError::Timeout));
        if let Err(error) = py.check_signals().and_then(|()| show(watcher, &told, ended)) {
            cancel.cancel();
            stopped.get_or_insert(error);
        }
        match received {
            Ok(result) => break result,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break Err(broken()),
        }
    };
    match (stopped, result) {
        (None, result) => Ok(result),
        // The work says how it stopped, in the words of the other faces.
        (Some(error), Err(problem)) if problem.is_interrupt() && error.is_instance_of::<PyKeyboardInterrupt>(py) => {
            Ok(Err(problem))
        }
        (Some(error), _) => Err(error),
    }
}

fn show(watcher: &Bound<'_, PyAny>, told: &Told, ended: bool) -> PyResult<()> {
    for line in std::mem::take(&mut *lock(&told.notes)) {
        watcher.call_method1("note", (line,))?;
    }
    let bars = if ended { lock(&told.board).finish(Instant::now()) } else { lock(&told.board).due(Instant::now()) };
    for Bar { number, is_new, text, html } in bars {
        watcher.call_method1("progress", (number, is_new, text, html))?;
    }
    Ok(())
}

/// No panic crosses a face. Its own words are on standard error.
fn broken() -> Problem {
    Problem::new("Internal", "Kernwerk itself failed here; the lab recovers by itself at its next use")
        .with_hint("please report it with what stands on standard error")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
