//! Tables on their way between the engine and Python, by pointer: the Arrow PyCapsule interface in both directions.

use std::ffi::CStr;

use arrow::array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow::error::ArrowError;
use arrow::ffi::FFI_ArrowSchema;
use arrow::ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream};
use kernwerk_core::{Output, Problem, Table};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyType};

use crate::problem::raise;
use crate::reply::mime_bundle;

const EXPORT: &str = "__arrow_c_stream__";
const STREAM: &CStr = c"arrow_array_stream";
const SCHEMA: &CStr = c"arrow_schema";

/// Rows and columns in Arrow's memory, shared and never copied. Whatever takes the Arrow PyCapsule interface takes a frame:
/// `polars.DataFrame(frame)`, `pyarrow.table(frame)`, `duckdb.sql("from frame")`.
#[pyclass(frozen, module = "kernwerk")]
pub struct Frame {
    pub table: Table,
}

#[pymethods]
impl Frame {
    /// The rows of anything that speaks the Arrow PyCapsule interface.
    #[new]
    fn new(data: &Bound<'_, PyAny>) -> PyResult<Self> {
        let table = table_of(data)?.ok_or_else(|| no_rows("", data))?;
        Ok(Self { table })
    }

    /// The rows as an Arrow stream. They are given as they are, whichever schema is asked for.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // A wish, says the interface: a producer may give what it has.
        let _ = requested_schema;
        let batches = self.table.batches.clone().into_iter().map(Ok::<_, ArrowError>);
        let reader = RecordBatchIterator::new(batches, self.table.schema.clone());
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), STREAM)
    }

    /// The columns' names and types.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(self.table.schema.as_ref()).map_err(value_error)?;
        PyCapsule::new_with_value(py, schema, SCHEMA)
    }

    /// The columns' names.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.table.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    fn __len__(&self) -> usize {
        self.table.rows()
    }

    fn __repr__(&self) -> String {
        kernwerk_render::text(&self.output())
    }

    fn _repr_html_(&self) -> String {
        kernwerk_render::html(&self.output())
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
        mime_bundle(py, &self.output())
    }
}

impl Frame {
    fn output(&self) -> Output {
        Output::table(self.table.clone())
    }
}

/// The rows that `value` holds in Arrow form, by pointer; none where it is no such thing.
pub fn table_of(value: &Bound<'_, PyAny>) -> PyResult<Option<Table>> {
    if let Ok(frame) = value.cast::<Frame>() {
        return Ok(Some(frame.get().table.clone()));
    }
    if !holds_rows(value)? {
        return Ok(None);
    }
    let capsule = value.call_method0(EXPORT)?.cast_into::<PyCapsule>()?;
    let pointer = capsule.pointer_checked(Some(STREAM))?.cast::<FFI_ArrowArrayStream>();
    // SAFETY: a capsule of this name holds a stream, says the interface. The stream is moved out, and the capsule is left
    // with a released one.
    let stream = unsafe { FFI_ArrowArrayStream::from_raw(pointer.as_ptr()) };
    let table = value.py().detach(|| read(stream));
    table.map(Some).map_err(value_error)
}

/// As [`table_of`], for a frame that somebody gives under a name.
pub fn given_table(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<Table>> {
    table_of(value).map_err(|error| raise(value.py(), unreadable(name, &error)))
}

/// That something gives no rows, and what would. `place` stands in front.
pub fn no_rows(place: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let kind = value.get_type().name().map_or_else(|_| "this".to_owned(), |name| name.to_string());
    // Such as Polars' LazyFrame.
    let is_plan = value.hasattr("collect").unwrap_or(false) && !value.is_instance_of::<PyType>();
    let then = if is_plan { "; its `collect()` may give some" } else { "" };
    PyTypeError::new_err(format!("{place}{kind} holds no rows in Arrow form: it has no `{EXPORT}`{then}"))
}

/// That a frame says it has rows, and fails to give them.
pub fn unreadable(name: &str, error: &PyErr) -> Problem {
    let told = error.to_string();
    let (reason, hint) = if told.contains("datatype \"Null\"") {
        let hint = "give columns without any value a type, in Polars by `frame.cast({polars.Null: polars.String})`";
        ("a column has the type Null, in a form that Arrow refuses".to_owned(), Some(hint.to_owned()))
    } else if told.contains("Unable to interpret C data struct as a Schema") {
        (
            "it is one column, and no table".to_owned(),
            Some("a table is needed: of a Series give its `to_frame()`".to_owned()),
        )
    } else {
        (told, None)
    };
    Problem::new("UnreadableFrame", format!("`{name}` cannot give its rows: {reason}")).with_hint_if(hint)
}

/// Whether `value` says that it can give rows. The class is asked: an object that answers to any name would say yes.
pub fn holds_rows(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.get_type().hasattr(EXPORT)
}

fn read(stream: FFI_ArrowArrayStream) -> std::result::Result<Table, ArrowError> {
    let reader = ArrowArrayStreamReader::try_new(stream)?;
    let schema = reader.schema();
    Ok(Table::new(schema, reader.collect::<std::result::Result<Vec<RecordBatch>, _>>()?))
}

fn value_error(error: ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
