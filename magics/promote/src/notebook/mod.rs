//! Replay of a notebook that nobody published: its cells once more in a fresh process, compared with what its file holds. Nothing of
//! it is pinned, so the report says what was found otherwise, and what may be the reason.

mod causes;
mod judge;
mod order;
mod scene;
mod settle;

use std::path::{Path, PathBuf};

use kernwerk_core::{
    CellOutcome, CellStatus, Environment, Network, RunCell, RunError, Runner, StoredCell, StoredNotebook, Verdict, Work,
};
use kernwerk_store::Lab;

use crate::Error;
use crate::compare::{Agreement, Level};
use crate::environment::{PinnedEnvironment, variables_in};
use crate::execution::label;
use crate::judge::{CellReport, error_text};
use crate::run::{Course, Ran, run};

pub use order::CellOrder;

/// So many forms that the notebook lacks are told by themselves.
const TOLD_FORMS: usize = 5;
/// The kernel that runs cells of Rust and magics.
const OURS: &str = "kernwerk";

/// What to replay.
#[derive(Clone, Debug)]
pub struct NotebookSpec {
    /// The notebook's file.
    pub path: PathBuf,
    /// What it holds.
    pub notebook: StoredNotebook,
    pub order: CellOrder,
    /// How well outputs must agree; none is [`NotebookSpec::LEVEL`].
    pub level: Option<Level>,
    /// Cells may use the network.
    pub live: bool,
    pub principal: Option<String>,
}

impl NotebookSpec {
    /// How well outputs must agree where nobody says it: in all but addresses, paths and the bytes of the same pixels.
    pub const LEVEL: Level = Level::Pixels;
}

/// What a replay of a notebook found.
#[derive(Clone, Debug, PartialEq)]
pub struct NotebookReplay {
    pub verdict: Verdict,
    /// The level that was asked for.
    pub level: Level,
    pub is_python: bool,
    /// The Python that ran its cells, such as `CPython 3.11.2`.
    pub python: Option<String>,
    /// The directory that the cells ran in a copy of.
    pub home: PathBuf,
    /// What differs and why it may, or why the run could not be done.
    pub findings: Vec<String>,
    /// The cells that ran, in the order in which they ran. A step is a place among the notebook's cells of code, from 1.
    pub cells: Vec<CellReport>,
    /// The execution count of each of them in the notebook.
    pub counts: Vec<Option<u32>>,
    /// Cells that were to run.
    pub total: usize,
    /// Whether cells could reach the network; none where nothing ran.
    pub network: Option<Network>,
    /// What people should know, in words.
    pub notes: Vec<String>,
}

impl NotebookReplay {
    /// The worst agreement of all that was compared; none unless all cells ran, and where nothing was compared.
    pub fn agreement(&self) -> Option<Agreement> {
        let worst = self.cells.iter().filter(|cell| cell.compared > 0).map(|cell| cell.agreement).max()?;
        (self.cells.len() == self.total).then_some(worst)
    }

    /// The first cell that agrees less well than asked for.
    pub fn first_divergence(&self) -> Option<&CellReport> {
        self.cells.iter().find(|cell| !cell.agreement.reaches(self.level))
    }

    /// How people know a cell: by its place, and by the number that it had.
    pub fn called(&self, cell: &CellReport) -> String {
        let count = self.cells.iter().position(|other| other.step == cell.step).and_then(|place| self.counts[place]);
        count.map_or_else(|| format!("cell {}", cell.step), |count| format!("cell {} ({})", cell.step, label(count)))
    }
}

