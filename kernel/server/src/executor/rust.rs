//! The Rust parts of a cell: handed to the cell host, and what comes back.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernwerk_cell::{CellEnd, CellEvent, CellRequest, FrameBinding, Host, HostConfig, Variable, analyse, plain};
use kernwerk_core::{Cancel, Event, Events, Names, Problem};
use kernwerk_session::{Options, RunningCell};

use super::recorder::Recorder;
use super::{Executor, Stop};
use crate::engine::{Bundle, Failure, Shown};

/// A display of this type clears what the cell has shown; its text says whether to `wait` for the next output.
const CLEAR: &str = "application/x-kernwerk-clear-output";
/// Names the display that it comes with, so that it can be updated.
const DISPLAY_ID: &str = "application/x-kernwerk-display-id";
/// Makes the display that it comes with replace the one that it names.
const UPDATE_ID: &str = "application/x-kernwerk-update-display-id";

/// The task under which the progress of compiling is shown: one line, whatever crate it is at.
const COMPILING: &str = "compiling for this cell";

/// An interrupt is said again where the cell goes on for so long: the first one may have come before the host had begun.
const AGAIN: Duration = Duration::from_secs(1);

/// The cell host of a notebook. It refuses what comes while it is at work, so cells wait here for their turn.
pub(super) struct Cells {
    host: Host,
    turn: Mutex<()>,
}

impl Cells {
    /// A host for the notebook that `options` describe. Starts nothing yet.
    pub fn new(options: &Options) -> Self {
        let config = HostConfig { program: options.program.clone(), directory: options.directory.clone(), cache: None };
        Self { host: Host::new(config), turn: Mutex::default() }
    }

    /// Asks the host about the code, also while a cell runs in it.
    pub fn ask<T>(&self, question: impl FnOnce(&Host) -> Result<T, Problem>) -> Option<T> {
        question(&self.host).ok()
    }

    /// The variables that Rust cells have made.
    pub fn variables(&self) -> Result<Vec<Variable>, Problem> {
        Ok(self.host.variables()?.unwrap_or_default())
    }

    pub fn interrupt(&self) {
        self.host.interrupter().interrupt();
    }

    /// Ends the host's processes, in the middle of a cell, too.
    pub fn shutdown(&self) {
        self.host.shutdown();
    }

    /// The value of an expression; what it shows beside is dropped.
    pub fn evaluate(&self, expression: &str) -> Result<Bundle, Failure> {
        let request = CellRequest { code: expression.to_owned(), line: 0, bindings: Vec::new() };
        match self.execute(&request, &mut drop)? {
            CellEnd::Ok { result: Some(bundle) } => Ok(Bundle(bundle)),
            CellEnd::Ok { result: None } => Err(Problem::new("NoValue", "the expression has no value").into()),
            other => Err(failure(other)),
        }
    }

    /// Runs code until it ends, or until some time after `cancel` was raised.
    fn run(&self, request: &CellRequest, sink: &mut dyn FnMut(CellEvent), cancel: &Cancel) -> Result<CellEnd, Problem> {
        let (ended, end) = channel::<()>();
        let watch = move || {
            while end.recv_timeout(AGAIN) == Err(RecvTimeoutError::Timeout) {
                if cancel.is_cancelled() {
                    self.interrupt();
                }
            }
        };
        std::thread::scope(|scope| {
            // Without the thread an interrupt is said once, which is nearly always enough.
            let _ = std::thread::Builder::new().name("kernwerk-watch".to_owned()).spawn_scoped(scope, watch);
            let result = self.execute(request, sink);
            drop(ended);
            result
        })
    }

    fn execute(&self, request: &CellRequest, sink: &mut dyn FnMut(CellEvent)) -> Result<CellEnd, Problem> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.host.execute(request, sink)
    }
}

