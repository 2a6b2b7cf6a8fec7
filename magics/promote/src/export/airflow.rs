//! A Python module for Airflow: a DAG of one task that launches the artifact.

use std::path::PathBuf;

use kernwerk_core::{Parameter, ParameterType};

use super::launch::{filled, python_text, values};
use super::parameters::python;
use super::source::Source;
use super::{Made, identifier};
use crate::Error;

const TEMPLATE: &str = include_str!("templates/airflow.py");

/// The module, which will lie where `output` says.
pub(super) fn airflow(source: &Source, output: impl Fn(&str) -> PathBuf) -> Result<Made, Error> {
    let name = format!("{}_airflow.py", identifier(&source.location));
    let mut values = values(source, &output(&name));
    values.push(("PARAMETERS", source.pipeline.parameters.iter().map(|pinned| parameter(&pinned.parameter)).collect()));
    let notes = vec![
        "it belongs among Airflow's DAGs; `KERNWERK_LAB` names the lab where that is not the present one".to_owned(),
    ];
    Ok(Made { text: filled(TEMPLATE, &values), name, is_executable: false, notes })
}

/// An entry of the DAG's parameters, which Airflow checks by JSON Schema.
fn parameter(parameter: &Parameter) -> String {
    let schema = match parameter.value.kind() {
        ParameterType::Integer => "type=\"integer\"",
        ParameterType::Float => "type=\"number\"",
        ParameterType::Boolean => "type=\"boolean\"",
        ParameterType::Date => "type=\"string\", format=\"date\"",
        ParameterType::Text => "type=\"string\"",
    };
    format!("    {}: Param({}, {schema}),\n", python_text(&parameter.name), python(&parameter.value))
}
