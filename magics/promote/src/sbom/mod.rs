//! The bill of materials of an artifact: CycloneDX, version 1.6, as JSON (ECMA-424). The same artifact gives the same document wherever the same
//! is known of it: its number comes from the artifact's identity, its time from the proof.

mod purl;

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::{Resource, Work};
use kernwerk_store::Lab;
use serde_json::{Map, Value, json};
use uuid::Builder;

use crate::Error;
use crate::artifact::{MANIFEST, Reference};
use crate::bundle::to_json;
use crate::catalog::target;
use crate::facts::{Data, Facts, gather};
use crate::licence::{CrateSources, Licence};
use crate::lock::{self, Crate};
use crate::reason::noun;
use crate::recorded::Recorded;
use crate::slice::has_code;
use crate::trust::sha256;
use purl::encode;

const ARTIFACT: &str = "artifact";
const KERNWERK: &str = "kernwerk";

/// Makes the bill of materials of an artifact, as JSON. `sources` tell the licences of crates.
///
/// # Errors
/// Those of finding and reading the artifact.
pub async fn sbom(lab: &Lab, reference: &Reference, sources: &CrateSources, work: &Work) -> Result<Vec<u8>, Error> {
    Ok(to_json(&document(&gather(lab, reference, work).await?, sources)?))
}

fn document(facts: &Facts, sources: &CrateSources) -> Result<Value, Error> {
    let mut bill = Bill::default();
    programs(facts, &mut bill);
    let crates = lock::crates(&facts.shown.location, &facts.shown.pipeline)?;
    add_crates(crates.as_deref().unwrap_or_default(), facts, sources, &mut bill);
    // An artifact that somebody made without a lock file does not say what its code is compiled with.
    let is_rust = facts.shown.pipeline.python.is_none() && facts.shown.cells.iter().any(|cell| has_code(cell));
    let all_crates = crates.is_some() || !is_rust;
    packages(facts, &mut bill);
    models(facts, &mut bill);
    facts.data.iter().for_each(|data| bill.add_direct(data_component(data)));
    facts.recorded.iter().for_each(|recorded| bill.add_direct(cassette_component(recorded)));
    let identity = &facts.shown.id;
    let mut metadata = json!({
        "lifecycles": [{ "phase": "build" }],
        "tools": { "components": [{ "type": "application", "name": KERNWERK, "version": env!("CARGO_PKG_VERSION") }] },
        "component": artifact(facts)?,
    });
    let published = facts.shown.proof.as_ref().map(|proof| proof.published_at.as_str());
    if let Some(published) = published.filter(|moment| chrono::DateTime::parse_from_rfc3339(moment).is_ok()) {
        metadata["timestamp"] = published.into();
    }
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", number(identity)),
        "version": 1,
        "metadata": metadata,
        "components": bill.components,
        "dependencies": bill.dependencies(),
        "compositions": compositions(&bill, all_crates),
    }))
}

