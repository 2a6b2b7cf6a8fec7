//! `kernwerk.toml`: the lab's defaults, committed with the project.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use kernwerk_core::Usage;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

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

# How many people have to approve a version of an artifact before it takes a stage.
# [promote.approvals]
# production = 2

# Approvals count only when they are signed with a key that stands below.
# [promote]
# signed_approvals = true

# Whose signatures count; with a key in here, every artifact has to be signed.
# [promote.keys]
# ada = \"MCowBQYDK2VwAyEA…\"

# What `%promote prune` leaves of versions of artifacts and of their runs.
# [promote.retention]
# keep_versions = 10
# keep_days = 90
# keep_runs = 20

# What is checked before a version is published; `%promote gates --help` names the gates.
# [promote.gates]
# suites = [\"quality\"]
# licences = [\"MIT\", \"Apache-2.0\", \"BSD-3-Clause\"]
# advisories = \"advisories\"

# Who may read what: the groups of each principal.
# [principals.ada]
# groups = [\"finance\"]

# What models cost, in a currency per million tokens and per hour of processor time, from a day on.
# [[prices.all-MiniLM-L6-v2]]
# from = \"2026-01-01\"
# currency = \"EUR\"
# million_tokens_in = 0.02
# million_tokens_out = 0.08
# cpu_hour = 0.05
";

/// The lab's defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// ISO 639-1 code of documents whose language is not found.
    pub language: Option<String>,
    pub models: ModelDefaults,
    pub promote: PromotionRules,
    /// By the principal's name.
    pub principals: BTreeMap<String, PrincipalRecord>,
    /// By the model's name.
    pub prices: BTreeMap<String, Prices>,
}

/// Where models lie that are not found by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelDefaults {
    /// Directory of the embedding model; relative to the lab's root.
    pub embedder: Option<PathBuf>,
}

/// What promotion asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PromotionRules {
    /// How many people have to approve a version before it takes a stage, by the stage's name.
    pub approvals: BTreeMap<String, u32>,
    /// Whether only approvals count that are signed with the key of the person who gives them.
    pub signed_approvals: bool,
    /// Whose signatures count: ed25519 keys as SubjectPublicKeyInfo in base64, by the names of their owners. With none, nothing has to be
    /// signed.
    pub keys: BTreeMap<String, String>,
    pub gates: GateRules,
    pub retention: RetentionRules,
}

/// How long versions of artifacts and their runs are kept. What is none here sets no bound: a lab that says nothing keeps everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionRules {
    /// So many of the last versions of each artifact stay.
    pub keep_versions: Option<u32>,
    /// What is younger than so many days stays, and so does a version that held a stage or another name within them.
    pub keep_days: Option<u32>,
    /// So many of the last runs of each artifact stay.
    pub keep_runs: Option<u32>,
    /// So many versions stay on each stage that a rollback can go back to; all of them unless this says otherwise.
    pub keep_rollbacks: Option<u32>,
}

/// What is checked before a version is published, and what becomes of the answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateRules {
    /// Gates that have to pass, by their names; see [`GateRules::warn`] and [`GateRules::off`] for the others. A gate that stands in none
    /// of the three has a rule of its own.
    pub require: BTreeSet<String>,
    /// Gates whose answer is told, and stands in nobody's way.
    pub warn: BTreeSet<String>,
    /// Gates that are not asked.
    pub off: BTreeSet<String>,
    /// Stages that a version takes only when the gates pass once more.
    pub stages: BTreeSet<String>,
    /// Suites whose gates have to pass.
    pub suites: Vec<String>,
    /// Licences that dependencies and models may have, by their SPDX identifiers; none where nobody said.
    pub licences: Option<Vec<String>>,
    /// A file or a directory with advisories in the OSV format; relative to the lab's root.
    pub advisories: Option<PathBuf>,
    /// Most that the slice's cells may have used up, such as `0.50 EUR`, `20000 tokens` or `90 seconds`.
    pub budget: Option<String>,
    /// How old input tables may be, such as `30d`.
    pub max_age: Option<String>,
    /// Fingerprints of what was found and may be published all the same.
    pub allow: BTreeSet<String>,
}

/// What the file says of a principal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrincipalRecord {
    pub groups: Vec<String>,
}

/// What a model costs and has cost: one price, or several that hold from a day on each.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Prices(Vec<Price>);

/// What the use of a model costs: by tokens, by processor time, or by both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The first day of the price, in UTC; none since ever.
    #[serde(default, deserialize_with = "day", skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// ISO 4217 code such as `EUR`.
    pub currency: String,
    /// Units of currency for a million tokens that the model reads; see [`Price::unpriced`] for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub million_tokens_in: Option<f64>,
    /// Units of currency for a million tokens that the model writes; see [`Price::unpriced`] for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub million_tokens_out: Option<f64>,
    /// Units of currency for an hour of processor time; none where tokens are all that is paid for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_hour: Option<f64>,
}

