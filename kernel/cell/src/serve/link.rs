//! What the threads of a cell host share: the line to the kernel, and the state of the cell that runs.

use std::fs::File;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kernwerk_wire::{Bundle, Event, Kept};

use super::copy::Copy;
use super::stopwatch::Stopwatch;
use crate::home::Home;
use crate::process;

/// Shared by all threads of a host.
pub(super) struct Link {
    events: Mutex<File>,
    state: Mutex<State>,
    answered: Condvar,
    /// A cell begins or ends to run.
    changed: Condvar,
    /// Copies of this process that answer questions. Locked after `state`, where both are.
    copies: Mutex<Vec<Copy>>,
}

/// What evcxr does at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// No cell is asked for.
    Idle,
    /// A cell is asked for, and its code does not run.
    Compiling,
    /// A cell's code runs, and evcxr waits for it.
    Running,
}

/// The state of the cell that runs.
#[derive(Debug, Default)]
pub(super) struct State {
    /// A cell is asked for and has not been answered.
    pub(super) busy: bool,
    /// evcxr is at work on it: building and running can be stopped.
    pub(super) at_work: bool,
    pub(super) interrupted: bool,
    /// The process that runs cells, and whether one runs in it.
    pub(super) worker: Option<u32>,
    pub(super) running: bool,
    /// The source that was compiled for what runs.
    pub(super) source: Option<String>,
    /// The value of the trailing expression comes next, or has come.
    pub(super) trailing: bool,
    pub(super) result: Option<Bundle>,
    pub(super) panic: Option<Panic>,
    pub(super) failed: Option<String>,
    /// Why the worker died, and what was kept of the variables.
    pub(super) died: Option<(String, Kept)>,
    /// Variables are gone of which evcxr has not heard yet.
    pub(super) forgets: bool,
    pub(super) stopwatch: Stopwatch,
    /// A question that waits: none yet, or its answer.
    question: Option<Option<Option<String>>>,
}

/// A panic that ended a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Panic {
    pub(super) message: String,
    pub(super) file: String,
    pub(super) line: usize,
}

impl Link {
    pub(super) fn new(events: File) -> Self {
        Self {
            events: Mutex::new(events),
            state: Mutex::default(),
            answered: Condvar::new(),
            changed: Condvar::new(),
            copies: Mutex::default(),
        }
    }

    /// Tells the kernel; waits while it has not taken what it was told before.
    pub(super) fn tell(&self, event: &Event) -> io::Result<()> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        kernwerk_wire::write(&mut *events, event)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A cell has been asked for.
    pub(super) fn expect_cell(&self, home: &Home) {
        let mut state = self.state();
        let (worker, forgets) = (state.worker, state.forgets);
        *state = State { busy: true, worker, forgets, stopwatch: Stopwatch::start(), ..State::default() };
        // A mark or an answer left from before concerns nobody any more.
        let _ = std::fs::remove_file(home.stop_mark());
        let _ = std::fs::remove_file(home.answer());
    }

    /// The cell has been dealt with.
    pub(super) fn rest(&self) {
        let mut state = self.state();
        state.busy = false;
        state.at_work = false;
        self.changed.notify_all();
    }

    /// A cell's code is about to run.
    pub(super) fn runs(&self, home: &Home) {
        // Read now: copies of this process write to the same file.
        let source = std::fs::read_to_string(home.package().join("src/lib.rs")).ok();
        let mut state = self.state();
        state.source = source;
        state.running = true;
        state.stopwatch.loading();
        if state.interrupted {
            self.stop(&mut state, home);
        }
        self.changed.notify_all();
    }

    /// No code runs any more. To be called before evcxr can hear of it.
    pub(super) fn runs_no_more(&self) {
        let mut state = self.state();
        state.running = false;
        state.stopwatch.stopped();
        drop(state);
        for copy in std::mem::take(&mut *self.copies()) {
            copy.end();
        }
    }

    /// Does `action` at a moment that lasts until it is done. A moment at which a cell is compiled is waited out for some time.
    pub(super) fn at_moment<T>(&self, patience: Duration, action: impl FnOnce(Moment) -> T) -> T {
        let deadline = Instant::now() + patience;
        let mut state = self.state();
        loop {
            let moment = match *state {
                State { busy: false, .. } => Moment::Idle,
                State { at_work: true, running: true, .. } => Moment::Running,
                _ => Moment::Compiling,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if moment != Moment::Compiling || left.is_zero() {
                return action(moment);
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A copy of this process answers a question from now on.
    pub(super) fn add_copy(&self, copy: Copy) {
        self.copies().push(copy);
    }

    /// Whether a copy has not been ended.
    pub(super) fn has_copy(&self, copy: Copy) -> bool {
        self.copies().contains(&copy)
    }

    fn copies(&self) -> MutexGuard<'_, Vec<Copy>> {
        self.copies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn was_interrupted(&self) -> bool {
        self.state().interrupted
    }

    /// Stops the cell that runs, if one does.
    pub(super) fn interrupt(&self, home: &Home) {
        let mut state = self.state();
        if !state.busy {
            return;
        }
        state.interrupted = true;
        if state.at_work {
            // Keeps a build or a run from beginning from here on.
            let _ = std::fs::write(home.stop_mark(), "");
            self.stop(&mut state, home);
        }
    }

    /// Kills what runs.
    pub(super) fn stop(&self, state: &mut State, home: &Home) {
        if state.running {
            if let Some(worker) = state.worker {
                process::kill_group(worker);
            }
        } else if let Some(build) =
            std::fs::read_to_string(home.build_mark()).ok().and_then(|text| text.trim().parse().ok())
        {
            process::kill_group(build);
        }
        if let Some(question) = &mut state.question {
            *question = Some(None);
            self.answered.notify_all();
        }
    }

    /// Kills everything: there is no kernel any more.
    pub(super) fn kill(&self, home: &Home) {
        let mut state = self.state();
        state.running = true;
        self.stop(&mut state, home);
        state.running = false;
        self.stop(&mut state, home);
    }

    /// Has the user asked, and waits for the answer; none when there is nobody to ask, or the cell was interrupted.
    pub(super) fn ask(&self, prompt: String, password: bool) -> io::Result<Option<String>> {
        self.state().question = Some(None);
        self.tell(&Event::Input { prompt, password })?;
        let mut state = self.state();
        loop {
            if let Some(Some(answer)) = state.question.take() {
                return Ok(answer);
            }
            state.question = Some(None);
            state = self.answered.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The user's answer.
    pub(super) fn answer(&self, answer: Option<String>) {
        let mut state = self.state();
        if state.question.is_some() {
            state.question = Some(Some(answer));
            self.answered.notify_all();
        }
    }
}
