//! JSON lines: one document a line, with `_id`, `title` and `text` as in BEIR.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Document, Section, sections_of};
use crate::Error;

/// One object with the number of its line, from 1.
pub(crate) struct Line {
    pub number: usize,
    pub object: Map<String, Value>,
    place: String,
}

/// The documents of a file. `title` may be missing; without `_id` (or `id`) a document is called after its line.
pub(super) fn read(text: &str, source: &str) -> Result<Vec<Document>, Error> {
    let mut documents: Vec<Document> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for line in lines(text, source)? {
        let document = Document {
            id: line.id()?.unwrap_or_else(|| format!("{source}#{}", line.number)),
            title: line.text("title")?.unwrap_or_default().trim().to_owned(),
            sections: sections(&line)?,
            place: line.place.clone(),
        };
        if let Some(first) = seen.insert(document.id.clone(), line.number) {
            return Err(line.wrong(format!("`_id` {} stands on line {first} already", document.id)));
        }
        documents.push(document);
    }
    Ok(documents)
}

fn sections(line: &Line) -> Result<Vec<Section>, Error> {
    match line.text("text")? {
        Some(text) => Ok(sections_of(text)),
        None if line.object.contains_key("text") => Ok(Vec::new()),
        None => Err(line.wrong(format!("there is no `text`; {}", line.fields()))),
    }
}

/// The objects of a file; empty lines are passed over.
pub(crate) fn lines(text: &str, source: &str) -> Result<Vec<Line>, Error> {
    let mut lines = Vec::new();
    for (at, text) in text.lines().enumerate() {
        if text.trim().is_empty() {
            continue;
        }
        let (number, place) = (at + 1, format!("{source}, line {}", at + 1));
        let object = match serde_json::from_str(text) {
            Ok(Value::Object(object)) => object,
            Ok(_) => return Err(Error::BadRecord { place, reason: "it is no JSON object".to_owned() }),
            Err(error) => return Err(Error::BadRecord { place, reason: json_error(&error) }),
        };
        lines.push(Line { number, object, place });
    }
    Ok(lines)
}

/// What is wrong with a line; serde counts lines from its own beginning, so only the column is of use.
fn json_error(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let what = message.split(" at line ").next().unwrap_or(&message);
    format!("column {}: {what}", error.column())
}

impl Line {
    /// `_id`, or else `id`, as text.
    pub(crate) fn id(&self) -> Result<Option<String>, Error> {
        let Some((field, value)) = ["_id", "id"].iter().find_map(|field| Some((field, self.object.get(*field)?)))
        else {
            return Ok(None);
        };
        match value {
            Value::String(id) if !id.is_empty() => Ok(Some(id.clone())),
            Value::Number(id) => Ok(Some(id.to_string())),
            other => Err(self.wrong(format!("`{field}` is {}, not text or a number", kind(other)))),
        }
    }

    /// A field's text; none where it is missing or null.
    pub(crate) fn text(&self, field: &str) -> Result<Option<&str>, Error> {
        match self.object.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(format!("`{field}` is {}, not text", kind(other)))),
        }
    }

    /// The error that this line is wrong.
    pub(crate) fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::BadRecord { place: self.place.clone(), reason: reason.into() }
    }

    pub(crate) fn fields(&self) -> String {
        let fields: Vec<String> = self.object.keys().map(|field| format!("`{field}`")).collect();
        if fields.is_empty() {
            "the object is empty".to_owned()
        } else {
            format!("its fields are {}", fields.join(", "))
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(text) if text.is_empty() => "empty",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        read(text, "a.jsonl").expect_err("a wrong line").to_string()
    }

    #[test]
    fn records_become_documents() {
        let text = "{\"_id\": \"a\", \"title\": \"T\", \"text\": \"x\"}\n\n{\"_id\": 7, \"text\": \"\"}\n{\"text\": \"y\", \"z\": 1}\n";
        let documents = read(text, "a.jsonl").expect("good lines");
        let ids: Vec<_> = documents.iter().map(|document| (document.id.as_str(), document.sections.len())).collect();
        assert_eq!(ids, [("a", 1), ("7", 0), ("a.jsonl#4", 1)]);
        assert_eq!(documents[0].title, "T");
    }

    #[test]
    fn wrong_records_are_named_with_their_line() {
        assert_eq!(wrong("{\"text\": \"x\"}\n{\"text\": }"), "a.jsonl, line 2: column 10: expected value");
        assert_eq!(wrong("[1]"), "a.jsonl, line 1: it is no JSON object");
        assert_eq!(wrong("{\"body\": \"x\"}"), "a.jsonl, line 1: there is no `text`; its fields are `body`");
        assert_eq!(wrong("{\"text\": 3}"), "a.jsonl, line 1: `text` is a number, not text");
        let twice = "{\"_id\": \"a\", \"text\": \"\"}\n{\"_id\": \"a\", \"text\": \"\"}";
        assert_eq!(wrong(twice), "a.jsonl, line 2: `_id` a stands on line 1 already");
    }
}
