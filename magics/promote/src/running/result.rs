//! What a run gave: the value of the target where it has one that can be kept, and else what the target's cell shows. Steps keep values in the form
//! in which they are compared; a result is for people and other programs.

use std::io::Cursor;

use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::FileReader;
use kernwerk_core::{Channel, ParameterValue, Table};
use kernwerk_store::Lab;

use super::numpy;
use super::plain::Plain;
use super::record::{ResultFile, RunRecord};
use super::steps::KeptStep;
use crate::Error;
use crate::artifact::Location;
use crate::files::digest;
use crate::pipeline::{BindingReference, OutputReference, Pipeline};

/// Files that hold text, by their endings.
const TEXTS: [&str; 18] = [
    "txt", "text", "md", "html", "htm", "svg", "xml", "csv", "tsv", "json", "jsonl", "ndjson", "yaml", "yml", "toml",
    "tex", "log", "sql",
];

/// The result in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct RunResult {
    /// A file suffix such as `arrow`, `txt`, `json` or `svg`.
    pub format: String,
    /// As a file of that suffix holds it.
    pub bytes: Vec<u8>,
    /// What it holds, where it is the value of a variable and no table.
    value: Option<Plain>,
}

/// What kind of result a pipeline gives, as far as it can be told before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResultKind {
    Table,
    /// Text, printed or held by a variable.
    Text,
    /// Numbers, lists and dictionaries of Python.
    Value,
    /// An array of NumPy.
    Array,
    /// Something shown, in a format of its own: a suffix such as `png`.
    Shown(String),
}

impl ResultKind {
    /// What it is, for a sentence.
    pub fn name(&self) -> &str {
        match self {
            Self::Table => "a table",
            Self::Text => "text",
            Self::Value => "a value",
            Self::Array => "an array",
            Self::Shown(format) => format,
        }
    }

    /// The endings of files that can hold it, the usual first.
    pub fn endings(&self) -> Vec<&str> {
        match self {
            Self::Table => vec!["parquet", "csv", "json", "arrow", "feather"],
            Self::Text => TEXTS.to_vec(),
            Self::Value => vec!["json", "txt"],
            Self::Array => vec!["npy", "json", "txt"],
            Self::Shown(format) if format == "html" => vec!["html", "htm"],
            Self::Shown(format) => vec![format],
        }
    }

    fn of(format: &str, published: impl FnOnce() -> Option<Vec<u8>>) -> Self {
        match format {
            "arrow" => Self::Table,
            "txt" => Self::Text,
            "npy" => Self::Array,
            "json" if published().is_none_or(|bytes| !bytes.starts_with(b"\"")) => Self::Value,
            "json" => Self::Text,
            format => Self::Shown(format.to_owned()),
        }
    }
}

/// The kind of result that an artifact's pipeline gave when it was published; none where the artifact does not tell. Nothing of it is run.
///
/// # Errors
/// The artifact's description cannot be read.
pub fn result_kind(location: &Location) -> Result<Option<ResultKind>, Error> {
    let pipeline = location.pipeline()?;
    let Some(step) = pipeline.steps.get(pipeline.target.step.saturating_sub(1) as usize) else { return Ok(None) };
    let variable = pipeline.target.variable.as_ref();
    let is_target = |binding: &&BindingReference| variable.is_none_or(|name| binding.name == *name);
    let kind = |file: &str| {
        let format = file.rsplit_once('.').map_or("", |(_, suffix)| suffix);
        ResultKind::of(format, || location.bytes(file).ok())
    };
    if let Some(bound) = step.bindings.iter().rfind(is_target) {
        return Ok(bound.file.as_deref().map(kind));
    }
    let of = |channel: Channel| move |output: &&OutputReference| output.channel == channel;
    let shown = step.outputs.iter().rfind(of(Channel::Result));
    let shown = shown.or_else(|| step.outputs.iter().rfind(of(Channel::Display)));
    let shown = shown.or_else(|| step.outputs.iter().find(of(Channel::Stdout)));
    Ok(shown.map(|output| match output.format.as_str() {
        // What a cell shows as JSON was written by it, and is no value of ours.
        "json" => ResultKind::Text,
        format => ResultKind::of(format, || None),
    }))
}

impl RunResult {
    /// A variable's value, out of the form in which it is compared.
    fn of_value(format: &str, bytes: Vec<u8>) -> Self {
        let value = match format {
            "json" => std::str::from_utf8(&bytes).ok().and_then(Plain::read),
            "npy" => numpy::file(&bytes),
            "txt" => std::str::from_utf8(&bytes).ok().and_then(Plain::of_rust),
            _ => None,
        };
        let (format, bytes) = match &value {
            Some(Plain::Text(text)) => ("txt", text.clone().into_bytes()),
            Some(Plain::Bytes(bytes)) => ("bin", bytes.clone()),
            Some(value) if format == "json" => ("json", value.json().into_bytes()),
            _ => (format, bytes),
        };
        Self { format: format.to_owned(), bytes, value }
    }

    fn shown(format: &str, bytes: Vec<u8>) -> Self {
        Self { format: format.to_owned(), bytes, value: None }
    }

    /// The rows, where it is a table.
    pub fn table(&self) -> Option<Table> {
        if self.format != "arrow" {
            return None;
        }
        let reader = FileReader::try_new(Cursor::new(&self.bytes), None).ok()?;
        let schema = reader.schema();
        Some(Table::new(schema, reader.collect::<Result<_, _>>().ok()?))
    }

    /// Its kind.
    pub fn kind(&self) -> ResultKind {
        match (self.format.as_str(), &self.value) {
            ("json", None) => ResultKind::Text,
            ("json", Some(_)) => ResultKind::Value,
            (format, _) => ResultKind::of(format, || None),
        }
    }

