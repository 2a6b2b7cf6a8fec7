//! A slice of Rust as a crate that runs by itself: its tables lie beside it as files, and so do the files that its cells read.
//!
//! The tables and the types of variables come from a run, as a replay is one: what differs from the artifact is no program of it.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use kernwerk_core::{CellOutcome, ProgramRequest, ProgramTold, Resource, RunCell, RunError, RunRequest, Runner, Work};
use kernwerk_store::Lab;

use super::place::{Placed, directory_is_free, place_directory};
use super::source::Source;
use super::{ExportSpec, Exported};
use crate::Error;
use crate::artifact::CONFIG;
use crate::files::{read_file, write_file};
use crate::judge::against_reference;
use crate::lock;
use crate::mirror::Mirror;
use crate::slice::has_code;

const FORM: &str = "a crate";
const HINT: &str = "`--to notebook` holds its cells, and `--to dagster` a module that launches it";

/// Exports an artifact as a crate.
///
/// # Errors
/// As [`super::export`]; [`Error::NotRun`] where the cells cannot be run; [`Error::NoExport`] also where they do not give what was published.
pub async fn export_crate(
    lab: &Lab,
    spec: &ExportSpec,
    vendor: bool,
    runner: &dyn Runner,
    work: &Work,
) -> Result<Exported, Error> {
    let source = Source::read(lab, &spec.reference, work)?;
    check(&source)?;
    let location = &source.location;
    let name = format!("{}-{}", location.name, location.version);
    let output = spec.directory.join(spec.output.as_deref().unwrap_or(Path::new(&name)));
    directory_is_free(&output, spec.overwrite)?;
    let config = location.attestation(CONFIG)?;
    let mirror = match Mirror::build(lab, &source.pipeline, config.as_deref(), work).await? {
        Ok(mirror) => mirror,
        Err(changed) => {
            return Err(source.refused(
                FORM,
                format!("file `{}` is not what it was published with", changed.name),
                "restore it",
            ));
        }
    };
    let draft = mirror.draft();
    let mut outputs = files(&source, &mirror)?;
    let outcomes = run(&source, &mirror, &draft, vendor, runner, work)?;
    outputs.extend(tables(&source, &mirror, &outcomes)?);
    let digests: String = outputs.iter().map(|(path, bytes)| format!("{:016x}  {path}\n", fnv(bytes))).collect();
    outputs.insert("inputs/digests.txt".to_owned(), digests.into_bytes());
    outputs.insert("inputs/directory.txt".to_owned(), format!("{}\n", source.pipeline.directory).into_bytes());
    for (path, bytes) in &outputs {
        write_file(&draft.join(path), bytes)?;
    }
    let placed = place_directory(&draft, &output, (&location.to_string(), &source.id), spec.overwrite, work)?;
    let name = output.display();
    let mut notes = vec![format!("`cargo run --locked` in {name} builds it and shows what its cells show")];
    if !source.pipeline.parameters.is_empty() {
        notes.push(
            "`cargo run --locked -- NAME=VALUE` gives a parameter another value; `-- --help` lists them".to_owned(),
        );
    }
    Ok(Exported { id: source.id, output, unchanged: placed == Placed::Already, notes, location: source.location })
}

/// That the slice can be a program at all.
fn check(source: &Source) -> Result<(), Error> {
    if source.pipeline.python.is_some() {
        return Err(source.refused(FORM, "its cells are of Python", "`--to script` gives a script of Python"));
    }
    if !source.cells.iter().any(|text| has_code(text)) {
        return Err(source.refused(
            FORM,
            "no cell of it has code of Rust",
            "`--to script` gives a script of its magics",
        ));
    }
    match source.pipeline.steps.iter().find(|step| step.fails) {
        Some(step) => Err(source.refused(FORM, format!("cell {} fails, and a program ends there", step.step), HINT)),
        None => Ok(()),
    }
}

