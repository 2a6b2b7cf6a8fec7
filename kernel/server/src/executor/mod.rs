//! Runs cells that mix magics and Rust: splits them, runs their parts in order, and records each as one cell. Knows no protocol.

mod calls;
mod memory;
mod names;
mod questions;
mod recorder;
mod recover;
mod rust;
mod scope;
mod statics;
mod values;
mod verbs;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernwerk_cell::{BoundTo, Confinement, CrateLock, Variable};
use kernwerk_core::{Cancel, Captured, CellStatus, Language, Names, Problem, Shown, Work};
use kernwerk_lang::{MagicLine, Segment, split};
use kernwerk_session::{CellStart, CellSummary, Options, RunningCell, Session, served_notebook};

use crate::engine::{Bundle, Cell, Completeness, Completions, Engine, Failure, Outputs};
use memory::Memory;
use recorder::Recorder;
use rust::Cells;
use scope::{Scope, rust_value};
use statics::Statics;

pub use verbs::language;

/// Jupyter's servers name the notebook with this variable.
const NOTEBOOK_VARIABLE: &str = "JPY_SESSION_NAME";

/// Runs cells in one session and one cell host; both come into being with the first cell that needs them.
pub struct Executor {
    options: Options,
    session: Mutex<Option<Arc<Session>>>,
    cells: Arc<Cells>,
    /// What cells show is wanted in all of its forms.
    keeps_shown: bool,
    scope: Mutex<Scope>,
    memory: Mutex<Memory>,
    statics: Mutex<Statics>,
    /// Cells of this notebook have had execution counts up to this one.
    counted: AtomicU32,
}

/// What one cell did.
pub(crate) struct Report {
    pub status: CellStatus,
    pub failure: Option<Failure>,
    pub outputs: Vec<Captured>,
    /// What it showed in all forms, where that is wanted.
    pub shown: Vec<Shown>,
    /// None where there was no session to run the cell in.
    pub summary: Option<CellSummary>,
}

/// Why a cell stopped before its end.
enum Stop {
    /// Nothing of it ran: it cannot be read, or does not compile.
    Rejected(Failure),
    Failed(Failure),
    Interrupted(Failure),
}

impl Executor {
    /// An executor for cells of the notebook that `options` describe. Starts nothing yet.
    pub fn new(options: Options) -> Self {
        Self::with(options, None, None, false)
    }

    /// An executor whose cells find in their environment what `confinement` says, and not what this process has, and are compiled with the crates
    /// of `lock`. With `keeps_shown` their reports hold what they showed in all of its forms.
    pub(crate) fn confined(
        options: Options,
        confinement: Confinement,
        lock: Option<CrateLock>,
        keeps_shown: bool,
    ) -> Self {
        Self::with(options, Some(confinement), lock, keeps_shown)
    }

    fn with(options: Options, confinement: Option<Confinement>, lock: Option<CrateLock>, keeps_shown: bool) -> Self {
        Self {
            cells: Arc::new(Cells::new(&options, confinement, lock)),
            keeps_shown,
            options,
            session: Mutex::default(),
            scope: Mutex::default(),
            memory: Mutex::default(),
            statics: Mutex::default(),
            counted: AtomicU32::new(0),
        }
    }

    /// The variables that Rust cells have made, with their types.
    pub(crate) fn variables(&self) -> Result<Vec<Variable>, Problem> {
        self.cells.variables()
    }

    /// The `Cargo.lock` with which Rust cells were compiled; none where none was.
    pub(crate) fn lock(&self) -> Result<Option<String>, Problem> {
        self.cells.lock()
    }

    /// Runs a cell to its end, and records it.
    pub(crate) fn run_cell(&self, cell: Cell<'_>, outputs: Arc<dyn Outputs>, cancel: &Cancel) -> Report {
        self.run_cell_for(cell, &[], outputs, cancel)
    }

