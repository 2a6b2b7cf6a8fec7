//! The parameters of a pipeline: which there are, and what a run is given for them.

use std::collections::BTreeMap;

use kernwerk_core::{CellOutcome, Parameter};

use crate::Error;
use crate::pipeline::{PinnedParameter, Pipeline};

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
