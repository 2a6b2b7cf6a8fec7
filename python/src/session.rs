//! A session for Python, opened anew in a forked process.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use kernwerk_core::{Language, Names, Problem, Table};
use kernwerk_lang::{Segment, split};
use kernwerk_session::{CellStart, Options, language, served_notebook};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::cell::Cell;
use crate::frame::{given_table, no_rows};
use crate::problem::raise;
use crate::variables::Namespace;

/// One user's session in one directory.
#[pyclass(frozen, module = "kernwerk._kernwerk")]
pub struct Session {
    options: Options,
    /// This process's interpreter; none where nobody knows it.
    python: Option<PathBuf>,
    variables: Arc<Namespace>,
    /// What cells show is wanted in all of its forms.
    keeps_shown: bool,
    opened: Mutex<Opened>,
}

/// What a cell of Python does to the names of its notebook; see `kernwerk/names.py`.
#[derive(FromPyObject)]
struct PythonNames {
    defines: BTreeSet<String>,
    maybe: BTreeSet<String>,
    uses: BTreeSet<String>,
    mutates: BTreeSet<String>,
    perhaps: BTreeSet<String>,
    defines_any: bool,
    barrier: bool,
    writes_files: bool,
    reads_hidden: bool,
    reads_files: bool,
    untold: bool,
    chooses_magics: bool,
}

impl From<PythonNames> for Names {
    fn from(names: PythonNames) -> Self {
        let PythonNames { defines, uses, mutates, perhaps, defines_any, barrier, .. } = names;
        let PythonNames { maybe, writes_files, reads_hidden, reads_files, untold, chooses_magics, .. } = names;
        let python = kernwerk_core::PythonNames {
            perhaps,
            maybe,
            writes_files,
            reads_hidden,
            reads_files,
            untold,
            chooses_magics,
            ..Default::default()
        };
        Self { defines, uses, mutates, defines_any, barrier, rust: None, python: Some(python) }
    }
}

/// The engine's session, and the process that opened it.
struct Opened {
    process: u32,
    session: Arc<kernwerk_session::Session>,
}

#[pymethods]
impl Session {
    /// Opens a session. `variables` is where `-> name` binds, and where magics look up tables. `parameters` are values in place of those that cells
    /// give to their parameters.
    #[new]
    #[pyo3(signature = (directory, variables, program, *, principal = None, notebook = None, parameters = None))]
    fn new(
        py: Python<'_>,
        directory: PathBuf,
        variables: Bound<'_, PyDict>,
        program: PathBuf,
        principal: Option<String>,
        notebook: Option<PathBuf>,
        parameters: Option<BTreeMap<String, String>>,
    ) -> PyResult<Self> {
        Self::open(
            py,
            Options {
                directory,
                lab: None,
                principal,
                notebook,
                program,
                pins: Vec::new(),
                parameters: parameters.unwrap_or_default(),
            },
            variables,
        )
    }

    /// Begins the record of a cell. `names` are those that a cell of Python touches; a cell without is of magics alone.
    /// `frames` are tables that its magics may name, for this cell alone.
    #[pyo3(signature = (execution_count, text, names = None, frames = None))]
    fn begin(
        &self,
        py: Python<'_>,
        execution_count: u32,
        text: String,
        names: Option<PythonNames>,
        frames: Option<BTreeMap<String, Bound<'_, PyAny>>>,
    ) -> PyResult<Cell> {
        let given = given_tables(frames.unwrap_or_default())?;
        let (language, names) = match names {
            Some(names) => (Language::Python, names.into()),
            None => (Language::Rust, Names { defines: bound_by(&text).into_iter().collect(), ..Names::default() }),
        };
        let session = self.session(py)?;
        let start = CellStart { execution_count, language, text, names, cell: None };
        let running = py.detach(|| session.begin_cell(start));
        Ok(Cell::new(session, self.variables.clone(), running.with_given(given), self.keeps_shown))
    }