/// The files that code reads, where a lab has them, by their paths in the crate.
fn files(source: &Source, mirror: &Mirror) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut files = BTreeMap::new();
    let of_code = |step: &u32| source.cells.get(*step as usize - 1).is_some_and(|text| has_code(text));
    let read = source.pipeline.inputs.iter().filter(|input| {
        // What nobody was seen to read was declared for the cells.
        input.resource == Resource::File && (input.steps.is_empty() || input.steps.iter().any(of_code))
    });
    for input in read {
        let path = Path::new(&input.name);
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            let reason = format!("its code reads `{}`, which is not in the lab", input.name);
            return Err(source.refused(FORM, reason, HINT));
        }
        files.insert(format!("lab/{}", input.name), read_file(&mirror.lab.join(path))?);
    }
    Ok(files)
}

/// Runs the cells, which writes them down as a program; gives what each did, which is what was published.
fn run(
    source: &Source,
    mirror: &Mirror,
    draft: &Path,
    vendor: bool,
    runner: &dyn Runner,
    work: &Work,
) -> Result<Vec<CellOutcome>, Error> {
    let target = &source.pipeline.target;
    let cells = source.pipeline.steps.iter().zip(&source.cells).map(|(step, text)| RunCell {
        ordinal: step.step,
        source: text.clone(),
        may_fail: false,
        values: target.variable.iter().filter(|_| step.step == target.step).cloned().collect(),
    });
    let request = RunRequest {
        directory: mirror.directory.clone(),
        lab: mirror.lab.clone(),
        principal: source.pipeline.principal.clone(),
        pins: mirror.pins.clone(),
        cells: cells.collect(),
        parameters: BTreeMap::new(),
        given: Vec::new(),
        python: false,
        surroundings: source.pipeline.surroundings(source.pipeline.environment.network),
        lock: lock::of_runs(&source.location, &source.pipeline, &source.cells, work)?,
        shown: false,
        cassette: source.pipeline.cassette(&source.location, false)?,
        proxy: None,
        program: Some(ProgramRequest {
            directory: draft.to_owned(),
            name: source.location.name.clone(),
            version: source.location.version,
            title: source.title(),
            vendor,
        }),
    };
    let total = request.cells.len() as u64;
    let mut done = 0;
    work.progress("export", 0, Some(total), "cells");
    let ran = runner.run(&request, work, &mut |_| {
        done += 1;
        work.progress("export", done, Some(total), "cells");
    });
    let ran = ran.map_err(|error| match error {
        RunError::Cancelled(cancelled) => cancelled.into(),
        error => Error::NotRun { reason: error.to_string() },
    })?;
    for ((step, text), outcome) in source.pipeline.steps.iter().zip(&source.cells).zip(&ran.outcomes) {
        let report = against_reference(&source.location, step, text.clone(), outcome, mirror)?;
        if !report.agreement.reaches(source.pipeline.level) {
            let difference = report.difference.unwrap_or_default();
            let reason = format!("cell {} does not give here what was published: {difference}", step.step);
            return Err(source.refused(FORM, reason, "`%promote replay` tells more"));
        }
    }
    match ran.program {
        Some(ProgramTold::Written) => Ok(ran.outcomes),
        Some(ProgramTold::Refused(reason)) => Err(source.refused(FORM, reason, HINT)),
        None => Err(Error::NotRun { reason: format!("the run ended behind cell {}", ran.outcomes.len()) }),
    }
}

/// The tables that magics bound, by their paths in the crate.
fn tables(source: &Source, mirror: &Mirror, outcomes: &[CellOutcome]) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut tables = BTreeMap::new();
    for outcome in outcomes {
        let is_parameter = |name: &str| outcome.parameters.iter().any(|parameter| parameter.name == name);
        for binding in outcome.bindings.iter().filter(|binding| !is_parameter(&binding.name)) {
            let Some((format, bytes)) = mirror.bound_value(&binding.name, &binding.digest) else {
                let reason =
                    format!("the rows of `{}` from cell {} are not to be found", binding.name, outcome.ordinal);
                return Err(source.refused(FORM, reason, HINT));
            };
            // The target's own value is what the program gives, and not what it is given.
            if format == "arrow" {
                tables.insert(format!("inputs/{:02}-{}.{format}", outcome.ordinal, binding.name), bytes);
            }
        }
    }
    Ok(tables)
}

/// The digest FNV-1a, 64 bits, which the program computes by itself: against mistakes, not against people.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |digest, byte| (digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
