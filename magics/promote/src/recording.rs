//! Recording: a run of the slice with the network, whose exchanges become the artifact's cassette. The proof that follows plays it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{SecondsFormat, Utc};
use kernwerk_core::{Cassette, CellOutcome, RunResult, Runner, Work};
use kernwerk_store::{Lab, OutputRecord};

use crate::Error;
use crate::cassette::{CASSETTE, PinnedCassette, secrets};
use crate::compare::Agreement;
use crate::execution::{Execution, label};
use crate::files::digest;
use crate::judge::settle;
use crate::pipeline::Pipeline;
use crate::plan::{Kept, Plan};
use crate::publish::{PublishSpec, judge, mirror, prove};

/// A value of an environment's secret that is shorter may stand anywhere, so it cannot be taken out.
const SHORTEST_SECRET: usize = 6;

/// What a recording run gave.
pub(crate) struct Recording {
    /// The slice with what the cells showed in this run, where services answered otherwise than before.
    pub plan: Plan,
    pub tape: Vec<u8>,
    /// RFC 3339, UTC.
    pub at: String,
    /// Steps that gave something else than the notebook showed, and how.
    pub anew: BTreeMap<u32, String>,
    pub ignored_headers: BTreeSet<String>,
}

/// Runs the slice with the network and tells `pipeline` of its cassette.
///
/// # Errors
/// As those of a proof run. A cell that needs no exchange has to agree with the notebook.
pub(crate) async fn record(
    lab: &Lab,
    spec: &PublishSpec,
    plan: &Plan,
    pipeline: &mut Pipeline,
    config: Option<&[u8]>,
    runner: &dyn Runner,
    work: &Work,
) -> Result<Recording, Error> {
    let secrets = secrets(&pipeline.environment);
    if let Some(name) = pipeline.environment.secrets.iter().find(|name| is_short(name)) {
        let obstacle =
            format!("the value of the secret `{name}` is so short that it cannot be taken out of a cassette");
        return Err(Error::Obstacles { obstacles: vec![obstacle] });
    }
    let mirror = mirror(lab, pipeline, config, work).await?;
    let at = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let cassette = Cassette::Record { secrets, ignored_headers: spec.ignored_headers.clone() };
    let RunResult { outcomes, exchanged, .. } =
        prove(plan, pipeline, &mirror, (spec.crate_lock(), Some(cassette)), runner, work)?;
    let exchanged = exchanged.unwrap_or_default();
    if !exchanged.leaks.is_empty() {
        return Err(Error::Obstacles { obstacles: exchanged.leaks.iter().map(|leak| leaks(plan, leak)).collect() });
    }
    let free = dependent(plan, &exchanged.steps);
    let cells = judge(plan, pipeline, &outcomes, (&spec.known, &mirror), Some(&exchanged), &free)?;
    let tape = exchanged.tape.filter(|_| exchanged.exchanges > 0).ok_or_else(|| Error::Obstacles {
        obstacles: vec![
            "no cell asked anything over HTTP by way of the proxy that `HTTP_PROXY` names, so there is nothing to record".to_owned(),
        ],
    })?;
    let differs = cells.iter().filter(|report| report.agreement == Agreement::Different && free.contains(&report.step));
    let anew: BTreeMap<u32, String> =
        differs.map(|report| (report.step, report.difference.clone().unwrap_or_default())).collect();
    pipeline.cassette =
        Some(PinnedCassette { file: CASSETTE.to_owned(), exchanges: exchanged.exchanges, steps: exchanged.steps });
    let plan = as_recorded(plan, &outcomes, &anew);
    Ok(Recording { plan, tape, at, anew, ignored_headers: spec.ignored_headers.clone() })
}

impl Recording {
    /// What people should know of it, in words.
    pub(crate) fn notes(&self, pipeline: &Pipeline) -> Vec<String> {
        let exchanges = pipeline.cassette.as_ref().map_or(0, |cassette| cassette.exchanges);
        let counted = if exchanges == 1 { "one exchange".to_owned() } else { format!("{exchanges} exchanges") };
        let mut notes =
            vec![format!("{counted} with the network in {CASSETTE}; replays and runs play it and need no network")];
        if !self.ignored_headers.is_empty() {
            let names = self.ignored_headers.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            notes.push(format!("the headers of requests {names} are not looked at, as `--ignore-header` says"));
        }
        for (kept, step) in self.plan.kept.iter().zip(1..) {
            if let Some(difference) = self.anew.get(&step) {
                let label = label(kept.execution.execution_count);
                notes.push(format!(
                    "{label} is recorded anew, for a service answered it otherwise than before: {difference}"
                ));
            }
        }
        notes
    }
}

/// That a secret would stay on the tape.
fn leaks(plan: &Plan, (step, what): &(u32, String)) -> String {
    let kept = plan.kept.get(step.saturating_sub(1) as usize);
    let cell = kept.map_or_else(|| "a cell".to_owned(), |kept| label(kept.execution.execution_count));
    format!(
        "{what}, in {cell}, holds a secret of the environment in base64 that is broken into lines, where it cannot be taken out of a cassette: \
         encode it in one line"
    )
}

fn is_short(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| value.len() < SHORTEST_SECRET)
}

/// The steps that asked something, and those that need one of them.
fn dependent(plan: &Plan, asked: &BTreeSet<u32>) -> BTreeSet<u32> {
    let mut dependent: BTreeSet<u32> = BTreeSet::new();
    for (kept, step) in plan.kept.iter().zip(1..) {
        if asked.contains(&step) || !plan.steps_of(&kept.needs).is_disjoint(&dependent) {
            dependent.insert(step);
        }
    }
    dependent
}

/// The plan as if the notebook had shown what these steps gave.
fn as_recorded(plan: &Plan, outcomes: &[CellOutcome], anew: &BTreeMap<u32, String>) -> Plan {
    let mut plan = plan.clone();
    for ((kept, outcome), step) in plan.kept.iter_mut().zip(outcomes).zip(1..) {
        let Kept { execution, .. } = kept;
        if anew.contains_key(&step) {
            take(execution, outcome);
        }
    }
    plan
}

fn take(execution: &mut Execution, outcome: &CellOutcome) {
    execution.status = outcome.status;
    execution.effects.clone_from(&outcome.effects);
    execution.bindings.clone_from(&outcome.bindings);
    let outputs = settle(&outcome.outputs).into_iter().map(|output| OutputRecord {
        channel: output.channel,
        format: output.format,
        digest: digest(&output.bytes),
        bytes: output.bytes.len() as u64,
        volatile: output.volatile,
    });
    execution.outputs = outputs.collect();
}
