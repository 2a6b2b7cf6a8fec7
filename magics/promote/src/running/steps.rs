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
        // What is read later is checked then; a blob that is gone is seen now.
        Self::read(lab, key).filter(|kept| kept.blobs().all(|blob| lab.blobs().contains(blob)))
    }

    /// What was kept under the key; none where it cannot be read.
    pub fn read(lab: &Lab, key: &str) -> Option<Self> {
        let bytes = std::fs::read(path(lab, key)).ok()?;
        serde_json::from_slice(&bytes).ok().filter(|kept: &Self| kept.format == FORMAT)
    }

    /// The blobs with its bytes.
    pub fn blobs(&self) -> impl Iterator<Item = &str> {
        let values = self.bindings.iter().filter_map(|binding| binding.value.as_ref().map(|(_, blob)| blob));
        self.outputs.iter().map(|output| &output.digest).chain(values).map(String::as_str)
    }

    /// The bytes of the file itself.
    pub fn size(lab: &Lab, key: &str) -> u64 {
        path(lab, key).metadata().map_or(0, |metadata| metadata.len())
    }

    /// Forgets what was kept under the key.
    pub fn remove(lab: &Lab, key: &str) -> Result<(), Error> {
        let path = path(lab, key);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", &path)(error)),
            _ => Ok(()),
        }
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

/// The keys under which something is kept, sorted.
pub(super) fn kept_keys(lab: &Lab) -> Result<Vec<String>, Error> {
    let directory = home(lab).join("steps");
    let entries = match std::fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", &directory)(error)),
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut keys: Vec<String> = names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect();
    keys.sort_unstable();
    Ok(keys)
}

fn path(lab: &Lab, key: &str) -> PathBuf {
    home(lab).join("steps").join(format!("{key}.json"))
}
