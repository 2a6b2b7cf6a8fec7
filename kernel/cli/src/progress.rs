//! Events on standard error: one line that rewrites itself on a terminal, an occasional line elsewhere.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kernwerk_core::{Event, Events};
use kernwerk_render::Progress;

const TERMINAL_PAUSE: Duration = Duration::from_millis(100);
/// In a log file a line is worth reading only so often.
const LOG_PAUSE: Duration = Duration::from_secs(5);
/// What is over sooner needs no progress.
const PATIENCE: Duration = Duration::from_millis(500);

/// Shows events on standard error.
pub struct Terminal {
    rewrites: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    began: BTreeMap<String, Instant>,
    shown: Option<Instant>,
    /// Characters of the line that will be rewritten.
    line: usize,
}

impl Terminal {
    pub fn new() -> Self {
        Self { rewrites: std::io::stderr().is_terminal(), state: Mutex::default() }
    }

    fn progress(&self, state: &mut State, progress: Progress) {
        let pause = if self.rewrites { TERMINAL_PAUSE } else { LOG_PAUSE };
        if progress.elapsed < PATIENCE {
            return;
        }
        let due = state.shown.is_none_or(|shown| shown.elapsed() >= pause);
        if !due && !progress.is_done() {
            return;
        }
        state.shown = Some(Instant::now());
        let text = progress.text();
        let length = text.chars().count();
        let mut stderr = std::io::stderr().lock();
        if self.rewrites {
            let blanks = " ".repeat(state.line.saturating_sub(length));
            let end = if progress.is_done() { "\n" } else { "" };
            let _ = write!(stderr, "\r{text}{blanks}{end}");
            state.line = if progress.is_done() { 0 } else { length };
        } else {
            let _ = writeln!(stderr, "{text}");
        }
        let _ = stderr.flush();
    }
}

impl Events for Terminal {
    fn emit(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Note(line) => {
                let lead = if state.line > 0 { "\n" } else { "" };
                state.line = 0;
                let _ = writeln!(std::io::stderr().lock(), "{lead}{line}");
            }
            Event::Progress { task, done, total, unit } => {
                let began = *state.began.entry(task.clone()).or_insert_with(Instant::now);
                let progress = Progress { task, done, total, unit: unit.to_owned(), elapsed: began.elapsed() };
                self.progress(&mut state, progress);
            }
        }
    }
}
