//! What an artifact would let others read: its files as texts and columns, each with a place that people know.

use std::sync::LazyLock;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use regex::Regex;
use serde_json::Value;

use super::report::counted;
use super::{Subject, encoded};
use crate::Error;
use crate::cassette::CASSETTE;
use crate::compare::read_arrow;
use crate::execution::label;

/// More of a file, or of a column's rows, is not read; that is said.
const LONGEST_TEXT: usize = 8 << 20;
const MOST_ROWS: usize = 100_000;

static ESCAPE: LazyLock<Regex> = LazyLock::new(|| Regex::new("\u{1b}\\[[0-9;:?]*[A-Za-z]").expect("a constant"));
static PICTURE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"data:[a-z]+/[a-zA-Z0-9.+-]+;base64,[A-Za-z0-9+/=\s]+").expect("a constant"));
static TAG: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"<[!/a-zA-Z][^<>]*>").expect("a constant"));

/// A text with its place.
pub(super) struct Text {
    pub place: String,
    pub text: String,
}

/// A column of texts with its place.
pub(super) struct Column {
    /// The table and the column.
    pub place: String,
    pub name: String,
    pub values: ArrayRef,
}

/// Everything of an artifact that can be read.
#[derive(Default)]
pub(super) struct Material {
    /// Cells first: what stands in several places is told by the first.
    pub texts: Vec<Text>,
    pub columns: Vec<Column>,
    /// What was not read, or not to its end, in words.
    pub unread: Vec<String>,
    /// What was read, in words.
    pub looked_at: String,
}

impl Material {
    pub fn of(subject: &Subject<'_>) -> Result<Self, Error> {
        let mut material = Self::default();
        let cells: Vec<&str> = subject.pipeline.steps.iter().map(|step| step.file.as_str()).collect();
        let (mut pictures, mut others) = (0, 0);
        let ordered =
            cells.iter().copied().chain(subject.files.keys().map(String::as_str).filter(|file| !cells.contains(file)));
        for file in ordered {
            subject.work.check()?;
            // The first rows of a table as text: they are looked at as the table's columns.
            let table = file.strip_suffix(".head.csv").map(|stem| format!("{stem}.arrow"));
            if table.is_some_and(|table| subject.files.contains_key(&table)) {
                continue;
            }
            let Some(bytes) = subject.files.get(file) else { continue };
            let place = place(subject, file);
            match file.rsplit('.').next().unwrap_or_default() {
                "arrow" => material.add_table(&place, bytes),
                "png" | "jpg" | "jpeg" | "gif" | "webp" | "pdf" => pictures += 1,
                suffix => match std::str::from_utf8(bytes) {
                    Ok(text) if is_lock(subject, file) => material.add_text(&place, suffix, &without_checksums(text)),
                    Ok(text) => {
                        material.add_text(&place, suffix, text);
                        if file == CASSETTE {
                            material.add_encoded(&place, text);
                        }
                    }
                    Err(_) => material.unread.push(format!("{place} is no text and was not read")),
                },
            }
            others += usize::from(!cells.contains(&file));
        }
        if let Some((place, text)) = &subject.beside {
            material.add_text(place, "json", text);
        }
        if pictures > 0 {
            material.unread.push(format!("{} not looked into", are(pictures, "picture")));
        }
        for step in &subject.pipeline.steps {
            let target = step.step == subject.pipeline.target.step;
            for binding in step.bindings.iter().filter(|binding| target && binding.file.is_none()) {
                material.unread.push(format!("`{}` is kept by its digest alone and was not read", binding.name));
            }
        }
        material.looked_at = format!("{}, {}", counted(cells.len(), "cell"), counted(others, "other file"));
        Ok(material)
    }

    fn add_text(&mut self, place: &str, suffix: &str, text: &str) {
        let end = text.floor_char_boundary(LONGEST_TEXT);
        if end < text.len() {
            self.unread.push(format!("{place} was read up to {LONGEST_TEXT} bytes"));
        }
        let text = &text[..end];
        let plain = PICTURE.replace_all(&ESCAPE.replace_all(text, ""), "data:").into_owned();
        let mut add = |text: String| self.texts.push(Text { place: place.to_owned(), text });
        match suffix {
            "html" | "svg" | "xml" | "md" => add(unescaped(&TAG.replace_all(&plain, ""))),
            // A word in a string looks otherwise in the file where it holds quotes or line ends.
            "ipynb" => return add(strings(text)),
            "json" if plain.contains('\\') => add(strings(text)),
            _ => {}
        }
        add(plain);
    }

