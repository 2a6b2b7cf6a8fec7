//! The gates before a publication: what is checked of an artifact, and whether it stands in the way. A kind of gate is a file.
//!
//! All gates are asked, also behind one that fails. What one of them looks at is in [`Subject`]; what it says is a [`GateReport`].
//! Which have to pass is for `[promote.gates]` in `kernwerk.toml` to say. Gates that need another capability (suites) are judged by
//! whoever asks for the publication, and handed in.

mod advisories;
mod budget;
mod dependencies;
mod encoded;
mod licences;
mod mask;
mod material;
mod personal;
mod production;
mod report;
mod scan;
mod secrets;
mod staleness;

use std::collections::BTreeMap;

use kernwerk_core::{Runner, Work, near};
use kernwerk_store::{GateRules, Lab};
use serde::Deserialize;

pub use mask::{mask, masked};
pub use report::{Demand, Finding, GateReport, State};

use crate::Error;
use crate::artifact::{Location, Reference, find};
use crate::execution::Execution;
use crate::licence::CrateSources;
use crate::pipeline::Pipeline;
use crate::plan::Plan;
use crate::stale::Stale;
use material::Material;
use report::Judged;

/// The file in `attestations/` that holds what the gates said.
pub(crate) const FILE: &str = "gates.json";

/// A kind of gate.
trait Gate: Sync {
    /// By which `kernwerk.toml` and people name it.
    fn name(&self) -> &'static str;
    /// What becomes of its answer where `kernwerk.toml` does not say.
    fn demand(&self, rules: &GateRules) -> Demand;
    /// What to do where it does not pass.
    fn remedy(&self) -> &'static str;
    /// Asks it. An error but an interrupt means that it is unmeasured.
    fn judge(&self, subject: &Subject<'_>) -> Result<Judged, Error>;
}

/// In the order in which they are told.
static GATES: &[&dyn Gate] = &[
    &secrets::Secrets,
    &personal::Personal,
    &staleness::Staleness,
    &licences::Licences,
    &advisories::Advisories,
    &budget::Budget,
    &production::Production,
];

/// What gates know from outside of the lab.
#[derive(Default)]
pub struct GateSpec {
    /// Those that somebody else has judged: suites.
    pub judged: Vec<GateReport>,
    /// The environment of the process, whose secrets must not be published. It is compared with and never kept.
    pub environment: Vec<(String, String)>,
    /// The executions whose inputs have changed, where the notebook runs in this process; else the record of cells tells.
    pub stale: Option<Vec<Stale>>,
    /// Where crates are that say which licences they have.
    pub crates: CrateSources,
    /// The licences of models that are known, as SPDX expressions by the digest of their weights.
    pub model_licences: BTreeMap<String, String>,
}

impl std::fmt::Debug for GateSpec {
    /// Without the environment.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("GateSpec").field("judged", &self.judged).field("stale", &self.stale).finish_non_exhaustive()
    }
}

/// What gates look at.
pub(crate) struct Subject<'a> {
    pub lab: &'a Lab,
    pub spec: &'a GateSpec,
    pub pipeline: &'a Pipeline,
    /// By their paths in the artifact.
    pub files: &'a BTreeMap<String, Vec<u8>>,
    /// What is written beside the files, in words of the proof run.
    pub beside: Option<(&'static str, String)>,
    /// Where the artifact comes from; none of one that is published already.
    pub plan: Option<&'a Plan>,
    /// What the gates said when it was published.
    pub recorded: Vec<GateReport>,
    /// The executions whose inputs have changed.
    pub stale: Vec<Stale>,
    /// How old the oldest of the input tables is, and its name.
    pub oldest_input: Option<(String, chrono::TimeDelta)>,
    pub runner: &'a dyn Runner,
    pub work: &'a Work,
    rules: GateRules,
    material: Material,
}

