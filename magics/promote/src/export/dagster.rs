//! A Python module for Dagster: an asset that launches the artifact, and a job that makes it.

use std::path::PathBuf;

use super::launch::{filled, python_text, values};
use super::parameters::{Kind, Parameter};
use super::source::Source;
use super::{Made, identifier};
use crate::Error;

const TEMPLATE: &str = include_str!("templates/dagster.py");

/// The module, which will lie where `output` says.
pub(super) fn dagster(source: &Source, output: impl Fn(&str) -> PathBuf) -> Result<Made, Error> {
    let name = format!("{}_dagster.py", identifier(&source.location));
    let mut values = values(source, &output(&name));
    values.push(("PARAMETERS", source.parameters.iter().map(parameter).collect()));
    let notes = vec![format!(
        "`dagster dev -f {name}` shows it; `KERNWERK_LAB` names the lab where that is not the present one"
    )];
    Ok(Made { text: filled(TEMPLATE, &values), name, is_executable: false, notes })
}

/// An entry of the asset's configuration.
fn parameter(parameter: &Parameter) -> String {
    let kind = match parameter.kind {
        Kind::Integer => "int",
        Kind::Float => "float",
        Kind::Boolean => "bool",
        Kind::Date | Kind::Text => "str",
    };
    format!(
        "    {}: dagster.Field({kind}, default_value={}, is_required=False, description={}),\n",
        python_text(&parameter.name),
        parameter.python(),
        python_text(parameter.kind.name()),
    )
}
