//! What a magic line answered, as a Python object.

use kernwerk_core::{Body, Output, Table, Value, Verdict};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::frame::Frame;

/// What a magic line answered: to be shown (`text`, HTML in a notebook) and to be worked with (`value`, `table`).
#[pyclass(frozen, module = "kernwerk")]
pub struct Result {
    output: Output,
    table: Option<Table>,
}

impl Result {
    pub fn new(output: Output, table: Option<Table>) -> Self {
        Self { output, table }
    }
}

#[pymethods]
impl Result {
    /// One line above the answer; none where it needs none.
    #[getter]
    fn title(&self) -> Option<&str> {
        self.output.title.as_deref()
    }

    /// Short lines below the answer.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.output.notes.clone()
    }

    /// `passed`, `failed` or `undecided`: how a verb that judges has judged.
    #[getter]
    fn verdict(&self) -> &'static str {
        match self.output.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Undecided => "undecided",
        }
    }

    /// Whether it would be otherwise in another run, in whole or in part.
    #[getter]
    fn volatile(&self) -> bool {
        self.output.is_volatile()
    }

    /// All rows of the answer, of which `text` may show only some; none where it has no rows.
    #[getter]
    fn table(&self) -> Option<Frame> {
        self.table.clone().map(|table| Frame { table })
    }

    /// The answer as Python has it: a `Frame`, a dictionary, a text, or none.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.output.body {
            Body::Empty => Ok(py.None().into_bound(py)),
            Body::Text(text) | Body::Source { text, .. } => Ok(text.into_pyobject(py)?.into_any()),
            Body::Record(fields) => {
                let record = PyDict::new(py);
                for (name, value) in fields {
                    record.set_item(name, python_value(py, value)?)?;
                }
                Ok(record.into_any())
            }
            Body::Answer(answer) => {
                let json = kernwerk_render::answer_json(answer).to_string();
                py.import("json")?.call_method1("loads", (json,))
            }
            Body::Table(table) => Ok(Bound::new(py, Frame { table: table.clone() })?.into_any()),
            Body::Document(document) => py.import("json")?.call_method1("loads", (document.data.to_string(),)),
        }
    }

    /// The answer as a terminal shows it.
    #[getter]
    fn text(&self) -> String {
        kernwerk_render::text(&self.output)
    }

    /// The answer as a notebook shows it.
    #[getter]
    fn html(&self) -> String {
        kernwerk_render::html(&self.output)
    }

    fn __repr__(&self) -> String {
        self.text()
    }

    fn _repr_html_(&self) -> String {
        self.html()
    }

    #[pyo3(signature = (include = None, exclude = None))]
    fn _repr_mimebundle_<'py>(
        &self,
        py: Python<'py>,
        include: Option<&Bound<'py, PyAny>>,
        exclude: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        // IPython filters the bundle itself.
        let _ = (include, exclude);
        mime_bundle(py, &self.output)
    }
}

/// `output` in the representations that a front end chooses from, the same as the kernel's.
pub fn mime_bundle<'py>(py: Python<'py>, output: &Output) -> PyResult<Bound<'py, PyDict>> {
    let bundle = PyDict::new(py);
    bundle.set_item("text/plain", kernwerk_render::text(output))?;
    bundle.set_item("text/html", kernwerk_render::html(output))?;
    Ok(bundle)
}

/// What is no number does not become one: *unmeasured* and *unpriced* are members of an enumeration of their own.
fn python_value<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    let missing = |name: &str| py.import("kernwerk.missing")?.getattr("Missing")?.getattr(name);
    Ok(match value {
        Value::Text(text) => text.into_pyobject(py)?.into_any(),
        Value::Integer(number) => number.into_pyobject(py)?.into_any(),
        Value::Float(number) => number.into_pyobject(py)?.into_any(),
        Value::Bool(value) => value.into_pyobject(py)?.to_owned().into_any(),
        Value::List(values) => {
            let values = values.iter().map(|value| python_value(py, value)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, values)?.into_any()
        }
        Value::Absent => py.None().into_bound(py),
        Value::Unmeasured => missing("UNMEASURED")?,
        Value::Unpriced => missing("UNPRICED")?,
    })
}