    /// As [`Executor::run_cell`], and records what variables hold behind it, where they have a form to be compared in.
    pub(crate) fn run_cell_for(
        &self,
        cell: Cell<'_>,
        variables: &[String],
        outputs: Arc<dyn Outputs>,
        cancel: &Cancel,
    ) -> Report {
        let session = match self.session() {
            Ok(session) => session,
            Err(problem) => return Report::unrecorded(problem),
        };
        let recorder = Recorder::new(outputs, self.keeps_shown);
        tell_warnings(&session, &recorder);
        let segments = read(cell.code);
        let names = match &segments {
            Ok(segments) => names::of_cell(segments, |name| self.scope().holds(name)),
            Err(_) => Names::default(),
        };
        self.tell_stale_reads(&session, &names, cell, &recorder);
        self.tell_statics(&names, &recorder);
        let running = session.begin_cell(CellStart {
            execution_count: cell.execution_count,
            language: Language::Rust,
            text: cell.code.to_owned(),
            names: names.clone(),
            cell: cell.id.map(str::to_owned),
        });
        let result = match segments {
            Ok(segments) => {
                let result = self.run_segments(&session, &segments, &running, &recorder, cancel);
                result.inspect(|()| self.statics().defined(&segments, &names, cell.execution_count))
            }
            Err(problem) => Err(Stop::Rejected(problem.into())),
        };
        let (status, failure) = match result {
            Ok(()) => (CellStatus::Ok, None),
            Err(Stop::Rejected(failure)) => (CellStatus::Rejected, Some(failure)),
            Err(Stop::Failed(failure)) => (CellStatus::Error, Some(failure)),
            Err(Stop::Interrupted(failure)) => (CellStatus::Interrupted, Some(failure)),
        };
        failure.iter().for_each(|failure| recorder.failed(failure));
        // A cell that broke off has changed what it has changed.
        let has_run = matches!(status, CellStatus::Ok | CellStatus::Error);
        for name in variables.iter().filter(|name| has_run && !running.has_bound(name)) {
            // What cannot be told is missing from the outcome, and that is seen.
            if let Err(problem) = session.record_value(&running, name) {
                recorder.note(format!("the value of `{name}` is not recorded: {}", problem.message));
            }
        }
        let (outputs, shown) = recorder.take();
        let summary = session.finish_cell(running, status, &outputs);
        tell_warnings(&session, &recorder);
        Report { status, failure, outputs, shown, summary: Some(summary) }
    }

    /// Binds a name to the table in an Arrow IPC file, as a cell before the one of this number would with a magic.
    ///
    /// # Errors
    /// It cannot be a name, the file holds no table, or there is no lab that can be written to.
    pub(crate) fn give(&self, name: &str, file: &Path, execution_count: u32) -> Result<(), Problem> {
        let session = self.session()?;
        let cell = session.begin_cell(CellStart {
            execution_count,
            language: Language::Rust,
            text: String::new(),
            names: Names::default(),
            cell: None,
        });
        let given = session.give(name, file, &cell);
        session.finish_cell(cell, if given.is_ok() { CellStatus::Ok } else { CellStatus::Error }, &[]);
        let path = given?.path.unwrap_or_else(|| file.to_owned());
        self.scope().bind(name, BoundTo::Frame(path));
        Ok(())
    }

    fn run_segments(
        &self,
        session: &Session,
        segments: &[Segment],
        running: &RunningCell,
        recorder: &Arc<Recorder>,
        cancel: &Cancel,
    ) -> Result<(), Stop> {
        for (index, segment) in segments.iter().enumerate() {
            cancel.check().map_err(|cancelled| Stop::of(cancelled.into()))?;
            let result = match segment {
                Segment::Magic(line) => self.run_magic(session, line, running, recorder, cancel),
                Segment::Code { text, line } => self.run_code(session, (text, *line), running, recorder, cancel),
            };
            result.map_err(|stop| stop.after(index))?;
        }
        Ok(())
    }

    fn run_magic(
        &self,
        session: &Session,
        line: &MagicLine,
        running: &RunningCell,
        recorder: &Arc<Recorder>,
        cancel: &Cancel,
    ) -> Result<(), Stop> {
        if line.magic == verbs::NAME {
            let kernel = verbs::Kernel { executor: self, session, running, recorder, cancel, line: line.line };
            let output = verbs::run(line, &kernel)?;
            recorder.show_output(&output);
            return Ok(());
        }
        let work = Work::new(cancel.clone(), recorder.clone());
        let result = session.run(line, running, &work);
        recorder.progress_ended();
        let reply = result.map_err(Stop::of)?;
        if let Some((name, path)) = reply.binding.and_then(|binding| Some((binding.name, binding.path?))) {
            self.scope().bind(&name, BoundTo::Frame(path));
            self.memory().made(&name, running.execution_count());
        }
        for parameter in &reply.parameters {
            self.scope().bind(&parameter.name, rust_value(&parameter.value));
            self.memory().made(&parameter.name, running.execution_count());
        }
        match reply.live {
            Some(live) => recorder.show_live(&reply.output, live),
            None => recorder.show_output(&reply.output),
        }
        Ok(())
    }

