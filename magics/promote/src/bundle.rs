//! The files of an artifact, made from the slice and its proof run. The same slice and outcomes give the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use arrow::csv::WriterBuilder;
use kernwerk_core::{Captured, CellOutcome, CellStatus, Channel, Language};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Error;
use crate::artifact::{CONFIG, NOTEBOOK, PIPELINE, SCRIPT};

use crate::compare::read_arrow;
use crate::files::digest;
use crate::judge::{settle, traces};
use crate::mirror::Mirror;
use crate::pipeline::{BindingReference, OutputReference, Pipeline, StepRecord};
use crate::plan::{Kept, Plan};
use crate::python::script;
use crate::slice::has_code;

/// A table or value of the target that is larger is kept by its digest alone.
const LARGEST_VALUE: usize = 16 << 20;
/// So many rows of the target's table stand in the artifact as text as well.
const BEGINNING_ROWS: usize = 200;
/// Keeps version control from changing line ends, which are part of the digests.
const ATTRIBUTES: &str = "* -text\n";

/// An artifact in memory, without its manifest and attestations.
pub(crate) struct Bundle {
    /// By path relative to the artifact.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What its `pipeline.toml` says.
    pub pipeline: Pipeline,
}

/// What the proof run gave.
pub(crate) struct Proved<'a> {
    pub outcomes: &'a [CellOutcome],
    /// Each cell as plain Python, of a slice of Python.
    pub code: &'a [String],
    /// The lock file with which cells were compiled, of a slice with code of Rust.
    pub lock: Option<&'a str>,
}

/// Completes `pipeline` with its steps and puts all files together.
pub(crate) fn bundle(
    mut pipeline: Pipeline,
    plan: &Plan,
    proved: &Proved<'_>,
    mirror: &Mirror,
    config: Option<Vec<u8>>,
) -> Result<Bundle, Error> {
    let mut files = BTreeMap::new();
    let width = plan.kept.len().to_string().len().max(2);
    let inputs: BTreeSet<String> = pipeline.inputs.iter().map(|input| input.name.clone()).collect();
    let suffix = if pipeline.python.is_some() { "py" } else { "rs" };
    for ((kept, outcome), step) in plan.kept.iter().zip(proved.outcomes).zip(1..) {
        let number = format!("{step:0width$}");
        let file = format!("cells/{number}.{suffix}");
        // A last line without an end is a difference of its own in version control.
        files.insert(file.clone(), format!("{}\n", kept.execution.text).into_bytes());
        let mut bindings = bindings(kept, outcome);
        if kept.is_target() {
            attach_values(&mut bindings, &number, mirror, &mut files);
        }
        pipeline.steps.push(StepRecord {
            step,
            file,
            needs: plan.steps_of(&kept.needs),
            magics: kept.execution.language == Language::Rust && !has_code(&kept.execution.text),
            fails: outcome.status != CellStatus::Ok,
            outputs: outputs(kept, outcome, &number, &mut files),
            bindings,
            traces: stable_traces(kept, outcome, &inputs),
        });
    }
    files.insert(NOTEBOOK.to_owned(), to_json(&notebook(plan)));
    if let Some(python) = &pipeline.python {
        files.insert(SCRIPT.to_owned(), script(&pipeline, python, proved.code).into_bytes());
    }
    if let Some((rust, lock)) = pipeline.rust.as_ref().zip(proved.lock) {
        files.insert(rust.lock.clone(), lock.into());
    }
    files.insert(".gitattributes".to_owned(), ATTRIBUTES.into());
    if let Some(config) = config {
        files.insert(CONFIG.to_owned(), config);
    }
    let text = toml::to_string(&pipeline).map_err(|error| Error::BrokenArtifact {
        artifact: pipeline.name.clone(),
        file: PIPELINE.to_owned(),
        message: error.to_string(),
    })?;
    files.insert(PIPELINE.to_owned(), text.into_bytes());
    Ok(Bundle { files, pipeline })
}