    /// Completes the magic line at `cursor`, an index into `text`: from where to where, and what may stand there.
    fn complete(&self, py: Python<'_>, text: &str, cursor: usize) -> PyResult<Option<(usize, usize, Vec<String>)>> {
        let session = self.session(py)?;
        let found = py.detach(|| session.complete(text, byte_offset(text, cursor)));
        let index = |offset: usize| text[..offset].chars().count();
        Ok(found.map(|found| {
            let texts = found.matches.into_iter().map(|candidate| candidate.text).collect();
            (index(found.start), index(found.end), texts)
        }))
    }

    /// Lines that the user should see once, such as what opening the lab recovered.
    fn warnings(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let session = self.session(py)?;
        Ok(py.detach(|| session.take_warnings()))
    }
}

impl Session {
    pub fn open(py: Python<'_>, options: Options, variables: Bound<'_, PyDict>) -> PyResult<Self> {
        let python: Option<PathBuf> = py.import("sys")?.getattr("executable")?.extract()?;
        let python = python.filter(|python| python.is_file());
        let variables = Arc::new(Namespace::new(variables));
        let opened = open(py, &options, &variables, python.clone())?;
        Ok(Self { options, python, variables, keeps_shown: false, opened: Mutex::new(opened) })
    }

    /// Keeps what cells show in all of its forms, where that is wanted.
    pub fn keeping_shown(self, keeps_shown: bool) -> Self {
        Self { keeps_shown, ..self }
    }

    /// The session of this process. Threads and open files of a forked process belong to its parent: it opens its own.
    fn session(&self, py: Python<'_>) -> PyResult<Arc<kernwerk_session::Session>> {
        let is_ours = |opened: &Opened| opened.process == std::process::id();
        if let Some(opened) = Some(self.opened()).filter(|opened| is_ours(opened)) {
            return Ok(opened.session.clone());
        }
        let opened = open(py, &self.options, &self.variables, self.python.clone())?;
        let session = opened.session.clone();
        // What the parent opened is left alone: ending it would wait for threads that are not here.
        std::mem::forget(std::mem::replace(&mut *self.opened(), opened));
        Ok(session)
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(py: Python<'_>, options: &Options, variables: &Arc<Namespace>, python: Option<PathBuf>) -> PyResult<Opened> {
    let session: Result<_, Problem> = py.detach(|| {
        let session = kernwerk_session::Session::open(options.clone())?;
        Ok(session.with_variables(variables.clone()).with_python(python))
    });
    let session = session.map_err(|problem| raise(py, problem))?;
    Ok(Opened { process: std::process::id(), session: Arc::new(session) })
}

/// Frames that a caller gives, as the engine's tables.
fn given_tables(frames: BTreeMap<String, Bound<'_, PyAny>>) -> PyResult<BTreeMap<String, Table>> {
    let read = |(name, frame): (String, Bound<'_, PyAny>)| {
        let table = given_table(&name, &frame)?.ok_or_else(|| no_rows(&format!("`{name}`: "), &frame))?;
        Ok((name, table))
    };
    frames.into_iter().map(read).collect()
}

/// The magics of the language: each one's name and help.
#[pyfunction]
pub fn magics() -> Vec<(&'static str, String)> {
    language().magics.iter().map(|magic| (magic.name, language().magic_help(magic))).collect()
}

/// The variables that the magics of `text` bind; of a text that cannot be read, none.
#[pyfunction]
pub fn bound_by(text: &str) -> Vec<String> {
    let segments = split(text).unwrap_or_default();
    let bound = segments.into_iter().flat_map(|segment| match segment {
        Segment::Magic(line) => kernwerk_session::bound_by(&line),
        Segment::Code { .. } => Vec::new(),
    });
    bound.collect()
}

fn byte_offset(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(offset, _)| offset)
}

/// The notebook that this process serves, as far as anybody tells; `server` is what a server of notebooks has said.
#[pyfunction]
#[pyo3(signature = (server = None))]
pub fn notebook(server: Option<PathBuf>) -> Option<PathBuf> {
    served_notebook(server)
}
