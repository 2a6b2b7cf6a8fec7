//! What a cell did in a run, compared with what was recorded of it: by the notebook at publication, by the artifact at replay.

use std::collections::BTreeSet;

use kernwerk_core::{Access, Captured, CellOutcome, CellStatus, Channel, Effect, Problem, Resource};

use crate::Error;
use crate::artifact::Location;
use crate::compare::{Agreement, Level, beginning, compare, holds_address};
use crate::execution::Execution;
use crate::files::digest;
use crate::known::{Content, Known};
use crate::mirror::Mirror;
use crate::pipeline::{BindingReference, OutputReference, StepRecord, Trace};
use crate::reason::noun;

const ADDRESS_WORDS: &str =
    "; it tells where something lies in memory, which is another place in each run: show a value of it";

/// How a cell of a run compares with its reference.
#[derive(Clone, Debug, PartialEq)]
pub struct CellReport {
    /// Its place in the artifact, from 1.
    pub step: u32,
    pub text: String,
    pub status: CellStatus,
    pub agreement: Agreement,
    /// What differs, where it is not identical.
    pub difference: Option<String>,
    /// How many outputs, bound tables and written contents were compared.
    pub compared: usize,
    /// What it gave that could not be compared, in words: of a notebook's cell.
    pub not_compared: Vec<String>,
    /// What a replay compared, to be shown; empty otherwise.
    pub results: Vec<Compared>,
    pub wall_seconds: f64,
}

/// An output of a cell, or the value that it gave to the target: as it was expected, and as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Such as `output 1 (result, txt)`.
    pub place: String,
    /// A file suffix.
    pub format: String,
    pub expected: Option<Vec<u8>>,
    pub found: Option<Vec<u8>>,
    pub agreement: Agreement,
}

/// A comparison under way: the worst agreement so far, and the first difference of that kind.
pub(crate) struct Judgement {
    agreement: Agreement,
    difference: Option<String>,
    compared: usize,
    pub not_compared: Vec<String>,
    pub results: Vec<Compared>,
}

impl Judgement {
    pub fn new() -> Self {
        Self {
            agreement: Agreement::IDENTICAL,
            difference: None,
            compared: 0,
            not_compared: Vec::new(),
            results: Vec::new(),
        }
    }

    pub fn add(&mut self, agreement: Agreement, difference: Option<String>) {
        self.compared += 1;
        if agreement > self.agreement {
            self.agreement = agreement;
            self.difference = difference;
        }
    }

    pub fn differs(&mut self, difference: String) {
        self.add(Agreement::Different, Some(difference));
    }
}

/// The outputs of a cell in the form that is compared: each stream in one piece, where its first piece stood, for how a
/// stream is cut and interleaved with another is chance.
pub(crate) fn settle(outputs: &[Captured]) -> Vec<Captured> {
    let mut settled: Vec<Captured> = Vec::new();
    for output in outputs {
        let is_stream = matches!(output.channel, Channel::Stdout | Channel::Stderr);
        let earlier = settled
            .iter_mut()
            .find(|earlier| is_stream && earlier.channel == output.channel && earlier.volatile == output.volatile);
        match earlier {
            Some(earlier) => earlier.bytes.extend_from_slice(&output.bytes),
            None => settled.push(output.clone()),
        }
    }
    settled
}

/// The text of a cell's error, for a message.
pub(crate) fn error_text(outcome: &CellOutcome) -> Option<String> {
    let error = outcome.outputs.iter().rfind(|output| output.channel == Channel::Error)?;
    Some(beginning(&error.bytes))
}

/// What a cell says that could not be compiled here at all: there is no Rust toolchain, or not the crates that its artifact is bound to. That says
/// nothing of what was published.
pub(crate) fn not_compiled(outcome: &CellOutcome) -> Option<String> {
    let error = outcome.outputs.iter().rfind(|output| output.channel == Channel::Error)?;
    let text = String::from_utf8_lossy(&error.bytes);
    let words = text.lines().find(|line| !line.trim().is_empty()).filter(|_| outcome.status != CellStatus::Ok)?;
    let name = words.split(':').next()?;
    // In full: the crate is named at the end.
    (name.ends_with("RustToolchain") || name == Problem::CRATES_NOT_LOCKED).then(|| words.to_owned())
}

/// What the cell left to compare besides its outputs: contents that it wrote, and files it read that are no `inputs`.
pub(crate) fn traces(effects: &[Effect], inputs: &BTreeSet<&str>) -> BTreeSet<Trace> {
    let is_trace = |effect: &&Effect| match (effect.access, effect.resource) {
        (_, Resource::Model) => false,
        (Access::Write, Resource::File) => !effect.name.starts_with('/'),
        (Access::Write, _) => true,
        // What was only seen to be opened was perhaps written by the cell before, and what it gave is compared.
        (Access::Read, Resource::File) if effect.version.is_some() => false,
        (Access::Read, Resource::File) => !effect.name.starts_with('/') && !inputs.contains(effect.name.as_str()),
        (Access::Read, _) => false,
    };
    let traces = effects.iter().filter(is_trace).filter_map(|effect| {
        Some(Trace {
            access: effect.access,
            resource: effect.resource,
            name: effect.name.clone(),
            digest: effect.digest.clone()?,
        })
    });
    traces.collect()
}

