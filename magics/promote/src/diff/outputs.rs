//! What the cells of two artifacts showed, bound and wrote: how it differs.

use std::collections::BTreeMap;

use kernwerk_core::{Channel, Hunk, Picture, Work};
use serde::Serialize;

use super::lines::{hunks, unfold, visible};
use super::tables::{self, TableDiff};
use crate::Error;
use crate::artifact::Location;
use crate::frame::Frame;
use crate::pipeline::{BindingReference, OutputReference, StepRecord};
use crate::sealed;

/// A larger output is compared by its bytes alone.
const LARGEST: u64 = 64 << 20;
const PICTURES: [&str; 6] = ["png", "jpg", "jpeg", "gif", "webp", "svg"];
const MARKUP: [&str; 3] = ["html", "svg", "xml"];

/// Something that a cell gave and that is not the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutputDiff {
    /// The cell's number before and after; none where there is no such cell or nothing of the kind.
    pub before: Option<u32>,
    pub after: Option<u32>,
    /// What it is, in words.
    pub name: String,
    /// What is known of the difference, in words.
    pub difference: String,
    pub lines: Vec<Hunk>,
    pub table: Option<TableDiff>,
    /// Both sides of a picture, for people.
    #[serde(skip)]
    pub pictures: Option<(Option<Picture>, Option<Picture>)>,
}

/// An artifact and one of its steps.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub location: &'a Location,
    pub step: &'a StepRecord,
}

impl Of<'_> {
    fn bytes(&self, file: &str) -> Result<Vec<u8>, Error> {
        sealed::read(&self.location.directory, file, LARGEST).map_err(self.location.unreadable(file))
    }
}

/// Compares what a cell gave.
///
/// # Errors
/// Interrupted; [`Error::BrokenArtifact`] where a file that should be there cannot be read.
pub(super) fn compare(before: Of<'_>, after: Of<'_>, work: &Work) -> Result<Vec<OutputDiff>, Error> {
    let mut found = Vec::new();
    let shown = |of: Of<'_>| -> Vec<OutputReference> {
        of.step.outputs.iter().filter(|output| output.file.is_some() && !output.volatile).cloned().collect()
    };
    let (one, other) = (shown(before), shown(after));
    for place in 0..one.len().max(other.len()) {
        work.check()?;
        found.extend(shown_differently(before, after, place + 1, (one.get(place), other.get(place)), work)?);
    }
    let by_name = |of: Of<'_>| -> BTreeMap<String, BindingReference> {
        of.step.bindings.iter().map(|binding| (binding.name.clone(), binding.clone())).collect()
    };
    let (mut one, mut other) = (by_name(before), by_name(after));
    let names: Vec<String> = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name))).cloned().collect();
    for name in names {
        let bound = bound_differently(before, after, &name, one.remove(&name), other.remove(&name), work)?;
        // The table that a cell showed and bound is told once, by its name.
        if let Some(table) = bound.as_ref().and_then(|bound| bound.table.as_ref()) {
            found.retain(|shown: &OutputDiff| shown.table.as_ref() != Some(table));
        }
        found.extend(bound);
    }
    Ok(found)
}

pub(super) fn difference(before: Of<'_>, after: Of<'_>, name: String, words: &str) -> OutputDiff {
    OutputDiff {
        before: Some(before.step.step),
        after: Some(after.step.step),
        name: visible(&name),
        difference: visible(words),
        lines: Vec::new(),
        table: None,
        pictures: None,
    }
}

