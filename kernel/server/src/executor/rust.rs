//! The Rust parts of a cell: handed to the cell host, and what comes back.

use std::collections::BTreeSet;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use kernwerk_cell::{
    CellEnd, CellEvent, CellRequest, Confinement, CrateLock, Host, HostConfig, Kept, Variable, analyse, plain,
};
use kernwerk_core::{Cancel, Event, Events, Names, Problem};
use kernwerk_session::{Options, RunningCell, Session};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::calls::{Caller, Calls};
use super::recorder::Recorder;
use super::recover::Recovered;
use super::{Executor, Stop};
use crate::engine::{Bundle, Failure, Shown, Widget, WidgetKind};
use crate::log::log;

/// A display of this type clears what the cell has shown; its text says whether to `wait` for the next output.
const CLEAR: &str = "application/x-kernwerk-clear-output";
/// Names the display that it comes with, so that it can be updated.
const DISPLAY_ID: &str = "application/x-kernwerk-display-id";
/// Makes the display that it comes with replace the one that it names.
const UPDATE_ID: &str = "application/x-kernwerk-update-display-id";
/// The display that it comes with changes from run to run.
const VOLATILE: &str = "application/x-kernwerk-volatile";

/// Says of which widget the display that it comes with is the fallback, in JSON: `name`, `kind` and `state`.
const WIDGET: &str = "application/x-kernwerk-widget";
/// A question that begins so is for the kernel, not for the user: what the value of the widget is whose name follows.
const WIDGET_VALUE: &str = "application/x-kernwerk-widget-value ";

/// The task under which the progress of compiling is shown: one line, whatever crate it is at.
const COMPILING: &str = "compiling for this cell";

/// An interrupt is said again where the cell goes on for so long: the first one may have come before the host had begun.
const AGAIN: Duration = Duration::from_secs(1);

/// The cell host of a notebook. It refuses what comes while it is at work, so cells wait here for their turn.
pub(super) struct Cells {
    options: Options,
    confinement: Option<Confinement>,
    lock: Option<CrateLock>,
    started: OnceLock<Started>,
    turn: Mutex<()>,
}

/// What the first Rust cell needs.
struct Started {
    host: Host,
    /// None where the system has no room for a socket: cells run, and cannot call magics.
    calls: Option<Calls>,
}

impl Cells {
    /// A host for the notebook that `options` describe. Starts nothing yet.
    pub fn new(options: &Options, confinement: Option<Confinement>, lock: Option<CrateLock>) -> Self {
        Self { options: options.clone(), confinement, lock, started: OnceLock::new(), turn: Mutex::default() }
    }

    fn started(&self) -> &Started {
        self.started.get_or_init(|| {
            let calls = Calls::listen().map_err(|error| log(format!("Rust cells cannot call magics: {error}"))).ok();
            let config = HostConfig {
                program: self.options.program.clone(),
                directory: self.options.directory.clone(),
                cache: None,
                environment: calls.as_ref().map(Calls::environment).unwrap_or_default(),
                confinement: self.confinement.clone(),
                lock: self.lock.clone(),
            };
            Started { host: Host::new(config), calls }
        })
    }

    /// Asks the host about the code, also while a cell runs in it.
    pub fn ask<T>(&self, question: impl FnOnce(&Host) -> Result<T, Problem>) -> Option<T> {
        question(&self.started().host).ok()
    }

    /// The variables that Rust cells have made.
    pub fn variables(&self) -> Result<Vec<Variable>, Problem> {
        Ok(self.started().host.variables()?.unwrap_or_default())
    }

    /// The `Cargo.lock` with which Rust cells were compiled; none where none was.
    pub fn lock(&self) -> Result<Option<String>, Problem> {
        self.started.get().map_or(Ok(None), |started| started.host.lock())
    }

    pub fn interrupt(&self) {
        if let Some(started) = self.started.get() {
            started.host.interrupter().interrupt();
        }
    }

    /// Ends the host's processes, in the middle of a cell, too.
    pub fn shutdown(&self) {
        if let Some(started) = self.started.get() {
            started.host.shutdown();
            started.calls.iter().for_each(Calls::close);
        }
    }

