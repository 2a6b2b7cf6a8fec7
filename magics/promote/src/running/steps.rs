//! What steps gave, kept by their keys: `.kernwerk/runs/steps/KEY.json`, with the bytes as blobs. A step with the same key gives the same again.

use std::path::PathBuf;

use kernwerk_core::{Access, BoundValue, CellOutcome, CellStatus, Effect};
use kernwerk_store::Lab;
use serde::{Deserialize, Serialize};

use super::record::{FORMAT, KeptOutput, home};
use crate::Error;
use crate::bundle::to_json;
use crate::files::make_directory;
use crate::mirror::Mirror;

/// What a step gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct KeptStep {
    format: u32,
    /// The run in which it ran.
    pub run: String,
    pub status: CellStatus,
    pub outputs: Vec<KeptOutput>,
    pub bindings: Vec<KeptBinding>,
    pub effects: Vec<Effect>,
    pub wall_seconds: f64,
}

/// What a step bound to a variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptBinding {
    pub name: String,
    /// Of the table's content, or of the value.
    pub digest: String,
    /// Where it is in a file: its suffix, and the blob with its bytes.
    pub value: Option<(String, String)>,
}

impl KeptStep {
    /// Keeps what a step gave in `run`. Its bytes are there before anything names them.
    pub fn keep(lab: &Lab, key: &str, run: &str, outcome: &CellOutcome, mirror: &Mirror) -> Result<Self, Error> {
        let outputs = outcome.outputs.iter().map(|output| {
            Ok(KeptOutput {
                channel: output.channel,
                format: output.format.clone(),
                digest: lab.blobs().put(&output.bytes)?,
                volatile: output.volatile,
            })
        });
        let bindings = outcome.bindings.iter().map(|binding| {
            let value = mirror.bound_value(&binding.name, &binding.digest);
            let value = value.map(|(format, bytes)| Ok::<_, Error>((format, lab.blobs().put(&bytes)?))).transpose()?;
            Ok(KeptBinding { name: binding.name.clone(), digest: binding.digest.clone(), value })
        });
        let kept = Self {
            format: FORMAT,
            run: run.to_owned(),
            status: outcome.status,
            outputs: outputs.collect::<Result<_, Error>>()?,
            bindings: bindings.collect::<Result<_, Error>>()?,
            effects: outcome.effects.clone(),
            wall_seconds: outcome.wall_seconds,
        };
        let path = path(lab, key);
        make_directory(path.parent().unwrap_or(lab.data_dir()))?;
        lab.atomic_write(&path, &to_json(&kept))?;
        Ok(kept)
    }

    /// What was kept under the key, if it is still whole.
    pub fn find(lab: &Lab, key: &str) -> Option<Self> {
        let bytes = std::fs::read(path(lab, key)).ok()?;
        let kept: Self = serde_json::from_slice(&bytes).ok().filter(|kept: &Self| kept.format == FORMAT)?;
        let values = kept.bindings.iter().filter_map(|binding| binding.value.as_ref().map(|(_, blob)| blob));
        let mut blobs = kept.outputs.iter().map(|output| &output.digest).chain(values);
        // What is read later is checked then; a blob that is gone is seen now.
        blobs.all(|blob| lab.blobs().contains(blob)).then_some(kept)
    }

    /// Whether a later step finds all that this one made when its tables are bound again: it wrote nothing, and bound nothing else.
    pub fn is_restorable(&self) -> bool {
        let is_table = |binding: &KeptBinding| binding.value.as_ref().is_some_and(|(format, _)| format == "arrow");
        self.status == CellStatus::Ok
            && !self.bindings.is_empty()
            && self.bindings.iter().all(is_table)
            && self.effects.iter().all(|effect| effect.access == Access::Read)
    }

    pub fn bound(&self) -> Vec<BoundValue> {
        let bound = |kept: &KeptBinding| BoundValue { name: kept.name.clone(), digest: kept.digest.clone() };
        self.bindings.iter().map(bound).collect()
    }
}

fn path(lab: &Lab, key: &str) -> PathBuf {
    home(lab).join("steps").join(format!("{key}.json"))
}