    /// Says in one line each which stale values the cell is about to read.
    fn tell_stale_reads(&self, session: &Session, names: &Names, cell: Cell<'_>, recorder: &Recorder) {
        if !self.memory().quiet {
            for line in session.stale_reads(names, cell.code, cell.id) {
                recorder.note(line);
            }
        }
    }

    /// Says of statics that they begin anew in the cell.
    fn tell_statics(&self, names: &Names, recorder: &Recorder) {
        if !self.memory().quiet {
            self.statics().begun_anew(names).into_iter().for_each(|line| recorder.note(line));
        }
    }

    fn statics(&self) -> MutexGuard<'_, Statics> {
        self.statics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self) -> Result<Arc<Session>, Problem> {
        let mut opened = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = opened.as_ref() {
            return Ok(session.clone());
        }
        let (cells, locked) = (Arc::clone(&self.cells), Arc::clone(&self.cells));
        let session = Session::open(self.options.clone())?
            // A host that has died over it has no cells to tell of.
            .with_crate_lock(Box::new(move || locked.lock().ok().flatten()))
            .with_values(Box::new(move |name| cells.value(name)));
        let session = Arc::new(session);
        Ok(opened.insert(session).clone())
    }

    /// Cells are counted from here on, where they were counted less far.
    fn counts_from(&self, count: u32) {
        self.counted.fetch_max(count, Ordering::SeqCst);
    }

    fn scope(&self) -> MutexGuard<'_, Scope> {
        self.scope.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for Executor {
    fn run(&self, cell: Cell<'_>, outputs: Arc<dyn Outputs>, cancel: &Cancel) -> Result<(), Failure> {
        match self.run_cell(cell, outputs, cancel).failure {
            None => Ok(()),
            Some(failure) => Err(failure),
        }
    }

    fn counted(&self) -> u32 {
        self.counted.load(Ordering::SeqCst)
    }

    fn evaluate(&self, expression: &str) -> Result<Bundle, Failure> {
        self.cells.evaluate(expression)
    }

    fn interrupt(&self) {
        self.cells.interrupt();
    }

    fn complete(&self, code: &str, cursor: usize) -> Completions {
        questions::complete(self, code, cursor)
    }

    fn inspect(&self, code: &str, cursor: usize, _detail_level: u32) -> Option<Bundle> {
        questions::inspect(self, code, cursor)
    }

    fn is_complete(&self, code: &str) -> Completeness {
        questions::is_complete(code)
    }

    fn shutdown(&self) {
        self.cells.shutdown();
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::of(problem)
    }
}

impl Stop {
    fn of(problem: Problem) -> Self {
        if problem.is_interrupt() { Self::Interrupted(problem.into()) } else { Self::Failed(problem.into()) }
    }

    /// A cell of which a part has run was not rejected.
    fn after(self, segments: usize) -> Self {
        match self {
            Self::Rejected(failure) if segments > 0 => Self::Failed(failure),
            stop => stop,
        }
    }
}

impl Report {
    fn unrecorded(problem: Problem) -> Self {
        Self {
            status: CellStatus::Rejected,
            failure: Some(problem.into()),
            outputs: Vec::new(),
            shown: Vec::new(),
            summary: None,
        }
    }
}

/// The cell's parts, every magic line of which can be read: a mistake in the last one is found before the first one runs.
fn read(code: &str) -> Result<Vec<Segment>, Problem> {
    let segments = split(code)?;
    for segment in &segments {
        if let Segment::Magic(line) = segment {
            language().parse(line)?;
        }
    }
    Ok(segments)
}

/// What opening the lab recovered, and what could not be recorded.
fn tell_warnings(session: &Session, recorder: &Recorder) {
    for line in session.take_warnings() {
        recorder.note(line);
    }
}

/// The notebook that this kernel serves, as far as anybody tells; else a name for what has none.
pub(crate) fn notebook() -> PathBuf {
    let server = std::env::var_os(NOTEBOOK_VARIABLE).map(PathBuf::from);
    served_notebook(server).unwrap_or_else(|| PathBuf::from("kernel"))
}
