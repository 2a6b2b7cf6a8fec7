//! Frames: tables that a magic bound with `-> name`, lying in Arrow files.

use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

use crate::arrow::ArrowFile;
use crate::html::{Shown, show_table};

/// A table in an Arrow IPC file. Values are read when they are asked for. With `:dep polars` frames are Polars data frames instead.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    path: PathBuf,
    columns: Vec<Column>,
    rows: usize,
}

/// A column's name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// A word such as `i64`, `f64`, `text`, `bool`, `date`, `time, UTC`.
    pub type_name: String,
}

/// A value of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    /// Text; dates and times in the form of ISO 8601.
    Text(String),
    /// A value of a type that frames do not read (lists, structs, decimals, …).
    Other,
}

/// Opens the frame that a magic bound.
///
/// # Panics
/// The file is gone or broken.
pub fn bind(path: impl AsRef<Path>) -> Frame {
    let path = path.as_ref();
    Frame::open(path).unwrap_or_else(|error| {
        panic!("the frame in {} cannot be read: {error}; run the magic that makes it again", path.display())
    })
}

/// Which type of frames tables come as.
pub trait Frames {
    type Frame;

    /// Opens an Arrow IPC file.
    ///
    /// # Errors
    /// The file cannot be read, or is no such file.
    fn open(path: &Path) -> Result<Self::Frame>;

    /// The Arrow IPC file that holds a frame: its own, or `scratch`, into which it is written.
    ///
    /// # Errors
    /// The file cannot be written.
    fn file(frame: &Self::Frame, scratch: &Path) -> Result<PathBuf>;
}

/// Tables come as a [`Frame`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsFrame;

impl Frames for AsFrame {
    type Frame = Frame;

    fn open(path: &Path) -> Result<Frame> {
        Frame::open(path)
    }

    fn file(frame: &Frame, _scratch: &Path) -> Result<PathBuf> {
        Ok(frame.path.clone())
    }
}

impl Frame {
    /// Opens an Arrow IPC file.
    ///
    /// # Errors
    /// The file cannot be read, or is no such file.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let file = ArrowFile::open(&path)?;
        let columns =
            file.fields.iter().map(|field| Column { name: field.name.clone(), type_name: field.type_name.clone() });
        Ok(Self { columns: columns.collect(), rows: file.rows(), path })
    }

    /// The Arrow IPC file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// All values of a column.
    ///
    /// # Errors
    /// There is no such column, or the file cannot be read.
    pub fn values(&self, column: &str) -> Result<Vec<Value>> {
        ArrowFile::open(&self.path)?.values(self.index(column)?, 0..self.rows)
    }

    /// A column's values as numbers; `None` where there is none.
    ///
    /// # Errors
    /// There is no such column, or the file cannot be read.
    pub fn numbers(&self, column: &str) -> Result<Vec<Option<f64>>> {
        ArrowFile::open(&self.path)?.numbers(self.index(column)?)
    }

    /// A column's values as text; `None` where there is no value.
    ///
    /// # Errors
    /// There is no such column, or the file cannot be read.
    pub fn texts(&self, column: &str) -> Result<Vec<Option<String>>> {
        Ok(self.values(column)?.iter().map(Value::shown).collect())
    }

    fn index(&self, column: &str) -> Result<usize> {
        self.columns.iter().position(|other| other.name == column).ok_or_else(|| {
            let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
            Error::new(ErrorKind::NotFound, format!("there is no column `{column}`; there are {}", names.join(", ")))
        })
    }

    /// The part of the table that is shown.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn shown(&self) -> Result<Shown> {
        let mut file = ArrowFile::open(&self.path)?;
        let (head, tail) = Shown::ranges(self.rows);
        let shown = Shown::columns_of(self.columns.len());
        let mut rows = vec![Vec::new(); head.len() + tail.len()];
        for column in 0..shown {
            let mut values = file.values(column, head.clone())?;
            values.extend(file.values(column, tail.clone())?);
            for (row, value) in rows.iter_mut().zip(values) {
                row.push(value.shown());
            }
        }
        let tail = rows.split_off(head.len());
        let columns = &self.columns[..shown];
        Ok(Shown {
            columns: columns.iter().map(|column| (column.name.clone(), column.type_name.clone())).collect(),
            head: rows,
            tail,
            rows: self.rows,
            width: self.columns.len(),
            numeric: columns.iter().map(|column| column.is_number()).collect(),
        })
    }

    /// Shows the table.
    pub fn evcxr_display(&self) {
        match self.shown() {
            Ok(shown) => show_table(&shown),
            Err(error) => crate::display_text(&format!("{self:?}, which cannot be read: {error}")),
        }
    }
}

impl Column {
    fn is_number(&self) -> bool {
        matches!(self.type_name.as_bytes(), [b'i' | b'u' | b'f', b'0'..=b'9', ..])
    }
}

impl Value {
    /// The value as a number; `None` where it is none.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Unsigned(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The value as it is shown; `None` where there is none.
    fn shown(&self) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Unsigned(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Text(value) => value.clone(),
            Self::Other => "…".to_owned(),
        })
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a frame of {} rows and {} columns", self.rows, self.columns.len())
    }
}