impl Executor {
    /// Runs one part of Rust code, which begins at `line` of the cell, from 0.
    pub(super) fn run_code(
        &self,
        code: &str,
        line: usize,
        running: &RunningCell,
        recorder: &Arc<Recorder>,
        cancel: &Cancel,
    ) -> Result<(), Stop> {
        let names = analyse(code);
        let tables = self.scope().needed_by(&names, code);
        let bindings = tables.into_iter().map(|(name, path)| FrameBinding { name, path }).collect();
        let request = CellRequest { code: code.to_owned(), line, bindings };
        let mut compiling = Compiling { recorder, total: None };
        let mut sink = |event| {
            // Of a cell that does not compile there is timing, too.
            if let CellEvent::Timing(phases) = event {
                self.memory().timed(running.execution_count(), phases);
            } else if !compiling.takes(&event) {
                compiling.succeeded();
                show(recorder, event);
            }
        };
        let end = self.cells.run(&request, &mut sink, cancel);
        if !matches!(end, Err(_) | Ok(CellEnd::CompileError { .. })) {
            compiling.succeeded();
        }
        recorder.progress_ended();
        let end = end.map_err(Stop::of)?;
        self.keep_scope(&end, &names, &request);
        self.remember(&end, &names, code, running.execution_count());
        match end {
            CellEnd::Ok { result } => {
                result.into_iter().for_each(|bundle| recorder.show(Shown::Result(Bundle(bundle))));
                Ok(())
            }
            CellEnd::CompileError { .. } => Err(Stop::Rejected(failure(end))),
            CellEnd::Interrupted { .. } => Err(Stop::Interrupted(failure(end))),
            _ => Err(Stop::Failed(failure(end))),
        }
    }

    /// Keeps in mind what the code made and showed.
    fn remember(&self, end: &CellEnd, names: &Names, code: &str, count: u32) {
        let mut memory = self.memory();
        match end {
            CellEnd::CompileError { .. } => {}
            CellEnd::Crashed { .. } | CellEnd::Interrupted { state_lost: true } => memory.lost(),
            CellEnd::Ok { result } => {
                memory.ran(names, count, true);
                let plain = result.iter().flatten().find(|(mime, _)| mime == "text/plain");
                if let Some((_, text)) = plain {
                    memory.shown(code, text, count);
                }
            }
            _ => memory.ran(names, count, false),
        }
    }

    /// Keeps track of which tables Rust has.
    fn keep_scope(&self, end: &CellEnd, names: &Names, request: &CellRequest) {
        let mut scope = self.scope();
        match end {
            CellEnd::Ok { .. } => {
                scope.handed(request.bindings.iter().map(|binding| binding.name.as_str()));
                scope.hidden_by(names);
            }
            CellEnd::Crashed { .. } | CellEnd::Interrupted { state_lost: true } => scope.lost(),
            _ => {}
        }
    }
}

/// The compiling before a cell runs.
struct Compiling<'a> {
    recorder: &'a Recorder,
    /// How many crates it takes, while it is going on.
    total: Option<u64>,
}

impl Compiling<'_> {
    /// Tells how far the compiling is, if that is what the event says. Every cell compiles one crate, its own; to tell of
    /// that alone would only be noise.
    fn takes(&mut self, event: &CellEvent) -> bool {
        let CellEvent::Progress { done, total, .. } = event else { return false };
        if *total > 1 {
            self.total = Some(*total);
            self.tell(*done, *total);
        }
        true
    }

    /// The cell shows something or has ended: it was compiled.
    fn succeeded(&mut self) {
        if let Some(total) = self.total.take() {
            self.tell(total, total);
            self.recorder.progress_ended();
        }
    }

    fn tell(&self, done: u64, total: u64) {
        self.recorder.emit(Event::Progress { task: COMPILING.to_owned(), done, total: Some(total), unit: "crates" });
    }
}

