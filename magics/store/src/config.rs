//! `kernwerk.toml`: the lab's defaults, committed with the project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kernwerk_core::Usage;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::ledger::Money;

/// The file's name in the lab's root.
pub(crate) const FILE: &str = "kernwerk.toml";

/// What a new lab's file says.
pub(crate) const TEMPLATE: &str = "\
# A Kernwerk lab. This file belongs in version control; the data next to it, in .kernwerk/, does not.

# The language of documents whose language is not found (an ISO 639-1 code).
# language = \"en\"

# Where a model lies that is not found by itself.
# [models]
# embedder = \"models/all-MiniLM-L6-v2\"

# Who may read what: the groups of each principal.
# [principals.ada]
# groups = [\"finance\"]

# What models cost, in a currency per million tokens and per hour of processor time.
# [prices.all-MiniLM-L6-v2]
# currency = \"EUR\"
# million_tokens_in = 0.02
# million_tokens_out = 0.0
# cpu_hour = 0.05
";

/// The lab's defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// ISO 639-1 code of documents whose language is not found.
    pub language: Option<String>,
    pub models: ModelDefaults,
    /// By the principal's name.
    pub principals: BTreeMap<String, PrincipalRecord>,
    /// By the model's name.
    pub prices: BTreeMap<String, Price>,
}

/// Where models lie that are not found by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelDefaults {
    /// Directory of the embedding model; relative to the lab's root.
    pub embedder: Option<PathBuf>,
}

/// What the file says of a principal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrincipalRecord {
    pub groups: Vec<String>,
}

/// What the use of a model costs. A part without a price counts nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// ISO 4217 code such as `EUR`.
    pub currency: String,
    /// Units of currency for a million tokens that the model reads.
    #[serde(default)]
    pub million_tokens_in: f64,
    /// Units of currency for a million tokens that the model writes.
    #[serde(default)]
    pub million_tokens_out: f64,
    /// Units of currency for an hour of processor time.
    #[serde(default)]
    pub cpu_hour: f64,
}

impl Price {
    /// What `usage` costs, rounded to millionths; none where processor time is priced and was not measured.
    pub fn cost(&self, usage: &Usage) -> Option<Money> {
        let cpu_seconds = match usage.cpu_seconds {
            Some(seconds) => seconds,
            None if self.cpu_hour == 0.0 => 0.0,
            None => return None,
        };
        // A price per million tokens is a price in millionths per token.
        let micros = usage.tokens_in as f64 * self.million_tokens_in
            + usage.tokens_out as f64 * self.million_tokens_out
            + cpu_seconds * self.cpu_hour * 1e6 / 3600.0;
        Some(Money { amount_micros: micros.round() as i64, currency: self.currency.clone() })
    }

    fn is_sound(&self) -> bool {
        [self.million_tokens_in, self.million_tokens_out, self.cpu_hour]
            .iter()
            .all(|amount| amount.is_finite() && *amount >= 0.0)
    }
}

impl Config {
    /// Reads the file in `root`; a lab without one has the defaults.
    pub(crate) fn read(root: &Path) -> Result<Self, Error> {
        let path = root.join(FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        Self::parse(&path, &bytes)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let wrong = |offset: Option<usize>, message: String| Error::Config {
            path: path.to_owned(),
            line: offset
                .map(|offset| 1 + bytes[..offset.min(bytes.len())].iter().filter(|byte| **byte == b'\n').count()),
            message,
        };
        let text = std::str::from_utf8(bytes)
            .map_err(|error| wrong(Some(error.valid_up_to()), "the text is not UTF-8".to_owned()))?;
        let config: Self = toml::from_str(text)
            .map_err(|error| wrong(error.span().map(|span| span.start), error.message().to_owned()))?;
        if let Some((model, _)) = config.prices.iter().find(|(_, price)| !price.is_sound()) {
            let message = format!("the price of `{model}` has an amount that is negative or not a number");
            return Err(wrong(text.find(model.as_str()), message));
        }
        Ok(config)
    }
}
