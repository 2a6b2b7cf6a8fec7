//! `pipeline.toml`: what an artifact is, in a form that people review and replay reads. Everything in it is part of the
//! artifact's identity, so nothing in it is measured, and lists are in a fixed order.

use std::collections::BTreeSet;

use kernwerk_core::{Access, Channel, ModelId, Parameter, ParameterType, ParameterValue, Resource};
use serde::{Deserialize, Serialize};

use crate::cassette::PinnedCassette;
use crate::compare::Level;
use crate::environment::PinnedEnvironment;
use crate::lock::PinnedRust;
use crate::names::check_name;
use crate::python::PinnedPython;
use crate::sealed::{is_input, is_inside, is_inside_or_root};

/// Rises whenever an older Kernwerk could not read the file.
pub(crate) const FORMAT: u32 = 1;

/// An artifact's description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    pub format: u32,
    pub name: String,
    /// Where the cells run, relative to the lab's root: the directory of their notebook.
    pub directory: String,
    /// For whom the cells ran; none is nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// How well a replay's outputs must agree.
    pub level: Level,
    pub made_with: MadeWith,
    pub environment: PinnedEnvironment,
    /// What the network answered, where that was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cassette: Option<PinnedCassette>,
    /// Where the cells are of Python.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<PinnedPython>,
    /// Where cells have code of Rust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rust: Option<PinnedRust>,
    pub target: TargetStep,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelId>,
    /// What a run may give other values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<PinnedParameter>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<PinnedInput>,
    #[serde(default)]
    pub steps: Vec<StepRecord>,
}

/// The programs that made the artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeWith {
    /// Version of Kernwerk, whose prelude the cells use.
    pub kernwerk: String,
    /// The Rust toolchain; none where no cell has Rust code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toolchain: Option<String>,
}

/// What the artifact is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetStep {
    /// The last step that gives the target its value.
    pub step: u32,
    /// Where it is a variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
}

/// A value that a step declares and a run may set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "WrittenParameter", try_from = "WrittenParameter")]
pub struct PinnedParameter {
    /// With the value that the notebook gave it.
    pub parameter: Parameter,
    /// The step that declares it.
    pub step: u32,
}

/// A parameter as `pipeline.toml` has it.
#[derive(Clone, Serialize, Deserialize)]
struct WrittenParameter {
    name: String,
    #[serde(rename = "type")]
    kind: ParameterType,
    default: toml::Value,
    step: u32,
}

impl From<PinnedParameter> for WrittenParameter {
    fn from(pinned: PinnedParameter) -> Self {
        let Parameter { name, value } = pinned.parameter;
        let kind = value.kind();
        let default = match value {
            ParameterValue::Integer(number) => number.into(),
            ParameterValue::Float(number) => number.into(),
            ParameterValue::Boolean(value) => value.into(),
            ParameterValue::Date(text) | ParameterValue::Text(text) => text.into(),
        };
        Self { name, kind, default, step: pinned.step }
    }
}

impl TryFrom<WrittenParameter> for PinnedParameter {
    type Error = String;

    fn try_from(written: WrittenParameter) -> Result<Self, String> {
        let WrittenParameter { name, kind, default, step } = written;
        let text = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        let value =
            kind.read(&text).ok_or_else(|| format!("parameter `{name}` is of type {kind}, and `{text}` is none"))?;
        Ok(Self { parameter: Parameter { name, value }, step })
    }
}

/// Something from outside that the steps read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedInput {
    pub resource: Resource,
    /// A file's path is relative to the lab's root, or absolute.
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// blake3 of the content.
    pub digest: String,
    /// The steps that read it.
    pub steps: BTreeSet<u32>,
}

impl Pipeline {
    /// What it says that no artifact says, in words: of files that are not its own, or of steps that are not there.
    pub(crate) fn fault(&self) -> Option<String> {
        if check_name(&self.name).is_err() {
            return Some(format!("`{}` names no artifact", self.name));
        }
        if let Some(file) = self.files().find(|file| !is_inside(file)) {
            return Some(format!("`{file}` is not in the artifact"));
        }
        if !is_inside_or_root(&self.directory) {
            return Some(format!("the directory `{}` is not in the lab", self.directory));
        }
        let is_bad = |input: &&PinnedInput| input.resource == Resource::File && !is_input(&input.name);
        if let Some(input) = self.inputs.iter().find(is_bad) {
            return Some(format!("`{}` names no file", input.name));
        }
        if let Some(step) = self.steps.iter().zip(1..).find(|(step, place)| step.step != *place) {
            return Some(format!("step {} stands in the place of step {}", step.0.step, step.1));
        }
        (!(1..=self.steps.len() as u32).contains(&self.target.step))
            .then(|| format!("the target is step {}, and there are {} steps", self.target.step, self.steps.len()))
    }

    /// The artifact's files that the description names.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        let cassette = self.cassette.iter().map(|cassette| cassette.file.as_str());
        let lock = self.rust.iter().map(|rust| rust.lock.as_str());
        cassette.chain(lock).chain(self.steps.iter().flat_map(|step| {
            let outputs = step.outputs.iter().filter_map(|output| output.file.as_deref());
            let bindings = step.bindings.iter().filter_map(|binding| binding.file.as_deref());
            [step.file.as_str()].into_iter().chain(outputs).chain(bindings)
        }))
    }
}

/// A cell of the artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// From 1.
    pub step: u32,
    /// Its text, relative to the artifact.
    pub file: String,
    /// The steps that it needs.
    pub needs: BTreeSet<u32>,
    /// It is made of magics alone: the tables that it binds can be kept, and bound again without running it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub magics: bool,
    /// It failed when it was recorded, and fails again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fails: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputReference>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<BindingReference>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traces: Vec<Trace>,
}

/// An output that a replay is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputReference {
    pub channel: Channel,
    pub format: String,
    /// Where its bytes are, relative to the artifact. None where it is not compared: it is volatile, or it differed between
    /// the notebook and the proof run, off the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// It says of itself that it changes from run to run; it may also be missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub volatile: bool,
}

/// A table that the step bound to a variable, or the value that it gave to the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindingReference {
    pub name: String,
    /// Digest of the rows or of the value; none where they change from run to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The rows as an Arrow file, or the value, relative to the artifact; for the target only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// The content of something that the step wrote, or of a file that an earlier step wrote and it read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Trace {
    pub access: Access,
    pub resource: Resource,
    pub name: String,
    pub digest: String,
}
