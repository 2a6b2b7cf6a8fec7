//! The artifacts of a lab: what there is, and what one of them holds.

use kernwerk_store::Lab;

use crate::Error;
use crate::artifact::{Location, Manifest, Reference, find, location, names, present_versions, versions};
use crate::gates::{GateReport, recorded};
use crate::pipeline::Pipeline;
use crate::proof::Proof;
use crate::registry::{Approval, Registry, registry};

/// A version of an artifact in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub location: Location,
    /// The stages and aliases that it holds; none where the history is not whole.
    pub labels: Vec<String>,
    /// What can be read of it, or in words why nothing can.
    pub summary: Result<Summary, String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// blake3 of the manifest.
    pub id: String,
    /// What it is for: a variable, or its last cell.
    pub target: String,
    pub cells: usize,
    pub inputs: usize,
    pub models: usize,
    /// RFC 3339, UTC; none where the proof was taken away.
    pub published_at: Option<String>,
}

/// All versions of all artifacts, by name, oldest first.
pub fn list(lab: &Lab) -> Vec<Listed> {
    let mut listed = Vec::new();
    for name in names(lab) {
        let registry = registry(lab, &name).unwrap_or_default();
        for version in versions(lab, &name) {
            let location = location(lab, &name, version);
            let summary = match registry.removed().get(&version) {
                Some(removal) => Err(location.removed(removal)),
                None => summary(&location),
            };
            let labels = summary.as_ref().map(|summary| labels(&registry, version, &summary.id)).unwrap_or_default();
            listed.push(Listed { labels, summary: summary.map_err(told), location });
        }
    }
    listed
}

/// The names of all versions of all artifacts, and those by which versions are in use; nothing of a version is read.
pub fn references(lab: &Lab) -> Vec<String> {
    let mut references = Vec::new();
    for name in names(lab) {
        let registry = registry(lab, &name).unwrap_or_default();
        references.extend(registry.labels().map(|(label, _)| format!("{name}@{label}")));
        references.extend(
            present_versions(lab, &name)
                .unwrap_or_default()
                .into_iter()
                .map(|version| location(lab, &name, version).to_string()),
        );
    }
    references
}

/// Why nothing can be read of a version, and what to do about it.
fn told(error: Error) -> String {
    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{error}{hint}")
}

fn summary(location: &Location) -> Result<Summary, Error> {
    let pipeline = location.pipeline()?;
    let (_, id) = location.manifest()?;
    Ok(Summary {
        id,
        target: target(&pipeline),
        cells: pipeline.steps.len(),
        inputs: pipeline.inputs.len(),
        models: pipeline.models.len(),
        published_at: location.proof()?.map(|proof| proof.published_at),
    })
}

/// The stages and aliases of a version.
fn labels(registry: &Registry, version: u32, identity: &str) -> Vec<String> {
    let held = registry.labels().filter(|(_, holder)| holder.version == version && holder.identity == identity);
    held.map(|(label, _)| label.to_owned()).collect()
}

/// What the artifact is for, in words.
pub fn target(pipeline: &Pipeline) -> String {
    match &pipeline.target.variable {
        Some(name) => format!("`{name}`"),
        None => format!("cell {}", pipeline.target.step),
    }
}

/// All that an artifact says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub location: Location,
    /// The stages and aliases that it holds.
    pub labels: Vec<String>,
    /// blake3 of the manifest.
    pub id: String,
    pub pipeline: Pipeline,
    pub manifest: Manifest,
    pub proof: Option<Proof>,
    /// What the gates said; none where that was taken away.
    pub gates: Option<Vec<GateReport>>,
    /// The text of each cell, in order.
    pub cells: Vec<String>,
    pub approvals: Vec<Approval>,
}

/// Reads an artifact without checking it; see [`crate::verify`].
///
/// # Errors
/// [`Error::UnknownArtifact`], [`Error::UnknownVersion`], [`Error::BrokenArtifact`], [`Error::NewerArtifact`].
pub fn show(lab: &Lab, reference: &Reference) -> Result<Shown, Error> {
    show_location(lab, &find(lab, reference)?)
}

pub(crate) fn show_location(lab: &Lab, location: &Location) -> Result<Shown, Error> {
    let pipeline = location.pipeline()?;
    let (manifest, id) = location.manifest()?;
    let cells = pipeline.steps.iter().map(|step| location.cell(step)).collect::<Result<_, _>>()?;
    let registry = registry(lab, &location.name).unwrap_or_default();
    let labels = labels(&registry, location.version, &id);
    let (proof, gates) = (location.proof()?, recorded(location)?);
    let approvals = registry.approvals(&id);
    Ok(Shown { labels, approvals, proof, gates, location: location.clone(), id, pipeline, manifest, cells })
}
