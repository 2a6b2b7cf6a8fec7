//! What every form of an export is made of: an artifact that was verified, read once.

use kernwerk_core::{Resource, Work};
use kernwerk_store::Lab;
use serde_json::{Value, json};

use crate::Error;
use crate::artifact::{Location, MANIFEST, Reference, find};
use crate::catalog::target;
use crate::pipeline::Pipeline;
use crate::registry::check_sound;
use crate::trust::sha256;

/// An artifact as an exporter sees it.
pub(super) struct Source {
    pub location: Location,
    /// The lab's root.
    pub lab: std::path::PathBuf,
    /// blake3 of the manifest.
    pub id: String,
    /// SHA-256 of the manifest, which other languages can compute by themselves.
    pub sha256: String,
    pub pipeline: Pipeline,
    /// The text of each cell, in order.
    pub cells: Vec<String>,
}

impl Source {
    /// Finds, verifies and reads an artifact.
    pub fn read(lab: &Lab, reference: &Reference, work: &Work) -> Result<Self, Error> {
        let location = find(lab, reference)?;
        let id = check_sound(lab, &location, work)?;
        let pipeline = location.pipeline()?;
        let cells = pipeline.steps.iter().map(|step| location.cell(step)).collect::<Result<_, _>>()?;
        Ok(Self {
            lab: lab.root().to_owned(),
            id,
            sha256: sha256(&location.bytes(MANIFEST)?),
            pipeline,
            cells,
            location,
        })
    }

    /// In one line, what this is.
    pub fn title(&self) -> String {
        format!("{}: gives {}", self.location, target(&self.pipeline))
    }

    /// What the steps read from outside, models among it, for other tools' metadata.
    pub fn inputs(&self) -> Vec<Value> {
        let inputs = self.pipeline.inputs.iter().map(|input| {
            let mut value = json!({
                "kind": crate::reason::noun(input.resource),
                "name": input.name,
                "digest": format!("blake3:{}", input.digest),
            });
            if let Some(version) = input.version {
                value["version"] = version.into();
            }
            value
        });
        let models = self.pipeline.models.iter().map(|model| {
            json!({
                "kind": crate::reason::noun(Resource::Model),
                "name": model.name,
                "digest": format!("sha256:{}", model.digest),
            })
        });
        inputs.chain(models).collect()
    }

    /// That this artifact has no such form, and why.
    pub fn refused(&self, form: &'static str, reason: impl Into<String>, hint: impl Into<String>) -> Error {
        Error::NoExport { artifact: self.location.to_string(), form, reason: reason.into(), hint: hint.into() }
    }
}
