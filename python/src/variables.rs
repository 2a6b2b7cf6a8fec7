//! The variables of a Python namespace, as the session sees them.

use kernwerk_core::{Parameter, ParameterValue, Problem, Table};
use kernwerk_session::{CanonicalValue, Variables};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::frame::{Frame, holds_rows, table_of, unreadable};

/// A dictionary of variables, such as that of an IPython session.
pub struct Namespace(Py<PyDict>);

impl Namespace {
    pub fn new(names: Bound<'_, PyDict>) -> Self {
        Self(names.unbind())
    }

    /// Binds `name` to the rows of `table`.
    pub fn bind(&self, py: Python<'_>, name: &str, table: Table) -> PyResult<()> {
        self.0.bind(py).set_item(name, Frame { table })
    }
}

impl Namespace {
    /// Binds the name of a parameter to its value, as Python has it: a date is a `datetime.date`.
    pub fn set(&self, py: Python<'_>, parameter: &Parameter) -> PyResult<()> {
        let names = self.0.bind(py);
        match &parameter.value {
            ParameterValue::Integer(number) => names.set_item(&parameter.name, number),
            ParameterValue::Float(number) => names.set_item(&parameter.name, number),
            ParameterValue::Boolean(value) => names.set_item(&parameter.name, value),
            ParameterValue::Text(text) => names.set_item(&parameter.name, text),
            ParameterValue::Date(text) => {
                let date = py.import("datetime")?.getattr("date")?.call_method1("fromisoformat", (text,))?;
                names.set_item(&parameter.name, date)
            }
        }
    }
}

impl Variables for Namespace {
    fn table(&self, name: &str) -> Result<Option<Table>, Problem> {
        Python::attach(|py| {
            let table = self.0.bind(py).get_item(name).and_then(|value| match value {
                Some(value) => table_of(&value),
                None => Ok(None),
            });
            table.map_err(|error| unreadable(name, &error))
        })
    }

    fn value(&self, name: &str) -> Result<Option<CanonicalValue>, Problem> {
        Python::attach(|py| {
            let unfit = |error: PyErr| {
                Problem::new("NoValueToCompare", format!("`{name}` cannot be a target: {}", error.value(py))).with_hint(
                    "a target is a frame (of this package, Polars, pyarrow, pandas), an array of NumPy, or a text, number, date \
                     or bytes, and lists, tuples, sets and dictionaries of them; else name the cell that shows the result",
                )
            };
            let Some(value) = self.0.bind(py).get_item(name).map_err(unfit)? else { return Ok(None) };
            if let Some(table) = table_of(&value).map_err(unfit)? {
                return CanonicalValue::of_table(&table).map(Some);
            }
            let (is_array, bytes) = canonical(&value).map_err(unfit)?;
            Ok(Some(CanonicalValue::of_bytes(if is_array { "npy" } else { "json" }, bytes)))
        })
    }

    /// Names with a leading underscore are IPython's own, such as `_` and `_3`.
    fn names(&self) -> Vec<String> {
        Python::attach(|py| {
            let holds = |value: &Bound<'_, PyAny>| holds_rows(value).unwrap_or(false);
            let names = self.0.bind(py).iter().filter(|(_, value)| holds(value));
            let mut names: Vec<String> = names
                .filter_map(|(name, _)| Some(name.cast::<PyString>().ok()?.to_string()))
                .filter(|name| !name.starts_with('_'))
                .collect();
            names.sort();
            names
        })
    }
}

/// What is no table, in bytes that are the same for equal values, and whether it is an array; see `kernwerk/values.py`.
fn canonical(value: &Bound<'_, PyAny>) -> PyResult<(bool, Vec<u8>)> {
    value.py().import("kernwerk.values")?.call_method1("canonical", (value,))?.extract()
}