    /// The value of an expression; what it shows beside is dropped.
    pub fn evaluate(&self, expression: &str) -> Result<Bundle, Failure> {
        let request = CellRequest { code: expression.to_owned(), line: 0, bindings: Vec::new() };
        match self.execute(&request, &mut drop)? {
            CellEnd::Ok { result: Some(bundle) } => Ok(Bundle(bundle)),
            CellEnd::Ok { result: None } => Err(Problem::new("NoValue", "the expression has no value").into()),
            other => Err(failure(other, &Recovered::default())),
        }
    }

    /// The answer to code that is no cell of the notebook; none where cells are at work, or it does not come to an end of its own.
    pub(super) fn look(&self, code: String) -> Result<Option<Vec<(String, String)>>, Problem> {
        // A cell that runs may be the one that asks.
        let Ok(_turn) = self.turn.try_lock() else { return Ok(None) };
        let request = CellRequest { code, line: 0, bindings: Vec::new() };
        match self.started().host.execute(&request, &mut drop)? {
            CellEnd::Ok { result } => Ok(result),
            _ => Ok(None),
        }
    }

    /// Runs code until it ends, or until some time after `cancel` was raised.
    pub(super) fn run(
        &self,
        request: &CellRequest,
        sink: &mut dyn FnMut(CellEvent),
        cancel: &Cancel,
    ) -> Result<CellEnd, Problem> {
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

    /// As [`Cells::run`], and answers the magics that the code calls.
    fn run_calling(
        &self,
        request: &CellRequest,
        sink: &mut dyn FnMut(CellEvent),
        caller: &Caller<'_>,
        cancel: &Cancel,
    ) -> Result<CellEnd, Problem> {
        let mut run = || self.run(request, sink, cancel);
        match &self.started().calls {
            Some(calls) => calls.during(caller, run, is_alive),
            None => run(),
        }
    }

    fn execute(&self, request: &CellRequest, sink: &mut dyn FnMut(CellEvent)) -> Result<CellEnd, Problem> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.started().host.execute(request, sink)
    }
}

impl Executor {
    /// Runs one part of Rust code, which begins at `line` of the cell, from 0.
    pub(super) fn run_code(
        &self,
        session: &Session,
        (code, line): (&str, usize),
        running: &RunningCell,
        recorder: &Arc<Recorder>,
        cancel: &Cancel,
    ) -> Result<(), Stop> {
        let names = analyse(code);
        let bindings = self.scope().needed_by(&names, code);
        let request = CellRequest { code: code.to_owned(), line, bindings };
        let mut compiling = Compiling { recorder, total: None };
        let mut sink = |event| {
            // Of a cell that does not compile there is timing, too.
            if let CellEvent::Timing(phases) = event {
                self.memory().timed(running.execution_count(), phases);
            } else if let CellEvent::Variables(variables) = event {
                running.has_types(variables.into_iter().map(|variable| (variable.name, variable.type_name)));
            } else if let CellEvent::Replaced { reason, kept } = event {
                recorder.note(self.lost_between_cells(session, &reason, &kept));
            } else if !compiling.takes(&event) {
                compiling.succeeded();
                show(recorder, event);
            }
        };
        let caller = Caller::new(self, session, running, recorder, cancel);
        let end = self.cells.run_calling(&request, &mut sink, &caller, cancel);
        if !matches!(end, Err(_) | Ok(CellEnd::CompileError { .. })) {
            compiling.succeeded();
        }
        recorder.progress_ended();
        let end = end.map_err(Stop::of)?;
        self.keep_scope(&end, &names, &request);
        self.remember(&end, &names, code, running.execution_count());
        let recovered = match &end {
            CellEnd::Crashed { kept, .. } | CellEnd::Interrupted { kept } => {
                running.rolled_back();
                self.bring_back(session, kept, recorder)
            }
            _ => Recovered::default(),
        };
        match end {
            CellEnd::Ok { result } => {
                result.into_iter().for_each(|bundle| show_bundle(recorder, bundle, shown_as_result));
                Ok(())
            }
            CellEnd::CompileError { ref message, .. } => {
                let absent = self.absent(&plain(message));
                let mut failure = failure(end, &recovered);
                failure.traceback.extend(absent);
                Err(Stop::Rejected(failure))
            }
            CellEnd::Interrupted { .. } => Err(Stop::Interrupted(failure(end, &recovered))),
            _ => Err(Stop::Failed(failure(end, &recovered))),
        }
    }

