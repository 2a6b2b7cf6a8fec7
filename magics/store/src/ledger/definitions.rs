//! The registry: feature views, suites, prompts and other things that are defined by a text and have versions.

use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value, json};

use super::{Failure, Ledger, now};
use crate::Error;

/// A version of something defined.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Such as `feature-view`.
    pub kind: String,
    pub name: String,
    /// From 1.
    pub version: u32,
    pub body: Value,
    /// blake3 of the body's JSON with sorted keys, hexadecimal.
    pub digest: String,
    /// RFC 3339, UTC.
    pub defined_at: String,
}

const COLUMNS: &str = "kind, name, version, body, digest, defined_at";

impl Ledger {
    /// Defines the next version of `name`. The same body as the latest version's (whatever the order of its keys) is that
    /// version again. What is defined is run later, so that one with a secret in it is refused.
    pub fn define(&self, kind: &str, name: &str, body: &Value) -> Result<Definition, Error> {
        self.refuse_secrets(&format!("{} `{name}`", kind.replace('-', " ")), &json!([name, body]))?;
        let digest = digest(body);
        let latest =
            format!("SELECT {COLUMNS} FROM definition WHERE kind = ?1 AND name = ?2 ORDER BY version DESC LIMIT 1");
        let insert =
            "INSERT INTO definition (kind, name, version, body, digest, defined_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.transact(|transaction| {
            let latest =
                transaction.prepare_cached(&latest)?.query_row([kind, name], |row| Ok(read(row))).optional()?;
            let version = match latest.transpose()? {
                Some(latest) if latest.digest == digest => return Ok(latest),
                Some(latest) => latest.version + 1,
                None => 1,
            };
            let definition = Definition {
                kind: kind.to_owned(),
                name: name.to_owned(),
                version,
                body: body.clone(),
                digest,
                defined_at: now(),
            };
            let values = params![kind, name, version, body.to_string(), definition.digest, definition.defined_at];
            transaction.prepare_cached(insert)?.execute(values)?;
            Ok(definition)
        })
    }

    /// A version, or the latest.
    pub fn definition(&self, kind: &str, name: &str, version: Option<u32>) -> Result<Option<Definition>, Error> {
        let select = format!(
            "SELECT {COLUMNS} FROM definition WHERE kind = ?1 AND name = ?2 AND (?3 IS NULL OR version = ?3) \
             ORDER BY version DESC LIMIT 1"
        );
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(&select)?;
            let found = statement.query_row(params![kind, name, version], |row| Ok(read(row))).optional()?;
            found.transpose()
        })
    }

    /// The latest version of each name, by name.
    pub fn definitions(&self, kind: &str) -> Result<Vec<Definition>, Error> {
        let select = format!(
            "SELECT {COLUMNS} FROM definition AS one WHERE kind = ?1 AND version = \
             (SELECT max(version) FROM definition AS other WHERE other.kind = one.kind AND other.name = one.name) ORDER BY name"
        );
        self.list(&select, &[kind])
    }

    /// All versions of everything that is defined, of each thing the oldest first.
    pub fn all_definitions(&self) -> Result<Vec<Definition>, Error> {
        self.list(&format!("SELECT {COLUMNS} FROM definition ORDER BY kind, name, version"), &[])
    }

    /// All versions, oldest first.
    pub fn definition_history(&self, kind: &str, name: &str) -> Result<Vec<Definition>, Error> {
        let select = format!("SELECT {COLUMNS} FROM definition WHERE kind = ?1 AND name = ?2 ORDER BY version");
        self.list(&select, &[kind, name])
    }

    fn list(&self, select: &str, values: &[&str]) -> Result<Vec<Definition>, Error> {
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(select)?;
            let rows = statement.query_map(rusqlite::params_from_iter(values), |row| Ok(read(row)))?;
            rows.map(|row| row?).collect()
        })
    }
}

fn read(row: &Row<'_>) -> Result<Definition, Failure> {
    Ok(Definition {
        kind: row.get("kind")?,
        name: row.get("name")?,
        version: row.get("version")?,
        body: serde_json::from_str(&row.get::<_, String>("body")?)?,
        digest: row.get("digest")?,
        defined_at: row.get("defined_at")?,
    })
}

fn digest(body: &Value) -> String {
    blake3::hash(sorted(body).to_string().as_bytes()).to_hex().to_string()
}

/// The same value with the keys of its objects sorted.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            Value::Object(keys.into_iter().map(|key| (key.clone(), sorted(&map[key]))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}
