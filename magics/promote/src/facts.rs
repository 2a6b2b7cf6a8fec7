//! What is known of an artifact beside what it says itself: what people wrote about it, what was measured, and what its inputs hold. Card and
//! bill of materials are made of it.

use std::collections::BTreeMap;

use kernwerk_core::{Resource, Work};
use kernwerk_store::Lab;
use serde::Deserialize;
use serde_json::Value;

use crate::Error;
use crate::artifact::{Location, Reference, find, home};
use crate::catalog::{Shown, show_location};
use crate::damage;
use crate::describe::BILL;
use crate::inputs::open;
use crate::pipeline::PinnedInput;
use crate::recorded::Recorded;
use crate::sealed::{self, LARGEST_TEXT};
use crate::trust::PROVENANCE;

/// Where people say what no program knows, beside the versions of an artifact: it is about all of them, and about none alone.
pub(crate) const WORDS: &str = "card.toml";

/// What people wrote about an artifact, in `pipelines/NAME/card.toml`. A key that is not there is told as missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Words {
    /// As Hugging Face names licences, such as `apache-2.0`.
    pub license: Option<String>,
    /// ISO 639-1 codes.
    pub language: Vec<String>,
    pub tags: Vec<String>,
    pub contact: Option<String>,
    pub citation: Option<String>,
    pub intended_use: Option<String>,
    pub out_of_scope: Option<String>,
    pub factors: Option<String>,
    pub ethical_considerations: Option<String>,
    pub caveats: Option<String>,
    pub motivation: Option<String>,
    pub collection: Option<String>,
    pub preprocessing: Option<String>,
    pub data_uses: Option<String>,
    pub distribution: Option<String>,
    pub maintenance: Option<String>,
    pub licenses: Licenses,
}

/// Licences by the names of what they are for, as SPDX expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Licenses {
    pub inputs: BTreeMap<String, String>,
    pub models: BTreeMap<String, String>,
    pub packages: BTreeMap<String, String>,
    pub crates: BTreeMap<String, String>,
}

/// An input and what this lab knows of it.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub input: PinnedInput,
    pub license: Option<String>,
    /// Rows, and columns with their types; none where this lab does not hold the version.
    pub table: Option<(u64, Vec<(String, String)>)>,
    /// Of a file that is still the one that was pinned.
    pub bytes: Option<u64>,
}

/// All that is known.
pub(crate) struct Facts {
    pub shown: Shown,
    pub words: Words,
    pub data: Vec<Data>,
    pub recorded: Option<Recorded>,
    /// What lies in `attestations/`, by the name of its file.
    pub attested: BTreeMap<String, Value>,
}

/// Gathers what is known of an artifact.
///
/// # Errors
/// Those of finding and reading it; [`Error::BrokenWords`] for a `card.toml` that cannot be read.
pub(crate) async fn gather(lab: &Lab, reference: &Reference, work: &Work) -> Result<Facts, Error> {
    let location = find(lab, reference)?;
    let shown = show_location(lab, &location)?;
    let words = words(lab, &location.name)?;
    let mut data = Vec::new();
    for input in &shown.pipeline.inputs {
        work.check()?;
        data.push(look(lab, input, &words).await?);
    }
    let recorded = Recorded::of(&location, &shown.pipeline)?;
    Ok(Facts { attested: attested(&location)?, data, recorded, words, shown })
}

fn words(lab: &Lab, name: &str) -> Result<Words, Error> {
    let directory = home(lab, name);
    let broken = |message: String| Error::BrokenWords { path: directory.join(WORDS), message };
    let bytes = match sealed::read(&directory, WORDS, LARGEST_TEXT) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Words::default()),
        Err(error) => return Err(broken(damage::unreadable(&error))),
    };
    let text = String::from_utf8(bytes).map_err(|_| broken("it is not UTF-8".to_owned()))?;
    toml::from_str(&text).map_err(|error| broken(damage::no_toml(&text, &error)))
}

async fn look(lab: &Lab, input: &PinnedInput, words: &Words) -> Result<Data, Error> {
    let license = words.licenses.inputs.get(&input.name).cloned();
    let mut data = Data { input: input.clone(), license, table: None, bytes: None };
    if input.resource == Resource::File {
        let path = lab.root().join(&input.name);
        data.bytes = path.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
    } else if let Ok(stored) = open(lab, input.resource, &input.name, input.version).await {
        let columns = stored
            .schema()
            .fields()
            .iter()
            .map(|field| (field.name().clone(), field.data_type().to_string()))
            .collect();
        data.table = Some((stored.rows().await?, columns));
    }
    Ok(data)
}

fn attested(location: &Location) -> Result<BTreeMap<String, Value>, Error> {
    let mut attested = BTreeMap::new();
    for (file, bytes) in location.attestations()? {
        let name = file.strip_suffix(".json").and_then(|name| name.rsplit('/').next());
        if let Some(name) = name.filter(|_| file != PROVENANCE && file != BILL) {
            attested.insert(name.to_owned(), location.json(&file, &bytes)?);
        }
    }
    Ok(attested)
}
