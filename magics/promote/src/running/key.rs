//! The key of a step: a digest of everything on which its results depend. Two steps with one key give the same.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::{CrateLock, Environment, ParameterValue, Surroundings};
use serde_json::{Value, json};

use crate::files::digest;
use crate::pipeline::{PinnedParameter, Pipeline, StepRecord};

/// What the steps of a run have in common.
pub(super) struct Ground<'a> {
    /// With the inputs as they are now.
    pub pipeline: &'a Pipeline,
    pub parameters: &'a [PinnedParameter],
    /// The text of each step.
    pub texts: &'a [String],
    /// The settings of the run's lab.
    pub settings: Option<&'a [u8]>,
    /// What compiles Rust now.
    pub toolchain: Option<&'a str>,
    /// What cells find in their environment.
    pub environment: &'a Surroundings,
    /// The crates that cells of Rust are compiled with.
    pub lock: Option<&'a CrateLock>,
    /// What answers the cells in place of the network: the digest of a cassette.
    pub cassette: Option<&'a str>,
    /// The Python that runs the cells.
    pub python: Option<&'a Environment>,
}

impl Ground<'_> {
    /// The values that the step `user` takes from a step that does no more than declare parameters: those whose names stand in
    /// its text or in that of a step which it needs, for a macro may name them there. None where all may be meant.
    fn values_of(&self, declaring: u32, user: &StepRecord) -> Option<BTreeMap<&str, String>> {
        let index = |step: u32| step.checked_sub(1).map(|index| index as usize);
        let text = |step: u32| index(step).and_then(|index| self.texts.get(index)).map_or("", String::as_str);
        let mut lines = text(declaring).lines().map(str::trim).filter(|line| !line.is_empty());
        let is_plain = lines.all(|line| line.starts_with("%promote param ") && !line.ends_with('\\'));
        // Python can make a name up, and so can Rust for a magic that it calls.
        let is_spelt_out =
            |step: &StepRecord| step.magics || (self.pipeline.python.is_none() && !text(step.step).contains("magic!"));
        let (mut open, mut reached) = (vec![user.step], BTreeSet::new());
        while let Some(step) = open.pop() {
            if !reached.insert(step) {
                continue;
            }
            let record = self.pipeline.steps.get(index(step)?)?;
            open.extend(record.needs.iter().filter(|need| **need != declaring));
            if !is_spelt_out(record) {
                return None;
            }
        }
        let is_named = |name: &str| reached.iter().any(|step| words(text(*step)).any(|word| word == name));
        let declared = self.parameters.iter().map(|pinned| (pinned.step, &pinned.parameter));
        let named = declared.filter(|(step, parameter)| *step == declaring && is_named(&parameter.name));
        is_plain.then(|| {
            let typed = |value: &ParameterValue| format!("{} {value}", value.kind());
            named.map(|(_, parameter)| (parameter.name.as_str(), typed(&parameter.value))).collect()
        })
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
}

/// The keys of all steps, in their order.
pub(super) fn keys(ground: &Ground<'_>) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for (step, text) in ground.pipeline.steps.iter().zip(ground.texts) {
        let key = key(ground, step, text, &keys);
        keys.push(key);
    }
    keys
}

fn key(ground: &Ground<'_>, step: &StepRecord, text: &str, before: &[String]) -> String {
    let Ground { pipeline, .. } = ground;
    let needs: BTreeMap<u32, Value> = step
        .needs
        .iter()
        .filter_map(|need| {
            let index = need.checked_sub(1)? as usize;
            let values = ground.values_of(*need, step).map(|values| json!(values));
            Some((*need, values.unwrap_or_else(|| json!(before.get(index)))))
        })
        .collect();
    // The engine sees what magics read. Code may read any file that is there, whether or not somebody saw it do so.
    let inputs: BTreeSet<(String, &str, &str)> = pipeline
        .inputs
        .iter()
        .filter(|input| !step.magics || input.steps.is_empty() || input.steps.contains(&step.step))
        .map(|input| (format!("{:?}", input.resource), input.name.as_str(), input.digest.as_str()))
        .collect();
    let parameters: BTreeMap<&str, String> = ground
        .parameters
        .iter()
        .filter(|pinned| pinned.step == step.step)
        .map(|pinned| (pinned.parameter.name.as_str(), pinned.parameter.value.to_string()))
        .collect();
    let models: BTreeMap<&str, &str> =
        pipeline.models.iter().map(|model| (model.name.as_str(), model.digest.as_str())).collect();
    let python = ground
        .python
        .filter(|_| !step.magics)
        .map(|python| json!([python.implementation, python.version, python.packages]));
    let is_target = pipeline.target.step == step.step;
    let parts = json!({
        "kernwerk": env!("CARGO_PKG_VERSION"),
        "toolchain": ground.toolchain.filter(|_| !step.magics && pipeline.python.is_none()),
        "crates": ground.lock.filter(|_| !step.magics).map(|lock| digest(lock.text.as_bytes())),
        "python": python,
        "environment": ground.environment,
        "cassette": ground.cassette,
        "principal": pipeline.principal,
        "directory": pipeline.directory,
        "settings": ground.settings.map(digest),
        // A later cell may be stopped by an earlier failure, and the target's value is asked of its step: of one cell several artifacts may ask
        // for different values.
        "step": [step.fails, is_target],
        "value": pipeline.target.variable.as_ref().filter(|_| is_target),
        "text": text,
        "needs": needs,
        "inputs": inputs,
        "parameters": parameters,
        "models": models,
    });
    digest(parts.to_string().as_bytes())
}
