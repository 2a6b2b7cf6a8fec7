//! What is known of an executed cell: the record from which promotion slices and replay compares.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::rust::RustNames;

/// A cell execution's identity: unique in its lab, and ordered by when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CellId(pub i64);

/// What a cell is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Rust, magics, or both in one cell.
    Rust,
    Python,
}

/// Names that a cell touches in the memory of its notebook, found by reading its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Variables, functions, types, imports and crates that the cell makes.
    pub defines: BTreeSet<String>,
    /// Names that it reads from earlier cells.
    pub uses: BTreeSet<String>,
    /// Names from earlier cells that it may change in place.
    pub mutates: BTreeSet<String>,
    /// It makes names that its text does not spell out (a glob import): it serves any later name that nobody defines.
    pub defines_any: bool,
    /// Its text could not be read (a shell escape): every later cell may depend on it.
    pub barrier: bool,
    /// What more is known of a cell of Rust that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rust: Option<RustNames>,
    /// What more is known of a cell of Python that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<PythonNames>,
}

/// What is known of a cell of Python beyond its names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonNames {
    /// Names from earlier cells that it may change besides, by calls of which nothing is known. Where nothing but the parameters of a pipeline is other
    /// than it was, what a cell did not do is settled; with other values it may do it.
    pub perhaps: BTreeSet<String>,
    /// Names among those that it defines which it defines under a condition: they may hold what they held before.
    pub maybe: BTreeSet<String>,
    /// It may write files.
    pub writes_files: bool,
    /// It reads files whose names do not stand in the call.
    pub reads_hidden: bool,
    /// It reads files, or asks for them.
    pub reads_files: bool,
    /// It uses a package of which nothing is known: it may do what no name tells.
    pub untold: bool,
    /// Which of its magics run depends on what it computes.
    pub chooses_magics: bool,
    /// What its variables are when it has ended. None: nobody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Sharing>,
    /// Those of the names that it defines under a condition which it was seen to define.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub bound: BTreeSet<String>,
    /// Names that its text may change, and that have the value that they had, wholly as it was.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unchanged: BTreeSet<String>,
    /// Names of modules, functions and classes by way of which no value changes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub apart: BTreeSet<String>,
}

/// What the values of variables have to do with each other, as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sharing {
    /// Groups of names whose values share something that can change.
    pub groups: Vec<BTreeSet<String>>,
    /// Names whose values may be or hold functions of the notebook, which look names up when they are called.
    pub with_code: BTreeSet<String>,
}

/// Whether a cell read or wrote a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    Read,
    Write,
}

/// What outlives the notebook's memory, and is shared by cells through the lab or the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    Table,
    Corpus,
    FeatureView,
    File,
    Model,
    Artifact,
    /// What is to be measured, and how.
    Suite,
    /// The runs of a suite.
    Evaluation,
}

/// One observed access of a cell to a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Effect {
    pub access: Access,
    pub resource: Resource,
    /// The table's or corpus's name; a file's path relative to the lab's root where it lies below it, else absolute.
    pub name: String,
    /// Version of what has versions.
    pub version: Option<u64>,
    /// Digest of the content as read or written: blake3 (hexadecimal), SHA-256 for model weights.
    pub digest: Option<String>,
}

/// Where an output of a cell went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    Stdout,
    Stderr,
    Display,
    Result,
    Error,
}

/// One output of a cell, in the form that replay compares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    pub channel: Channel,
    /// A file suffix that says what the bytes are: `txt`, `html`, `svg`, `png`, `json`, `arrow`, …
    pub format: String,
    pub bytes: Vec<u8>,
    /// Changes from run to run: shown, never compared.
    pub volatile: bool,
}

/// How a cell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CellStatus {
    /// Begun, not ended: running, or lost with its process.
    Running,
    Ok,
    /// Failed while running: it may have had effects.
    Error,
    /// Never ran: it did not compile, or its magic line could not be read.
    Rejected,
    Interrupted,
}
