//! The card and the bill of materials beside a version: what they say follows from the artifact and from what was measured and written
//! about it, so they lie in `attestations/` and are no part of its identity; whoever signs it signs them as well.

use std::collections::BTreeMap;

use kernwerk_core::Work;
use kernwerk_store::Lab;

use crate::Error;
use crate::artifact::{self, Location, Reference};
use crate::attested::attest;
use crate::card::card;
use crate::licence::CrateSources;
use crate::sbom::sbom;
use crate::trust::PROVENANCE;

pub(crate) const CARD: &str = "attestations/card.md";
pub(crate) const BILL: &str = "attestations/sbom.cdx.json";

/// Writes the card and the bill of materials of a version beside it, where they are not there yet. What was signed stays as it is.
///
/// # Errors
/// Those of reading the artifact and writing the files, each of which is there whole or not at all.
pub async fn describe(lab: &Lab, location: &Location, sources: &CrateSources, work: &Work) -> Result<(), Error> {
    let reference = Reference::version(&location.name, location.version)?;
    let card = card(lab, &reference, work).await?.markdown.into_bytes();
    let bill = sbom(lab, &reference, sources, work).await?;
    let _lock = artifact::lock(lab, &location.name, work)?;
    if location.attestation(PROVENANCE)?.is_some() {
        return Ok(());
    }
    let mut new = BTreeMap::new();
    for (file, bytes) in [(CARD, card), (BILL, bill)] {
        if location.attestation(file)?.is_none() {
            new.insert(file.to_owned(), bytes);
        }
    }
    attest(lab, location, &new)
}
