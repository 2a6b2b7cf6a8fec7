//! The kernel's side of the cell host: a process that is started when the first Rust cell comes, and again when it has ended.

mod connection;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use kernwerk_core::Problem;
use kernwerk_wire::{Bundle, CellStart, CellText, Confinement, CrateLock, Ended, Event, Question, Request, Response};

use self::connection::{Connection, Line};
use crate::build::default_root;
use crate::error::Error;
use crate::text::{Completeness, is_complete};

pub use kernwerk_wire::{Binding, BoundTo, Candidate, Completed as Completions, Kept, Phases, Variable};

/// Longest Rust code that is sent to be compiled, in bytes; the cell host's own limit is lower, its message the same.
const SENT: usize = 64 << 20;

/// How cells are to be run.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// This program; it is started as `PROGRAM cell-host`.
    pub program: PathBuf,
    /// Working directory of the cells.
    pub directory: PathBuf,
    /// Where compiled dependencies are kept for all notebooks; `$XDG_CACHE_HOME/kernwerk/cells` unless given.
    pub cache: Option<PathBuf>,
    /// Variables that running cells find in their environment.
    pub environment: Vec<(String, OsString)>,
    /// What cells find around them in place of the user's environment; none where they are a notebook's.
    pub confinement: Option<Confinement>,
    /// The versions of crates that cells are compiled with; none leaves them to the machine.
    pub lock: Option<CrateLock>,
}

/// Runs Rust cells. All methods may be called from any thread; a cell runs on the thread that asks.
pub struct Host {
    config: HostConfig,
    connection: Mutex<Option<Connection>>,
    shared: Arc<Shared>,
}

/// What can be reached while a cell runs.
#[derive(Default)]
struct Shared {
    line: Mutex<Option<Line>>,
    processes: Mutex<Vec<u32>>,
    running: AtomicBool,
}

/// Rust code to run, and what it shall find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CellRequest {
    pub code: String,
    /// How many lines of the notebook's cell stand above `code`; messages count from the cell's first line.
    pub line: usize,
    /// Variables to bind before the code runs. They stay bound when, and only when, the cell ends with [`CellEnd::Ok`].
    pub bindings: Vec<Binding>,
}

/// What a running cell shows.
#[derive(Debug)]
pub enum CellEvent {
    Stdout(String),
    Stderr(String),
    /// One output in several forms: pairs of a MIME type and its text (base64 for binary ones).
    Display(Bundle),
    /// One line for the user.
    Note(String),
    /// Since the last cell the process that runs cells has gone down, as `reason` says, and another has taken its place.
    Replaced {
        reason: String,
        kept: Kept,
    },
    /// So many crates of the cell's dependencies are compiled.
    Progress {
        task: String,
        done: u64,
        total: u64,
    },
    /// Where the cell's time went; comes once, last, and also when the cell failed.
    Timing(Phases),
    /// The variables that the text of a cell names which ended well, as they are now.
    Variables(Vec<Variable>),
    /// The cell waits for a line from the user.
    Input {
        prompt: String,
        password: bool,
        answer: Answer,
    },
}

/// Takes the user's answer to a cell's question. Dropped without one, it tells the cell that there is nobody to ask.
#[derive(Debug)]
pub struct Answer {
    line: Line,
    given: bool,
}

/// How a cell ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CellEnd {
    /// `result` is the value of the trailing expression in several forms, unless there is none or it is `()`.
    Ok { result: Option<Bundle> },
    /// It was not run. `message` is rustc's, with the cell's own lines; `line` counts from 1.
    CompileError { message: String, line: Option<usize> },
    /// `line` is that of the cell, from 1, if the panic came from there.
    Panic { message: String, line: Option<usize> },
    /// An error ended it by way of `?`.
    Failed { message: String },
    /// The process that ran the cell is gone, and another is in its place. `kept` says which variables it has; functions, types and imports of
    /// earlier cells stay.
    Crashed { reason: String, kept: Kept },
    /// Stopped on request. `kept` says which variables there are still.
    Interrupted { kept: Kept },
}

/// Stops the cell that runs in a [`Host`]. Clones stop the same one.
#[derive(Clone)]
pub struct Interrupter(Arc<Shared>);

impl Host {
    /// Starts nothing yet.
    pub fn new(config: HostConfig) -> Self {
        Self { config, connection: Mutex::new(None), shared: Arc::default() }
    }

    /// Runs a cell to its end; `sink` takes what it shows, and may wait: the cell then waits as well.
    ///
    /// # Errors
    /// There is no toolchain, a command that is none, a cell too large, or another one running.
    pub fn execute(&self, request: &CellRequest, sink: &mut dyn FnMut(CellEvent)) -> Result<CellEnd, Problem> {
        Ok(self.run(request, sink)?)
    }