    /// Says of variables that rustc did not find where they went: a line for each.
    fn absent(&self, message: &str) -> Vec<String> {
        let memory = self.memory();
        missing(message).into_iter().filter_map(|name| memory.absence(name)).map(|why| format!("note: {why}")).collect()
    }

    /// Takes in that the process of the cells went down when none ran, and says so.
    fn lost_between_cells(&self, session: &Session, reason: &str, kept: &Kept) -> String {
        self.scope_kept(kept);
        let left = match kept {
            Kept::All => "all variables were kept".to_owned(),
            kept => {
                self.memory().forget_values();
                self.bring_back_later(session, kept).words(kept)
            }
        };
        format!("since the last cell the process that runs cells {reason}; {left}")
    }

    /// Keeps in mind what the code made and showed.
    fn remember(&self, end: &CellEnd, names: &Names, code: &str, count: u32) {
        let mut memory = self.memory();
        match end {
            CellEnd::CompileError { .. } => {}
            // Everything is as it was before the cell.
            CellEnd::Crashed { kept: Kept::All, .. } | CellEnd::Interrupted { kept: Kept::All } => {}
            CellEnd::Crashed { .. } | CellEnd::Interrupted { .. } => memory.forget_values(),
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
    pub(super) fn keep_scope(&self, end: &CellEnd, names: &Names, request: &CellRequest) {
        match end {
            CellEnd::Ok { .. } => {
                let mut scope = self.scope();
                scope.handed(request.bindings.iter().map(|binding| binding.name.as_str()));
                scope.hidden_by(names);
            }
            CellEnd::Crashed { kept, .. } | CellEnd::Interrupted { kept } => self.scope_kept(kept),
            _ => {}
        }
    }

    fn scope_kept(&self, kept: &Kept) {
        match kept {
            Kept::All => {}
            Kept::Some { gone, .. } => self.scope().lost(|name| gone.iter().any(|gone| gone == name)),
            Kept::Nothing => self.scope().lost(|_| true),
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
        CellEvent::Stdout(text) => recorder.show(Shown::Stdout(text), false),
        CellEvent::Stderr(text) => recorder.show(Shown::Stderr(text), false),
        CellEvent::Display(bundle) => show_bundle(recorder, bundle, display),
        CellEvent::Note(line) => recorder.note(line),
        CellEvent::Progress { .. } | CellEvent::Timing(_) | CellEvent::Variables(_) | CellEvent::Replaced { .. } => {}
        CellEvent::Input { prompt, password, answer } => answer.give(match prompt.strip_prefix(WIDGET_VALUE) {
            Some(widget) => recorder
                .widget_value(widget)
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
            // Without an answer the cell's read fails, which says more in its place than here.
            None => recorder.input(&prompt, password).ok(),
        }),
    }
}

/// The processes of a cell that ended so are there: what its threads have called may go on to its end.
fn is_alive(end: &Result<CellEnd, Problem>) -> bool {
    matches!(end, Ok(CellEnd::Ok { .. } | CellEnd::Panic { .. } | CellEnd::Failed { .. }))
}

fn show_bundle(recorder: &Recorder, mut bundle: Vec<(String, String)>, shown: fn(Vec<(String, String)>) -> Shown) {
    let is_volatile = take(&mut bundle, VOLATILE).is_some();
    recorder.show(shown(bundle), is_volatile);
}

/// Takes the form of type `wanted` off a bundle.
fn take(bundle: &mut Vec<(String, String)>, wanted: &str) -> Option<String> {
    let index = bundle.iter().position(|(mime, _)| mime == wanted)?;
    Some(bundle.remove(index).1)
}

/// The result of a cell; where its expression displays something of its own making, such as a widget, that display.
fn shown_as_result(bundle: Vec<(String, String)>) -> Shown {
    match display(bundle) {
        Shown::Display { bundle, display_id: None } => Shown::Result(bundle),
        shown => shown,
    }
}

/// What a cell says of a widget.
#[derive(Deserialize)]
struct CellWidget {
    name: String,
    kind: WidgetKind,
    #[serde(default)]
    state: Map<String, Value>,
}

/// What a display asks for: types of our own stand for what MIME has no word for.
fn display(mut bundle: Vec<(String, String)>) -> Shown {
    if let Some(text) = take(&mut bundle, CLEAR) {
        return Shown::Clear { wait: text == "wait" };
    }
    if let Some(widget) = take(&mut bundle, WIDGET).and_then(|text| serde_json::from_str::<CellWidget>(&text).ok()) {
        let CellWidget { name, kind, state } = widget;
        return Shown::Widget(Widget { name, kind, state, fallback: Bundle(bundle) });
    }
    let display_id = take(&mut bundle, DISPLAY_ID);
    match take(&mut bundle, UPDATE_ID) {
        Some(display_id) => Shown::UpdateDisplay { bundle: Bundle(bundle), display_id },
        None => Shown::Display { bundle: Bundle(bundle), display_id },
    }
}

/// How a failed end is shown.
pub(super) fn failure(end: CellEnd, recovered: &Recovered) -> Failure {
    match end {
        CellEnd::CompileError { message, line } => compile_error(&message, line),
        CellEnd::Panic { message, line } => Problem::new("Panic", at(line, &message)).into(),
        CellEnd::Failed { message } => Problem::new("Error", message).into(),
        CellEnd::Crashed { reason, kept } => Problem::new("Crash", reason)
            .with_hint(format!("the kernel and the lab are unharmed; {}", left(&kept, recovered)))
            .into(),
        CellEnd::Interrupted { kept } => {
            Problem::new(Problem::INTERRUPTED, "the cell was stopped").with_hint(left(&kept, recovered)).into()
        }
        CellEnd::Ok { .. } => Problem::new("InternalError", "a cell that ended well was taken for a failed one").into(),
    }
}

/// Which variables there are behind a cell that did not come to its end.
fn left(kept: &Kept, recovered: &Recovered) -> String {
    match kept {
        Kept::All => "all variables are as they were before this cell".to_owned(),
        kept => recovered.words(kept),
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

/// The names that rustc did not find, each once.
fn missing(message: &str) -> BTreeSet<&str> {
    let behind = message.split("cannot find value `").skip(1);
    behind.filter_map(|rest| rest.split_once("` in this scope")).map(|(name, _)| name).collect()
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
        let widget = r#"{"name":"w","kind":"progress","state":{"value":3}}"#;
        let state = Map::from_iter([("value".to_owned(), Value::from(3))]);
        assert_eq!(
            display(bundle(&[("text/plain", "x"), (WIDGET, widget)])),
            Shown::Widget(Widget { name: "w".to_owned(), kind: WidgetKind::Progress, state, fallback: plain() })
        );
        // What this kernel does not know is shown by its fallback.
        let unknown = r#"{"name":"w","kind":"accordion"}"#;
        assert_eq!(
            display(bundle(&[("text/plain", "x"), (WIDGET, unknown)])),
            Shown::Display { bundle: plain(), display_id: None }
        );
    }

    #[test]
    fn missing_names_are_read_off_an_error() {
        let message = "error[E0425]: cannot find value `b` in this scope\n\nerror[E0425]: cannot find value `a` in this scope\n\nerror[E0425]: cannot find value `b` in this scope";
        assert_eq!(missing(message).into_iter().collect::<Vec<_>>(), ["a", "b"]);
        assert!(missing("error[E0308]: mismatched types").is_empty());
    }

    #[test]
    fn a_compile_error_names_its_line_and_keeps_rustcs_words() {
        let end =
            CellEnd::CompileError { message: "\nerror[E0308]: mismatched types\n --> cell".to_owned(), line: Some(3) };
        let failure = failure(end, &Recovered::default());
        assert_eq!(failure.message, "line 3: error[E0308]: mismatched types");
        assert_eq!(failure.traceback.last().map(String::as_str), Some(" --> cell"));
    }
}
