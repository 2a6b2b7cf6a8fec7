//! A Python module for Airflow: a DAG of one task that launches the artifact.

use std::path::PathBuf;

use super::launch::{filled, python_text, values};
use super::parameters::{Kind, Parameter};
use super::source::Source;
use super::{Made, identifier};
use crate::Error;

const TEMPLATE: &str = include_str!("templates/airflow.py");

/// The module, which will lie where `output` says.
pub(super) fn airflow(source: &Source, output: impl Fn(&str) -> PathBuf) -> Result<Made, Error> {
    let name = format!("{}_airflow.py", identifier(&source.location));
    let mut values = values(source, &output(&name));
    values.push(("PARAMETERS", source.parameters.iter().map(parameter).collect()));
    let notes = vec![
        "it belongs among Airflow's DAGs; `KERNWERK_LAB` names the lab where that is not the present one".to_owned(),
    ];
    Ok(Made { text: filled(TEMPLATE, &values), name, is_executable: false, notes })
}

/// An entry of the DAG's parameters, which Airflow checks by JSON Schema.
fn parameter(parameter: &Parameter) -> String {
    let schema = match parameter.kind {
        Kind::Integer => "type=\"integer\"",
        Kind::Float => "type=\"number\"",
        Kind::Boolean => "type=\"boolean\"",
        Kind::Date => "type=\"string\", format=\"date\"",
        Kind::Text => "type=\"string\"",
    };
    format!("    {}: Param({}, {schema}),\n", python_text(&parameter.name), parameter.python())
}
