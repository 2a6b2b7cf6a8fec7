//! Rows from files: CSV, NDJSON, Parquet and Arrow IPC, recognised by content. Reading is pure; `load` puts what was read into the lab.

mod binary;
mod csv;
mod finish;
mod infer;
mod json;
mod keep;
mod load;
mod text;
pub(crate) mod types;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use bytes::Bytes;
use kernwerk_core::Work;

use crate::times::{Decisions, Zone};
use crate::{Error, Roles};

pub use load::{SourceSpec, Sourced, load_source};

/// Rows of a batch as read and stored; a bound on memory, not on meaning.
const BATCH_ROWS: usize = 65_536;

/// What is said about a file besides its bytes.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    pub roles: Roles,
    /// Where times without a zone were taken; none is UTC.
    pub timezone: Option<Zone>,
    /// The table that is appended to: types are taken from it rather than inferred.
    pub expected: Option<Expected>,
}

/// A table whose columns a file must have.
#[derive(Clone, Debug)]
pub struct Expected {
    pub table: String,
    pub schema: SchemaRef,
}

/// A column as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnReport {
    pub name: String,
    /// In words: `int64`, `text`, `timestamp`.
    pub type_name: String,
    pub missing: u64,
    /// What the column is for, when an option said so.
    pub role: Option<&'static str>,
    /// Why it has this type, where that is not plain.
    pub remark: Option<String>,
}

/// A file's rows, in Arrow's form. Times are instants in UTC.
#[derive(Clone, Debug)]
pub struct FileRead {
    /// `csv`, `ndjson`, `parquet`, `arrow` or `arrow stream`.
    pub format: &'static str,
    /// blake3 of the file's bytes, hexadecimal.
    pub digest: String,
    pub schema: SchemaRef,
    /// At least one, though it may be empty.
    pub batches: Vec<RecordBatch>,
    pub columns: Vec<ColumnReport>,
    /// What was decided while reading, in words.
    pub notes: Vec<String>,
}

impl FileRead {
    pub fn rows(&self) -> u64 {
        self.batches.iter().map(|batch| batch.num_rows() as u64).sum()
    }
}

/// Reads a whole file. `label` is how errors call it.
pub fn read_file(path: &Path, label: &str, options: &ReadOptions, work: &Work) -> Result<FileRead, Error> {
    let bytes = read_bytes(path, label, work)?;
    let reading = Reading {
        label,
        roles: &options.roles,
        zone: options.timezone.unwrap_or(Zone::UTC),
        expected: options.expected.as_ref(),
    };
    let digest = blake3::hash(&bytes).to_hex().to_string();
    let raw = read_raw(path, bytes, &reading, work)?;
    finish::finish(raw, digest, &reading)
}

/// How a file is to be read.
struct Reading<'a> {
    label: &'a str,
    roles: &'a Roles,
    zone: Zone,
    expected: Option<&'a Expected>,
}

impl Reading<'_> {
    /// The type that a column must have, when its table is there already.
    fn expected_type(&self, column: &str) -> Option<&DataType> {
        let field = self.expected?.schema.field_with_name(column).ok()?;
        Some(field.data_type())
    }

    /// The error that the file's columns are not those of the table that it is appended to.
    fn differs(&self, message: String) -> Error {
        Error::SchemaDiffers {
            file: self.label.to_owned(),
            table: self.expected.map(|expected| expected.table.clone()).unwrap_or_default(),
            message,
            hint: Some("without --append the file replaces the table".to_owned()),
        }
    }

    /// Whether an option says that a column holds points in time.
    fn is_time(&self, column: &str) -> bool {
        [&self.roles.event_time, &self.roles.created].into_iter().flatten().any(|name| name == column)
    }
}

/// What a format's reader found, before columns get the types that the lab stores.
struct Raw {
    format: &'static str,
    batches: Vec<RecordBatch>,
    /// A column's name, and why it has its type.
    remarks: Vec<(String, String)>,
    notes: Vec<String>,
    decisions: Decisions,
    /// Columns of text that hold points in time: name, type as an event time, type otherwise.
    times: Vec<(String, DataType, DataType)>,
}

impl Raw {
    fn new(format: &'static str) -> Self {
        Self {
            format,
            batches: Vec::new(),
            remarks: Vec::new(),
            notes: Vec::new(),
            decisions: Decisions::default(),
            times: Vec::new(),
        }
    }
}

