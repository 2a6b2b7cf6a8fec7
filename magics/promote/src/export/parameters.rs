//! The parameters of a pipeline, for the tools whose users choose them.

use serde::Deserialize;

use crate::Error;
use crate::artifact::{Location, PIPELINE};

/// A value that whoever runs a pipeline may choose.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Parameter {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What it was when the pipeline was published.
    pub default: toml::Value,
}

/// What values a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Integer,
    Float,
    Boolean,
    /// As in `2026-01-31`.
    Date,
    Text,
}

impl Kind {
    /// As it stands in `pipeline.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Text => "text",
        }
    }
}

/// The parameters that `pipeline.toml` declares, in their order.
pub(super) fn parameters(location: &Location) -> Result<Vec<Parameter>, Error> {
    #[derive(Deserialize)]
    struct Declared {
        #[serde(default)]
        parameters: Vec<Parameter>,
    }
    let declared: Declared = toml::from_str(&location.text(PIPELINE)?).map_err(|error| Error::BrokenArtifact {
        path: location.path(PIPELINE),
        message: error.message().to_owned(),
    })?;
    Ok(declared.parameters)
}

impl Parameter {
    /// The default as a literal of Python.
    pub fn python(&self) -> String {
        match &self.default {
            toml::Value::Boolean(value) => (if *value { "True" } else { "False" }).to_owned(),
            toml::Value::Integer(value) if self.kind == Kind::Float => format!("{value}.0"),
            toml::Value::Integer(value) => value.to_string(),
            toml::Value::Float(value) if value.is_finite() => format!("{value:?}"),
            toml::Value::Float(value) => format!("float(\"{value}\")"),
            toml::Value::String(text) => super::launch::python_text(text),
            other => super::launch::python_text(&other.to_string()),
        }
    }

    /// The default as it would be given on a command line.
    pub fn default_text(&self) -> String {
        match &self.default {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}