    /// Adds what stands within base64 in a document of JSON.
    fn add_encoded(&mut self, place: &str, json: &str) {
        let end = json.floor_char_boundary(LONGEST_TEXT);
        let text = encoded::texts(&strings(&json[..end]));
        if !text.is_empty() {
            self.texts.push(Text { place: format!("{place}, within base64"), text });
        }
    }

    fn add_table(&mut self, place: &str, bytes: &[u8]) {
        let Some(batches) = read_arrow(bytes) else {
            self.unread.push(format!("{place} is no table that can be read"));
            return;
        };
        let rows: usize = batches.iter().map(arrow::array::RecordBatch::num_rows).sum();
        let mut left = MOST_ROWS;
        for batch in &batches {
            let batch = batch.slice(0, batch.num_rows().min(left));
            left -= batch.num_rows();
            let schema = batch.schema();
            for (field, values) in schema.fields().iter().zip(batch.columns()) {
                if matches!(values.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
                    let place = format!("column `{}` of {place}", field.name());
                    self.columns.push(Column { place, name: field.name().clone(), values: values.clone() });
                }
            }
        }
        if rows > MOST_ROWS {
            self.unread.push(format!("of the {rows} rows of {place} the first {MOST_ROWS} were read"));
        }
    }
}

impl Column {
    /// Its texts.
    pub fn texts(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self.values.data_type() {
            DataType::Utf8 => Box::new(self.values.as_string::<i32>().iter().flatten()),
            DataType::LargeUtf8 => Box::new(self.values.as_string::<i64>().iter().flatten()),
            _ => Box::new(self.values.as_string_view().iter().flatten()),
        }
    }
}

/// How people know a file of the artifact: as a cell, or as what a cell gave.
fn place(subject: &Subject<'_>, file: &str) -> String {
    let cell = |step: u32| {
        let kept = subject.plan.and_then(|plan| plan.kept.get(step.saturating_sub(1) as usize));
        let count = kept.map(|kept| format!(" ({})", label(kept.execution.execution_count))).unwrap_or_default();
        format!("cell {step}{count}")
    };
    for step in &subject.pipeline.steps {
        if step.file == file {
            return cell(step.step);
        }
        if step.outputs.iter().any(|output| output.file.as_deref() == Some(file)) {
            return format!("the output of {}", cell(step.step));
        }
        if let Some(binding) = step.bindings.iter().find(|binding| binding.file.as_deref() == Some(file)) {
            return format!("`{}` of {}", binding.name, cell(step.step));
        }
    }
    match file {
        crate::artifact::CONFIG => "kernwerk.toml".to_owned(),
        file => file.to_owned(),
    }
}

/// Whether a file tells which crates the cells are compiled with.
fn is_lock(subject: &Subject<'_>, file: &str) -> bool {
    subject.pipeline.rust.as_ref().is_some_and(|rust| rust.lock == file)
}

/// The digits of checksums are no secrets and no numbers of people, and some look like both.
fn without_checksums(lock: &str) -> String {
    lock.lines().filter(|line| !line.starts_with("checksum = ")).collect::<Vec<_>>().join("\n")
}

fn are(count: usize, noun: &str) -> String {
    format!("{} {}", counted(count, noun), if count == 1 { "was" } else { "were" })
}

/// The texts in a JSON document, each on lines of its own; lists of texts are put together, as notebooks write their cells.
fn strings(json: &str) -> String {
    fn collect(value: &Value, out: &mut String) {
        match value {
            Value::String(text) => {
                out.push_str(text);
                out.push('\n');
            }
            Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_string) => {
                items.iter().filter_map(Value::as_str).for_each(|text| out.push_str(text));
                out.push('\n');
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, out)),
            Value::Object(fields) => fields.values().for_each(|field| collect(field, out)),
            _ => {}
        }
    }
    let mut out = String::new();
    collect(&serde_json::from_str(json).unwrap_or_default(), &mut out);
    PICTURE.replace_all(&ESCAPE.replace_all(&out, ""), "data:").into_owned()
}

/// Text of HTML as people read it.
fn unescaped(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ];
    entities.iter().fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}
