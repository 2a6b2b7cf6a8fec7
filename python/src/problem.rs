//! Problems as Python exceptions. The classes are Python's own, in `kernwerk/errors.py`.

use kernwerk_core::Problem;
use pyo3::prelude::*;

/// The exception that says what `problem` says.
pub fn raise(py: Python<'_>, problem: Problem) -> PyErr {
    exception(py, &problem).map_or_else(|error| error, PyErr::from_value)
}

fn exception<'py>(py: Python<'py>, problem: &Problem) -> PyResult<Bound<'py, PyAny>> {
    let class = py.import("kernwerk.errors")?.getattr("of")?;
    let is_interrupt = problem.is_interrupt();
    class.call1((&problem.name, &problem.message, &problem.hint, kernwerk_render::problem_text(problem), is_interrupt))
}