/// A number of its own for each identity (RFC 9562, version 8).
fn number(identity: &str) -> uuid::Uuid {
    let digest = blake3::derive_key("kernwerk 2026 serial number of a bill of materials", identity.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// The components, and which needs which.
#[derive(Default)]
struct Bill {
    components: Vec<Value>,
    references: BTreeSet<String>,
    /// What the artifact needs itself.
    direct: Vec<String>,
    needs: BTreeMap<String, BTreeSet<String>>,
    /// What is needed by these is not known.
    unknown: Vec<String>,
}

impl Bill {
    /// Adds a component, once; a stranger's artifact may name one twice.
    fn add(&mut self, component: Value) -> String {
        let reference = component["bom-ref"].as_str().unwrap_or_default().to_owned();
        if self.references.insert(reference.clone()) {
            self.components.push(component);
        }
        reference
    }

    fn add_direct(&mut self, component: Value) {
        let reference = self.add(component);
        self.need(reference);
    }

    /// The artifact needs the component itself.
    fn need(&mut self, reference: String) {
        if !self.direct.contains(&reference) {
            self.direct.push(reference);
        }
    }

    fn dependencies(&self) -> Vec<Value> {
        let artifact = json!({ "ref": ARTIFACT, "dependsOn": self.direct });
        let others = self.needs.iter().map(|(of, on)| json!({ "ref": of, "dependsOn": on }));
        std::iter::once(artifact).chain(others).collect()
    }
}

/// What is complete here and what is not.
fn compositions(bill: &Bill, all_crates: bool) -> Value {
    let artifact = if all_crates && bill.unknown.is_empty() { "complete" } else { "incomplete" };
    let mut compositions = vec![json!({ "aggregate": artifact, "dependencies": [ARTIFACT] })];
    if !bill.unknown.is_empty() {
        compositions.push(json!({ "aggregate": "unknown", "dependencies": bill.unknown }));
    }
    compositions.into()
}

fn artifact(facts: &Facts) -> Result<Value, Error> {
    let shown = &facts.shown;
    let manifest = shown.location.bytes(MANIFEST)?;
    let mut component = json!({
        "type": "application",
        "bom-ref": ARTIFACT,
        "name": shown.location.name,
        "version": shown.location.version.to_string(),
        "description": format!("A pipeline of {} cells that gives {}", shown.pipeline.steps.len(), target(&shown.pipeline)),
        "hashes": [
            { "alg": "SHA-256", "content": sha256(&manifest) },
            { "alg": "BLAKE3", "content": shown.id },
        ],
        "properties": [
            { "name": "kernwerk:hashes", "value": format!("of {MANIFEST}, which holds the digest of every other file") },
            { "name": "kernwerk:level", "value": shown.pipeline.level.name() },
        ],
    });
    put_license(&mut component, facts.words.license.as_deref());
    Ok(component)
}

/// What ran the cells.
fn programs(facts: &Facts, bill: &mut Bill) {
    let made = &facts.shown.pipeline.made_with;
    bill.add_direct(json!({ "type": "application", "bom-ref": KERNWERK, "name": KERNWERK, "version": made.kernwerk }));
    if let Some(toolchain) = &made.toolchain {
        let mut words = toolchain.split_whitespace();
        let (name, version) = (words.next().unwrap_or("rustc"), words.next().unwrap_or_default());
        bill.add_direct(json!({
            "type": "application", "bom-ref": "toolchain", "name": name, "version": version, "description": toolchain,
        }));
    }
    if let Some(python) = &facts.shown.pipeline.python {
        bill.add_direct(json!({
            "type": "platform", "bom-ref": "python", "name": python.implementation, "version": python.version,
        }));
    }
}

fn add_crates(crates: &[Crate], facts: &Facts, sources: &CrateSources, bill: &mut Bill) {
    let reference = |one: &Crate| purl::of_crate(one).unwrap_or_else(|| format!("crate:{}@{}", one.name, one.version));
    for one in crates {
        let mut component =
            json!({ "type": "library", "bom-ref": reference(one), "name": one.name, "version": one.version });
        if let Some(purl) = purl::of_crate(one) {
            component["purl"] = purl.into();
        }
        if let Some(checksum) = one.checksum.as_deref().and_then(|checksum| hash("SHA-256", checksum)) {
            component["hashes"] = json!([checksum]);
        }
        if one.is_ours() {
            component["description"] = "A part of Kernwerk, whose sources the program carries".into();
        }
        let told = match sources.licence(&one.name, &one.version) {
            Licence::Is(licence) if one.source.is_some() => Some(licence),
            _ => one.is_ours().then(|| env!("CARGO_PKG_LICENSE").to_owned()),
        };
        let words = facts.words.licenses.crates.get(&one.name);
        put_license(&mut component, words.or(told.as_ref()).map(String::as_str));
        let of = bill.add(component);
        if one.is_direct {
            bill.need(of.clone());
        }
        let needed: BTreeSet<String> = one.needs.iter().map(|needed| reference(&crates[*needed])).collect();
        bill.needs.entry(of).or_default().extend(needed);
    }
}

fn packages(facts: &Facts, bill: &mut Bill) {
    for (name, version) in facts.shown.pipeline.python.iter().flat_map(|python| &python.packages) {
        // As package URLs have the names of this registry.
        let plain = name.to_lowercase().replace('_', "-");
        let purl = format!("pkg:pypi/{}@{}", encode(&plain), encode(version));
        let mut component =
            json!({ "type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl });
        put_license(&mut component, facts.words.licenses.packages.get(name).map(String::as_str));
        bill.unknown.push(purl);
        bill.add_direct(component);
    }
}

fn models(facts: &Facts, bill: &mut Bill) {
    for model in &facts.shown.pipeline.models {
        let mut component = json!({
            "type": "machine-learning-model",
            "bom-ref": format!("model:{}", model.name),
            "name": model.name,
            "modelCard": {
                "properties": [{ "name": "kernwerk:hashes", "value": "of the weights, as they lay on the disk" }],
            },
        });
        if let Some(hash) = hash("SHA-256", &model.digest) {
            component["hashes"] = json!([hash]);
        }
        put_license(&mut component, facts.words.licenses.models.get(&model.name).map(String::as_str));
        bill.add_direct(component);
    }
}

fn data_component(data: &Data) -> Value {
    let input = &data.input;
    let kind = noun(input.resource);
    let content = match input.resource {
        Resource::File => "of the file's bytes",
        _ => "of its rows, in their order, whatever way they are stored",
    };
    let mut dataset = json!({ "type": "dataset", "name": input.name });
    if let Some((rows, columns)) = &data.table {
        let columns = columns.iter().map(|(name, kind)| json!({ "name": name, "value": kind }));
        let rows = json!({ "name": "kernwerk:rows", "value": rows.to_string() });
        dataset["contents"] = json!({ "properties": std::iter::once(rows).chain(columns).collect::<Vec<_>>() });
    }
    let mut component = json!({
        "type": "data",
        "bom-ref": format!("{kind}:{}", input.name),
        "name": input.name,
        "data": [dataset],
        "properties": [
            { "name": "kernwerk:kind", "value": kind },
            { "name": "kernwerk:hashes", "value": content },
        ],
    });
    if let Some(version) = input.version {
        component["version"] = version.to_string().into();
    }
    if let Some(hash) = hash("BLAKE3", &input.digest) {
        component["hashes"] = json!([hash]);
    }
    put_license(&mut component, data.license.as_deref());
    component
}

/// What services answered is data from outside, too.
fn cassette_component(recorded: &Recorded) -> Value {
    let exchanges = json!({ "name": "kernwerk:exchanges", "value": recorded.exchanges().to_string() });
    let hosts = recorded.hosts.iter().map(|(host, count)| json!({ "name": host, "value": count.to_string() }));
    let contents = json!({ "properties": std::iter::once(exchanges).chain(hosts).collect::<Vec<_>>() });
    let mut component = json!({
        "type": "data",
        "bom-ref": format!("cassette:{}", recorded.file),
        "name": recorded.file,
        "description": format!("What services answered over HTTP: {}", recorded.hosts_in_words()),
        "data": [{ "type": "dataset", "name": recorded.file, "contents": contents }],
        "properties": [
            { "name": "kernwerk:kind", "value": "cassette" },
            { "name": "kernwerk:hashes", "value": "of the file's bytes" },
        ],
    });
    if let Some(hash) = hash("BLAKE3", &recorded.digest) {
        component["hashes"] = json!([hash]);
    }
    component
}

/// A digest as the format has it; none where it is no digest of 256 bits.
fn hash(algorithm: &str, digest: &str) -> Option<Value> {
    let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then(|| json!({ "alg": algorithm, "content": digest.to_ascii_lowercase() }))
}

/// A licence as an SPDX expression where it reads as one, else by its name.
fn put_license(component: &mut Value, license: Option<&str>) {
    let Some(license) = license.map(str::trim).filter(|license| !license.is_empty()) else { return };
    // What cargo took before it took SPDX.
    let license = license.replace('/', " OR ");
    let is_word = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || "-.+:".contains(c));
    let words: Vec<&str> =
        license.split(|c: char| c.is_whitespace() || c == '(' || c == ')').filter(|word| !word.is_empty()).collect();
    let alternates =
        words.iter().enumerate().all(|(place, word)| matches!(*word, "AND" | "OR" | "WITH") == (place % 2 == 1));
    let is_expression = words.len() % 2 == 1 && alternates && words.iter().all(|word| is_word(word));
    let mut chosen = Map::new();
    if is_expression {
        chosen.insert("expression".to_owned(), license.into());
    } else {
        chosen.insert("license".to_owned(), json!({ "name": license }));
    }
    component["licenses"] = json!([chosen]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_expressions_or_names() {
        let license = |text: &str| {
            let mut component = json!({});
            put_license(&mut component, Some(text));
            component["licenses"][0].clone()
        };
        assert_eq!(license("MIT/Apache-2.0"), json!({ "expression": "MIT OR Apache-2.0" }));
        assert_eq!(
            license("(MIT OR Apache-2.0) AND Unicode-3.0"),
            json!({ "expression": "(MIT OR Apache-2.0) AND Unicode-3.0" })
        );
        assert_eq!(license("our own terms"), json!({ "license": { "name": "our own terms" } }));
    }

    #[test]
    fn a_number_is_of_one_identity() {
        assert_eq!(number("a"), number("a"));
        assert_ne!(number("a"), number("b"));
        assert_eq!(number("a").get_version_num(), 8);
    }
}