/// Replays a notebook. `lab` is the one that it lies in, if there is one: its cells read what that holds now, and what they write
/// does not reach it.
///
/// # Errors
/// [`Error::BadNotebook`], and what stands in the way of copying; all that a replay can find out is in the [`NotebookReplay`].
pub async fn replay_notebook(
    lab: Option<&Lab>,
    spec: &NotebookSpec,
    runner: &dyn Runner,
    work: &Work,
) -> Result<NotebookReplay, Error> {
    let is_python = language(spec)?;
    let path = spec.path.canonicalize().map_err(Error::io("find", &spec.path))?;
    let cells = &spec.notebook.cells;
    if !cells.iter().any(order::is_executed) {
        let reason = if cells.is_empty() { "it has no cells of code" } else { "none of its cells was executed" };
        let hint = "run it and save it: what its cells showed is what a replay compares with";
        return Err(Error::BadNotebook { path: spec.path.clone(), reason: reason.to_owned(), hint });
    }
    let places = order::order(cells, spec.order);
    let scene = scene::set(lab, &path, cells, is_python, work).await?;
    let mut replay = NotebookReplay {
        verdict: Verdict::Passed,
        level: spec.level.unwrap_or(NotebookSpec::LEVEL),
        is_python,
        python: None,
        home: scene.home.clone(),
        findings: Vec::new(),
        cells: Vec::new(),
        counts: Vec::new(),
        total: places.len(),
        network: None,
        notes: scene.notes.clone(),
    };
    let mut suspected = order::hidden_state(cells, spec.order);
    if is_python {
        match runner.environment(&[], work) {
            Ok(now) => suspected.extend(python(&mut replay, &spec.notebook, &now)),
            Err(RunError::Cancelled(cancelled)) => return Err(cancelled.into()),
            Err(error) => return Ok(not_run(replay, error.to_string())),
        }
    }
    let run = Run { spec, scene: &scene, places: &places, runner };
    let outcomes = run.again(&mut replay, work)?;
    if let Some(place) = replay.cells.iter().position(|cell| !cell.agreement.reaches(replay.level)) {
        let ran: Vec<_> = places[..=place].iter().map(|place| &cells[*place]).zip(&outcomes).collect();
        suspected.extend(causes::likely(&ran, is_python, replay.network.as_ref(), &scene));
        replay.findings.extend(suspected.into_iter().map(|cause| format!("likely cause: {cause}")));
    } else {
        replay.notes.extend(suspected);
    }
    tell(&mut replay, cells, &places, is_python);
    Ok(replay)
}

/// Whether it is written in Python; else it is of our kernel.
fn language(spec: &NotebookSpec) -> Result<bool, Error> {
    let StoredNotebook { language, kernel, .. } = &spec.notebook;
    let is_ours = kernel.as_deref() == Some(OURS);
    match language.as_str() {
        "python" | "ipython" => Ok(true),
        "rust" if is_ours || kernel.is_none() => Ok(false),
        "" if is_ours => Ok(false),
        "" if kernel.as_deref().is_some_and(|kernel| kernel.starts_with("python")) => Ok(true),
        language => {
            let reason = match (language, kernel) {
                ("", None) => "it does not say which kernel it was run with".to_owned(),
                ("", Some(kernel)) => format!("it was run with the kernel `{kernel}`"),
                (language, Some(kernel)) => format!("it was run with the kernel `{kernel}` ({language})"),
                (language, None) => format!("it is written in {language}"),
            };
            let hint = "notebooks of the kernel `kernwerk` and of Python can be replayed";
            Err(Error::BadNotebook { path: spec.path.clone(), reason, hint })
        }
    }
}

/// What the Python is that runs the cells, and how it differs from the notebook's.
fn python(replay: &mut NotebookReplay, notebook: &StoredNotebook, now: &Environment) -> Option<String> {
    replay.python = Some(format!("{} {}", now.implementation, now.version));
    let then = notebook.language_version.as_deref().filter(|then| *then != now.version)?;
    Some(format!("Python is {} here, and was {then}", now.version))
}

fn not_run(replay: NotebookReplay, reason: String) -> NotebookReplay {
    let mut findings = replay.findings;
    findings.push(format!("could not run: {reason}"));
    NotebookReplay { verdict: Verdict::Undecided, findings, ..replay }
}

/// What runs again, and where.
struct Run<'a> {
    spec: &'a NotebookSpec,
    scene: &'a scene::Scene,
    /// The places of the cells, in the order in which they run.
    places: &'a [usize],
    runner: &'a dyn Runner,
}

