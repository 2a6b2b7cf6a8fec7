//! Who vouches for an artifact: signed provenance, checked without a network.
//!
//! What is signed is an in-toto statement, version 1, whose predicate is SLSA provenance, version 1: which artifact (by the digest of its
//! manifest), made of what, by which programs, when, with which proof. It lies beside the artifact in an envelope that may hold
//! several people's signatures. Whose keys count stands in `kernwerk.toml`.

mod envelope;
mod key;

use std::collections::BTreeMap;

use kernwerk_core::{Resource, Work};
use kernwerk_store::Lab;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use key::{PublicKey, SigningKey};

use crate::Error;
use crate::artifact::{self, Location, MANIFEST, Reference, find};
use crate::attested::{self, LIST, attest};
use crate::bundle::to_json;
use crate::files::digest;
use crate::sealed::{self, LARGEST_TEXT};
use crate::verify::verify_location;
pub(crate) use envelope::Envelope;

/// The envelope, relative to the artifact.
pub(crate) const PROVENANCE: &str = "attestations/provenance.dsse.json";
/// The type of an in-toto statement.
pub(crate) const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "https://slsa.dev/provenance/v1";
/// How artifacts come into being; rises with what the statement says of it.
const BUILD_TYPE: &str = "urn:kernwerk:promote:v1";
const BUILDER: &str = "urn:kernwerk";

/// What is known of an artifact's signatures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Names of `kernwerk.toml` whose keys have signed.
    pub signers: Vec<String>,
    /// Ids of keys that `kernwerk.toml` does not name; whether they signed is not known.
    pub strangers: Vec<String>,
    /// Keys count, and none of them has signed.
    pub unsigned: bool,
    /// What is wrong with what was signed, one line each.
    pub findings: Vec<String>,
}

/// A lab's keys, by the names of their owners.
///
/// # Errors
/// [`Error::BadKey`] where one of them is none; [`Error::SharedKey`] where two people have one: each would count as the other.
pub(crate) fn keys(lab: &Lab) -> Result<(Vec<String>, Vec<PublicKey>), Error> {
    let (mut names, mut keys): (Vec<String>, Vec<PublicKey>) = Default::default();
    for (name, text) in &lab.promotion_rules()?.keys {
        let bad = || Error::BadKey { place: format!("kernwerk.toml, promote.keys.{name}") };
        let key = PublicKey::parse(text).ok_or_else(bad)?;
        if let Some(index) = keys.iter().position(|known| *known == key) {
            return Err(Error::SharedKey { first: names[index].clone(), second: name.clone() });
        }
        names.push(name.clone());
        keys.push(key);
    }
    Ok((names, keys))
}

/// Whose key it is by `kernwerk.toml`; none where that does not name it.
///
/// # Errors
/// [`Error::BadKey`] and [`Error::SharedKey`], of the keys that `kernwerk.toml` names.
pub fn owner(lab: &Lab, key: &SigningKey) -> Result<Option<String>, Error> {
    let ((names, keys), public) = (keys(lab)?, key.public());
    Ok(keys.iter().position(|known| *known == public).map(|index| names[index].clone()))
}

/// Signs an artifact, beside those who have signed it.
///
/// # Errors
/// Those of finding it; [`Error::NotSound`] where its files are not those that were published, a signature does not hold, or others have
/// signed another statement than can be made of it.
pub fn sign(lab: &Lab, reference: &Reference, key: &SigningKey, work: &Work) -> Result<Location, Error> {
    find(lab, reference)?;
    let _lock = artifact::lock(lab, &reference.name, work)?;
    let location = find(lab, reference)?;
    let verification = verify_location(lab, &location, work)?;
    let not_sound = |findings| Err(Error::NotSound { artifact: location.to_string(), findings });
    let mut changes = verification.changes();
    // Who takes the envelope away, such as one with the wrong key, may sign anew.
    changes.retain(|line| *line != attested::missing(PROVENANCE));
    if !changes.is_empty() {
        return not_sound(changes);
    }
    let payload = to_json(&statement(&location)?);
    let mut envelope = match read(&location)? {
        None => Envelope::of(&payload),
        Some(Ok((envelope, signed))) if signed == payload => envelope,
        // Nobody's name goes under what another has written; and what the others signed is not thrown away for them.
        Some(Ok(_)) => {
            return not_sound(vec![format!(
                "changed: {PROVENANCE}, which says other things than can be said of it now"
            )]);
        }
        Some(Err(finding)) => return not_sound(vec![finding]),
    };
    envelope.sign(&payload, key);
    attest(lab, &location, &BTreeMap::from([(PROVENANCE.to_owned(), to_json(&envelope))]))?;
    Ok(location)
}

/// Checks the signatures of an artifact, and that they are of this artifact.
///
/// # Errors
/// [`Error::BadKey`]; those of reading files.
pub(crate) fn check(lab: &Lab, location: &Location) -> Result<Trust, Error> {
    let (names, keys) = keys(lab)?;
    let mut trust = Trust::default();
    match read(location)? {
        None => {}
        Some(Err(finding)) => trust.findings.push(finding),
        Some(Ok((envelope, payload))) => {
            for (id, known) in envelope.signers(&payload, &keys) {
                match known {
                    Some((index, true)) => trust.signers.push(names[index].clone()),
                    Some((index, false)) => {
                        trust.findings.push(format!(
                            "changed: {PROVENANCE}, for the signature of {} does not hold",
                            names[index]
                        ));
                    }
                    None => trust.strangers.push(id),
                }
            }
            trust.findings.extend(differences(location, &payload)?);
        }
    }
    trust.unsigned = trust.signers.is_empty() && !keys.is_empty();
    Ok(trust)
}