/// The reference outputs of a cell; those to be compared become files.
fn outputs(
    kept: &Kept,
    outcome: &CellOutcome,
    number: &str,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Vec<OutputReference> {
    let settled = settle(&outcome.outputs);
    let outputs = settled.iter().zip(1..).map(|(output, position)| {
        let file = is_stable(kept, outcome, output).then(|| {
            let file = format!("outputs/{number}-{position}-{}.{}", word(output.channel), suffix(&output.format));
            files.insert(file.clone(), output.bytes.clone());
            file
        });
        OutputReference { channel: output.channel, format: output.format.clone(), file, volatile: output.volatile }
    });
    outputs.collect()
}

/// Whether the output is to be compared in replays: the notebook showed the same.
fn is_stable(kept: &Kept, outcome: &CellOutcome, output: &Captured) -> bool {
    if output.volatile {
        return false;
    }
    let found = digest(&output.bytes);
    let recorded = kept.execution.outputs.iter();
    let is_same = recorded.clone().any(|one| one.channel == output.channel && one.digest == found);
    // A stream that was recorded in pieces is the same when its pieces are.
    let pieces = |channel: Channel| outcome.outputs.iter().filter(move |piece| piece.channel == channel);
    let is_stream = matches!(output.channel, Channel::Stdout | Channel::Stderr);
    let same_pieces = || {
        let recorded: Vec<&str> =
            recorded.filter(|one| one.channel == output.channel).map(|one| one.digest.as_str()).collect();
        let found: Vec<String> = pieces(output.channel).map(|piece| digest(&piece.bytes)).collect();
        recorded == found
    };
    is_same || (is_stream && same_pieces())
}

/// What the cell bound. Where the notebook recorded nothing under a name, the value of the proof run stands.
fn bindings(kept: &Kept, outcome: &CellOutcome) -> Vec<BindingReference> {
    let recorded = &kept.execution.bindings;
    let bindings = outcome.bindings.iter().map(|binding| {
        let is_stable = recorded.contains(binding) || !recorded.iter().any(|other| other.name == binding.name);
        BindingReference { name: binding.name.clone(), digest: is_stable.then(|| binding.digest.clone()), file: None }
    });
    bindings.collect()
}

/// Adds the target's tables and values, so that a replay can tell rounding from a difference.
fn attach_values(
    bindings: &mut [BindingReference],
    number: &str,
    mirror: &Mirror,
    files: &mut BTreeMap<String, Vec<u8>>,
) {
    for binding in bindings {
        let value = binding.digest.as_ref().and_then(|digest| mirror.bound_value(&binding.name, digest));
        if let Some((format, bytes)) = value.filter(|(_, bytes)| bytes.len() <= LARGEST_VALUE) {
            let file = format!("outputs/{number}-{}.{format}", binding.name);
            if let Some(head) = beginning(&format, &bytes) {
                files.insert(format!("outputs/{number}-{}.head.csv", binding.name), head);
            }
            files.insert(file.clone(), bytes);
            binding.file = Some(file);
        }
    }
}

/// The first rows of a table as text, so that version control shows what changed in them; none of what CSV cannot hold. Nothing reads it.
fn beginning(format: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let batches = Some(bytes).filter(|_| format == "arrow").and_then(read_arrow)?;
    let mut text = Vec::new();
    let mut writer = WriterBuilder::new().with_header(true).build(&mut text);
    let mut left = BEGINNING_ROWS;
    for batch in &batches {
        let rows = batch.num_rows().min(left);
        writer.write(&batch.slice(0, rows)).ok()?;
        left -= rows;
    }
    drop(writer);
    Some(text)
}

/// The contents that the cell wrote in the notebook and in the proof run alike.
fn stable_traces(kept: &Kept, outcome: &CellOutcome, inputs: &BTreeSet<String>) -> Vec<crate::pipeline::Trace> {
    let inputs = inputs.iter().map(String::as_str).collect();
    let recorded = traces(&kept.execution.effects, &inputs);
    traces(&outcome.effects, &inputs).intersection(&recorded).cloned().collect()
}

/// The slice as a notebook without outputs (nbformat 4.5).
fn notebook(plan: &Plan) -> Value {
    let cell = |id: &str, text: &str| {
        json!({
            "cell_type": "code",
            "execution_count": null,
            "id": id,
            "metadata": {},
            "outputs": [],
            "source": text.split_inclusive('\n').collect::<Vec<_>>(),
        })
    };
    let steps = plan.kept.iter().zip(1..);
    let steps = steps.map(|(kept, step): (&Kept, u32)| cell(&format!("step-{step}"), &kept.execution.text));
    let (first, metadata) = if plan.is_python() {
        let metadata = json!({
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
        });
        (Some(cell("magics", "%load_ext kernwerk")), metadata)
    } else {
        let metadata = json!({
            "kernelspec": {"display_name": "Kernwerk", "language": "rust", "name": "kernwerk"},
            "language_info": {"file_extension": ".rs", "mimetype": "text/rust", "name": "rust"},
        });
        (None, metadata)
    };
    json!({
        "cells": first.into_iter().chain(steps).collect::<Vec<_>>(),
        "metadata": metadata,
        "nbformat": 4,
        "nbformat_minor": 5,
    })
}

/// JSON as people read it, with a newline at the end.
pub(crate) fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_string_pretty(value).expect("plain structures serialise");
    text.push('\n');
    text.into_bytes()
}

fn word(channel: Channel) -> &'static str {
    match channel {
        Channel::Stdout => "stdout",
        Channel::Stderr => "stderr",
        Channel::Display => "display",
        Channel::Result => "result",
        Channel::Error => "error",
    }
}

/// The format as a file suffix that cannot leave the directory.
fn suffix(format: &str) -> String {
    let suffix: String = format.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    if suffix.is_empty() { "bin".to_owned() } else { suffix }
}
