//! Notebooks of Jupyter as their files hold them (nbformat 4): the cells of code with what they showed.

use kernwerk_core::{Channel, Shown, ShownForm, StoredCell, StoredNotebook};
use serde_json::Value;

use crate::capture::bounded;
use crate::forms::{VOLATILE, forms};

/// The format that is read; its minor versions differ in nothing that matters here.
const FORMAT: u64 = 4;

/// Why a file cannot be read as a notebook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadNotebook {
    /// What is wrong, and where.
    pub message: String,
    /// What to do about it, where there is something.
    pub hint: Option<&'static str>,
}

impl From<String> for UnreadNotebook {
    fn from(message: String) -> Self {
        Self { message, hint: None }
    }
}

/// Reads a notebook's file. Of each stream of a cell there is one output, before its others: how a stream is cut, and where it stands
/// among displays, is chance.
///
/// # Errors
/// It is no JSON, no notebook, one of another format than nbformat 4, or a part of it is not as that wants it.
pub fn read_notebook(bytes: &[u8]) -> Result<StoredNotebook, UnreadNotebook> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("it is empty".to_owned().into());
    }
    let file: Value = serde_json::from_slice(bytes).map_err(|error| format!("it is not JSON: {error}"))?;
    match file.get("nbformat").and_then(Value::as_u64) {
        Some(FORMAT) => {}
        Some(other) => {
            let message = format!("it is in the notebook format {other}, and format {FORMAT} is read");
            let hint = (other < FORMAT).then_some("`jupyter nbconvert --to notebook --nbformat 4` converts it");
            return Err(UnreadNotebook { message, hint });
        }
        None => return Err("it is JSON, but no notebook: it does not say which `nbformat` it has".to_owned().into()),
    }
    let cells = file.get("cells").and_then(Value::as_array);
    let cells = cells.ok_or_else(|| "it has no list of `cells`".to_owned())?;
    let metadata = |path: &[&str]| {
        let start = file.get("metadata");
        path.iter().fold(start, |value, key| value?.get(key)).and_then(Value::as_str).map(str::to_owned)
    };
    let language = metadata(&["language_info", "name"]).or_else(|| metadata(&["kernelspec", "language"]));
    let mut notebook = StoredNotebook {
        language: language.unwrap_or_default().to_lowercase(),
        kernel: metadata(&["kernelspec", "name"]),
        language_version: metadata(&["language_info", "version"]),
        cells: Vec::new(),
    };
    for (cell, place) in cells.iter().zip(1..) {
        let kind = cell.get("cell_type").and_then(Value::as_str);
        let kind = kind.ok_or_else(|| format!("its cell {place} does not say what it is (`cell_type`)"))?;
        if kind == "code" {
            notebook.cells.push(read_cell(cell).map_err(|reason| format!("its cell {place}: {reason}"))?);
        }
    }
    Ok(notebook)
}

fn read_cell(cell: &Value) -> Result<StoredCell, String> {
    let source = cell.get("source").and_then(joined).ok_or("`source` is no text")?;
    let execution_count = match cell.get("execution_count") {
        None | Some(Value::Null) => None,
        Some(count) => {
            let count = count.as_u64().and_then(|count| count.try_into().ok());
            Some(count.ok_or("`execution_count` is no whole number")?)
        }
    };
    let outputs = match cell.get("outputs") {
        None => &Vec::new(),
        Some(outputs) => outputs.as_array().ok_or("`outputs` is no list")?,
    };
    let (mut stdout, mut stderr, mut others) = (String::new(), String::new(), Vec::new());
    for (output, place) in outputs.iter().zip(1..) {
        let bad = |what: &str| format!("output {place}: {what}");
        match output.get("output_type").and_then(Value::as_str) {
            Some("stream") => {
                let text = output.get("text").and_then(joined).ok_or_else(|| bad("`text` is no text"))?;
                let is_error = output.get("name").and_then(Value::as_str) == Some("stderr");
                if is_error { stderr.push_str(&text) } else { stdout.push_str(&text) }
            }
            Some("display_data") => others.push(display(Channel::Display, output).ok_or_else(|| bad(BUNDLE))?),
            Some("execute_result") => others.push(display(Channel::Result, output).ok_or_else(|| bad(BUNDLE))?),
            Some("error") => {
                let part = |name: &str| output.get(name).and_then(Value::as_str).unwrap_or_default();
                others.push(Shown::text(Channel::Error, format!("{}: {}", part("ename"), part("evalue"))));
            }
            Some(other) => return Err(bad(&format!("`{other}` is no kind of output"))),
            None => return Err(bad("it does not say what it is (`output_type`)")),
        }
    }
    let streams = [(Channel::Stdout, stdout), (Channel::Stderr, stderr)];
    let streams = streams.into_iter().filter(|(_, text)| !text.is_empty()).map(|(channel, text)| Shown {
        channel,
        forms: vec![ShownForm { format: "txt".to_owned(), bytes: bounded(text.into_bytes()) }],
        volatile: false,
    });
    Ok(StoredCell { source, execution_count, shown: streams.chain(others).collect() })
}

