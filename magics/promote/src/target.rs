//! What a promotion aims at: a cell or a variable, and the execution that stands for it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use kernwerk_core::{CellStatus, near};

use crate::Error;
use crate::execution::{Execution, label};
use crate::slice::{Goal, Step};

/// What a promotion aims at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The cell with this execution count.
    Cell(u32),
    /// The value that a variable has in the end.
    Variable(String),
}

impl FromStr for Target {
    type Err = Error;

    /// Reads `7`, `In[7]` or the name of a variable.
    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::BadTarget { text: text.to_owned() };
        let inner = text.trim();
        let number = inner
            .strip_prefix("In")
            .map_or(inner, str::trim_start)
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(inner)
            .trim();
        if let Ok(count) = number.parse() {
            return Ok(Self::Cell(count));
        }
        let is_name = inner.chars().all(|c| c.is_alphanumeric() || c == '_')
            && inner.starts_with(|c: char| c.is_alphabetic() || c == '_');
        is_name.then(|| Self::Variable(inner.to_owned())).ok_or_else(bad)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cell(count) => out.write_str(&label(*count)),
            Self::Variable(name) => out.write_str(name),
        }
    }
}

impl Target {
    /// The goal in `log` that the target means.
    pub(crate) fn find(&self, log: &[Execution], steps: &[Step]) -> Result<Goal, Error> {
        match self {
            Self::Cell(count) => find_cell(*count, log).map(Goal::Execution),
            Self::Variable(name) => find_variable(name, log, steps),
        }
    }
}

/// The latest execution with this count; it has to have ended well.
pub(crate) fn find_cell(count: u32, log: &[Execution]) -> Result<usize, Error> {
    let Some(index) = log.iter().rposition(|execution| execution.execution_count == count) else {
        let latest = log.iter().map(|execution| execution.execution_count).max();
        return Err(Error::UnknownCell { count, latest });
    };
    match log[index].status {
        CellStatus::Ok => Ok(index),
        status => Err(Error::TargetFailed { count, status }),
    }
}

fn find_variable(name: &str, log: &[Execution], steps: &[Step]) -> Result<Goal, Error> {
    let defines = |cell: &Execution, step: &Step| {
        step.defines.contains(name) || (!step.broke_off && cell.names.defines.contains(name))
    };
    if log.iter().zip(steps).any(|(cell, step)| step.ran && defines(cell, step)) {
        return Ok(Goal::Name(name.to_owned()));
    }
    // The latest cell whose text makes it, and that did not come to its end.
    if let Some(maker) = log.iter().rfind(|cell| cell.names.defines.contains(name) && cell.status != CellStatus::Ok) {
        let (count, status) = (maker.execution_count, maker.status);
        return Err(match status {
            CellStatus::Running => Error::TargetFailed { count, status },
            status => Error::VariableFailed { name: name.to_owned(), count, status, began: maker.began },
        });
    }
    let ended = steps.iter().filter(|step| step.ran);
    let defined: BTreeSet<&str> = ended.flat_map(|step| &step.defines).map(String::as_str).collect();
    Err(Error::UnknownVariable { name: name.to_owned(), near: near(name, defined) })
}
