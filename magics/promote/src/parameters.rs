//! The parameters of a pipeline: which there are, and what a run is given for them.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::{CellId, CellOutcome, CellStatus, Parameter, listed};

use crate::Error;
use crate::execution::{Execution, label};
use crate::pipeline::{PinnedParameter, Pipeline};
use crate::plan::Plan;

/// Reads which parameters the text of a cell declares, by their names.
pub type ReadParameters = fn(&str) -> Vec<String>;

/// Adds to the plan what is wrong with the parameters of its cells: one that two of them declare is in the way, and one that none of them uses
/// is told, for a run could give it any value.
pub(crate) fn check(plan: &mut Plan, log: &[Execution], read: ReadParameters) {
    let mut declared: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for kept in &plan.kept {
        for name in read(&kept.execution.text) {
            declared.entry(name).or_default().push(kept.execution.execution_count);
        }
    }
    let uses = |name: &String| {
        plan.kept.iter().any(|kept| {
            let names = &kept.execution.names;
            names.barrier || names.uses.contains(name) || names.mutates.contains(name)
        })
    };
    let (mut obstacles, mut notes) = (Vec::new(), Vec::new());
    for (name, cells) in &declared {
        if let [.., one, other] = cells[..] {
            let (one, other) = (label(one), label(other));
            obstacles.push(format!(
                "parameter `{name}` is declared by {one} and by {other}, and the target needs what came of both: run the cells behind {one} again, or \
                 give one of the parameters another name"
            ));
        } else if !uses(name) && plan.target.to_string() != *name {
            notes.push(format!("no cell uses the parameter `{name}`: a run gives the same whatever its value is"));
        }
    }
    let left_out: BTreeSet<CellId> = plan.left_out.iter().map(|left| left.id).collect();
    let apart = log.iter().filter(|cell| cell.status == CellStatus::Ok && left_out.contains(&cell.id));
    let apart: BTreeSet<String> =
        apart.flat_map(|cell| read(&cell.text)).filter(|name| !declared.contains_key(name)).collect();
    if !apart.is_empty() {
        let names = listed(&apart.into_iter().collect::<Vec<_>>(), "and");
        notes.push(format!("not among the parameters: {names}, which nothing uses that `{}` needs", plan.target));
    }
    plan.obstacles.extend(obstacles);
    plan.notes.extend(notes);
}

/// The parameters that the cells of a proof run declared, in the order of their cells.
///
/// # Errors
/// [`Error::Obstacles`] where two cells declare one: a run could not tell which of them is meant.
pub(crate) fn declared(outcomes: &[CellOutcome]) -> Result<Vec<PinnedParameter>, Error> {
    let mut declared: Vec<PinnedParameter> = Vec::new();
    for outcome in outcomes {
        for parameter in &outcome.parameters {
            let name = &parameter.name;
            if let Some(known) = declared.iter().find(|known| known.parameter.name == *name) {
                let (one, other) = (known.step, outcome.ordinal);
                let obstacle = format!(
                    "parameter `{name}` is declared by two cells of the slice, {one} and {other}: give them different names"
                );
                return Err(Error::Obstacles { obstacles: vec![obstacle] });
            }
            declared.push(PinnedParameter { parameter: parameter.clone(), step: outcome.ordinal });
        }
    }
    Ok(declared)
}

/// The parameters of the pipeline with the values of a run: those in `given`, by name and as people write them, and else the
/// defaults.
///
/// # Errors
/// [`Error::UnknownParameter`], [`Error::BadParameter`], [`Error::ParameterTwice`].
pub(crate) fn values(
    artifact: &str,
    pipeline: &Pipeline,
    given: &[(String, String)],
) -> Result<Vec<PinnedParameter>, Error> {
    let mut texts: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, text) in given {
        if !pipeline.parameters.iter().any(|known| known.parameter.name == *name) {
            let known = pipeline.parameters.iter().map(|known| known.parameter.name.clone()).collect();
            return Err(Error::UnknownParameter { artifact: artifact.to_owned(), name: name.clone(), known });
        }
        if texts.insert(name, text).is_some() {
            return Err(Error::ParameterTwice { name: name.clone() });
        }
    }
    let with_value = |pinned: &PinnedParameter| {
        let Parameter { name, value } = &pinned.parameter;
        let Some(text) = texts.get(name.as_str()) else { return Ok(pinned.clone()) };
        let kind = value.kind();
        let value = kind.read(text).ok_or_else(|| Error::BadParameter {
            artifact: artifact.to_owned(),
            name: name.clone(),
            kind,
            text: (*text).to_owned(),
        })?;
        Ok(PinnedParameter { parameter: Parameter { name: name.clone(), value }, step: pinned.step })
    };
    pipeline.parameters.iter().map(with_value).collect()
}
