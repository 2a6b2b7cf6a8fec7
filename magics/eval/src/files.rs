//! Text files line by line: JSON lines and columns, with errors that name the line.

use std::path::{Path, PathBuf};

use kernwerk_core::name_hint;
use serde_json::{Map, Value};

use crate::Error;

/// A file with its digest.
pub(crate) struct TextFile {
    pub path: PathBuf,
    /// blake3 of its bytes, hexadecimal.
    pub digest: String,
    text: String,
    label: String,
}

/// A line of a file.
pub(crate) struct Line<'a> {
    pub text: &'a str,
    /// From 1.
    pub number: usize,
    label: &'a str,
}

impl TextFile {
    /// Reads a file whole; `label` is how errors call it.
    pub(crate) fn read(path: &Path, label: &str) -> Result<Self, Error> {
        let wrong = |message: String| Error::File { place: label.to_owned(), message, hint: None };
        let bytes = std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let digest = blake3::hash(&bytes).to_hex().to_string();
        let text = String::from_utf8(bytes)
            .map_err(|error| wrong(format!("is not UTF-8 from byte {} on", error.utf8_error().valid_up_to())))?;
        Ok(Self { path: path.to_owned(), digest, text, label: label.to_owned() })
    }

    /// Its lines, without empty ones.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let lines = self.text.strip_prefix('\u{feff}').unwrap_or(&self.text).lines().zip(1..);
        lines.filter(|(text, _)| !text.trim().is_empty()).map(|(text, number)| Line {
            text,
            number,
            label: &self.label,
        })
    }

    /// The error that the file as a whole is wrong.
    pub(crate) fn wrong(&self, message: impl Into<String>, hint: impl Into<String>) -> Error {
        Error::File { place: self.label.clone(), message: message.into(), hint: Some(hint.into()) }
    }
}

impl<'a> Line<'a> {
    /// The error that this line is wrong.
    pub(crate) fn wrong(&self, message: impl Into<String>) -> Error {
        self.wrong_with(message, None)
    }

    /// The same with what to do.
    pub(crate) fn wrong_with(&self, message: impl Into<String>, hint: Option<String>) -> Error {
        Error::File { place: format!("{}, line {}", self.label, self.number), message: message.into(), hint }
    }

    /// The JSON object that the line is.
    pub(crate) fn object(self) -> Result<Object<'a>, Error> {
        match serde_json::from_str(self.text) {
            Ok(Value::Object(fields)) => Ok(Object { line: self, fields }),
            Ok(_) => Err(self.wrong("is no JSON object")),
            Err(error) => {
                // serde counts lines from its own beginning, so only the column is of use.
                let message = error.to_string();
                let what = message.split(" at line ").next().unwrap_or(&message);
                Err(self.wrong(format!("column {}: {what}", error.column())))
            }
        }
    }
}

/// A line that is a JSON object.
pub(crate) struct Object<'a> {
    pub line: Line<'a>,
    fields: Map<String, Value>,
}

impl Object<'_> {
    /// The first of the fields that is there and not null.
    pub(crate) fn get(&self, names: &[&'static str]) -> Option<(&'static str, &Value)> {
        names.iter().find_map(|name| Some((*name, self.fields.get(*name).filter(|value| !value.is_null())?)))
    }

    /// Whether the field is there, if only as null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Fails where it has a field that nobody reads: a slip of the pen would change what is measured.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Error> {
        let Some(stranger) = self.fields.keys().find(|name| !known.contains(&name.as_str())) else {
            return Ok(());
        };
        let hint = name_hint(stranger, "the fields are", known.iter().copied());
        Err(self.line.wrong_with(format!("there is no field `{stranger}` in a golden set"), hint))
    }

    /// `_id`, or else `id`: text or a number.
    pub(crate) fn id(&self) -> Result<Option<String>, Error> {
        match self.get(&["_id", "id"]) {
            None => Ok(None),
            Some((field, value)) => name(value)
                .map(Some)
                .ok_or_else(|| self.line.wrong(format!("`{field}` is {}, not text or a number", kind(value)))),
        }
    }

    /// The text of the first of the fields that is there.
    pub(crate) fn text(&self, names: &[&'static str]) -> Result<&str, Error> {
        match self.get(names) {
            Some((_, Value::String(text))) if !text.trim().is_empty() => Ok(text),
            Some((field, other)) => Err(self.line.wrong(format!("`{field}` is {}, not text", kind(other)))),
            None => Err(self.line.wrong(format!("there is no `{}`; {}", names[0], self.names()))),
        }
    }

    /// Which fields it has, in words.
    pub(crate) fn names(&self) -> String {
        let names: Vec<String> = self.fields.keys().map(|name| format!("`{name}`")).collect();
        if names.is_empty() { "the object is empty".to_owned() } else { format!("its fields are {}", names.join(", ")) }
    }
}

/// A value that is a name: a text that is not empty, or a number.
pub(crate) fn name(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What a value is, in words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(text) if text.trim().is_empty() => "empty",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