fn compare_traces(judgement: &mut Judgement, expected: &BTreeSet<Trace>, found: &BTreeSet<Trace>) {
    for trace in expected {
        let same =
            |other: &&Trace| (other.access, other.resource, &other.name) == (trace.access, trace.resource, &trace.name);
        match found.iter().find(same) {
            Some(other) if other.digest == trace.digest => judgement.add(Agreement::IDENTICAL, None),
            other => {
                let did = if trace.access == Access::Write { "wrote" } else { "read" };
                let what = if other.is_some() { "has other content" } else { "is missing" };
                judgement.differs(format!("{} `{}`, which it {did}, {what}", noun(trace.resource), trace.name));
            }
        }
    }
}

/// How the run of a cell compares with what the notebook recorded; outputs are recorded by their digests alone, and `known` is what is still
/// known of them.
pub(crate) fn against_notebook(
    step: u32,
    recorded: &Execution,
    outcome: &CellOutcome,
    inputs: &BTreeSet<&str>,
    (known, mirror): (&Known, &Mirror),
) -> CellReport {
    let mut judgement = Judgement::new();
    if recorded.status != CellStatus::Ok && outcome.status == CellStatus::Ok {
        judgement.differs("it failed in the notebook and does not fail in a fresh process".to_owned());
    }
    let expected: Vec<_> = recorded.outputs.iter().filter(|output| !output.volatile).collect();
    // The notebook may have recorded its streams in pieces.
    let found = if recorded.outputs.len() == outcome.outputs.len() {
        outcome.outputs.clone()
    } else {
        settle(&outcome.outputs)
    };
    let found: Vec<_> = found.iter().filter(|output| !output.volatile).collect();
    for position in 0..expected.len().max(found.len()) {
        match (expected.get(position), found.get(position)) {
            (Some(one), Some(other))
                if (one.channel, &one.format, &one.digest) == (other.channel, &other.format, &digest(&other.bytes)) =>
            {
                judgement.add(Agreement::IDENTICAL, None);
            }
            (one, Some(other)) => {
                let shown = one.filter(|one| one.channel == other.channel && one.format == other.format);
                let shown = shown.and_then(|one| known.get(&one.digest));
                let words = shown.and_then(|shown| apart(shown, &other.bytes)).unwrap_or_else(|| {
                    format!("is not what the notebook showed; the fresh run shows another{}", quoted(&other.bytes))
                });
                judgement.differs(format!(
                    "output {} ({}) {words}{}",
                    position + 1,
                    kind(other.channel, &other.format),
                    if holds_address(&other.bytes) { ADDRESS_WORDS } else { "" },
                ));
            }
            (Some(one), None) => {
                judgement.differs(format!("output {} ({}) is missing", position + 1, kind(one.channel, &one.format)));
            }
            (None, None) => {}
        }
    }
    for binding in &recorded.bindings {
        match outcome.bindings.iter().find(|other| other.name == binding.name) {
            Some(other) if other.digest == binding.digest => judgement.add(Agreement::IDENTICAL, None),
            Some(other) => {
                let found = mirror.bound_value(&other.name, &other.digest).map(|(_, bytes)| bytes);
                let words = known.get(&binding.digest).zip(found).and_then(|(held, found)| apart(held, &found));
                let words = words.unwrap_or_else(|| "holds something else".to_owned());
                judgement.differs(format!("`{}` {words}", binding.name));
            }
            None => judgement.differs(format!("`{}` is not bound", binding.name)),
        }
    }
    compare_traces(&mut judgement, &traces(&recorded.effects, inputs), &traces(&outcome.effects, inputs));
    report(step, recorded.text.clone(), outcome, judgement)
}

/// How the run of a step, whose cell has this text, compares with the artifact's reference outputs.
pub(crate) fn against_reference(
    artifact: &Location,
    step: &StepRecord,
    text: String,
    outcome: &CellOutcome,
    mirror: &Mirror,
) -> Result<CellReport, Error> {
    let mut judgement = Judgement::new();
    let failed = outcome.status != CellStatus::Ok;
    if failed != step.fails {
        let what = match error_text(outcome) {
            Some(text) if failed => format!("expected it to end well, but it failed: `{text}`"),
            _ if failed => "expected it to end well, but it failed".to_owned(),
            _ => "expected it to fail, but it ended well".to_owned(),
        };
        judgement.differs(what);
    }
    compare_outputs(&mut judgement, artifact, &step.outputs, &settle(&outcome.outputs))?;
    for binding in &step.bindings {
        compare_binding(&mut judgement, artifact, binding, outcome, mirror)?;
    }
    // What a reference lacks was not fit to be compared; what it has must be there.
    let found = traces(&outcome.effects, &BTreeSet::new());
    compare_traces(&mut judgement, &step.traces.iter().cloned().collect(), &found);
    Ok(report(step.step, text, outcome, judgement))
}

