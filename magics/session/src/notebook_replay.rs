//! Replaying a notebook's file: what is read, where, and what is said of it.

use std::path::{Path, PathBuf};

use kernwerk_core::{Output, Problem, Table, Verdict};
use kernwerk_promote::{NotebookReplay, NotebookSpec, replay_notebook};
use kernwerk_render::{Report, read_notebook};
use kernwerk_store::Lab;

use crate::columns::{numbers, table, texts};
use crate::place::Guarded;
use crate::report::{Wanted, agreement, facts, network, report_cell};
use crate::verbs::promote::beginning;
use crate::{Answer, Context};

/// A file of this size is no notebook that anybody could open.
const LARGEST: u64 = 512 << 20;

/// What a replay of a notebook is asked for beside the notebook itself.
pub(crate) struct Wishes<'a> {
    pub order: kernwerk_promote::CellOrder,
    pub level: Option<kernwerk_promote::Level>,
    pub live: bool,
    pub reports: &'a [String],
}

/// Replays the notebook that `given` names.
pub(crate) fn replay(context: &Context<'_>, given: &str, wishes: &Wishes<'_>) -> Result<Answer, Problem> {
    let path = context.path(given);
    let wanted = Wanted::new(context, wishes.reports, &Guarded::default())?;
    let is_itself = |file: &&String| is_same(&context.path(file), &path);
    if let Some(file) = wishes.reports.iter().find(is_itself) {
        return Err(Problem::new("BadReport", format!("a report would take the place of the notebook {file}"))
            .with_hint("give the report another name"));
    }
    let spec = NotebookSpec {
        notebook: read(&path, given)?,
        path: path.clone(),
        order: wishes.order,
        level: wishes.level,
        live: wishes.live,
        principal: context.principal_name(),
    };
    let lab = lab_of(context, &path)?;
    let runner = context.runner()?;
    let replay = context.block_on(replay_notebook(lab.as_ref(), &spec, runner.as_ref(), context.work()))?;
    let name = path.file_name().map_or_else(|| given.to_owned(), |name| name.to_string_lossy().into_owned());
    let title = title(&name, &replay);
    let mut output = Output::table(cell_table(&replay)?).with_title(title.clone()).with_verdict(replay.verdict);
    if let Some(cell) = replay.first_divergence() {
        let difference = cell.difference.as_deref().unwrap_or("its results differ");
        output = output.with_note(format!("{} is the first to diverge: {difference}", replay.called(cell)));
    }
    output = replay.findings.iter().chain(&replay.notes).cloned().fold(output, Output::with_note);
    let output = wanted.write(context, output, || Ok(report(&name, &title, &replay, &spec, lab.as_ref())))?;
    Ok(output.volatile().into())
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn read(path: &Path, given: &str) -> Result<kernwerk_core::StoredNotebook, Problem> {
    let unread =
        |reason: String| Problem::new("BadNotebook", format!("{given} cannot be read as a notebook: {reason}"));
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Problem::new("NoNotebook", format!("there is no notebook {}", path.display()))
            .with_hint("what ends in `.ipynb` is the path of a notebook; an artifact is named as in `fares@1`"),
        _ => unread(error.to_string()),
    })?;
    if !metadata.is_file() {
        return Err(unread("it is no file".to_owned()));
    }
    if metadata.len() > LARGEST {
        return Err(unread(format!("it has {} bytes, and up to {LARGEST} are read", metadata.len())));
    }
    let bytes = std::fs::read(path).map_err(|error| unread(error.to_string()))?;
    read_notebook(&bytes).map_err(|error| unread(error.message).with_hint_if(error.hint.map(str::to_owned)))
}

/// The lab that the notebook lies in: this session's, or another.
fn lab_of(context: &Context<'_>, path: &Path) -> Result<Option<Lab>, Problem> {
    let path =
        path.canonicalize().map_err(|error| Problem::new("FileFailed", format!("{}: {error}", path.display())))?;
    let Some(root) = path.parent().and_then(Lab::find) else { return Ok(None) };
    match context.existing_lab()? {
        Some(lab) if is_same(lab.root(), &root) => Ok(Some(lab)),
        _ => Ok(Some(Lab::open(&root)?)),
    }
}

fn title(name: &str, replay: &NotebookReplay) -> String {
    match (replay.verdict, replay.agreement()) {
        (Verdict::Passed, Some(agreement)) => {
            let compared: usize = replay.cells.iter().map(|cell| cell.compared).sum();
            format!("{name} replays: all {compared} results are {agreement}")
        }
        (Verdict::Undecided, _) => format!("{name} could not be replayed"),
        _ => format!("{name} does not replay"),
    }
}

/// Cell by cell, how the run agreed with the file, with the numbers that the cells had.
fn cell_table(replay: &NotebookReplay) -> Result<Table, Problem> {
    let cells = &replay.cells;
    let left_out = |words: &[String]| (!words.is_empty()).then(|| words.join("; "));
    let mut table = table(vec![
        ("cell", numbers(cells.iter().map(|cell| i64::from(cell.step)))),
        ("in", texts(replay.counts.iter().map(|count| count.map(|count| count.to_string())))),
        ("code", texts(cells.iter().map(|cell| Some(beginning(&cell.text))))),
        ("agreement", texts(cells.iter().map(|cell| Some(agreement(cell))))),
        ("compared", numbers(cells.iter().map(|cell| cell.compared as i64))),
        ("difference", texts(cells.iter().map(|cell| cell.difference.clone()))),
        ("not compared", texts(cells.iter().map(|cell| left_out(&cell.not_compared)))),
        ("seconds", texts(cells.iter().map(|cell| Some(format!("{:.1}", cell.wall_seconds))))),
    ])?;
    table.volatile = vec!["seconds".to_owned()];
    Ok(table)
}

fn report(name: &str, title: &str, replay: &NotebookReplay, spec: &NotebookSpec, lab: Option<&Lab>) -> Report {
    let label = |count: &Option<u32>| count.map(|count| format!("In[{count}]"));
    let cells = replay.cells.iter().zip(&replay.counts);
    let language = [Some(spec.notebook.language.clone()), spec.notebook.language_version.clone()];
    let language: Vec<String> = language.into_iter().flatten().collect();
    let place = |path: &PathBuf| path.display().to_string();
    let told = vec![
        ("notebook", place(&spec.path)),
        ("kernel", spec.notebook.kernel.clone().unwrap_or_default()),
        ("written in", language.join(" ")),
        ("replayed with", replay.python.clone().unwrap_or_default()),
        ("cells", format!("{} of {}", replay.cells.len(), replay.total)),
        ("order", spec.order.to_string()),
        ("ran in a copy of", place(&replay.home)),
        ("lab", lab.map(|lab| lab.root().display().to_string()).unwrap_or_default()),
        ("level", replay.level.name().to_owned()),
        ("network", network(replay.network.as_ref())),
    ];
    Report {
        artifact: name.to_owned(),
        expected: "in the notebook",
        title: title.to_owned(),
        verdict: replay.verdict,
        facts: facts(told),
        findings: replay.findings.clone(),
        notes: replay.notes.clone(),
        cells: cells.map(|(cell, count)| report_cell(cell, replay.is_python, replay.level, label(count))).collect(),
    }
}
