//! Writing an artifact: a version appears whole, or not at all.

use std::collections::BTreeMap;

use kernwerk_core::Work;
use kernwerk_store::Lab;

use super::PublishSpec;
use crate::Error;
use crate::artifact::{self, Location, Manifest};
use crate::attested;
use crate::bundle::{self, Bundle};
use crate::files::{read_file, write_file};
use crate::gates::{self, GateReport};
use crate::proof::Proof;
use crate::sealed::LARGEST_FILE;
use crate::trust::is_signed;
use crate::verify::verify_location;

/// Writes the artifact and puts it in place; returns its identity, and whether it was there already.
pub(super) fn put(
    lab: &Lab,
    spec: &PublishSpec,
    bundle: &Bundle,
    mut proof: Proof,
    gates: &[GateReport],
    work: &Work,
) -> Result<(Location, String, bool), Error> {
    if let Some((path, _)) = bundle.files.iter().find(|(_, bytes)| bytes.len() as u64 > LARGEST_FILE) {
        return Err(Error::Obstacles { obstacles: vec![format!("{path} has more than {LARGEST_FILE} bytes")] });
    }
    let manifest = bundle::to_json(&Manifest::of(&bundle.files));
    let id = crate::files::digest(&manifest);
    proof.artifact.clone_from(&id);
    let mut attestations = attestations(spec, gates, &id);
    let name = &spec.name;
    let _lock = artifact::lock(lab, name, work)?;
    artifact::sweep_drafts(lab, name);
    if let Some(latest) = artifact::present_versions(lab, name)?.last() {
        let latest = artifact::location(lab, name, *latest);
        let same = latest.manifest().is_ok_and(|(_, found)| found == id);
        if same && verify_location(lab, &latest, work)?.differences().is_empty() {
            attest(lab, &latest, gates, &attestations)?;
            return Ok((latest, id, true));
        }
    }
    let staging = lab.staging_dir()?;
    let draft = staging.join("artifact");
    for (path, bytes) in &bundle.files {
        work.check()?;
        write_file(&draft.join(path), bytes)?;
    }
    write_file(&draft.join(artifact::MANIFEST), &manifest)?;
    attestations.insert(artifact::PROOF.to_owned(), bundle::to_json(&proof));
    let listed = attested::list(&id, attestations.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())));
    attestations.insert(attested::LIST.to_owned(), listed);
    for (file, bytes) in &attestations {
        write_file(&draft.join(file), bytes)?;
    }
    // From here on nothing is interrupted: the version appears whole.
    let placed = artifact::place(lab, name, &draft);
    let _ = std::fs::remove_dir_all(&staging);
    Ok((placed?, id, false))
}

/// Adds what was attested to a version that is there already, each file whole or not at all; the caller holds the
/// artifact's lock. What was signed stays as it is.
fn attest(
    lab: &Lab,
    location: &Location,
    gates: &[GateReport],
    attestations: &BTreeMap<String, Vec<u8>>,
) -> Result<(), Error> {
    // What the gates looked at reads otherwise from day to day.
    let same_gates = gates::say_the_same(&gates::recorded(location).ok().flatten().unwrap_or_default(), gates);
    let is_known = |path: &String, bytes: &Vec<u8>| {
        (same_gates && *path == place(gates::FILE))
            || read_file(&location.path(path)).is_ok_and(|found| found == *bytes)
    };
    if is_signed(location) {
        return Ok(());
    }
    let new = attestations.iter().filter(|(path, bytes)| !is_known(path, bytes));
    attested::attest(lab, location, &new.map(|(path, bytes)| (path.clone(), bytes.clone())).collect())
}

/// What is attested beside the proof, by the paths of the files.
fn attestations(spec: &PublishSpec, gates: &[GateReport], identity: &str) -> BTreeMap<String, Vec<u8>> {
    let gates = serde_json::json!({ "artifact": identity, "gates": gates });
    let mut files = BTreeMap::from([(place(gates::FILE), bundle::to_json(&gates))]);
    files
        .extend(spec.attestations.iter().map(|(name, value)| (place(&format!("{name}.json")), bundle::to_json(value))));
    files
}

/// Where an attestation lies, relative to the artifact.
fn place(file: &str) -> String {
    format!("{}/{file}", artifact::ATTESTATIONS)
}