    fn run(&self, request: &CellRequest, sink: &mut dyn FnMut(CellEvent)) -> Result<CellEnd, Error> {
        if request.code.len() > SENT {
            return Err(Error::CellTooLarge { size: request.code.len(), limit: SENT });
        }
        let cell = CellText { code: request.code.clone(), line: request.line, bindings: request.bindings.clone() };
        let mut connection = self.idle()?;
        let _running = Running::new(&self.shared);
        let answer = self.ask(&mut connection, &Request::Execute(cell), sink);
        match answer {
            Ok(ended) => Ok(ended.into()),
            Err(Error::Gone(reason)) => {
                let reason = format!("the process that compiles cells ended: {reason}");
                Ok(CellEnd::Crashed { reason, kept: Kept::Nothing })
            }
            Err(error) => Err(error),
        }
    }

    /// What may stand at a byte offset of `code`; also while a cell runs, with what there was before it. Nothing where that takes longer than
    /// `patience`, if there is one. Starts the cell host if need be.
    ///
    /// # Errors
    /// There is no toolchain, or the cell host died over it.
    pub fn complete(&self, code: &str, cursor: usize, patience: Option<Duration>) -> Result<Completions, Problem> {
        match self.question(Question::Complete { code: code.to_owned(), cursor }, patience)? {
            Some(Response::Completed(completions)) => Ok(completions),
            _ => Ok(Completions { start: cursor, end: cursor, matches: Vec::new() }),
        }
    }

    /// Describes the name at a byte offset of `code`, as plain text and as HTML; also while a cell runs.
    ///
    /// # Errors
    /// As [`Host::complete`].
    pub fn inspect(&self, code: &str, cursor: usize) -> Result<Option<(String, String)>, Problem> {
        match self.question(Question::Inspect { code: code.to_owned(), cursor }, None)? {
            Some(Response::Inspected(found)) => Ok(found),
            _ => Ok(None),
        }
    }

    /// The variables that cells have made, by name; also while a cell runs, as they were before it. None when that cannot be
    /// told now. Starts nothing: without a cell host there are none.
    ///
    /// # Errors
    /// The cell host died over it.
    pub fn variables(&self) -> Result<Option<Vec<Variable>>, Problem> {
        if self.shared.line().is_none() {
            return Ok(Some(Vec::new()));
        }
        match self.question(Question::Variables, None)? {
            Some(Response::Variables(variables)) => Ok(Some(variables)),
            _ => Ok(None),
        }
    }

    /// The `Cargo.lock` with which the cells were compiled, of which nothing can be left out; none before the first, or when it cannot be told now.
    /// Starts nothing.
    ///
    /// # Errors
    /// The cell host died over it.
    pub fn lock(&self) -> Result<Option<String>, Problem> {
        if self.shared.line().is_none() {
            return Ok(None);
        }
        match self.question(Question::Lock, None)? {
            Some(Response::Lock(lock)) => Ok(lock),
            _ => Ok(None),
        }
    }

    /// Asks, and waits for the answer; none when nothing can be said now.
    fn question(&self, question: Question, patience: Option<Duration>) -> Result<Option<Response>, Error> {
        let running = self.shared.line().clone();
        let line = match running {
            Some(line) => line,
            None => {
                let mut slot = self.idle()?;
                let connection = match slot.take() {
                    Some(connection) => connection,
                    None => self.start()?,
                };
                slot.insert(connection).line.clone()
            }
        };
        line.ask(question, patience).ok_or_else(|| self.lost())
    }

    /// Why nobody answered: the words of a cell host that has ended, unless a cell waits to hear them.
    fn lost(&self) -> Error {
        let Ok(mut slot) = self.connection.try_lock() else { return Error::Busy };
        let Some(mut connection) = slot.take() else { return Error::Gone("it has ended".to_owned()) };
        self.shared.line().take();
        self.shared.processes().clear();
        let mut told = None;
        while let Some(event) = connection.next() {
            if let Event::Refused { name, message, hint, .. } = event {
                told = Some(Problem { name, message, hint });
            }
        }
        let reason = connection.end();
        told.map_or(Error::Gone(reason), Error::Told)
    }

    /// Tells whether `code` is whole; asks no process.
    pub fn is_complete(&self, code: &str) -> Completeness {
        is_complete(code)
    }

    /// Whether a cell runs now.
    pub fn is_running(&self) -> bool {
        self.shared.running.load(Ordering::SeqCst)
    }

    pub fn interrupter(&self) -> Interrupter {
        Interrupter(Arc::clone(&self.shared))
    }

