//! What two artifacts read from outside: by name, version and digest, and by rows where the lab still holds both versions of a table.

use std::collections::BTreeMap;

use kernwerk_core::{Resource, Work};
use kernwerk_store::Lab;
use serde::Serialize;

use super::lines::visible;
use super::tables::{self, TableDiff};
use crate::Error;
use crate::frame::Frame;
use crate::inputs::open;
use crate::pipeline::{PinnedInput, Pipeline};
use crate::reason::noun;

/// Tables with more rows are told apart by their digests alone.
pub(super) const MOST_ROWS: u64 = 2_000_000;

/// An input that is not the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InputDiff {
    /// Such as `table` or `file`.
    pub kind: &'static str,
    pub name: String,
    /// None where the artifact does not read it.
    pub before: Option<InputPin>,
    pub after: Option<InputPin>,
    /// How the rows differ, where both versions of a table can be read.
    pub table: Option<TableDiff>,
    /// What else is known, in words.
    pub difference: String,
}

/// Which content of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InputPin {
    pub version: Option<u64>,
    /// blake3.
    pub digest: String,
}

pub(super) async fn compare(
    lab: &Lab,
    before: &Pipeline,
    after: &Pipeline,
    work: &Work,
) -> Result<Vec<InputDiff>, Error> {
    type Inputs<'a> = BTreeMap<(Resource, &'a str), &'a PinnedInput>;
    fn by_name(pipeline: &Pipeline) -> Inputs<'_> {
        pipeline.inputs.iter().map(|input| ((input.resource, input.name.as_str()), input)).collect()
    }
    let (from, to) = (by_name(before), by_name(after));
    let mut differing = Vec::new();
    for key in from.keys().chain(to.keys().filter(|key| !from.contains_key(*key))) {
        work.check()?;
        let (one, other) = (from.get(key).copied(), to.get(key).copied());
        let pin = |input: &PinnedInput| InputPin { version: input.version, digest: visible(&input.digest) };
        let (pin_one, pin_other) = (one.map(pin), other.map(pin));
        if pin_one == pin_other {
            continue;
        }
        let (table, difference) = match (one, other) {
            (Some(one), Some(other)) if one.digest != other.digest => rows(lab, one, other, work).await?,
            (Some(_), Some(_)) => (None, "the same content under another version".to_owned()),
            (Some(_), None) => (None, "is read no more".to_owned()),
            _ => (None, "is read anew".to_owned()),
        };
        differing.push(InputDiff {
            kind: noun(key.0),
            name: visible(key.1),
            before: pin_one,
            after: pin_other,
            table,
            difference,
        });
    }
    Ok(differing)
}

/// How the rows of two versions of a table differ. Rows of a corpus are for their readers alone and are not shown.
async fn rows(
    lab: &Lab,
    one: &PinnedInput,
    other: &PinnedInput,
    work: &Work,
) -> Result<(Option<TableDiff>, String), Error> {
    let by_digest = |reason: &str| Ok((None, format!("another content; {reason}")));
    if one.resource != Resource::Table {
        return by_digest("only the digests are known");
    }
    let (from, to) = match (read(lab, one).await?, read(lab, other).await?) {
        (Ok(from), Ok(to)) => (from, to),
        (Err(reason), _) | (_, Err(reason)) => return by_digest(&reason),
    };
    Ok((Some(tables::compare(&from, &to, work)?), "another content".to_owned()))
}

/// The rows of a version, if the lab has what was pinned; or why there are none.
async fn read(lab: &Lab, input: &PinnedInput) -> Result<Result<Frame, String>, Error> {
    let version = input.version.map(|version| format!("version {version}")).unwrap_or_else(|| "its version".to_owned());
    let stored = match open(lab, input.resource, &input.name, input.version).await {
        Ok(stored) => stored,
        Err(kernwerk_store::Error::Cancelled(cancelled)) => return Err(cancelled.into()),
        Err(_) => return Ok(Err(format!("this lab does not hold {version}, so that only the digests are known"))),
    };
    if stored.digest().await? != input.digest {
        return Ok(Err(format!("{version} in this lab is another content than was pinned")));
    }
    frame(lab, &input.name, stored.version()).await
}

/// The rows of a version of a table, or why they are not compared.
pub(super) async fn frame(lab: &Lab, name: &str, version: u64) -> Result<Result<Frame, String>, Error> {
    let stored = open(lab, Resource::Table, name, Some(version)).await?;
    let rows = stored.rows().await?;
    if rows > MOST_ROWS {
        return Ok(Err(format!("version {version} has {rows} rows, too many to be compared one by one")));
    }
    Ok(Frame::of(stored.schema(), &stored.read(None, None).await?))
}