fn read_bytes(path: &Path, label: &str, work: &Work) -> Result<Bytes, Error> {
    let unreadable = |error: std::io::Error| Error::File {
        file: label.to_owned(),
        message: match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::IsADirectory => "this is a directory".to_owned(),
            _ => error.to_string(),
        },
        hint: match error.kind() {
            std::io::ErrorKind::NotFound => Some("paths are taken from the notebook's directory".to_owned()),
            std::io::ErrorKind::IsADirectory => Some("name one file".to_owned()),
            _ => None,
        },
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let total = file.metadata().map(|metadata| metadata.len()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(usize::try_from(total).unwrap_or(0));
    // In pieces, so that a slow disk can be interrupted.
    while (&mut file).take(16 << 20).read_to_end(&mut bytes).map_err(unreadable)? > 0 {
        work.check()?;
        work.progress("reading the file", bytes.len() as u64, Some(total), "bytes");
    }
    if bytes.is_empty() {
        return Err(Error::File {
            file: label.to_owned(),
            message: "the file is empty".to_owned(),
            hint: Some("a CSV needs at least a header with column names".to_owned()),
        });
    }
    Ok(bytes.into())
}

/// Chooses the reader: by the first bytes where they are telling, by the name's suffix where they are not.
fn read_raw(path: &Path, bytes: Bytes, reading: &Reading<'_>, work: &Work) -> Result<Raw, Error> {
    let suffix = path.extension().and_then(|suffix| suffix.to_str()).unwrap_or("").to_lowercase();
    if bytes.starts_with(b"PAR1") || suffix == "parquet" {
        return binary::parquet(bytes, reading, work);
    }
    if bytes.starts_with(b"ARROW1") {
        return binary::arrow_file(bytes, reading, work);
    }
    if bytes.starts_with(&[0xff; 4]) || matches!(suffix.as_str(), "arrow" | "arrows" | "ipc" | "feather") {
        return binary::arrow_stream(bytes, reading, work);
    }
    let text = decode(&bytes, reading.label)?;
    match suffix.as_str() {
        "ndjson" | "jsonl" | "json" => json::read(text, reading, work),
        "csv" | "tsv" | "txt" => text::read(text, reading, work),
        _ if text.trim_start().starts_with(['{', '[']) => json::read(text, reading, work),
        "" | "data" | "tab" | "psv" => text::read(text, reading, work),
        other => Err(Error::File {
            file: reading.label.to_owned(),
            message: format!("files of kind `.{other}` cannot be read"),
            hint: Some(
                "CSV (.csv, .tsv), NDJSON (.ndjson, .jsonl), Parquet (.parquet) and Arrow IPC (.arrow, .arrows) can"
                    .to_owned(),
            ),
        }),
    }
}

/// The file's text: UTF-8, with or without a byte order mark.
fn decode<'a>(bytes: &'a [u8], label: &str) -> Result<&'a str, Error> {
    let known = [
        (&b"\xff\xfe"[..], "UTF-16 text", "save it as UTF-8, for instance with `iconv -f UTF-16 -t UTF-8`"),
        (b"\xfe\xff", "UTF-16 text", "save it as UTF-8, for instance with `iconv -f UTF-16 -t UTF-8`"),
        (b"\x1f\x8b", "compressed with gzip", "unpack it first with `gunzip`"),
        (b"PK\x03\x04", "a ZIP archive or an office document", "save the sheet as CSV, or unpack the archive"),
        (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it first with `unzstd`"),
    ];
    if let Some((_, what, hint)) = known.iter().find(|(start, ..)| bytes.starts_with(start)) {
        return Err(Error::File {
            file: label.to_owned(),
            message: format!("this is {what}"),
            hint: Some((*hint).to_owned()),
        });
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(text).map_err(|error| {
        let before = &text[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        Error::Malformed {
            file: label.to_owned(),
            place: format!("line {line}, byte {}", before.len() - start + 1),
            message: format!("expected UTF-8, found the byte 0x{:02x}", text[error.valid_up_to()]),
            hint: Some("save it as UTF-8, for instance with `iconv -f ISO-8859-1 -t UTF-8`".to_owned()),
        }
    })
}

/// Names must be there, and each only once.
fn check_names(names: &[String], label: &str, place: &str) -> Result<(), Error> {
    let wrong = |message: String, hint: &str| Error::Malformed {
        file: label.to_owned(),
        place: place.to_owned(),
        message,
        hint: Some(hint.to_owned()),
    };
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(wrong(
                format!("column {} has no name", index + 1),
                "give it a name; a table index that was written along can be left out (in pandas with index=False)",
            ));
        }
        if let Some(first) = names[..index].iter().position(|earlier| earlier == name) {
            return Err(wrong(
                format!("columns {} and {} are both called `{name}`", first + 1, index + 1),
                "rename one of them",
            ));
        }
        if name.contains('.') || name.starts_with("_row") {
            return Err(wrong(
                format!("column {} is called `{name}`, which tables cannot store", index + 1),
                "names must not hold a dot or begin with _row: rename it",
            ));
        }
    }
    Ok(())
}