const BUNDLE: &str = "`data` is no bundle of forms";

fn display(channel: Channel, output: &Value) -> Option<Shown> {
    let mut bundle = Vec::new();
    for (mime, value) in output.get("data")?.as_object()? {
        let is_json = mime == "application/json" || mime.ends_with("+json");
        bundle.push((mime, if is_json { as_json(value) } else { joined(value)? }));
    }
    let volatile = output.get("metadata").and_then(|metadata| metadata.get(VOLATILE.0)?.get(VOLATILE.1)?.as_bool());
    Some(Shown {
        channel,
        forms: forms(bundle.iter().map(|(mime, text)| (mime.as_str(), text.as_str()))),
        volatile: volatile.unwrap_or(false),
    })
}

/// A JSON form. The kernel that could not read its own JSON has sent it as text.
fn as_json(value: &Value) -> String {
    match value {
        Value::String(text) if serde_json::from_str::<Value>(text).is_err() => text.clone(),
        value => value.to_string(),
    }
}

/// A text, which files hold in one piece or line by line.
fn joined(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) => lines.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn notebook(cells: Value) -> Value {
        let metadata =
            json!({"kernelspec": {"name": "kernwerk"}, "language_info": {"name": "Rust", "version": "1.95"}});
        json!({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells})
    }

    fn read(value: &Value) -> Result<StoredNotebook, String> {
        read_notebook(value.to_string().as_bytes()).map_err(|error| error.message)
    }

    #[test]
    fn cells_of_code_are_read_with_what_they_showed() {
        let cell = json!({"cell_type": "code", "execution_count": 7, "metadata": {}, "source": ["let x = 1;\n", "x"], "outputs": [
            {"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]},
            {"output_type": "display_data", "data": {"text/plain": "p"}, "metadata": {"kernwerk": {"volatile": true}}},
            {"output_type": "stream", "name": "stderr", "text": "w"},
            {"output_type": "stream", "name": "stdout", "text": "c\n"},
            {"output_type": "execute_result", "execution_count": 7, "metadata": {},
             "data": {"text/plain": ["1\n", "2"], "application/json": {"b": 1, "a": 2}}},
            {"output_type": "error", "ename": "E", "evalue": "no", "traceback": []},
        ]});
        let notebook = read(&notebook(json!([{"cell_type": "markdown", "source": "# T"}, cell]))).expect("a notebook");
        assert_eq!((notebook.language.as_str(), notebook.kernel.as_deref()), ("rust", Some("kernwerk")));
        let [cell] = notebook.cells.as_slice() else { panic!("{notebook:?}") };
        assert_eq!((cell.source.as_str(), cell.execution_count), ("let x = 1;\nx", Some(7)));
        let told: Vec<(Channel, bool, Vec<String>)> = cell
            .shown
            .iter()
            .map(|shown| {
                let form = |form: &ShownForm| format!("{} {}", form.format, String::from_utf8_lossy(&form.bytes));
                (shown.channel, shown.volatile, shown.forms.iter().map(form).collect())
            })
            .collect();
        let expected = [
            (Channel::Stdout, false, vec!["txt a\nb\nc\n".to_owned()]),
            (Channel::Stderr, false, vec!["txt w".to_owned()]),
            (Channel::Display, true, vec!["txt p".to_owned()]),
            (Channel::Result, false, vec!["txt 1\n2".to_owned(), "json {\"a\":2,\"b\":1}".to_owned()]),
            (Channel::Error, false, vec!["txt E: no".to_owned()]),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_no_notebook_is_told() {
        let code = |more: Value| {
            let mut cell = json!({"cell_type": "code", "source": "", "outputs": []});
            cell.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            notebook(json!([cell]))
        };
        let output = |output: Value| code(json!({"outputs": [output]}));
        for (value, words) in [
            (json!({"a": 1}), "no notebook"),
            (json!([1]), "no notebook"),
            (json!({"nbformat": 3, "worksheets": []}), "format 3"),
            (json!({"nbformat": 4}), "`cells`"),
            (notebook(json!([{"source": ""}])), "cell 1 does not say"),
            (code(json!({"source": 3})), "its cell 1: `source`"),
            (code(json!({"outputs": 3})), "`outputs`"),
            (code(json!({"execution_count": -1})), "`execution_count`"),
            (output(json!({"output_type": "odd"})), "output 1: `odd`"),
            (output(json!({"output_type": "stream", "text": [1]})), "output 1: `text`"),
            (output(json!({"output_type": "display_data", "data": {"text/plain": 1}})), "output 1: `data`"),
        ] {
            let error = read(&value).expect_err("it is no notebook");
            assert!(error.contains(words), "{error}");
        }
        for (bytes, words) in [(&b" \n"[..], "empty"), (b"{\"nbformat\": 4", "not JSON"), (b"\xff\xfe", "not JSON")] {
            let error = read_notebook(bytes).expect_err("it is no notebook").message;
            assert!(error.contains(words), "{error}");
        }
        assert!(read_notebook(b"[[").is_err_and(|error| error.hint.is_none()));
    }
}