impl<'a> Subject<'a> {
    pub fn new(
        lab: &'a Lab,
        spec: &'a GateSpec,
        (pipeline, files): (&'a Pipeline, &'a BTreeMap<String, Vec<u8>>),
        beside: Option<(&'static str, String)>,
        (runner, work): (&'a dyn Runner, &'a Work),
    ) -> Result<Self, Error> {
        Ok(Self {
            lab,
            spec,
            pipeline,
            files,
            beside,
            plan: None,
            recorded: Vec::new(),
            stale: Vec::new(),
            oldest_input: None,
            runner,
            work,
            rules: lab.promotion_rules()?.gates,
            material: Material::default(),
        })
    }

    /// The same with the plan that the artifact is made by, and what the notebook tells of it. `log` is asked where nobody else knows
    /// what is stale.
    pub async fn of_plan(
        mut self,
        plan: &'a Plan,
        log: impl FnOnce() -> Result<Vec<Execution>, Error>,
    ) -> Result<Self, Error> {
        self.plan = Some(plan);
        self.stale = match &self.spec.stale {
            Some(stale) => stale.clone(),
            None => staleness::of_log(self.lab, plan, log()?, self.work).await?,
        };
        if self.rules().max_age.is_some() {
            self.oldest_input = staleness::oldest_input(self.lab, plan).await?;
        }
        Ok(self)
    }

    pub fn rules(&self) -> &GateRules {
        &self.rules
    }

    /// What the gate said at the publication, for what can only be judged then.
    fn recorded(&self, gate: &str) -> Judged {
        match self.recorded.iter().find(|report| report.gate == gate) {
            Some(report) => Judged {
                state: report.state,
                looked_at: format!("{}, when it was published", report.looked_at),
                findings: report.findings.clone(),
                reasons: report.reasons.clone(),
            },
            None => {
                Judged::unmeasured("nothing", "it is judged when a version is published, and this one does not say how")
            }
        }
    }
}

/// Asks all gates that are not off.
///
/// # Errors
/// An interrupt; [`Error::UnknownGate`] where `kernwerk.toml` names a gate that there is not.
pub(crate) fn judge(mut subject: Subject<'_>) -> Result<Vec<GateReport>, Error> {
    check_names(subject.rules(), &subject.spec.judged)?;
    subject.material = Material::of(&subject)?;
    let mut reports = Vec::new();
    for gate in GATES {
        let demand = demand(subject.rules(), gate.name(), gate.demand(subject.rules()));
        if demand == Demand::Off {
            continue;
        }
        subject.work.check()?;
        let judged = match gate.judge(&subject) {
            Err(Error::Cancelled(cancelled)) => return Err(cancelled.into()),
            judged => judged.unwrap_or_else(|error| Judged::unmeasured("nothing", &error.to_string())),
        };
        reports.push(judged.report(gate.name(), demand, gate.remedy()));
    }
    for report in &subject.spec.judged {
        let demand = demand(subject.rules(), &report.gate, report.demand);
        if demand != Demand::Off {
            reports.push(GateReport { demand, ..report.clone() });
        }
    }
    Ok(reports)
}

/// Asks the gates about a version that is published: of its files anew, and of what only a notebook can tell what was said then.
///
/// # Errors
/// Those of finding and reading it; an interrupt; [`Error::UnknownGate`].
pub fn judge_published(
    lab: &Lab,
    reference: &Reference,
    spec: &GateSpec,
    runner: &dyn Runner,
    work: &Work,
) -> Result<(Location, Vec<GateReport>), Error> {
    let location = find(lab, reference)?;
    let (pipeline, (manifest, _)) = (location.pipeline()?, location.manifest()?);
    let mut files = BTreeMap::new();
    for file in &manifest.files {
        work.check()?;
        files.insert(file.path.clone(), location.bytes(&file.path)?);
    }
    let mut subject = Subject::new(lab, spec, (&pipeline, &files), None, (runner, work))?;
    subject.recorded = recorded(&location)?.unwrap_or_default();
    let reports = judge(subject)?;
    Ok((location, reports))
}

/// That the gates pass that have to.
///
/// # Errors
/// [`Error::GatesNotPassed`].
pub fn must_pass(reports: &[GateReport]) -> Result<(), Error> {
    let refused: Vec<GateReport> = reports.iter().filter(|report| report.refuses()).cloned().collect();
    if refused.is_empty() { Ok(()) } else { Err(Error::GatesNotPassed { refused }) }
}

/// What the gates said when a version was published; none where that was taken away.
pub(crate) fn recorded(location: &Location) -> Result<Option<Vec<GateReport>>, Error> {
    let file = format!("{}/{FILE}", crate::artifact::ATTESTATIONS);
    #[derive(Deserialize)]
    struct Attested {
        gates: Vec<GateReport>,
    }
    let Some(bytes) = location.attestation(&file)? else { return Ok(None) };
    location.json(&file, &bytes).map(|attested: Attested| Some(attested.gates))
}

/// Whether the same gates came to the same.
pub(crate) fn say_the_same(one: &[GateReport], other: &[GateReport]) -> bool {
    let states = |reports: &[GateReport]| -> BTreeMap<String, (State, Demand)> {
        reports.iter().map(|report| (report.gate.clone(), (report.state, report.demand))).collect()
    };
    states(one) == states(other)
}

/// What becomes of a gate's answer.
fn demand(rules: &GateRules, gate: &str, otherwise: Demand) -> Demand {
    match () {
        () if rules.off.contains(gate) => Demand::Off,
        () if rules.require.contains(gate) => Demand::Require,
        () if rules.warn.contains(gate) => Demand::Warn,
        () => otherwise,
    }
}

/// That the settings name gates which there are.
fn check_names(rules: &GateRules, judged: &[GateReport]) -> Result<(), Error> {
    let known: Vec<&str> =
        GATES.iter().map(|gate| gate.name()).chain(judged.iter().map(|report| report.gate.as_str())).collect();
    let suites = || rules.suites.iter().map(String::as_str);
    for name in [&rules.require, &rules.warn, &rules.off].into_iter().flatten() {
        if !known.contains(&name.as_str()) && !suites().any(|suite| suite == name) {
            let near = near(name, known.iter().copied().chain(suites()));
            return Err(Error::UnknownGate { name: name.clone(), near });
        }
    }
    Ok(())
}