fn show(recorder: &Recorder, event: CellEvent) {
    match event {
        CellEvent::Stdout(text) => recorder.show(Shown::Stdout(text)),
        CellEvent::Stderr(text) => recorder.show(Shown::Stderr(text)),
        CellEvent::Display(bundle) => recorder.show(display(bundle)),
        CellEvent::Note(line) => recorder.note(line),
        CellEvent::Progress { .. } | CellEvent::Timing(_) => {}
        CellEvent::Input { prompt, password, answer } => {
            // Without an answer the cell's read fails, which says more in its place than here.
            answer.give(recorder.input(&prompt, password).ok());
        }
    }
}

/// What a display asks for: types of our own stand for what MIME has no word for.
fn display(mut bundle: Vec<(String, String)>) -> Shown {
    let mut take = |wanted: &str| {
        let index = bundle.iter().position(|(mime, _)| mime == wanted)?;
        Some(bundle.remove(index).1)
    };
    if let Some(text) = take(CLEAR) {
        return Shown::Clear { wait: text == "wait" };
    }
    let display_id = take(DISPLAY_ID);
    match take(UPDATE_ID) {
        Some(display_id) => Shown::UpdateDisplay { bundle: Bundle(bundle), display_id },
        None => Shown::Display { bundle: Bundle(bundle), display_id },
    }
}

/// How a failed end is shown.
fn failure(end: CellEnd) -> Failure {
    match end {
        CellEnd::CompileError { message, line } => compile_error(&message, line),
        CellEnd::Panic { message, line } => Problem::new("Panic", at(line, &message)).into(),
        CellEnd::Failed { message } => Problem::new("Error", message).into(),
        CellEnd::Crashed { reason } => Problem::new("Crash", reason)
            .with_hint("the kernel and the lab are unharmed; run again the cells whose variables are missing")
            .into(),
        CellEnd::Interrupted { state_lost } => {
            let problem = Problem::new(Problem::INTERRUPTED, "interrupted");
            let lost = "the variables of Rust cells were lost with it; run again the cells that make them";
            if state_lost { problem.with_hint(lost).into() } else { problem.into() }
        }
        CellEnd::Ok { .. } => Problem::new("InternalError", "a cell that ended well was taken for a failed one").into(),
    }
}

/// rustc's words in full below, its first line in short.
fn compile_error(message: &str, line: Option<usize>) -> Failure {
    let words = plain(message);
    let first = words.lines().find(|line| !line.trim().is_empty()).unwrap_or("the cell does not compile");
    Failure {
        name: "CompileError".to_owned(),
        message: at(line, first.trim()),
        traceback: message.lines().map(str::to_owned).collect(),
    }
}

/// Lines of the cell are counted from 1, as editors do.
fn at(line: Option<usize>, message: &str) -> String {
    line.map_or_else(|| message.to_owned(), |line| format!("line {line}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(parts: &[(&str, &str)]) -> Vec<(String, String)> {
        parts.iter().map(|(mime, text)| ((*mime).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn marked_displays_say_what_they_are_for() {
        assert_eq!(display(bundle(&[(CLEAR, "wait")])), Shown::Clear { wait: true });
        assert_eq!(display(bundle(&[(CLEAR, "")])), Shown::Clear { wait: false });
        let plain = || Bundle::plain("x");
        assert_eq!(display(bundle(&[("text/plain", "x")])), Shown::Display { bundle: plain(), display_id: None });
        assert_eq!(
            display(bundle(&[("text/plain", "x"), (DISPLAY_ID, "d")])),
            Shown::Display { bundle: plain(), display_id: Some("d".to_owned()) }
        );
        assert_eq!(
            display(bundle(&[(UPDATE_ID, "d"), ("text/plain", "x")])),
            Shown::UpdateDisplay { bundle: plain(), display_id: "d".to_owned() }
        );
    }

    #[test]
    fn a_compile_error_names_its_line_and_keeps_rustcs_words() {
        let end =
            CellEnd::CompileError { message: "\nerror[E0308]: mismatched types\n --> cell".to_owned(), line: Some(3) };
        let failure = failure(end);
        assert_eq!(failure.message, "line 3: error[E0308]: mismatched types");
        assert_eq!(failure.traceback.last().map(String::as_str), Some(" --> cell"));
    }
}
