//! One run of cells in a scratch mirror, with its progress told.

use std::collections::BTreeMap;

use kernwerk_core::{
    Cassette, CellOutcome, CrateLock, RunCell, RunError, RunRequest, RunResult, Runner, Surroundings, Work,
};

use crate::mirror::Mirror;

/// How a run ended.
#[expect(clippy::large_enum_variant, reason = "there is one for each run, and it is taken apart at once")]
pub(crate) enum Ran {
    /// Each cell ran, or all up to the first that failed and should not have.
    Done(RunResult),
    /// It did not begin.
    NotStarted(String),
    /// The process was gone before the cell at this ordinal had ended; outcomes are those told before.
    Died { ordinal: u32, reason: String, outcomes: Vec<CellOutcome> },
}

/// What to run.
pub(crate) struct Course<'a> {
    pub principal: Option<&'a str>,
    pub cells: Vec<RunCell>,
    pub python: bool,
    pub surroundings: Surroundings,
    pub lock: Option<CrateLock>,
    /// What cells show is wanted in all of its forms.
    pub shown: bool,
    /// What stands between the cells and the network.
    pub cassette: Option<Cassette>,
    /// What it is called while it goes on.
    pub task: &'static str,
}

/// Runs cells in `mirror`.
///
/// # Errors
/// Only an interrupt; all else is part of [`Ran`].
pub(crate) fn run(
    runner: &dyn Runner,
    mirror: &Mirror,
    course: Course<'_>,
    work: &Work,
) -> Result<Ran, kernwerk_core::Cancelled> {
    let Course { principal, cells, python, surroundings, cassette, lock, shown, task } = course;
    let total = cells.len() as u64;
    let request = RunRequest {
        directory: mirror.directory.clone(),
        lab: mirror.lab.clone(),
        principal: principal.map(str::to_owned),
        pins: mirror.pins.clone(),
        cells,
        parameters: BTreeMap::new(),
        given: Vec::new(),
        python,
        surroundings,
        lock,
        shown,
        cassette,
        proxy: None,
        program: None,
    };
    let mut told = Vec::new();
    work.progress(task, 0, Some(total), "cells");
    let result = runner.run(&request, work, &mut |outcome| {
        told.push(outcome.clone());
        work.progress(task, told.len() as u64, Some(total), "cells");
    });
    match result {
        Ok(result) => Ok(Ran::Done(result)),
        Err(RunError::Cancelled(cancelled)) => Err(cancelled),
        Err(RunError::Start(reason)) => Ok(Ran::NotStarted(reason)),
        Err(RunError::Died { ordinal, reason }) => Ok(Ran::Died { ordinal, reason, outcomes: told }),
    }
}
