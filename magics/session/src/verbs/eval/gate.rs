//! `%eval gate`: whether a suite's latest run is good enough.

use kernwerk_core::{Access, Output, Problem};
use kernwerk_eval::{Gated, State, StoredSuite};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::{Demand, GateReport};

use super::{HANDBOOK, QUALITY, QUESTIONS, floats, record_run, record_suite, texts};
use crate::verbs::table;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Gate {
    #[arg(value_name = "SUITE")]
    suite: String,
}

impl Verb for Gate {
    const MAGIC: &'static str = "eval";
    const NAME: &'static str = "gate";
    const ABOUT: &'static str =
        "judge a suite's latest run: pass, fail or unmeasured; in a shell the exit code is 0, 1 or 2";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "whether what was measured is good enough, and of what is there now",
        line: "%eval gate quality",
        body: None,
        setup: &[HANDBOOK, QUESTIONS, QUALITY, "%eval run quality"],
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let gated = judged(context, &self.suite)?;
        let output = shown(&gated)?;
        Ok(match &gated.run {
            Some(run) => output.with_volatile_note(format!("judged is run `{}` of {}", run.reference, run.at)),
            None => output,
        }
        .into())
    }
}

/// The judgement of a suite's latest run, and the record that the cell looked at it.
fn judged(context: &Context<'_>, suite: &str) -> Result<Gated, Problem> {
    let lab = context.lab()?;
    let stored = StoredSuite::find(&lab, suite)?;
    let gated = context.block_on(kernwerk_eval::gate(&lab, &context.principal()?, &stored))?;
    record_suite(context, Access::Read, &stored);
    if let Some(run) = &gated.run {
        record_run(context, &lab, Access::Read, run)?;
    }
    Ok(gated)
}

/// What a publication is told of the suite's gate.
pub(crate) fn gate_of(context: &Context<'_>, suite: &str) -> Result<GateReport, Problem> {
    let gated = judged(context, suite)?;
    let (state, reasons) = match gated.state {
        State::Pass => (kernwerk_promote::State::Pass, Vec::new()),
        State::Unmeasured => (kernwerk_promote::State::Unmeasured, gated.reasons.clone()),
        State::Fail => (kernwerk_promote::State::Fail, gated.failures()),
    };
    let run = gated.run.as_ref();
    Ok(GateReport {
        gate: suite.to_owned(),
        state,
        demand: Demand::Require,
        looked_at: run.map_or("no run of the suite".to_owned(), |run| format!("run `{}` of {}", run.reference, run.at)),
        findings: Vec::new(),
        reasons,
        detail: gated.attestation(),
        remedy: format!("`%eval run {suite}` measures it, `%eval gate {suite}` shows its thresholds"),
    })
}

fn shown(gated: &Gated) -> Result<Output, Problem> {
    let judged = &gated.thresholds;
    let words = |of: fn(&kernwerk_eval::Judged) -> String| texts(judged.iter().map(|judged| Some(of(judged))));
    let shown = table(vec![
        ("metric", words(|judged| judged.threshold.metric.to_string())),
        ("of", words(|judged| judged.threshold.bound.to_string())),
        ("least", floats(judged.iter().map(|judged| Some(judged.threshold.least)))),
        ("value", floats(judged.iter().map(|judged| judged.value))),
        ("state", words(|judged| judged.state.to_string())),
    ])?;
    let output = Output::table(shown)
        .with_title(format!("{}: {}", gated.suite, gated.state))
        .with_verdict(gated.state.verdict());
    let output = gated.reasons.iter().fold(output, |output, reason| output.with_note(format!("unmeasured: {reason}")));
    Ok(match gated.reasons.is_empty() {
        true => output,
        false => output.with_note(format!("`%eval run {}` measures it", gated.suite)),
    })
}
