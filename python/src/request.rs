//! What a fresh process is asked to run; see `kernwerk/run_cells.py`.

use std::path::PathBuf;

use kernwerk_core::{Environment, PythonTold, RunRequest};
use kernwerk_session::{Options, enter_step};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::session::Session;

/// Cells to run in this process, and for whom.
#[pyclass(frozen, module = "kernwerk._kernwerk")]
pub struct Request(RunRequest);

#[pymethods]
impl Request {
    /// Reads a request as the engine writes it.
    #[new]
    fn new(line: &str) -> PyResult<Self> {
        serde_json::from_str(line).map(Self).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Where the cells run.
    #[getter]
    fn directory(&self) -> PathBuf {
        self.0.directory.clone()
    }

    /// The cells in their order: each one's number, its text, whether it may fail, and the variables whose values are wanted
    /// when it has ended.
    #[getter]
    fn cells(&self) -> Vec<(u32, String, bool, Vec<String>)> {
        let cells = self.0.cells.iter();
        cells.map(|cell| (cell.ordinal, cell.source.clone(), cell.may_fail, cell.values.clone())).collect()
    }

    /// The tables that are there before the cell of this number and have not been before an earlier one: names and Arrow files.
    fn given(&self, after: u32, ordinal: u32) -> Vec<(String, PathBuf)> {
        let tables = self.0.given.iter().filter(|table| after < table.ordinal && table.ordinal <= ordinal);
        tables.map(|table| (table.name.clone(), table.path.clone())).collect()
    }

    /// Tells the proxy between the cells and the network, where there is one, that the cell of this number begins.
    fn enter(&self, ordinal: u32) -> PyResult<()> {
        let entered = self.0.proxy.as_ref().map_or(Ok(()), |proxy| enter_step(&proxy.steps, ordinal));
        entered.map_err(|error| PyOSError::new_err(format!("the proxy between the cells and the network: {error}")))
    }

    /// Opens the session in which they run.
    fn session(&self, py: Python<'_>, variables: Bound<'_, PyDict>, program: PathBuf) -> PyResult<Session> {
        let options = Options {
            directory: self.0.directory.clone(),
            lab: Some(self.0.lab.clone()),
            principal: self.0.principal.clone(),
            notebook: None,
            program,
            pins: self.0.pins.clone(),
            parameters: self.0.parameters.clone(),
        };
        Ok(Session::open(py, options, variables)?.keeping_shown(self.0.shown))
    }
}

/// What a process tells at the end of its run, as the engine reads it; without `code` what it tells of itself.
#[pyfunction]
#[pyo3(signature = (implementation, version, packages, code = None, licences = None))]
pub fn told(
    implementation: String,
    version: String,
    packages: std::collections::BTreeMap<String, String>,
    code: Option<Vec<String>>,
    licences: Option<std::collections::BTreeMap<String, String>>,
) -> PyResult<String> {
    let environment = Environment { implementation, version, packages, licences: licences.unwrap_or_default() };
    let line = match code {
        Some(code) => serde_json::to_string(&PythonTold { environment, code }),
        None => serde_json::to_string(&environment),
    };
    line.map_err(|error| PyValueError::new_err(error.to_string()))
}
