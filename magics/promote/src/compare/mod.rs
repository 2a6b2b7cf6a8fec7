//! At which level two outputs agree, and where they part.

mod canonical;
mod json;
mod pixels;
mod tolerance;

use std::fmt;
use std::io::Cursor;
use std::str::FromStr;

use arrow::array::RecordBatch;
use arrow::ipc::reader::{FileReader, StreamReader};
use kernwerk_store::content_digest;
use serde::{Deserialize, Serialize};

pub(crate) use canonical::SCRATCH_PREFIX;
use canonical::canonical;
use pixels::{PixelDifference, compare_pixels};
use tolerance::{table_difference, texts_are_close};

/// How many characters of a line an excerpt shows.
const SHOWN_CHARACTERS: usize = 100;

/// How well outputs must agree for a replay to pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The same bytes.
    #[default]
    Bytes,
    /// The same text once colours, line endings, addresses and temporary paths are taken out; the same rows of a table.
    Canonical,
    /// PNG pictures with the same pixels, whatever their compression and metadata; all else as [`Level::Canonical`].
    Pixels,
    /// Floating-point numbers within a relative difference of 1e-9, all else as [`Level::Pixels`].
    Tolerance,
}

impl Level {
    /// All levels, the strictest first.
    pub const ALL: [Self; 4] = [Self::Bytes, Self::Canonical, Self::Pixels, Self::Tolerance];

    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Canonical => "canonical",
            Self::Pixels => "pixels",
            Self::Tolerance => "tolerance",
        }
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|level| level.name() == text)
            .ok_or_else(|| format!("`{text}` is none of bytes, canonical, pixels and tolerance"))
    }
}

/// How well outputs do agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Agreement {
    At(Level),
    Different,
}

impl Agreement {
    /// The same bytes.
    pub const IDENTICAL: Self = Self::At(Level::Bytes);

    /// Whether it is good enough for `level`.
    pub fn reaches(self, level: Level) -> bool {
        self <= Self::At(level)
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::At(Level::Bytes) => "identical",
            Self::At(Level::Canonical) => "identical after canonicalisation",
            Self::At(Level::Pixels) => "identical in pixels",
            Self::At(Level::Tolerance) => "within tolerance",
            Self::Different => "different",
        })
    }
}

/// Compares two outputs in `format` (a file suffix): the level at which they agree, and what differs where they are not
/// identical.
pub(crate) fn compare(format: &str, expected: &[u8], found: &[u8]) -> (Agreement, Option<String>) {
    if expected == found {
        return (Agreement::IDENTICAL, None);
    }
    if format == "arrow"
        && let (Some(expected), Some(found)) = (read_arrow(expected), read_arrow(found))
    {
        return compare_tables(&expected, &found);
    }
    if format == "png"
        && let Some(difference) = compare_pixels(expected, found)
    {
        return match difference {
            PixelDifference::None => {
                (Agreement::At(Level::Pixels), Some("the same pixels are stored in other bytes".to_owned()))
            }
            PixelDifference::Some(words) => (Agreement::Different, Some(words)),
        };
    }
    match (std::str::from_utf8(expected), std::str::from_utf8(found)) {
        (Ok(expected), Ok(found)) if is_json(format) => compare_json(expected, found),
        (Ok(expected), Ok(found)) => compare_texts(expected, found),
        _ => {
            let difference = format!("expected {} bytes of {format}, found {} others", expected.len(), found.len());
            (Agreement::Different, Some(difference))
        }
    }
}

/// Whether an output tells where in memory something lies, as `<Model object at 0x7f3a09c1d2e0>` does.
pub(crate) fn holds_address(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.contains("0x…") && canonical(text).contains("0x…"))
}

/// Whether bytes of this format are JSON.
fn is_json(format: &str) -> bool {
    format == "json" || format.ends_with(".json")
}

/// Compares JSON by what it says: the order of keys and the white space mean nothing.
fn compare_json(expected: &str, found: &str) -> (Agreement, Option<String>) {
    let (Some(one), Some(other)) = (json::plain(expected), json::plain(found)) else {
        return compare_texts(expected, found);
    };
    if one == other {
        return (Agreement::At(Level::Canonical), Some("the same JSON is written differently".to_owned()));
    }
    compare_texts(&one, &other)
}

fn compare_texts(expected: &str, found: &str) -> (Agreement, Option<String>) {
    let (plain_expected, plain_found) = (canonical(expected), canonical(found));
    if plain_expected == plain_found {
        return (Agreement::At(Level::Canonical), excerpt(expected, found, |one, other| one == other));
    }
    if texts_are_close(&plain_expected, &plain_found) {
        let difference = excerpt(&plain_expected, &plain_found, |one, other| one == other);
        return (Agreement::At(Level::Tolerance), difference);
    }
    (Agreement::Different, excerpt(&plain_expected, &plain_found, texts_are_close))
}

