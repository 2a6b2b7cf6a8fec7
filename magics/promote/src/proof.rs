//! `attestations/proof.json`: what was measured when an artifact was published. Not part of its identity.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// The proof run of an artifact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// The artifact's identity: blake3 of its manifest.
    pub artifact: String,
    /// RFC 3339, UTC.
    pub published_at: String,
    /// The notebook that it came from, relative to the lab's root.
    pub notebook: String,
    pub wall_seconds: f64,
    /// Where it ran.
    #[serde(default)]
    pub machine: Machine,
    /// In words why the network was not kept away from the cells; none where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// When its cassette was recorded, in a run before this one: RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<String>,
    /// Steps that asked what is not on the cassette, and gave the right results all the same.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unanswered: BTreeSet<u32>,
    pub cells: Vec<ProofCell>,
}

/// A cell in the proof run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProofCell {
    pub step: u32,
    /// The cell's number in the notebook's kernel session.
    pub execution_count: u32,
    pub wall_seconds: f64,
    /// How well it agreed with what the notebook showed, in words.
    pub agreement: String,
    /// What differed from the notebook where that was let pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
    /// A service answered it otherwise than in the notebook: the artifact holds what it gave in the recording. How that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_anew: Option<String>,
}
