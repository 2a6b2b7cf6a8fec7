//! What differs between two artifacts: steps, settings, inputs, results, files, scores, and what they cost. Nothing of either is run.

mod crates;
mod inputs;
mod lines;
mod measured;
mod outputs;
mod settings;
mod steps;
mod tables;
mod written;

use std::collections::BTreeMap;

use kernwerk_core::{Hunk, Work};
use kernwerk_store::Lab;
use serde::Serialize;
use serde_json::Value;

pub use inputs::{InputDiff, InputPin};
pub use lines::readable;
pub(crate) use lines::visible;
pub use outputs::OutputDiff;
pub use settings::Change;
pub use steps::{StepChange, StepDiff};
pub use tables::{CellChange, ColumnChange, MatchedBy, NumberChange, RowChange, TableDiff, ValueChange};

use crate::Error;
use crate::artifact::{
    CONFIG, Location, MANIFEST, NOTEBOOK, PIPELINE, PROOF, Reference, SCRIPT, Which, find, present_versions,
};
use crate::catalog::{Shown, show_location};
use crate::damage;
use crate::describe::BILL;
use crate::registry::{PRODUCTION, registry};
use crate::trust::PROVENANCE;
use crate::verify::verify_location;
use outputs::Of;
use settings::{changes, facts};

/// What of `pipeline.toml` is compared apart, or follows from it.
const APART: [&str; 5] = ["name", "steps", "inputs", "target.step", "rust.crates"];
/// What of a step is compared apart, or follows from the cells.
const STEP_APART: [&str; 6] = ["step", "file", "needs", "outputs", "bindings", "traces"];

/// How two artifacts differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diff {
    pub before: DiffSide,
    pub after: DiffSide,
    /// Every cell of either, those that are the same among them.
    pub steps: Vec<StepDiff>,
    /// Of `pipeline.toml` and `Cargo.lock`: level, programs, packages, models, parameters and whatever else it says.
    pub settings: Vec<Change>,
    pub inputs: Vec<InputDiff>,
    pub outputs: Vec<OutputDiff>,
    /// The other files.
    pub files: Vec<FileDiff>,
    /// What was measured of its quality. Not part of an artifact, and so no difference of it.
    pub scores: Vec<Change>,
    /// What it took: seconds, tokens, money. Not part of an artifact either.
    pub measured: Vec<Change>,
}

/// One of the artifacts that are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiffSide {
    pub artifact: String,
    /// blake3 of the manifest.
    pub identity: String,
    /// The stages and aliases that it holds.
    pub labels: Vec<String>,
    /// RFC 3339, UTC; none where the proof was taken away.
    pub published_at: Option<String>,
    /// What makes it another one than was published.
    pub findings: Vec<String>,
}

/// A file that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileDiff {
    pub path: String,
    /// blake3; none where there is no such file.
    pub before: Option<String>,
    pub after: Option<String>,
    pub lines: Vec<Hunk>,
}

impl Diff {
    /// Whether the artifacts are the same but for what was measured, their names and their numbers.
    pub fn is_same(&self) -> bool {
        self.steps.iter().all(|step| step.change == StepChange::Same && step.settings.is_empty())
            && self.settings.is_empty()
            && self.inputs.is_empty()
            && self.outputs.is_empty()
            && self.files.is_empty()
    }
}

/// Which artifacts `first` and `second` mean. Without a second, what `first` names is compared with the latest version; and where `first` is a
/// name alone, that is the version in production, or the one before the latest.
///
/// # Errors
/// Those of finding them; [`Error::NothingToCompare`] where there is one version alone.
pub fn compared(lab: &Lab, first: &Reference, second: Option<&Reference>) -> Result<(Location, Location), Error> {
    let before = find(lab, first)?;
    if let Some(second) = second {
        return Ok((before, find(lab, second)?));
    }
    let latest = find(lab, &Reference::latest(&first.name)?)?;
    if first.which != Which::Latest && before.version != latest.version {
        return Ok((before, latest));
    }
    let in_use = match first.which {
        Which::Latest => registry(lab, &first.name)?.holder(PRODUCTION).map(|holder| holder.version),
        _ => None,
    };
    let earlier = present_versions(lab, &first.name)?.into_iter().rfind(|version| *version < latest.version);
    match in_use.filter(|version| *version != latest.version).or(earlier) {
        Some(version) => Ok((find(lab, &Reference { which: Which::Version(version), ..first.clone() })?, latest)),
        None => Err(Error::NothingToCompare { artifact: latest.to_string() }),
    }
}

