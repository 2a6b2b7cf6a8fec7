//! Publishing: the slice is proved by a run in a fresh process, and what the run showed becomes the artifact's reference.

mod agree;
mod describe;
mod notes;
mod prepare;
mod prove;
mod put;

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::{CrateLock, Runner, Work};
use kernwerk_store::Lab;

use crate::Error;
use crate::artifact::Location;
use crate::compare::Level;
use crate::gates::{self, GateReport, GateSpec};
use crate::judge::CellReport;
use crate::known::Known;
use crate::names::check_new_name;
use crate::plan::{Plan, PlanSpec};
use crate::registry::History;
pub(crate) use agree::judge;
use prepare::{Prepared, prepare};
pub(crate) use prove::{mirror, prove};
use put::put;

/// What to publish.
#[derive(Debug)]
pub struct PublishSpec {
    pub name: String,
    pub plan: PlanSpec,
    /// How well replays must agree.
    pub level: Level,
    /// The cells may use the network.
    pub live: bool,
    /// What the cells say over HTTP is recorded in a run before the proof, and is answered from there from then on.
    pub record: bool,
    /// Headers, in lower case, that are not looked at where a request is looked for in what was recorded: they change from run to run, and say
    /// nothing of what is asked.
    pub ignored_headers: BTreeSet<String>,
    /// For whom the cells run; none is nobody.
    pub principal: Option<String>,
    /// What compiles the Rust cells, such as `rustc 1.95.0`; none where it is not known.
    pub toolchain: Option<String>,
    /// The `Cargo.lock` with which the notebook's cells were compiled, where it is known: the proof run takes the same versions.
    pub lock: Option<String>,
    /// The digest of what a target of Python holds now, where it is a variable of this process.
    pub value: Option<String>,
    /// What is still known of what cells showed and variables hold, to say how a fresh run differs.
    pub known: Known,
    /// What else was measured and goes to `attestations/`, by the name of its file without `.json`.
    pub attestations: BTreeMap<String, serde_json::Value>,
    /// What the gates know beside the lab.
    pub gates: GateSpec,
}

impl PublishSpec {
    /// The versions of crates that the notebook's cells were compiled with. What a run does not need of them is left out, and what it needs
    /// beside them is found.
    pub(crate) fn crate_lock(&self) -> Option<CrateLock> {
        self.lock.clone().map(|text| CrateLock { text, is_exact: false, packed: None })
    }
}

/// A published artifact.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    pub location: Location,
    /// Its identity: blake3 of the manifest.
    pub id: String,
    /// The latest version was this already; nothing was written.
    pub unchanged: bool,
    pub plan: Plan,
    /// How the proof run compares with the notebook, cell by cell.
    pub cells: Vec<CellReport>,
    /// What the gates said.
    pub gates: Vec<GateReport>,
    /// What people should know, in words.
    pub notes: Vec<String>,
    pub wall_seconds: f64,
}

/// Slices, proves and publishes a target as the next version of an artifact. A slice that gives the latest version again is
/// that version.
///
/// # Errors
/// Those of [`plan`]; [`Error::Obstacles`]; [`Error::ProofFailed`] and [`Error::ProofDiffers`] where a fresh process does not
/// repeat what the notebook recorded; [`Error::GatesNotPassed`]. Nothing is written then.
pub async fn publish(lab: &Lab, spec: &PublishSpec, runner: &dyn Runner, work: &Work) -> Result<Published, Error> {
    check_new_name(lab, &spec.name)?;
    // Which number is free only a whole history tells: better said before the cells run.
    History::sound(lab, &spec.name)?;
    let operation = lab.begin("publish", &spec.name)?;
    let Prepared { plan, cells, wall_seconds, bundle, proof, gates, notes, held } =
        prepare(lab, spec, runner, work).await?;
    gates::must_pass(&gates)?;
    let (location, id, unchanged) = put(lab, spec, &bundle, proof, &gates, work)?;
    drop(held);
    operation.done()?;
    Ok(Published { notes, location, id, unchanged, plan, cells, gates, wall_seconds })
}

/// Does all that [`publish`] does but for writing, and gives what the gates say.
///
/// # Errors
/// As [`publish`], but for gates that do not pass.
pub async fn judge_target(
    lab: &Lab,
    spec: &PublishSpec,
    runner: &dyn Runner,
    work: &Work,
) -> Result<Vec<GateReport>, Error> {
    check_new_name(lab, &spec.name)?;
    Ok(prepare(lab, spec, runner, work).await?.gates)
}