fn compare_tables(expected: &[RecordBatch], found: &[RecordBatch]) -> (Agreement, Option<String>) {
    let digest = |batches: &[RecordBatch]| batches.first().map(|first| content_digest(&first.schema(), batches));
    if digest(expected) == digest(found) {
        return (Agreement::At(Level::Canonical), Some("the same rows are laid out differently".to_owned()));
    }
    match table_difference(expected, found) {
        Some(difference) => (Agreement::Different, Some(difference)),
        None => (Agreement::At(Level::Tolerance), Some("some numbers differ by rounding".to_owned())),
    }
}

/// The first line in which two texts are not alike: what was expected and what was found.
fn excerpt(expected: &str, found: &str, alike: fn(&str, &str) -> bool) -> Option<String> {
    let (mut expected, mut found) = (expected.split('\n'), found.split('\n'));
    let mut number = 0;
    loop {
        number += 1;
        let (one, other) = match (expected.next(), found.next()) {
            (Some(one), Some(other)) if alike(one, other) => continue,
            (None, None) => return None,
            (one, other) => (one, other),
        };
        let start = one.zip(other).map_or(0, |(one, other)| {
            let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
            same.saturating_sub(SHOWN_CHARACTERS / 3)
        });
        let show = |line: Option<&str>| line.map_or("nothing".to_owned(), |line| format!("`{}`", clip(line, start)));
        return Some(format!("line {number}: expected {}, found {}", show(one), show(other)));
    }
}

fn clip(line: &str, start: usize) -> String {
    let mut shown = String::new();
    for character in line.chars().skip(start).take(SHOWN_CHARACTERS) {
        // What cannot be seen is spelt out; quotation marks are not what differs.
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    let ends = line.chars().count() <= start + SHOWN_CHARACTERS;
    format!("{}{shown}{}", if start > 0 { "…" } else { "" }, if ends { "" } else { "…" })
}

/// The first words of a text, for a message.
pub(crate) fn beginning(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let plain = canonical(&text);
    clip(plain.trim().lines().next().unwrap_or_default(), 0)
}

/// The rows of an Arrow IPC file or stream.
pub(crate) fn read_arrow(bytes: &[u8]) -> Option<Vec<RecordBatch>> {
    if let Ok(reader) = FileReader::try_new(Cursor::new(bytes), None) {
        return reader.collect::<Result<_, _>>().ok();
    }
    StreamReader::try_new(Cursor::new(bytes), None).ok()?.collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_is_told_from_the_next() {
        let level = |expected: &str, found: &str| compare("txt", expected.as_bytes(), found.as_bytes());
        assert_eq!(level("a\n", "a\n"), (Agreement::IDENTICAL, None));
        let (agreement, _) = level("\u{1b}[1ma\u{1b}[0m 0x7ffd12345678", "a 0x7ffe00000000");
        assert_eq!(agreement, Agreement::At(Level::Canonical));
        let (agreement, _) = level("x\nmean 0.30000000000000004", "x\nmean 0.3");
        assert_eq!(agreement, Agreement::At(Level::Tolerance));
        let (agreement, difference) = level("a 0.3\nb\nc", "a 0.30000000000000004\nB\nc");
        assert_eq!(agreement, Agreement::Different);
        assert_eq!(difference.as_deref(), Some("line 2: expected `b`, found `B`"));
        let (_, difference) = level("say \"a\"\t", "say \"b\"\t");
        assert_eq!(difference.as_deref(), Some("line 1: expected `say \"a\"\\t`, found `say \"b\"\\t`"));
        let (_, difference) = level("a", "a\nb");
        assert_eq!(difference.as_deref(), Some("line 2: expected nothing, found `b`"));
        assert!(Agreement::At(Level::Canonical).reaches(Level::Tolerance));
        assert!(!Agreement::At(Level::Canonical).reaches(Level::Bytes));
        assert!(!Agreement::Different.reaches(Level::Tolerance));
    }

    #[test]
    fn a_long_line_is_cut_around_the_difference() {
        let long = "x".repeat(500);
        let (_, difference) = compare("html", format!("{long}a{long}").as_bytes(), format!("{long}b{long}").as_bytes());
        let difference = difference.expect("they differ");
        assert!(difference.len() < 400 && difference.contains("xa") && difference.contains("xb"), "{difference}");
    }

    #[test]
    fn other_bytes_are_compared_whole() {
        let (agreement, difference) = compare("png", &[0xff, 1], &[0xff, 2]);
        assert_eq!(agreement, Agreement::Different);
        assert_eq!(difference.as_deref(), Some("expected 2 bytes of png, found 2 others"));
    }
}