/// Compares two artifacts.
///
/// # Errors
/// [`Error::BrokenArtifact`], [`Error::NewerArtifact`]; those of reading the lab's tables; interrupted.
pub async fn diff(lab: &Lab, before: &Location, after: &Location, work: &Work) -> Result<Diff, Error> {
    let (one, other) = (show_location(lab, before)?, show_location(lab, after)?);
    let mut steps = steps::compare(&one.cells, &other.cells);
    let (raw_one, raw_other) = (described(&one)?, described(&other)?);
    let mut outputs = Vec::new();
    for step in &mut steps {
        work.check()?;
        let (Some(from), Some(to)) = (step.before, step.after) else { continue };
        let record = |shown: &'_ Shown, number: u32| shown.pipeline.steps.get(number as usize - 1).cloned();
        let (Some(from), Some(to)) = (record(&one, from), record(&other, to)) else { continue };
        step.settings = changes(
            &facts(&raw_one["steps"][from.step as usize - 1], &STEP_APART),
            &facts(&raw_other["steps"][to.step as usize - 1], &STEP_APART),
        );
        let (from, to) = (Of { location: before, step: &from }, Of { location: after, step: &to });
        outputs.extend(outputs::compare(from, to, work)?);
        outputs.extend(written::compare(lab, from, to, work).await?);
    }
    let settings = changes(&facts(&raw_one, &APART), &facts(&raw_other, &APART)).into_iter();
    let (attested_one, attested_other) = (attested(before)?, attested(after)?);
    Ok(Diff {
        inputs: inputs::compare(lab, &one.pipeline, &other.pipeline, work).await?,
        settings: settings.chain(crates::changes(&one, &other)?).collect(),
        files: files(&one, &other)?,
        scores: measured::scores(&attested_one, &attested_other),
        measured: measured::measured(&attested_one, &attested_other),
        before: side(lab, one, work)?,
        after: side(lab, other, work)?,
        steps,
        outputs,
    })
}

fn side(lab: &Lab, shown: Shown, work: &Work) -> Result<DiffSide, Error> {
    Ok(DiffSide {
        findings: verify_location(lab, &shown.location, work)?.findings(),
        artifact: shown.location.to_string(),
        identity: shown.id,
        labels: shown.labels,
        published_at: shown.proof.map(|proof| proof.published_at),
    })
}

/// `pipeline.toml` as it stands there, with what this Kernwerk does not know.
fn described(shown: &Shown) -> Result<Value, Error> {
    let text = shown.location.text(PIPELINE)?;
    toml::from_str(&text).map_err(|error| shown.location.broken(PIPELINE, damage::no_toml(&text, &error)))
}

/// The attestations as values, by their names without `.json`. Of the proof only the seconds: what it says of the artifact is compared
/// anyway.
fn attested(location: &Location) -> Result<BTreeMap<String, Value>, Error> {
    let mut attested = BTreeMap::new();
    for (file, bytes) in location.attestations()? {
        let Some(name) = file.strip_suffix(".json").and_then(|name| name.rsplit('/').next()) else { continue };
        // What is made of the artifact differs where the artifact does.
        if file == PROVENANCE || file == BILL {
            continue;
        }
        let mut value: Value = location.json(&file, &bytes)?;
        // Which artifact it speaks of is no score.
        value.as_object_mut().map(|fields| fields.remove("artifact"));
        if file == PROOF {
            let cells = value["cells"].as_array().into_iter().flatten();
            let seconds =
                |cell: &Value| serde_json::json!({ "step": cell["step"], "wall_seconds": cell["wall_seconds"] });
            value = serde_json::json!({
                "wall_seconds": value["wall_seconds"],
                "cells": cells.map(seconds).collect::<Vec<_>>(),
            });
        }
        attested.insert(name.to_owned(), value);
    }
    Ok(attested)
}

/// The files that differ and are not compared as something else.
fn files(one: &Shown, other: &Shown) -> Result<Vec<FileDiff>, Error> {
    let by_path = |shown: &Shown| -> BTreeMap<String, String> {
        let files = shown.manifest.files.iter().filter(|file| is_apart(&file.path));
        files.map(|file| (file.path.clone(), file.blake3.clone())).collect()
    };
    let (from, to) = (by_path(one), by_path(other));
    let mut differing = Vec::new();
    for path in from.keys().chain(to.keys().filter(|path| !from.contains_key(*path))) {
        let (before, after) = (from.get(path), to.get(path));
        if before == after {
            continue;
        }
        let text = |shown: &Shown, digest: Option<&String>| match digest {
            Some(_) => shown.location.text(path).ok(),
            None => Some(String::new()),
        };
        let texts = text(one, before).zip(text(other, after));
        let lines = texts.map(|(from, to)| lines::hunks(&from, &to)).unwrap_or_default();
        differing.push(FileDiff { path: visible(path), before: before.cloned(), after: after.cloned(), lines });
    }
    Ok(differing)
}

/// Whether a file is compared as a file: cells, results and the description are compared as what they are, and the notebook and the
/// script hold the cells once more.
fn is_apart(path: &str) -> bool {
    let elsewhere = [PIPELINE, MANIFEST, NOTEBOOK, SCRIPT].contains(&path);
    path == CONFIG || !(elsewhere || path.starts_with("cells/") || path.starts_with("outputs/"))
}
