//! A Python module for Dagster: an asset that launches the artifact, and a job that makes it.

use std::path::PathBuf;

use kernwerk_core::{Parameter, ParameterType};

use super::launch::{filled, python_text, values};
use super::parameters::python;
use super::source::Source;
use super::{Made, identifier};
use crate::Error;

const TEMPLATE: &str = include_str!("templates/dagster.py");

/// The module, which will lie where `output` says.
pub(super) fn dagster(source: &Source, output: impl Fn(&str) -> PathBuf) -> Result<Made, Error> {
    let name = format!("{}_dagster.py", identifier(&source.location));
    let mut values = values(source, &output(&name));
    values.push(("PARAMETERS", source.pipeline.parameters.iter().map(|pinned| parameter(&pinned.parameter)).collect()));
    let notes = vec![format!(
        "`dagster dev -f {name}` shows it; `KERNWERK_LAB` names the lab where that is not the present one"
    )];
    Ok(Made { text: filled(TEMPLATE, &values), name, is_executable: false, notes })
}

/// An entry of the asset's configuration.
fn parameter(parameter: &Parameter) -> String {
    let kind = match parameter.value.kind() {
        ParameterType::Integer => "int",
        ParameterType::Float => "float",
        ParameterType::Boolean => "bool",
        ParameterType::Date | ParameterType::Text => "str",
    };
    format!(
        "    {}: dagster.Field({kind}, default_value={}, is_required=False, description={}),\n",
        python_text(&parameter.name),
        python(&parameter.value),
        python_text(parameter.value.kind().name()),
    )
}
