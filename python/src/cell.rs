//! A cell while it runs: its magics, one after the other, and its end.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernwerk_core::{Captured, CellOutcome, CellStatus, Channel, Problem};
use kernwerk_lang::{MagicLine, Segment, split};
use kernwerk_render::Captures;
use kernwerk_session::{Live, RunningCell, Session, language};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::problem::raise;
use crate::reply::Result as Answer;
use crate::variables::Namespace;
use crate::watch;

/// A cell in the record of cells, from its begin to its end.
#[pyclass(frozen, module = "kernwerk._kernwerk")]
pub struct Cell {
    session: Arc<Session>,
    variables: Arc<Namespace>,
    state: Mutex<State>,
}

struct State {
    /// None once the cell has ended.
    running: Option<Arc<RunningCell>>,
    /// How the last magic that failed did so.
    failed: Option<CellStatus>,
    /// A magic has run: the cell may have had effects.
    began: bool,
    /// What it showed.
    shown: Captures,
    /// What it did, once it has ended.
    outcome: Option<CellOutcome>,
}

impl Cell {
    /// With `keeps_shown` its outcome tells what it showed in all forms.
    pub fn new(session: Arc<Session>, variables: Arc<Namespace>, running: RunningCell, keeps_shown: bool) -> Self {
        let state = State {
            running: Some(Arc::new(running)),
            failed: None,
            began: false,
            shown: Captures::new(keeps_shown),
            outcome: None,
        };
        Self { session, variables, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run_line(&self, line: MagicLine, watcher: &Bound<'_, PyAny>) -> PyResult<Answer> {
        let py = watcher.py();
        let running = self.state().running.clone();
        let running = running.ok_or_else(|| raise(py, Problem::new("CellEnded", "this cell has ended already")))?;
        self.state().began = true;
        let (session, text) = (self.session.clone(), line.text.clone());
        let result = watch::run(watcher, move |work| session.run(&line, &running, work));
        let failed = |status| {
            self.state().failed = Some(status);
        };
        let reply = match result {
            Ok(Ok(reply)) => reply,
            Ok(Err(problem)) => {
                self.state().shown.error(&problem.name, &problem.message);
                failed(if problem.is_interrupt() { CellStatus::Interrupted } else { CellStatus::Error });
                return Err(raise(py, problem));
            }
            Err(error) => {
                failed(CellStatus::Interrupted);
                return Err(error);
            }
        };
        if let Some(Live::Follow(_)) = reply.live {
            let problem = Problem::new("NotHere", format!("a Python notebook cannot keep `{text}` up to date"))
                .with_hint("run `kernwerk cost watch` in a terminal, or `%cost report` here, which shows it once");
            self.state().shown.error(&problem.name, &problem.message);
            failed(CellStatus::Error);
            return Err(raise(py, problem));
        }
        if let Some(binding) = reply.binding {
            self.variables.bind(py, &binding.name, binding.table)?;
        }
        for parameter in &reply.parameters {
            self.variables.set(py, parameter)?;
        }
        self.state().shown.output(&reply.output);
        Ok(Answer::new(reply.output, reply.table))
    }
}

#[pymethods]
impl Cell {
    /// Runs the magics of `text` in their order. `show` is called with each answer as it comes; `watcher` is told
    /// progress (`progress(number, is_new, text, html)`) and words on the way (`note(line)`).
    fn run(&self, text: &str, show: &Bound<'_, PyAny>, watcher: &Bound<'_, PyAny>) -> PyResult<()> {
        let lines = read(text).map_err(|problem| {
            let mut state = self.state();
            state.failed = Some(if state.began { CellStatus::Error } else { CellStatus::Rejected });
            raise(show.py(), problem)
        })?;
        for line in lines {
            show.call1((self.run_line(line, watcher)?,))?;
        }
        Ok(())
    }

    /// Takes down what its code wrote to standard output, or to standard error.
    fn write(&self, is_error: bool, text: &str) {
        let shown = &mut self.state().shown;
        if is_error { shown.stderr(text) } else { shown.stdout(text) }
    }

    /// Takes down what its code displayed: pairs of a MIME type and a text, base64 for binary ones.
    #[pyo3(signature = (bundle, display_id = None))]
    fn display(&self, bundle: Vec<(String, String)>, display_id: Option<String>) {
        self.state().shown.bundle(Channel::Display, display_id, &bundle);
    }

    /// Takes down that a display was replaced.
    fn update(&self, bundle: Vec<(String, String)>, display_id: &str) {
        self.state().shown.update(display_id, &bundle);
    }

    /// Takes down the value of its last expression.
    fn result(&self, bundle: Vec<(String, String)>) {
        self.state().shown.bundle(Channel::Result, None, &bundle);
    }

    /// Takes down that what it has shown is gone.
    fn clear(&self) {
        self.state().shown.clear();
    }

    /// Takes down the error that its code ended with.
    fn error(&self, name: &str, message: &str) {
        self.state().shown.error(name, message);
    }

    /// Binds a name to the table in an Arrow file.
    fn give(&self, py: Python<'_>, name: &str, file: PathBuf) -> PyResult<()> {
        let Some(running) = self.state().running.clone() else { return Ok(()) };
        let given = py.detach(|| self.session.give(name, &file, &running)).map_err(|problem| raise(py, problem))?;
        self.variables.bind(py, name, given.table)
    }

    /// Records that its code read a file.
    fn reads(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let Some(running) = self.state().running.clone() else { return Ok(()) };
        py.detach(|| self.session.reads_file(&running, &path)).map_err(|problem| raise(py, problem))
    }

    /// Records which files its code has opened to read; those that are no files of the project are left out.
    fn opened(&self, py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<()> {
        let Some(running) = self.state().running.clone() else { return Ok(()) };
        py.detach(|| self.session.opened_files(&running, &paths)).map_err(|problem| raise(py, problem))
    }

    /// Records names that its text binds under a condition and that it was seen to bind.
    fn binds(&self, names: BTreeSet<String>) {
        if let Some(running) = &self.state().running {
            running.bound(names);
        }
    }

    /// Records names that it has given values, of which its text does not tell.
    fn defines(&self, names: BTreeSet<String>) {
        if let Some(running) = &self.state().running {
            names.iter().for_each(|name| running.defines(name));
        }
    }

    /// Records names whose values it was seen to change, and to leave although its text might change them.
    fn changes(&self, changed: BTreeSet<String>, unchanged: BTreeSet<String>) {
        if let Some(running) = &self.state().running {
            running.changes(changed, unchanged);
        }
    }

    /// Records which names share values now: groups of names, names by way of which no value changes, and names whose values may call others.
    fn shares(&self, groups: Vec<BTreeSet<String>>, apart: BTreeSet<String>, with_code: BTreeSet<String>) {
        if let Some(running) = &self.state().running {
            running.shares(kernwerk_core::Sharing { groups, with_code }, apart);
        }
    }

    /// Records what a variable holds now.
    fn value(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        let Some(running) = self.state().running.clone() else { return Ok(()) };
        py.detach(|| self.session.record_value(&running, name)).map_err(|problem| raise(py, problem))
    }

    /// Ends the record of the cell; one that was `rejected` never began to run. A second call does nothing.
    #[pyo3(signature = (succeeded, rejected = false))]
    fn finish(&self, py: Python<'_>, succeeded: bool, rejected: bool) {
        let (running, failed, shown) = {
            let mut state = self.state();
            (state.running.take(), state.failed, std::mem::take(&mut state.shown))
        };
        let failed = failed.unwrap_or(if rejected { CellStatus::Rejected } else { CellStatus::Error });
        let status = if succeeded { CellStatus::Ok } else { failed };
        // A line that still runs in another thread would hold the cell; it then stays as begun in the record.
        let Some(running) = running.and_then(Arc::into_inner) else { return };
        let (outputs, shown) = shown.finish_all();
        let outputs: Vec<Captured> = outputs.into_iter().map(settled).collect();
        let summary = py.detach(|| self.session.finish_cell(running, status, &outputs));
        self.state().outcome = Some(CellOutcome {
            ordinal: 0,
            status,
            outputs,
            bindings: summary.bindings,
            effects: summary.effects,
            parameters: summary.parameters,
            shown,
            wall_seconds: summary.wall_seconds,
        });
    }

    /// What it did, once it has ended, as the engine reads it: as the cell of this number.
    fn outcome(&self, ordinal: u32) -> PyResult<Option<String>> {
        let outcome = self.state().outcome.take().map(|outcome| CellOutcome { ordinal, ..outcome });
        let line = outcome.map(|outcome| serde_json::to_string(&outcome)).transpose();
        line.map_err(|error| PyValueError::new_err(error.to_string()))
    }
}

/// In Python warnings, logs and progress go to standard error, with times and paths: shown, never compared.
fn settled(output: Captured) -> Captured {
    Captured { volatile: output.volatile || output.channel == Channel::Stderr, ..output }
}

/// The magics of `text`, each of which can be read: a mistake in the last one is found before the first one runs.
fn read(text: &str) -> Result<Vec<MagicLine>, Problem> {
    let read = |segment| match segment {
        Segment::Magic(line) => {
            language().parse(&line)?;
            Ok(line)
        }
        Segment::Code { text, .. } => {
            let first = text.trim().lines().next().unwrap_or_default();
            Err(Problem::new("MagicSyntax", format!("`{first}` is no magic"))
                .with_hint("a magic begins with `%`, such as `%lab status`"))
        }
    };
    let lines: Vec<MagicLine> = split(text)?.into_iter().map(read).collect::<Result<_, Problem>>()?;
    if lines.is_empty() {
        return Err(Problem::new("MagicSyntax", "there is no magic in an empty text")
            .with_hint("a magic begins with `%`, such as `%lab status`"));
    }
    Ok(lines)
}
