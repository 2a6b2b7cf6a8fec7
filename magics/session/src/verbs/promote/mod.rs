//! The verbs of `%promote`.

mod alias;
mod approve;
mod history;
mod key;
mod list;
mod plan;
mod publish;
mod replay;
mod rollback;
mod show;
mod sign;
mod stage;
mod verify;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use kernwerk_core::{Output, Problem, Table};
use kernwerk_promote::{CellReport, Event, PlanSpec, Signed, Target};

use crate::verb::{Entry, entry};
use crate::{Answer, Context};

/// A column of code leaves room for what is said of the cells.
const LONGEST_BEGINNING: usize = 40;

pub(crate) static VERBS: &[Entry] = &[
    entry::<plan::Plan>(),
    entry::<publish::Publish>(),
    entry::<list::List>(),
    entry::<show::Show>(),
    entry::<verify::Verify>(),
    entry::<replay::Replay>(),
    entry::<key::Key>(),
    entry::<sign::Sign>(),
    entry::<stage::Stage>(),
    entry::<approve::Approve>(),
    entry::<alias::Alias>(),
    entry::<rollback::Rollback>(),
    entry::<history::History>(),
];

/// What a plan or a publication aims at: in this notebook, or, in a shell, in the latest session of a named one.
fn plan_spec(
    context: &Context<'_>,
    target: &str,
    notebook: Option<&str>,
    files: Vec<String>,
) -> Result<PlanSpec, Problem> {
    let lab = context.lab()?;
    let target: Target = target.parse().map_err(Problem::from)?;
    let declared = files.iter().map(|file| lab.relative(&context.path(file))).collect();
    Ok(match notebook.map(|notebook| context.path(notebook)) {
        Some(path) => PlanSpec {
            notebook: lab.relative(&path),
            process: None,
            directory: lab.relative(path.parent().unwrap_or(&path)),
            target,
            declared,
        },
        None => PlanSpec {
            notebook: context.notebook(),
            process: Some(context.process()),
            directory: lab.relative(context.directory()),
            target,
            declared,
        },
    })
}

/// An artifact two versions of which there are, for examples.
const TWO_VERSIONS: &[&str] = &[
    "%feature source rides rides.csv --event-time pickup",
    "%feature sql \"SELECT zone, avg(fare) AS fare FROM rides GROUP BY zone ORDER BY zone\" -> fares",
    "%promote publish fares --target fares",
    "%feature sql \"SELECT zone, max(fare) AS fare FROM rides GROUP BY zone ORDER BY zone\" -> fares",
    "%promote publish fares --target fares",
    "%promote stage fares@1 production",
];

/// Who acts: the person that the line names, else the principal of the session, else the user of the machine.
fn signed(context: &Context<'_>, by: Option<String>, why: Option<String>) -> Result<Signed, Problem> {
    let by = by.or_else(|| context.principal_name()).or_else(user).filter(|by| !by.trim().is_empty());
    let nobody = || Problem::new("Nobody", "it is not known who does this").with_hint("name yourself with `--by NAME`");
    Ok(Signed { by: by.ok_or_else(nobody)?, why })
}

/// Where the keys of this user lie: in `directory`, else among the settings of the machine's user.
fn key_directory(context: &Context<'_>, directory: Option<&str>) -> Result<PathBuf, Problem> {
    if let Some(directory) = directory {
        return Ok(context.path(directory));
    }
    let of = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let settings = of("XDG_CONFIG_HOME").or_else(|| of("HOME").map(|home| home.join(".config")));
    let nowhere =
        || Problem::new("NoKeys", "it is not known where keys lie").with_hint("name a place with `--directory`");
    Ok(settings.ok_or_else(nowhere)?.join("kernwerk").join("keys"))
}

/// The user's name on this machine.
fn user() -> Option<String> {
    // Services and containers often run without the variables.
    let asked = || Command::new("id").arg("-un").output().ok().filter(|output| output.status.success());
    let of_system = || asked().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok()).or_else(of_system)
}

/// What was entered into the history, in one line.
fn entered(event: &Event, words: &str) -> Answer {
    let Event { artifact, version, label, by, .. } = event;
    Output::text(format!("{artifact}@{version} {words} {label} (by {by})"))
        .with_note(format!("`%promote history {artifact}` shows what was where and when"))
        .volatile()
        .into()
}

/// Such as `rustc 1.95.0 (…)`; none without a toolchain.
fn toolchain() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A table of short columns, in their order.
fn table(columns: Vec<(&str, ArrayRef)>) -> Result<Table, Problem> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let columns: Vec<ArrayRef> = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(schema.clone(), columns)
        .map_err(|error| Problem::new("InternalError", error.to_string()))?;
    Ok(Table::new(schema, vec![batch]))
}

fn texts(values: impl IntoIterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

fn numbers(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<Int64Array>())
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

/// What was never compared is not called identical.
fn agreement(cell: &CellReport) -> String {
    if cell.compared == 0 { "shows nothing to compare".to_owned() } else { cell.agreement.to_string() }
}

/// The beginning of a cell, by which people know it.
fn beginning(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    if line.chars().count() <= LONGEST_BEGINNING {
        return line.to_owned();
    }
    line.chars().take(LONGEST_BEGINNING - 1).chain(['…']).collect()
}
