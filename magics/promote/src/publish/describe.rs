//! What the description of an artifact says before anything has run.

use std::path::{Component, Path, PathBuf};

use kernwerk_core::Resource;
use kernwerk_store::Lab;

use super::PublishSpec;
use crate::Error;
use crate::environment::PinnedEnvironment;
use crate::files::read_file;
use crate::pipeline::{FORMAT, MadeWith, PinnedInput, Pipeline, TargetStep};
use crate::plan::{Input, Plan};
use crate::slice::has_code;
use crate::target::Target;

/// The lab's `kernwerk.toml`, if it has one.
pub(super) fn config(lab: &Lab) -> Result<Option<Vec<u8>>, Error> {
    let path = lab.root().join("kernwerk.toml");
    path.is_file().then(|| read_file(&path)).transpose()
}

/// The description of the artifact, but for what the proof run adds to its steps.
pub(super) fn pipeline(lab: &Lab, spec: &PublishSpec, plan: &Plan) -> Pipeline {
    Pipeline {
        format: FORMAT,
        name: spec.name.clone(),
        directory: plan.directory.clone(),
        principal: spec.principal.clone(),
        level: spec.level,
        made_with: MadeWith {
            kernwerk: env!("CARGO_PKG_VERSION").to_owned(),
            toolchain: spec.toolchain.clone().filter(|_| has_rust(plan)),
        },
        environment: PinnedEnvironment::here(plan.kept.iter().map(|kept| &kept.execution), spec.live),
        cassette: None,
        python: None,
        rust: None,
        target: TargetStep {
            step: plan.target_step(),
            variable: match &plan.target {
                Target::Variable(name) => Some(name.clone()),
                Target::Cell(_) => None,
            },
        },
        models: plan.models.clone(),
        parameters: Vec::new(),
        inputs: plan.inputs.iter().map(|input| pinned(lab, plan, input)).collect(),
        steps: Vec::new(),
    }
}

/// Whether a cell of the slice has code of Rust.
pub(super) fn has_rust(plan: &Plan) -> bool {
    !plan.is_python() && plan.kept.iter().any(|kept| has_code(&kept.execution.text))
}

fn pinned(lab: &Lab, plan: &Plan, input: &Input) -> PinnedInput {
    PinnedInput {
        resource: input.resource,
        name: match input.resource {
            Resource::File => portable_path(lab.root(), plan, &input.name),
            _ => input.name.clone(),
        },
        version: input.version,
        digest: input.digest.clone().unwrap_or_default(),
        steps: plan.steps_of(&input.by),
    }
}

/// The path of an input relative to the lab's root, by `..` where it lies outside; absolute where cells name it so.
fn portable_path(root: &Path, plan: &Plan, name: &str) -> String {
    let path = Path::new(name);
    let is_named = plan.kept.iter().any(|kept| kept.execution.text.contains(name));
    if !path.is_absolute() || is_named {
        return name.to_owned();
    }
    let shared = root.components().zip(path.components()).take_while(|(one, other)| one == other).count();
    let climb = root.components().skip(shared).map(|_| Component::ParentDir);
    let relative: PathBuf = climb.chain(path.components().skip(shared)).collect();
    relative.to_string_lossy().into_owned()
}