fn shown_differently(
    before: Of<'_>,
    after: Of<'_>,
    place: usize,
    (one, other): (Option<&OutputReference>, Option<&OutputReference>),
    work: &Work,
) -> Result<Option<OutputDiff>, Error> {
    let name = |output: &OutputReference| format!("output {place} ({}, {})", channel(output.channel), output.format);
    let read = |of: Of<'_>, output: Option<&OutputReference>| {
        output.and_then(|output| output.file.as_deref()).map(|file| of.bytes(file)).transpose()
    };
    let (from, to) = (read(before, one)?, read(after, other)?);
    let (one, other) = match (one, other) {
        (None, None) => return Ok(None),
        (Some(one), None) => {
            let mut gone = difference(before, after, name(one), "is shown no more");
            gone.after = None;
            return Ok(Some(gone));
        }
        (None, Some(other)) => {
            let mut new = difference(before, after, name(other), "is new");
            new.before = None;
            return Ok(Some(new));
        }
        (Some(one), Some(other)) => (one, other),
    };
    let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
    if (one.channel, &one.format) != (other.channel, &other.format) {
        let words = format!("is of another kind: {}, {}", channel(other.channel), other.format);
        return Ok(Some(difference(before, after, name(one), &words)));
    }
    if from == to {
        return Ok(None);
    }
    let mut found = difference(before, after, name(one), &sizes(&from, &to));
    let format = one.format.as_str();
    if PICTURES.contains(&format) {
        found.difference = format!("the picture differs: {}", sizes(&from, &to));
        let picture = |bytes: &[u8]| Some(Picture { format: format.to_owned(), bytes: bytes.to_vec() });
        found.pictures = Some((picture(&from), picture(&to)));
    }
    if format == "arrow" {
        rows_differ(&mut found, from, to, work)?;
        return Ok(Some(found));
    }
    if let (Ok(from), Ok(to)) = (std::str::from_utf8(&from), std::str::from_utf8(&to)) {
        found.lines = if MARKUP.contains(&format) { hunks(&unfold(from), &unfold(to)) } else { hunks(from, to) };
        if format == "svg" {
            found.difference = format!("it is drawn differently: {}", sizes(from.as_bytes(), to.as_bytes()));
        } else {
            found.difference = "its text differs".to_owned();
        }
    }
    Ok(Some(found))
}

fn sizes(from: &[u8], to: &[u8]) -> String {
    match (from.len(), to.len()) {
        (one, other) if one == other => format!("{one} bytes became others"),
        (one, other) => format!("{one} bytes became {other}"),
    }
}

fn bound_differently(
    before: Of<'_>,
    after: Of<'_>,
    name: &str,
    one: Option<BindingReference>,
    other: Option<BindingReference>,
    work: &Work,
) -> Result<Option<OutputDiff>, Error> {
    let title = format!("`{name}`");
    let (one, other) = match (one, other) {
        (Some(one), Some(other)) => (one, other),
        (Some(_), None) => return Ok(Some(difference(before, after, title, "is bound no more"))),
        (None, Some(_)) => return Ok(Some(difference(before, after, title, "is bound anew"))),
        (None, None) => return Ok(None),
    };
    if one.digest == other.digest {
        return Ok(None);
    }
    let mut found = difference(before, after, title, "holds something else; its values are not part of the artifacts");
    let (Some(from), Some(to)) = (&one.file, &other.file) else { return Ok(Some(found)) };
    let (kind, other_kind) = (suffix(from), suffix(to));
    let (from, to) = (before.bytes(from)?, after.bytes(to)?);
    if (kind, other_kind) == ("arrow", "arrow") {
        rows_differ(&mut found, from, to, work)?;
        return Ok(Some(found));
    }
    found.difference = match (kind, other_kind) {
        (one, other) if one != other => format!("was {one} and is {other}"),
        _ => match (String::from_utf8(from), String::from_utf8(to)) {
            (Ok(from), Ok(to)) => {
                found.lines = hunks(&from, &to);
                "its value differs".to_owned()
            }
            _ => "holds something else".to_owned(),
        },
    };
    Ok(Some(found))
}

/// How the rows of two Arrow files differ, as far as they can be read.
fn rows_differ(found: &mut OutputDiff, from: Vec<u8>, to: Vec<u8>, work: &Work) -> Result<(), Error> {
    found.difference = match (Frame::read(from), Frame::read(to)) {
        (Ok(from), Ok(to)) => {
            found.table = Some(tables::compare(&from, &to, work)?);
            "the table differs".to_owned()
        }
        (Err(reason), _) => format!("holds something else; before, {reason}"),
        (_, Err(reason)) => format!("holds something else; after, {reason}"),
    };
    Ok(())
}

fn suffix(file: &str) -> &str {
    file.rsplit_once('.').map_or("", |(_, suffix)| suffix)
}

fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Stdout => "standard output",
        Channel::Stderr => "standard error",
        Channel::Display => "display",
        Channel::Result => "result",
        Channel::Error => "error",
    }
}
