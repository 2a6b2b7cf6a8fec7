//! A cell while it runs: its magics, one after the other, and its end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernwerk_core::{Captured, CellStatus, Channel, Problem};
use kernwerk_lang::{MagicLine, Segment, split};
use kernwerk_session::{RunningCell, Session, language};
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
    /// What its magics answered.
    shown: Vec<Captured>,
}

impl Cell {
    pub fn new(session: Arc<Session>, variables: Arc<Namespace>, running: RunningCell) -> Self {
        let state = State { running: Some(Arc::new(running)), failed: None, began: false, shown: Vec::new() };
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
        let session = self.session.clone();
        let result = watch::run(watcher, move |work| session.run(&line, &running, work));
        let failed = |status| {
            self.state().failed = Some(status);
        };
        let reply = match result {
            Ok(Ok(reply)) => reply,
            Ok(Err(problem)) => {
                self.state().shown.push(error(&problem));
                failed(if problem.is_interrupt() { CellStatus::Interrupted } else { CellStatus::Error });
                return Err(raise(py, problem));
            }
            Err(error) => {
                failed(CellStatus::Interrupted);
                return Err(error);
            }
        };
        if let Some(binding) = reply.binding {
            self.variables.bind(py, &binding.name, binding.table)?;
        }
        self.state().shown.push(kernwerk_render::capture(&reply.output));
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

    /// Ends the record of the cell. A second call does nothing.
    fn finish(&self, py: Python<'_>, succeeded: bool) {
        let (running, failed, shown) = {
            let mut state = self.state();
            (state.running.take(), state.failed, std::mem::take(&mut state.shown))
        };
        let status = if succeeded { CellStatus::Ok } else { failed.unwrap_or(CellStatus::Error) };
        // A line that still runs in another thread would hold the cell; it then stays as begun in the record.
        if let Some(running) = running.and_then(Arc::into_inner) {
            py.detach(|| self.session.finish_cell(running, status, &shown));
        }
    }
}

fn error(problem: &Problem) -> Captured {
    let text = format!("{}: {}", problem.name, problem.message);
    Captured { channel: Channel::Error, format: "txt".to_owned(), bytes: text.into_bytes(), volatile: false }
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