/// Whether anybody has signed the artifact.
pub fn is_signed(location: &Location) -> bool {
    location.path(PROVENANCE).symlink_metadata().is_ok()
}

type Opened = (Envelope, Vec<u8>);

/// Reads the envelope and what it holds; none where there is no envelope, and a finding where it is none.
fn read(location: &Location) -> Result<Option<Result<Opened, String>>, Error> {
    let broken = || format!("changed: {PROVENANCE}, which is no envelope of a statement");
    let bytes = match sealed::read(&location.directory, PROVENANCE, LARGEST_TEXT) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(_) => return Ok(Some(Err(broken()))),
    };
    // Only as it was written: white space that was changed is a change.
    let envelope = serde_json::from_slice::<Envelope>(&bytes).ok().filter(|envelope| to_json(envelope) == bytes);
    let signed = envelope.and_then(|envelope| envelope.payload().map(|payload| (envelope, payload)));
    Ok(Some(signed.ok_or_else(broken)))
}

/// Where the artifact is not what the statement is about.
fn differences(location: &Location, payload: &[u8]) -> Result<Vec<String>, Error> {
    // Only as it is written here: of two values under one key each reader might believe another.
    let statement = serde_json::from_slice::<Value>(payload).ok().filter(|statement| to_json(statement) == payload);
    let Some(signed) = statement else {
        return Ok(vec![format!("changed: {PROVENANCE}, which holds no statement")]);
    };
    let mut findings = Vec::new();
    if signed["_type"] != STATEMENT || signed["predicateType"] != PREDICATE {
        findings.push(format!("changed: {PROVENANCE}, which holds another kind of statement"));
    }
    if signed["subject"] != subject(location)? {
        let name = signed["subject"][0]["name"].as_str().unwrap_or("another artifact");
        findings.push(format!("changed: what was signed is {name} with another manifest or under another number"));
    }
    let mut present = attestations(location)?;
    for attested in signed["predicate"]["runDetails"]["byproducts"].as_array().into_iter().flatten() {
        let name = attested["name"].as_str().unwrap_or_default();
        match present.remove(name) {
            None => findings.push(format!("missing: {name}, which was signed")),
            Some(found) if attested["digest"]["sha256"] != found => {
                findings.push(format!("changed: {name}, which was signed otherwise"));
            }
            Some(_) => {}
        }
    }
    findings.extend(present.into_keys().map(|name| format!("extra: {name}, which nobody has signed")));
    Ok(findings)
}

/// What the statement is about: the manifest, and with it every file of the artifact.
fn subject(location: &Location) -> Result<Value, Error> {
    let manifest = location.bytes(MANIFEST)?;
    Ok(json!([{
        "name": location.to_string(),
        "digest": { "sha256": sha256(&manifest), "blake3": digest(&manifest) },
    }]))
}

/// The statement: in-toto v1 with SLSA provenance v1.
fn statement(location: &Location) -> Result<Value, Error> {
    let pipeline = location.pipeline()?;
    let proof = location.proof()?;
    let (_, identity) = location.manifest()?;
    let inputs = pipeline.inputs.iter().map(|input| {
        let kind = match input.resource {
            Resource::File => "file",
            _ => "data set",
        };
        let version = input.version.map(|version| format!("@{version}")).unwrap_or_default();
        json!({
            "name": format!("{}{version}", input.name),
            "digest": { "blake3": input.digest },
            "annotations": { "kind": kind },
        })
    });
    let byproducts = attestations(location)?
        .into_iter()
        .map(|(name, sha256)| json!({ "name": name, "digest": { "sha256": sha256 } }));
    let mut versions = json!({ "kernwerk": pipeline.made_with.kernwerk });
    if let Some(toolchain) = &pipeline.made_with.toolchain {
        versions["toolchain"] = toolchain.as_str().into();
    }
    let mut metadata = json!({ "invocationId": identity });
    if let Some(proof) = &proof {
        metadata["finishedOn"] = proof.published_at.as_str().into();
    }
    Ok(json!({
        "_type": STATEMENT,
        "subject": subject(location)?,
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "name": pipeline.name,
                    "target": crate::catalog::target(&pipeline),
                    "notebook": proof.as_ref().map(|proof| proof.notebook.as_str()),
                },
                "internalParameters": {},
                "resolvedDependencies": inputs.collect::<Vec<_>>(),
            },
            "runDetails": {
                "builder": { "id": BUILDER, "version": versions },
                "metadata": metadata,
                "byproducts": byproducts.collect::<Vec<_>>(),
            },
        },
    }))
}

/// What lies beside the artifact but for the envelope and the list that has the envelope too: SHA-256 by name.
fn attestations(location: &Location) -> Result<BTreeMap<String, String>, Error> {
    let attested = location.attestations()?.into_iter().filter(|(name, _)| name != PROVENANCE && name != LIST);
    Ok(attested.map(|(name, bytes)| (name, sha256(&bytes))).collect())
}

/// SHA-256, hexadecimal: what in-toto's other tools know of digests.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
