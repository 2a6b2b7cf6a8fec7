//! The verbs of `%promote`.

mod alias;
mod approve;
mod card;
mod diff;
mod export;
mod gates;
mod history;
mod key;
mod list;
mod param;
mod plan;
mod prune;
mod publish;
mod replay;
mod restore;
mod rollback;
mod run;
mod runs;
mod sbom;
mod show;
mod sign;
mod stage;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use kernwerk_core::{Output, Problem, Table};
use kernwerk_promote::{Approval, CellReport, Event, GateReport, Level, PlanSpec, PublishSpec, Signed, State, Target};

use crate::columns::{numbers, table, texts};
use crate::notebook::{Meant, meant};
use crate::parameters::parameters_in;
use crate::report::agreement;
use crate::verb::{Entry, entry};
use crate::{Answer, Context};

/// A column of code leaves room for what is said of the cells.
const LONGEST_BEGINNING: usize = 40;

pub(crate) static VERBS: &[Entry] = &[
    entry::<param::Param>(),
    entry::<plan::Plan>(),
    entry::<gates::Gates>(),
    entry::<publish::Publish>(),
    entry::<list::List>(),
    entry::<show::Show>(),
    entry::<verify::Verify>(),
    entry::<replay::Replay>(),
    entry::<run::Run>(),
    entry::<runs::Runs>(),
    entry::<diff::Diff>(),
    entry::<card::Card>(),
    entry::<sbom::Sbom>(),
    entry::<key::Key>(),
    entry::<sign::Sign>(),
    entry::<stage::Stage>(),
    entry::<approve::Approve>(),
    entry::<alias::Alias>(),
    entry::<rollback::Rollback>(),
    entry::<history::History>(),
    entry::<prune::Prune>(),
    entry::<restore::Restore>(),
    entry::<export::Export>(),
];

/// What a slice holds besides what is known to belong to it.
#[derive(clap::Args)]
pub(crate) struct More {
    /// A file that cells read without a magic
    #[arg(long = "input", value_name = "FILE", requires = "target")]
    inputs: Vec<String>,
    /// A cell that the target needs although nothing shows it, by its number in `In [7]`
    #[arg(long, value_name = "CELL", requires = "target")]
    keep: Vec<String>,
}

/// The number of a cell that is to be kept, as people write it.
fn kept_count(cell: &str) -> Result<u32, Problem> {
    match cell.parse() {
        Ok(Target::Cell(count)) => Ok(count),
        Ok(Target::Variable(_)) | Err(_) => {
            Err(Problem::new("NoSuchCell", format!("--keep {cell}: that is no number of a cell"))
                .with_hint("cells are named as in `In [7]`: --keep 7"))
        }
    }
}

/// What a plan or a publication aims at: in this notebook, or in the one that is named or meant.
fn plan_spec(context: &Context<'_>, target: &str, notebook: Option<&str>, more: More) -> Result<PlanSpec, Problem> {
    let lab = context.lab()?;
    let target: Target = target.parse().map_err(Problem::from)?;
    let More { inputs: files, keep } = more;
    let keep = keep.iter().map(|cell| kept_count(cell)).collect::<Result<_, _>>()?;
    let declared = files.iter().map(|file| lab.relative(&context.path(file))).collect();
    let Meant { notebook, process, directory } = meant(context, notebook)?;
    let directory = lab.relative(&directory);
    Ok(PlanSpec { notebook, process, directory, target, keep, declared, parameters: parameters_in })
}

/// What is published, or would be, of a target: with its gates.
fn publish_spec(
    context: &Context<'_>,
    name: String,
    plan: PlanSpec,
    suites: &[String],
) -> Result<PublishSpec, Problem> {
    // Of another notebook the record of cells tells, and no variable of this process.
    let is_here = plan.process == Some(context.process());
    let variable = match &plan.target {
        Target::Variable(name) if is_here => Some(name.clone()),
        _ => None,
    };
    let value = variable.as_deref().map(|name| context.value(name)).transpose()?.flatten();
    Ok(PublishSpec {
        plan,
        value: value.as_ref().map(|value| value.digest.clone()),
        known: context.known(variable.as_deref(), value),
        lock: context.crate_lock().filter(|_| is_here),
        name,
        level: Level::Bytes,
        live: false,
        record: false,
        ignored_headers: BTreeSet::new(),
        principal: context.principal_name(),
        toolchain: toolchain(),
        attestations: BTreeMap::new(),
        gates: context.gate_spec(suites, is_here)?,
    })
}

/// A header's name (RFC 9110, 5.1), in lower case.
fn header_name(text: &str) -> Result<String, String> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter);
    if text.is_empty() || !text.chars().all(is_letter) {
        return Err("it is no name of a header, such as `X-Lap`; its value is not given".to_owned());
    }
    Ok(text.to_ascii_lowercase())
}