    /// What is no table, as a file with this ending holds it; none where such a file cannot.
    pub fn in_file(&self, ending: &str) -> Option<Vec<u8>> {
        if ending.is_empty() || ending == self.format {
            return Some(self.bytes.clone());
        }
        match (&self.value, self.kind(), ending) {
            (_, ResultKind::Text, "json") => {
                let text = std::str::from_utf8(&self.bytes).ok()?;
                // What is JSON by itself stays what it is.
                let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
                Some(if is_json { self.bytes.clone() } else { Plain::Text(text.to_owned()).json().into_bytes() })
            }
            (Some(value), ResultKind::Value | ResultKind::Array, "json") => Some(value.json().into_bytes()),
            (Some(value), ResultKind::Value | ResultKind::Array, "txt") => Some(value.text().into_bytes()),
            (_, kind, ending) => kind.endings().contains(&ending).then(|| self.bytes.clone()),
        }
    }

    /// What it says where it is text or a value that can be written as text.
    pub fn text(&self) -> Option<String> {
        match &self.value {
            Some(Plain::Bytes(_)) => None,
            Some(value) => Some(value.text()),
            None => String::from_utf8(self.bytes.clone()).ok().filter(|_| self.kind() == ResultKind::Text),
        }
    }

    /// The number or the truth value that it is, where it is one that a column of a table can hold.
    pub fn single(&self) -> Option<ParameterValue> {
        match self.value.as_ref()? {
            Plain::Boolean(value) => Some(ParameterValue::Boolean(*value)),
            Plain::Number(digits) => match digits.parse() {
                Ok(number) => Some(ParameterValue::Integer(number)),
                Err(_) => digits.parse().ok().map(ParameterValue::Float),
            },
            _ => None,
        }
    }

    pub(super) fn schema(&self) -> Option<SchemaRef> {
        self.table().map(|table| table.schema)
    }
}

/// Finds the result in what the target's step gave; none where it gave nothing.
pub(super) fn find(lab: &Lab, pipeline: &Pipeline, kept: &KeptStep) -> Result<Option<RunResult>, Error> {
    let variable = pipeline.target.variable.as_ref();
    let bound = kept.bindings.iter().filter(|binding| variable.is_none_or(|name| binding.name == *name));
    if let Some((format, blob)) = bound.filter_map(|binding| binding.value.as_ref()).next_back() {
        return Ok(Some(RunResult::of_value(format, lab.blobs().get(blob)?)));
    }
    let of = |channel: Channel| kept.outputs.iter().filter(move |output| output.channel == channel);
    let shown = of(Channel::Result).next_back().or_else(|| of(Channel::Display).next_back());
    if let Some(output) = shown {
        return Ok(Some(RunResult::shown(&output.format, lab.blobs().get(&output.digest)?)));
    }
    let mut printed = Vec::new();
    for piece in of(Channel::Stdout) {
        printed.extend(lab.blobs().get(&piece.digest)?);
    }
    Ok((!printed.is_empty()).then(|| RunResult::shown("txt", printed)))
}

/// Puts the result into the run's directory.
pub(super) fn put(lab: &Lab, record: &RunRecord, result: &RunResult) -> Result<ResultFile, Error> {
    let suffix: String = result.format.chars().filter(char::is_ascii_alphanumeric).collect();
    let file = format!("result.{suffix}");
    lab.atomic_write(&record.directory(lab).join(&file), &result.bytes)?;
    Ok(ResultFile { file, format: result.format.clone(), digest: digest(&result.bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(result: &RunResult, ending: &str) -> Option<String> {
        result.in_file(ending).map(|bytes| String::from_utf8(bytes).expect("text"))
    }

    #[test]
    fn a_value_is_written_as_its_file_says() {
        let text = RunResult::of_value("json", b"\"caf\xc3\xa9\"\n".to_vec());
        assert_eq!((text.format.as_str(), text.kind()), ("txt", ResultKind::Text));
        assert_eq!(file(&text, "").as_deref(), Some("café"));
        assert_eq!(file(&text, "md").as_deref(), Some("café"));
        assert_eq!(file(&text, "json").as_deref(), Some("\"café\"\n"));
        let tuple = RunResult::of_value("json", b"{\"!tuple\": [1, 2]}\n".to_vec());
        assert_eq!((tuple.format.as_str(), tuple.kind()), ("json", ResultKind::Value));
        assert_eq!(file(&tuple, "json").as_deref(), Some("[1, 2]\n"));
        assert_eq!(file(&tuple, "csv"), None);
        let number = RunResult::of_value("json", b"11.125\n".to_vec());
        assert_eq!(
            (file(&number, "txt").as_deref(), number.single()),
            (Some("11.125\n"), Some(ParameterValue::Float(11.125)))
        );
        let of_rust = RunResult::of_value("txt", b"\"a\\tb\"".to_vec());
        assert_eq!(file(&of_rust, "txt").as_deref(), Some("a\tb"));
        let structure = RunResult::of_value("txt", b"Point {\n    x: 1,\n}".to_vec());
        assert_eq!(structure.text().as_deref(), Some("Point {\n    x: 1,\n}"));
        let own = RunResult::shown("txt", b"{\"a\": 1}\n".to_vec());
        assert_eq!(file(&own, "json").as_deref(), Some("{\"a\": 1}\n"), "it is JSON by itself");
        assert_eq!(file(&own, "parquet"), None);
        let picture = RunResult::shown("png", vec![1]);
        assert_eq!((picture.in_file("png"), picture.in_file("svg"), picture.text()), (Some(vec![1]), None, None));
    }
}