impl Run<'_> {
    /// Runs the cells and judges them.
    fn again(&self, replay: &mut NotebookReplay, work: &Work) -> Result<Vec<CellOutcome>, Error> {
        let Run { spec, scene, places, runner } = *self;
        let cells = &spec.notebook.cells;
        let run_cells = places.iter().zip(1..).map(|(place, ordinal)| RunCell {
            ordinal,
            source: cells[*place].source.clone(),
            may_fail: judge::fails(&cells[*place]) || !order::is_executed(&cells[*place]),
            values: Vec::new(),
        });
        let names = places.iter().flat_map(|place| variables_in(&cells[*place].source, replay.is_python));
        let environment = PinnedEnvironment::of_names(names, spec.live);
        let course = Course {
            principal: spec.principal.as_deref(),
            cells: run_cells.collect(),
            python: replay.is_python,
            surroundings: environment.surroundings(spec.live),
            // A notebook's file says nothing of versions.
            lock: None,
            cassette: None,
            shown: true,
            task: "replay",
        };
        let (mut outcomes, mut cut_off) = match run(runner, &scene.mirror, course, work)? {
            Ran::Done(result) => {
                replay.network = Some(result.network);
                (result.outcomes, None)
            }
            Ran::NotStarted(reason) => (Vec::new(), Some(reason)),
            Ran::Died { ordinal, reason, outcomes } => {
                let step = places.get(ordinal.saturating_sub(1) as usize).map_or(0, |place| place + 1);
                (outcomes, Some(format!("the process ended in cell {step}: {reason}")))
            }
        };
        // Without what a cell needs to run at all it says nothing of what was stored.
        let lacking = |(place, outcome): (&usize, &CellOutcome)| lacks(&cells[*place], outcome);
        if let Some((at, reason)) =
            places.iter().zip(&outcomes).enumerate().find_map(|(at, ran)| Some((at, lacking(ran)?)))
        {
            cut_off = cut_off.or_else(|| Some(format!("cell {}: {reason}", places[at] + 1)));
            outcomes.truncate(at);
        }
        let at = judge::Places { copy: &scene.mirror.lab, home: &scene.home };
        for (place, outcome) in places.iter().zip(&outcomes) {
            let number = u32::try_from(place + 1).unwrap_or(u32::MAX);
            replay.cells.push(judge::against_stored(number, &cells[*place], outcome, at));
            replay.counts.push(cells[*place].execution_count);
        }
        self.decide(replay, cut_off);
        Ok(outcomes)
    }

    fn decide(&self, replay: &mut NotebookReplay, cut_off: Option<String>) {
        let rest: Vec<String> = self.places[replay.cells.len()..].iter().map(|place| (place + 1).to_string()).collect();
        let compared: usize = replay.cells.iter().map(|cell| cell.compared).sum();
        replay.verdict = if replay.first_divergence().is_some() {
            Verdict::Failed
        } else if cut_off.is_some() || !rest.is_empty() || compared == 0 {
            Verdict::Undecided
        } else {
            Verdict::Passed
        };
        if let Some(reason) = cut_off {
            replay.findings.push(format!("could not run: {reason}"));
        } else if compared == 0 && rest.is_empty() {
            replay.findings.push("its cells ran, and show nothing that could be compared".to_owned());
        }
        match rest.as_slice() {
            [] => {}
            [one] => replay.findings.push(format!("cell {one} did not run")),
            [first, .., last] => {
                replay.findings.push(format!("{} cells did not run, from cell {first} to cell {last}", rest.len()))
            }
        }
    }
}

/// What a cell says that failed, and did not when the notebook was saved, for want of a toolchain or of a package.
fn lacks(cell: &StoredCell, outcome: &CellOutcome) -> Option<String> {
    let words = error_text(outcome).filter(|_| outcome.status != CellStatus::Ok && !judge::fails(cell))?;
    let name = words.split(':').next().unwrap_or_default();
    (name == "ModuleNotFoundError" || name.ends_with("RustToolchain")).then_some(words)
}

/// What people should know, whatever came out.
fn tell(replay: &mut NotebookReplay, cells: &[StoredCell], places: &[usize], is_python: bool) {
    let left_out: usize = replay.cells.iter().map(|cell| cell.not_compared.len()).sum();
    if left_out > 0 {
        let words = if left_out == 1 { "1 thing was".to_owned() } else { format!("{left_out} things were") };
        replay.notes.push(format!("{words} not compared; the table and reports say which"));
    }
    let lost: Vec<String> = replay
        .cells
        .iter()
        .flat_map(|cell| cell.not_compared.iter().map(move |reason| (cell, reason)))
        .filter(|(_, reason)| judge::is_of_lost_form(reason))
        .map(|(cell, reason)| format!("{}: {reason}", replay.called(cell)))
        .collect();
    let more = lost.len().saturating_sub(TOLD_FORMS);
    replay.notes.extend(lost.into_iter().take(TOLD_FORMS));
    if more > 0 {
        replay.notes.push(format!("and {more} more of such forms"));
    }
    let mut variables: Vec<String> =
        places.iter().flat_map(|place| variables_in(&cells[*place].source, is_python)).collect();
    variables.retain(|name| std::env::var_os(name).is_some());
    variables.sort_unstable();
    variables.dedup();
    if !variables.is_empty() {
        replay.notes.push(format!(
            "variables of the environment are not pinned and had their values of now: {}",
            variables.join(", ")
        ));
    }
    match &replay.network {
        Some(Network::Unenforced(reason)) => {
            replay.notes.push(format!("that cells do without the network is unenforced: {reason}"));
        }
        Some(Network::Open) => replay.notes.push("cells were free to use the network (`--live`)".to_owned()),
        Some(Network::Off) | None => {}
    }
}

/// Whether a word names a notebook's file rather than an artifact.
pub fn is_notebook(word: &str) -> bool {
    Path::new(word).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("ipynb"))
}
