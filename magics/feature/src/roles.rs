//! Which columns of a table are its event time, its created time and its key, and from which files it came: kept in the metadata of
//! the table's schema, so that they are committed together with the rows.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::Error;

const EVENT_TIME: &str = "kernwerk.event_time";
const CREATED: &str = "kernwerk.created";
const KEY: &str = "kernwerk.key";
const TIMEZONE: &str = "kernwerk.timezone";
const INPUTS: &str = "kernwerk.inputs";

/// What a table's columns are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// When what a row tells happened.
    pub event_time: Option<String>,
    /// When a row became known.
    pub created: Option<String>,
    /// Whom or what a row is about.
    pub key: Vec<String>,
}

impl Roles {
    /// The roles that a schema's metadata names.
    pub fn of(metadata: &HashMap<String, String>) -> Self {
        Self {
            event_time: metadata.get(EVENT_TIME).cloned(),
            created: metadata.get(CREATED).cloned(),
            key: metadata.get(KEY).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
        }
    }

    /// What a column is for, in words.
    pub fn role(&self, column: &str) -> Option<&'static str> {
        if self.event_time.as_deref() == Some(column) {
            Some("event time")
        } else if self.created.as_deref() == Some(column) {
            Some("created time")
        } else if self.key.iter().any(|key| key == column) {
            Some("key")
        } else {
            None
        }
    }

    /// Columns named by options, each with its option.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let times = self.event_time.iter().map(|name| ("--event-time", name.as_str()));
        let created = self.created.iter().map(|name| ("--created", name.as_str()));
        times.chain(created).chain(self.key.iter().map(|name| ("--key", name.as_str())))
    }

    fn write(&self, metadata: &mut HashMap<String, String>) {
        let mut put = |key: &str, value: Option<String>| value.map(|value| metadata.insert(key.to_owned(), value));
        put(EVENT_TIME, self.event_time.clone());
        put(CREATED, self.created.clone());
        put(KEY, (!self.key.is_empty()).then(|| serde_json::json!(self.key).to_string()));
    }
}

/// A file whose rows are in a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Relative to the lab's root where it lies below it.
    pub file: String,
    /// blake3 of its bytes, hexadecimal.
    pub digest: String,
    /// Zone in which its naive times were read.
    pub timezone: String,
    pub rows: u64,
}

/// All that a table's metadata says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) roles: Roles,
    pub(crate) timezone: Option<String>,
    pub(crate) inputs: Vec<InputFile>,
}

impl Origin {
    pub(crate) fn of(metadata: &HashMap<String, String>) -> Self {
        Self {
            roles: Roles::of(metadata),
            timezone: metadata.get(TIMEZONE).cloned(),
            inputs: metadata.get(INPUTS).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
        }
    }

    pub(crate) fn metadata(&self) -> Result<HashMap<String, String>, Error> {
        let mut metadata = HashMap::new();
        self.roles.write(&mut metadata);
        if let Some(zone) = &self.timezone {
            metadata.insert(TIMEZONE.to_owned(), zone.clone());
        }
        let inputs = serde_json::to_string(&self.inputs)
            .map_err(|error| arrow::error::ArrowError::JsonError(error.to_string()))?;
        metadata.insert(INPUTS.to_owned(), inputs);
        Ok(metadata)
    }
}
