//! The defaults of parameters as other tools write them.

use kernwerk_core::ParameterValue;

use super::launch::python_text;

/// A value as a literal of Python.
pub(super) fn python(value: &ParameterValue) -> String {
    match value {
        ParameterValue::Integer(number) => number.to_string(),
        ParameterValue::Float(number) => format!("{number:?}"),
        ParameterValue::Boolean(true) => "True".to_owned(),
        ParameterValue::Boolean(false) => "False".to_owned(),
        ParameterValue::Date(text) | ParameterValue::Text(text) => python_text(text),
    }
}