/// The gates, a row each.
fn gate_table(gates: &[GateReport]) -> Result<Table, Problem> {
    table(vec![
        ("gate", texts(gates.iter().map(|report| Some(report.gate.clone())))),
        ("state", texts(gates.iter().map(|report| Some(report.state.to_string())))),
        ("policy", texts(gates.iter().map(|report| Some(report.demand.to_string())))),
        ("looked at", texts(gates.iter().map(|report| Some(report.looked_at.clone())))),
        ("why", texts(gates.iter().map(|report| Some(report.why()).filter(|why| !why.is_empty())))),
    ])
}

/// The gates in few lines: those that pass in one, each other one by itself.
fn gate_notes(gates: &[GateReport]) -> Vec<String> {
    let of = |state: State| gates.iter().filter(move |report| report.state == state);
    let names =
        |reports: Vec<&GateReport>| reports.iter().map(|report| report.gate.as_str()).collect::<Vec<_>>().join(", ");
    let (passed, unmeasured) = (names(of(State::Pass).collect()), names(of(State::Unmeasured).collect()));
    let mut notes = Vec::new();
    if !passed.is_empty() {
        notes.push(format!("gates that pass: {passed}"));
    }
    notes.extend(of(State::Fail).map(|report| format!("{report} (told, for it is not required)")));
    if !unmeasured.is_empty() {
        notes.push(format!("gates that are unmeasured: {unmeasured}; `%promote gates` says why"));
    }
    notes
}

/// A published artifact: for examples.
const PUBLISHED: &[&str] = &[
    "%feature source rides rides.csv --event-time pickup",
    "%feature sql \"SELECT zone, avg(fare) AS fare FROM rides GROUP BY zone ORDER BY zone\" -> fares",
    "%promote publish fares --target fares",
];

/// An artifact of which there are two versions, both of which have been in production, and a key: for examples.
const HISTORY: &[&str] = &[
    "%promote key ada --directory keys",
    "%feature source rides rides.csv --event-time pickup",
    "%feature sql \"SELECT zone, avg(fare) AS fare FROM rides GROUP BY zone ORDER BY zone\" -> fares",
    "%promote publish fares --target fares",
    "%feature sql \"SELECT zone, max(fare) AS fare FROM rides GROUP BY zone ORDER BY zone\" -> fares",
    "%promote publish fares --target fares",
    "%promote stage fares@1 production",
    "%promote stage fares@2 production",
];
/// An artifact with a parameter, in production: for examples.
const DEAR: &[&str] = &[
    "%feature source rides rides.csv --event-time pickup",
    "%promote param least=10",
    "%feature sql \"SELECT * FROM rides WHERE fare >= $least\" -> dear",
    "%promote publish dear --target dear",
    "%promote stage dear@1 production",
];
/// The same, before the second went into production.
const TWO_VERSIONS: &[&str] = HISTORY.split_at(HISTORY.len() - 1).0;

/// Who approved a version for what, and whose approval is signed; none where nobody did.
fn approved(approvals: &[Approval]) -> Option<String> {
    let words: Vec<String> =
        approvals.iter().map(|given| format!("for {} by {} ({})", given.stage, given.by, given.signed)).collect();
    Some(words.join(", ")).filter(|words| !words.is_empty())
}

/// What was entered into the history, in one line.
fn entered(event: &Event, words: &str) -> Answer {
    let Event { artifact, version, label, by, .. } = event;
    let signed = if event.signed == Signed::No { String::new() } else { format!(", {}", event.signed) };
    let words = format!("{artifact}@{version} {words} {label}");
    Output::text(format!("{} (by {by}{signed})", words.trim_end()))
        .with_note(format!("`%promote history {artifact}` shows what was where and when"))
        .volatile()
        .into()
}

/// Such as `rustc 1.95.0 (…)`; none without a toolchain.
fn toolchain() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Cell by cell, how a run agreed with what was recorded. How long it took changes from run to run.
fn cell_table(cells: &[CellReport]) -> Result<Table, Problem> {
    let mut table = table(vec![
        ("cell", numbers(cells.iter().map(|cell| i64::from(cell.step)))),
        ("code", texts(cells.iter().map(|cell| Some(beginning(&cell.text))))),
        ("agreement", texts(cells.iter().map(|cell| Some(agreement(cell))))),
        ("compared", numbers(cells.iter().map(|cell| cell.compared as i64))),
        ("difference", texts(cells.iter().map(|cell| cell.difference.clone()))),
        ("seconds", texts(cells.iter().map(|cell| Some(format!("{:.1}", cell.wall_seconds))))),
    ])?;
    table.volatile = vec!["seconds".to_owned()];
    Ok(table)
}

/// The beginning of a cell, by which people know it.
pub(crate) fn beginning(text: &str) -> String {
    let line = telling_line(text);
    if line.chars().count() <= LONGEST_BEGINNING {
        return line.to_owned();
    }
    line.chars().take(LONGEST_BEGINNING - 1).chain(['…']).collect()
}

/// The first line of a cell that says what it does.
fn telling_line(text: &str) -> &str {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    // What a cell depends on says less of it than what it does.
    lines().find(|line| !line.starts_with(':')).or_else(|| lines().next()).unwrap_or_default()
}
