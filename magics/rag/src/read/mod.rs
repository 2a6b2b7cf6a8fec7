//! Files become documents: a title, and sections under their headings.

mod files;
mod html;
mod jsonl;
mod markdown;
mod outline;

use std::path::{Path, PathBuf};

use crate::Error;

pub(crate) use files::{Found, SourceFile, Unread, find, stored};
pub(crate) use jsonl::Line;

/// A document as its source tells it, before it is cut into chunks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    /// Unique in the corpus: the `_id` of a record, or the source of a file that is one document.
    pub id: String,
    pub title: String,
    /// In reading order; none where the document has no text.
    pub sections: Vec<Section>,
    /// Where it stands, for messages: a file, with the line where there are many.
    pub place: String,
}

/// A piece of a document under one heading.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Section {
    /// The headings above it, outermost first, joined by ` > `; the title is not among them. Empty before any heading.
    pub heading: String,
    /// As the source has it, without the heading's own line. Empty for a heading with nothing below it.
    pub text: String,
}

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Markdown,
    Html,
    JsonLines,
    Text,
}

impl Format {
    /// The format that a file's name promises, or none.
    fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_lowercase();
        match extension.as_str() {
            "md" | "markdown" => Some(Self::Markdown),
            "html" | "htm" | "xhtml" => Some(Self::Html),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "txt" | "text" => Some(Self::Text),
            _ => None,
        }
    }
}

/// The documents of a file; their ids are unique within it. Besides, blake3 of the file's bytes, hexadecimal.
pub(crate) fn read(file: &SourceFile) -> Result<(Vec<Document>, String), Error> {
    let bytes = std::fs::read(&file.path).map_err(Error::reading(&file.path))?;
    let digest = blake3::hash(&bytes).to_hex().to_string();
    let text = text_of(&file.path, bytes)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let single = |(title, sections): (String, Vec<Section>)| {
        vec![Document { id: file.source.clone(), title, sections, place: file.source.clone() }]
    };
    let documents = match file.format {
        Format::JsonLines => jsonl::read(text, &file.source)?,
        Format::Markdown => single(markdown::read(text)),
        Format::Html => single(html::read(text)),
        Format::Text => single((String::new(), sections_of(text))),
    };
    Ok((documents, digest))
}

/// The file's bytes as text.
fn text_of(path: &Path, bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes)
        .map_err(|error| Error::NotUtf8 { path: PathBuf::from(path), offset: error.utf8_error().valid_up_to() })
}

/// A text without headings as the sections of a document.
fn sections_of(text: &str) -> Vec<Section> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    vec![Section { heading: String::new(), text: text.to_owned() }]
}

/// Reads a file of JSON lines, for callers beside the ingest: each object with its line's number, from 1.
pub(crate) fn json_lines(path: &Path) -> Result<Vec<Line>, Error> {
    let text = text_of(path, std::fs::read(path).map_err(Error::reading(path))?)?;
    jsonl::lines(text.strip_prefix('\u{feff}').unwrap_or(&text), &path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_is_not_utf8_is_named() {
        let error = text_of(Path::new("a.txt"), b"gut\xff".to_vec()).expect_err("not UTF-8");
        assert_eq!(error.to_string(), "a.txt is not UTF-8: byte 3 begins no character");
    }
}
