//! What the cells of two artifacts wrote, or read of what earlier ones wrote: artifacts know it by digests, and this lab may still hold the tables.

use std::collections::BTreeMap;

use kernwerk_core::{Access, Resource, Work};
use kernwerk_store::Lab;

use super::inputs::{MOST_ROWS, frame};
use super::outputs::{Of, OutputDiff, difference};
use super::tables::{self, TableDiff};
use crate::Error;
use crate::inputs::open;
use crate::pipeline::Trace;
use crate::reason::noun;

/// So many of the latest versions of a table are looked at.
const VERSIONS: usize = 16;

/// Compares the contents that a cell left.
pub(super) async fn compare(lab: &Lab, before: Of<'_>, after: Of<'_>, work: &Work) -> Result<Vec<OutputDiff>, Error> {
    type Traces<'a> = BTreeMap<(Access, Resource, &'a str), &'a Trace>;
    fn by_name<'a>(of: &Of<'a>) -> Traces<'a> {
        let traces = &of.step.traces;
        traces.iter().map(|trace| ((trace.access, trace.resource, trace.name.as_str()), trace)).collect()
    }
    let (from, to) = (by_name(&before), by_name(&after));
    let mut found = Vec::new();
    for key in from.keys().chain(to.keys().filter(|key| !from.contains_key(*key))) {
        let (access, resource, name) = *key;
        let (one, other) = (from.get(key), to.get(key));
        if one.map(|trace| &trace.digest) == other.map(|trace| &trace.digest) {
            continue;
        }
        let did = if access == Access::Write { "wrote" } else { "read" };
        let words = match (one, other) {
            (Some(_), Some(_)) => "has other content",
            (Some(_), None) => "is there no more",
            _ => "is new",
        };
        let mut difference = difference(before, after, format!("{} `{name}`, which it {did}", noun(resource)), words);
        if let (Some(one), Some(other), Resource::Table) = (one, other, resource) {
            difference.table = rows(lab, one, other, work).await?;
        }
        found.push(difference);
    }
    Ok(found)
}

/// How the rows of two contents of a table differ, where this lab still holds both.
async fn rows(lab: &Lab, one: &Trace, other: &Trace, work: &Work) -> Result<Option<TableDiff>, Error> {
    let (Some(from), Some(to)) = (version(lab, one, work).await?, version(lab, other, work).await?) else {
        return Ok(None);
    };
    match (frame(lab, &one.name, from).await?, frame(lab, &other.name, to).await?) {
        (Ok(from), Ok(to)) => tables::compare(&from, &to, work).map(Some),
        _ => Ok(None),
    }
}

/// The latest version of a table that holds this content.
async fn version(lab: &Lab, trace: &Trace, work: &Work) -> Result<Option<u64>, Error> {
    let Ok(latest) = open(lab, Resource::Table, &trace.name, None).await else { return Ok(None) };
    for known in latest.history().await?.into_iter().rev().take(VERSIONS) {
        work.check()?;
        if known.rows > MOST_ROWS {
            continue;
        }
        let stored = open(lab, Resource::Table, &trace.name, Some(known.version)).await?;
        if stored.digest().await? == trace.digest {
            return Ok(Some(known.version));
        }
    }
    Ok(None)
}
