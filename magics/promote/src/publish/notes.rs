//! What people should know of a publication, in words.

use kernwerk_core::Network;

use super::PublishSpec;
use super::prepare::Proven;
use crate::bundle::Bundle;
use crate::cassette::unanswered;
use crate::environment::PinnedEnvironment;
use crate::judge::CellReport;
use crate::plan::Plan;
use crate::recording::Recording;
use crate::target::Target;

/// All of them, in the order in which they are told.
pub(super) fn notes(
    spec: &PublishSpec,
    plan: &Plan,
    environment: &PinnedEnvironment,
    proven: &Proven,
    recording: Option<&Recording>,
    bundle: &Bundle,
) -> Vec<String> {
    let mut notes = recording.map(|recording| recording.notes(&bundle.pipeline)).unwrap_or_default();
    notes.extend(proven.run.exchanged.iter().flat_map(unanswered));
    notes.extend(of_cells(plan, &spec.plan.declared, environment, &proven.cells, spec.record));
    notes.extend(told_in_part(plan, bundle));
    if environment.network {
        notes.push("its cells use the network, so what they give may change: replays need `--live`".to_owned());
    }
    if let Network::Unenforced(reason) = &proven.run.network {
        notes.push(format!("the network was not kept away from the proof run: {reason}"));
    }
    notes
}

fn of_cells(
    plan: &Plan,
    declared: &[String],
    environment: &PinnedEnvironment,
    cells: &[CellReport],
    is_recorded: bool,
) -> Vec<String> {
    let mut notes = plan.notes.clone();
    notes.extend(
        environment.variables.iter().map(|(name, value)| format!("`{name}` of the environment is pinned to `{value}`")),
    );
    let need = if is_recorded { "replays do without it" } else { "replays need it" };
    notes.extend(environment.secrets.iter().map(|name| {
        format!("`{name}` of the environment is a secret by its name: its value is no part of the artifact, and {need}")
    }));
    for (report, kept) in cells.iter().zip(&plan.kept) {
        let label = crate::execution::label(kept.execution.execution_count);
        if kept.fails() {
            notes.push(format!("{label} failed in the notebook and is expected to fail again"));
        }
        if let Some(difference) = &report.difference {
            notes.push(format!(
                "{label} is not part of the target and changes from run to run, so it is not compared: {difference}"
            ));
        }
    }
    let is_silent = !cells.iter().zip(&plan.kept).any(|(report, kept)| kept.is_target() && report.compared > 0);
    // Cells of Python that are run afresh tell it in any case.
    if let (true, false, Target::Variable(name)) = (is_silent, plan.is_python(), &plan.target) {
        let rests = match cells.iter().all(|cell| cell.compared == 0) {
            true => {
                "and no cell shows anything, so nothing was compared: the proof says that the cells run, and no more"
            }
            false => "so the proof rests on what other cells show",
        };
        notes.push(format!(
            "nothing tells what `{name}` holds, {rests}. Show it in its cell, or publish from its notebook a variable whose type has `Debug`"
        ));
    }
    let presumed = plan.inputs.iter().filter(|input| input.presumed && !input.is_declared(declared));
    notes.extend(presumed.map(|input| format!("{input} counts as an input because cells name it")));
    notes
}

/// That what tells of the target leaves parts of it out, as the print of a long frame does.
fn told_in_part(plan: &Plan, bundle: &Bundle) -> Option<String> {
    let name = plan.value().filter(|_| !plan.is_python())?;
    let step = bundle.pipeline.steps.get(plan.target_step().checked_sub(1)? as usize)?;
    let file = step.bindings.iter().find(|binding| binding.name == name)?.file.as_ref()?;
    let text = std::str::from_utf8(bundle.files.get(file)?).ok().filter(|_| file.ends_with(".txt"))?;
    let is_cut = text.contains('…') || text.lines().any(|line| matches!(line.trim(), ".." | "..." | "..,"));
    is_cut.then(|| {
        format!(
            "`{name}` is compared by what its `Debug` tells, which leaves parts of it out: a difference there is not seen. A cell that prints all of it, or \
             a digest of it, says more"
        )
    })
}