fn compare_outputs(
    judgement: &mut Judgement,
    artifact: &Location,
    expected: &[OutputReference],
    found: &[Captured],
) -> Result<(), Error> {
    // An output that says itself that it is volatile may be missing or come more often.
    let mut found = found.iter().filter(|output| !output.volatile);
    for (position, reference) in expected.iter().filter(|reference| !reference.volatile).enumerate() {
        let place = format!("output {} ({})", position + 1, kind(reference.channel, &reference.format));
        let expected = reference.file.as_ref().map(|file| artifact.bytes(file)).transpose()?;
        let other = found.next();
        let mut result = Compared {
            place: place.clone(),
            format: reference.format.clone(),
            expected,
            found: other.map(|other| other.bytes.clone()),
            agreement: Agreement::Different,
        };
        let kinds = other.map(|other| (other.channel, &other.format));
        match (kinds, &result.expected, &result.found) {
            (Some(found), Some(expected), Some(bytes)) if found == (reference.channel, &reference.format) => {
                let (agreement, difference) = compare(&reference.format, expected, bytes);
                result.agreement = agreement;
                judgement.add(agreement, difference.map(|difference| format!("{place}, {difference}")));
            }
            (None, ..) => judgement.differs(format!("{place} is missing")),
            (Some((channel, format)), ..) if (channel, format) != (reference.channel, &reference.format) => {
                judgement.differs(format!("{place} is of another kind: {}", kind(channel, format)));
            }
            // It changes from run to run, off the target: it is not compared.
            _ => continue,
        }
        judgement.results.push(result);
    }
    for extra in found {
        judgement.results.push(Compared {
            place: format!("one more ({})", kind(extra.channel, &extra.format)),
            format: extra.format.clone(),
            expected: None,
            found: Some(extra.bytes.clone()),
            agreement: Agreement::Different,
        });
        judgement.differs(format!(
            "one output more than expected ({}){}",
            kind(extra.channel, &extra.format),
            quoted(&extra.bytes)
        ));
    }
    Ok(())
}

fn compare_binding(
    judgement: &mut Judgement,
    artifact: &Location,
    expected: &BindingReference,
    outcome: &CellOutcome,
    mirror: &Mirror,
) -> Result<(), Error> {
    let Some(digest) = &expected.digest else {
        return Ok(());
    };
    let Some(found) = outcome.bindings.iter().find(|other| other.name == expected.name) else {
        judgement.differs(format!("`{}` is not bound", expected.name));
        return Ok(());
    };
    if found.digest == *digest {
        judgement.add(Agreement::IDENTICAL, None);
        return Ok(());
    }
    let expected_bytes = expected.file.as_ref().map(|file| artifact.bytes(file)).transpose()?;
    let values = expected_bytes.zip(mirror.bound_value(&found.name, &found.digest));
    let compared = values.map(|(one, (format, other))| {
        let compared = compare(&format, &one, &other);
        let place = format!("the value of `{}`", expected.name);
        let (expected, found) = (Some(one), Some(other));
        judgement.results.push(Compared { place, format, expected, found, agreement: compared.0 });
        compared
    });
    match compared {
        Some((Agreement::At(Level::Tolerance), difference)) => {
            let difference = difference.map(|difference| format!("`{}`: {difference}", expected.name));
            judgement.add(Agreement::At(Level::Tolerance), difference);
        }
        Some((_, Some(difference))) => {
            judgement.differs(format!("`{}` holds something else: {difference}", expected.name));
        }
        _ => judgement.differs(format!("`{}` holds something else", expected.name)),
    }
    Ok(())
}

pub(crate) fn report(step: u32, text: String, outcome: &CellOutcome, judgement: Judgement) -> CellReport {
    CellReport {
        step,
        text,
        status: outcome.status,
        agreement: judgement.agreement,
        difference: judgement.difference,
        compared: judgement.compared,
        not_compared: judgement.not_compared,
        results: judgement.results,
        wall_seconds: outcome.wall_seconds,
    }
}

/// How what the notebook has differs from what a fresh run gives, where that can be told: to stand behind what it is.
fn apart(notebook: &Content, fresh: &[u8]) -> Option<String> {
    let (_, difference) = compare(&notebook.format, &notebook.bytes, fresh);
    difference.map(|difference| format!("is another than in the notebook: {difference}"))
}

/// The beginning of an output where it is text, to stand behind a sentence.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => format!(": `{}`", beginning(bytes)),
        _ => String::new(),
    }
}

/// What an output is called in a sentence.
pub(crate) fn kind(channel: Channel, format: &str) -> String {
    let channel = match channel {
        Channel::Stdout => "standard output",
        Channel::Stderr => "standard error",
        Channel::Display => "display",
        Channel::Result => "result",
        Channel::Error => "error",
    };
    format!("{channel}, {format}")
}