    /// The processes that compile and run cells, for accounting; none before the first Rust cell.
    pub fn process_ids(&self) -> Vec<u32> {
        self.shared.processes().clone()
    }

    /// Ends all processes. The next cell would start new ones.
    pub fn shutdown(&self) {
        // Without its input the cell host ends by itself, in the middle of a cell, too; then the thread that waits for the cell lets go.
        if let Some(line) = self.shared.line().take() {
            line.hang_up();
        }
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(connection) = connection {
            connection.end();
        }
        self.shared.processes().clear();
    }

    /// The connection, unless a cell uses it.
    fn idle(&self) -> Result<MutexGuard<'_, Option<Connection>>, Error> {
        match self.connection.try_lock() {
            Ok(connection) => Ok(connection),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if self.is_running() => Err(Error::Busy),
            // A question is just starting the host.
            Err(TryLockError::WouldBlock) => Ok(self.connection.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Sends a request, and waits for its answer.
    fn ask(
        &self,
        slot: &mut Option<Connection>,
        request: &Request,
        sink: &mut dyn FnMut(CellEvent),
    ) -> Result<Ended, Error> {
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.start()?,
        };
        let line = connection.line.clone();
        let sent = line.send(request);
        loop {
            // Whoever has ended may have said why.
            let Some(event) = connection.next() else {
                self.shared.line().take();
                self.shared.processes().clear();
                let reason = connection.end();
                return Err(Error::Gone(sent.err().map_or(reason.clone(), |error| format!("{reason} ({error})"))));
            };
            match event {
                Event::Stdout(text) => sink(CellEvent::Stdout(text)),
                Event::Stderr(text) => sink(CellEvent::Stderr(text)),
                Event::Display(bundle) => sink(CellEvent::Display(bundle)),
                Event::Note(text) => sink(CellEvent::Note(text)),
                Event::Replaced { reason, kept } => sink(CellEvent::Replaced { reason, kept }),
                Event::Progress { task, done, total } => sink(CellEvent::Progress { task, done, total }),
                Event::Input { prompt, password } => {
                    sink(CellEvent::Input { prompt, password, answer: Answer { line: line.clone(), given: false } });
                }
                Event::Timing(phases) => sink(CellEvent::Timing(phases)),
                Event::Variables(variables) => sink(CellEvent::Variables(variables)),
                Event::Processes(processes) => *self.shared.processes() = processes,
                Event::Refused { name, message, hint, leaves } => {
                    if leaves {
                        self.shared.line().take();
                        self.shared.processes().clear();
                        connection.end();
                    } else {
                        *slot = Some(connection);
                    }
                    return Err(Error::Told(Problem { name, message, hint }));
                }
                Event::Ended(ended) => {
                    *slot = Some(connection);
                    return Ok(ended);
                }
                // These go to who asked before they come here.
                Event::Answered { .. } => {}
            }
        }
    }

    fn start(&self) -> Result<Connection, Error> {
        let connection = Connection::start(&self.config)?;
        *self.shared.line() = Some(connection.line.clone());
        let cache = self.config.cache.clone().unwrap_or_else(default_root);
        let directory = self.config.directory.clone();
        let start = CellStart {
            directory,
            cache,
            confinement: self.config.confinement.clone(),
            lock: self.config.lock.clone(),
        };
        connection.line.send(&Request::Start(start)).map_err(|error| Error::Start(error.to_string()))?;
        Ok(connection)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl Interrupter {
    /// Stops the cell that runs; does nothing when none does.
    pub fn interrupt(&self) {
        if let Some(line) = self.0.line().as_ref() {
            // A host that is gone has nothing left to stop.
            let _ = line.send(&Request::Interrupt);
        }
    }
}

impl Answer {
    /// Gives the answer; none when the user gave none.
    pub fn give(mut self, text: Option<String>) {
        self.given = true;
        // A host that is gone waits for no answer.
        let _ = self.line.send(&Request::Input(text));
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.given {
            let _ = self.line.send(&Request::Input(None));
        }
    }
}

impl Shared {
    fn line(&self) -> MutexGuard<'_, Option<Line>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn processes(&self) -> MutexGuard<'_, Vec<u32>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that a cell runs for as long as it lives.
struct Running<'a>(&'a Shared);

impl<'a> Running<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.running.store(true, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.store(false, Ordering::SeqCst);
    }
}

impl From<Ended> for CellEnd {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Ok { result } => Self::Ok { result },
            Ended::CompileError { message, line } => Self::CompileError { message, line },
            Ended::Panic { message, line } => Self::Panic { message, line },
            Ended::Failed { message } => Self::Failed { message },
            Ended::Crashed { reason, kept } => Self::Crashed { reason, kept },
            Ended::Interrupted { kept } => Self::Interrupted { kept },
        }
    }
}