impl Prices {
    /// The price on a day; none before the first.
    pub fn on(&self, day: NaiveDate) -> Option<&Price> {
        let begun = self.0.iter().filter(|price| price.from.is_none_or(|from| from <= day));
        begun.max_by_key(|price| price.from)
    }

    /// All of them, the oldest first.
    pub fn history(&self) -> Vec<&Price> {
        let mut history: Vec<&Price> = self.0.iter().collect();
        history.sort_by_key(|price| price.from);
        history
    }

    /// Why they cannot be what a model costs.
    fn fault(&self) -> Option<&'static str> {
        let days: BTreeSet<Option<NaiveDate>> = self.0.iter().map(|price| price.from).collect();
        if days.len() < self.0.len() {
            return Some("begin on the same day");
        }
        (!self.0.iter().all(Price::is_sound))
            .then_some("have an amount that is negative or not a number, or no currency")
    }
}

impl<'de> Deserialize<'de> for Prices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Prices;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a price, or a list of prices with a `from` each")
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Prices, M::Error> {
                Price::deserialize(MapAccessDeserializer::new(map)).map(|price| Prices(vec![price]))
            }

            fn visit_seq<S: SeqAccess<'de>>(self, list: S) -> Result<Prices, S::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Prices)
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

/// A day as text, or as TOML's own date.
fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    let text = match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => text,
        toml::Value::Datetime(moment) => moment.to_string(),
        other => other.to_string(),
    };
    let day = text.parse().map_err(|_| serde::de::Error::custom(format!("`{text}` is no day such as 2026-01-31")))?;
    Ok(Some(day))
}

impl Price {
    /// What `usage` costs, rounded to millionths; none where it has a part that is unpriced, or processor time is priced and
    /// was not measured.
    pub fn cost(&self, usage: &Usage) -> Option<Money> {
        let for_tokens = self.of_tokens(usage.tokens_in, self.million_tokens_in)?
            + self.of_tokens(usage.tokens_out, self.million_tokens_out)?;
        let for_time = match self.cpu_hour {
            Some(hour) if hour > 0.0 => usage.cpu_seconds? * hour * 1e6 / 3600.0,
            _ => 0.0,
        };
        Some(Money { amount_micros: (for_tokens + for_time).round() as i64, currency: self.currency.clone() })
    }

    /// The tokens that nobody said a price for: those that a model reads, those that it writes. A price for processor time
    /// alone is the price of the whole; where tokens are priced, those of the other kind are not free for being left out.
    pub fn unpriced(&self) -> [bool; 2] {
        let by_time = self.cpu_hour.is_some() && self.million_tokens_in.is_none() && self.million_tokens_out.is_none();
        [self.million_tokens_in, self.million_tokens_out].map(|amount| amount.is_none() && !by_time)
    }

    /// Millionths for so many tokens; none where they are unpriced.
    fn of_tokens(&self, tokens: u64, million: Option<f64>) -> Option<f64> {
        match million {
            // A price per million tokens is a price in millionths per token.
            Some(amount) => Some(tokens as f64 * amount),
            None if tokens == 0 || self.unpriced() == [false, false] => Some(0.0),
            None => None,
        }
    }

    fn is_sound(&self) -> bool {
        let amounts = [self.million_tokens_in, self.million_tokens_out, self.cpu_hour];
        !self.currency.trim().is_empty() && amounts.iter().flatten().all(|amount| amount.is_finite() && *amount >= 0.0)
    }
}

/// What promotion asks for in the lab in `root`, as its file says at this moment.
///
/// # Errors
/// The file cannot be read.
pub fn promotion_rules(root: &Path) -> Result<PromotionRules, Error> {
    Ok(Config::read(root)?.promote)
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

    /// The file's text with one more price at its end; fails where the whole would not be read.
    pub(crate) fn with_price(root: &Path, model: &str, price: &Price) -> Result<String, Error> {
        let path = root.join(FILE);
        let mut text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        // What is wrong before is told as such.
        Self::parse(&path, text.as_bytes())?;
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let key = toml::Value::from(model);
        let lines = toml::to_string(price).map_err(|error| Error::Config {
            path: path.clone(),
            line: None,
            message: error.to_string(),
        })?;
        text.push_str(&format!("\n[[prices.{key}]]\n{lines}"));
        Self::parse(&path, text.as_bytes())?;
        Ok(text)
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
        let fault = config.prices.iter().find_map(|(model, prices)| Some((model, prices.fault()?)));
        if let Some((model, fault)) = fault {
            return Err(wrong(text.find(model.as_str()), format!("the prices of `{model}` {fault}")));
        }
        Ok(config)
    }
}
