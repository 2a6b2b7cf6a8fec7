//! The plan of a promotion: which cells the target needs and for what, which are left out and why, what comes from outside,
//! and what stands in the way.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::Path;

use kernwerk_core::{BoundValue, CellId, CellStatus, Language, ModelId, Resource, Work};
use kernwerk_store::Lab;
use uuid::Uuid;

use crate::Error;
use crate::disk::Disk;
use crate::execution::{Execution, label, read_log};
use crate::gates::masked;
use crate::inputs;
use crate::parameters::{self, ReadParameters};
use crate::reason::{Why, WhyNot, noun};
use crate::slice::{Goal, Outside, Slice, Step, Values, Wanted, flow, slice};
use crate::target::{Target, find_cell};

/// What to plan.
#[derive(Clone, Debug)]
pub struct PlanSpec {
    /// The notebook as the record of cells names it; see [`kernwerk_store::NewCell::notebook`].
    pub notebook: String,
    /// The kernel session; none is the notebook's latest.
    pub process: Option<Uuid>,
    /// Where its cells ran, relative to the lab's root; absolute where that is not below it.
    pub directory: String,
    pub target: Target,
    /// Cells that are kept whatever is known of them, by their execution counts.
    pub keep: BTreeSet<u32>,
    /// Files that cells read without a trace, as effects name them: relative to the lab's root, or absolute.
    pub declared: Vec<String>,
    /// Tells the parameters that cells declare.
    pub parameters: ReadParameters,
}

/// The slice of a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub notebook: String,
    /// Where the cells run, relative to the lab's root.
    pub directory: String,
    pub target: Target,
    /// In the order in which they ran.
    pub kept: Vec<Kept>,
    /// In the order in which they began.
    pub left_out: Vec<LeftOut>,
    /// Tables, corpora and files that no kept cell makes.
    pub inputs: Vec<Input>,
    pub models: Vec<ModelId>,
    /// What stands in the way of a promotion, in words.
    pub obstacles: Vec<String>,
    /// What people should know of it, in words.
    pub notes: Vec<String>,
}

impl Plan {
    /// Whether a fresh Python has to run the cells. Magics alone need none, in whichever face they ran.
    pub fn is_python(&self) -> bool {
        self.kept.iter().any(|kept| kept.execution.language == Language::Python)
    }

    /// Cells that are left out and made something, by their execution counts: what is missing in a slice that proves wrong is one of them.
    pub(crate) fn doubtful(&self) -> Vec<u32> {
        let makes = self.left_out.iter().filter(|left| matches!(left.why, WhyNot::Unused | WhyNot::Failed));
        makes.map(|left| left.execution_count).collect()
    }

    /// The place in the slice, from 1, of the last cell that gives the target its value.
    pub(crate) fn target_step(&self) -> u32 {
        let target = self.kept.iter().rposition(Kept::is_target);
        target.map_or(self.kept.len(), |index| index + 1) as u32
    }

    /// The target where it is a variable whose value is asked for when its last cell has ended: any of Python, and of Rust one that the notebook
    /// could tell the value of.
    pub(crate) fn value(&self) -> Option<&str> {
        let Target::Variable(name) = &self.target else { return None };
        let last = self.kept.get(self.target_step().saturating_sub(1) as usize);
        let is_told = last.is_some_and(|kept| kept.execution.bound().any(|bound| bound == name));
        (self.is_python() || is_told).then_some(name)
    }

    /// Takes in that the notebook's target has a value with this digest.
    pub(crate) fn record_value(&mut self, digest: String) {
        let (step, is_python) = (self.target_step(), self.is_python());
        let Target::Variable(name) = self.target.clone() else { return };
        let Some(kept) = self.kept.get_mut(step.saturating_sub(1) as usize) else { return };
        // What a magic bound has been recorded with it.
        if is_python || kept.execution.bound().all(|bound| bound != name) {
            kept.execution.bindings.retain(|bound| bound.name != name);
            kept.execution.bindings.push(BoundValue { name, digest });
        }
    }

    /// The places in the slice, from 1, of the kept cells with these execution counts.
    pub(crate) fn steps_of(&self, counts: &BTreeSet<u32>) -> BTreeSet<u32> {
        let steps = self.kept.iter().zip(1..);
        steps.filter(|(kept, _)| counts.contains(&kept.execution.execution_count)).map(|(_, step)| step).collect()
    }
}

/// A cell of the slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub execution: Execution,
    pub reasons: Vec<Reason>,
    /// Execution counts of the kept cells that it needs.
    pub needs: BTreeSet<u32>,
}

impl Kept {
    /// Whether it gives the target its value, rather than something on the way.
    pub fn is_target(&self) -> bool {
        self.reasons.iter().any(|reason| reason.by.is_none())
    }

    /// Why it is kept, in words: each reason once, with all the cells that need it for that.
    pub fn reasons_in_words(&self) -> Vec<String> {
        let mut grouped: Vec<(&Why, Vec<String>)> = Vec::new();
        for reason in &self.reasons {
            let by = reason.by.map_or_else(|| "the target".to_owned(), label);
            match grouped.iter_mut().find(|(why, _)| *why == &reason.why) {
                Some((_, all)) => all.push(by),
                None => grouped.push((&reason.why, vec![by])),
            }
        }
        let words = |(why, by): (&Why, Vec<String>)| match why {
            Why::Target => why.to_string(),
            why => format!("{why}, for {}", by.join(" and ")),
        };
        grouped.into_iter().map(words).collect()
    }

    /// Whether it failed when it was recorded; it is kept for what it may have done before, and is expected to fail again.
    pub fn fails(&self) -> bool {
        self.execution.status != CellStatus::Ok
    }
}

/// Why a cell is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    pub why: Why,
    /// The execution count of the cell that needs it; none is the target itself.
    pub by: Option<u32>,
}

/// A cell that the target does not need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub id: CellId,
    pub execution_count: u32,
    pub text: String,
    pub why: WhyNot,
}

/// Something from outside that kept cells read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// A table, a corpus or a file.
    pub resource: Resource,
    pub name: String,
    /// Of tables and corpora.
    pub version: Option<u64>,
    /// blake3 of the content.
    pub digest: Option<String>,
    /// Execution counts of the cells that read it.
    pub by: BTreeSet<u32>,
    /// Nobody saw the read: the file's name stands in the text of the cells, or somebody declared it.
    pub presumed: bool,
}

impl Input {
    /// Whether it is one of the files that somebody declared, or lies in a directory among them.
    pub fn is_declared(&self, declared: &[String]) -> bool {
        let name = Path::new(&self.name);
        self.resource == Resource::File && declared.iter().any(|declared| name.starts_with(declared))
    }
}

impl fmt::Display for Input {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} `{}`", noun(self.resource), self.name)?;
        self.version.map_or(Ok(()), |version| write!(out, " version {version}"))
    }
}

/// Plans the promotion of a target from the lab's record of cells.
///
/// # Errors
/// [`Error::NothingRecorded`], [`Error::UnknownCell`], [`Error::UnknownVariable`], [`Error::TargetFailed`]; what stands in
/// the way of a promotion otherwise is in [`Plan::obstacles`].
pub async fn plan(lab: &Lab, spec: &PlanSpec, work: &Work) -> Result<Plan, Error> {
    let log = read_log(lab, &spec.notebook, spec.process)?;
    let disk = inputs::look(lab, &spec.directory, &log, work)?;
    let aim = Aim { target: &spec.target, keep: &spec.keep, parameters: spec.parameters };
    let mut plan = plan_log(&log, &aim, &disk)?;
    plan.notebook.clone_from(&spec.notebook);
    if Path::new(&spec.directory).is_relative() {
        plan.directory.clone_from(&spec.directory);
    }
    plan.obstacles.extend(kept_secrets(&plan.kept));
    parameters::check(&mut plan, &log, spec.parameters);
    inputs::declare(&mut plan, &spec.declared);
    inputs::complete(lab, &mut plan, work).await?;
    Ok(plan)
}

/// What a plan is to hold.
#[derive(Clone, Copy, Debug)]
pub struct Aim<'a> {
    pub target: &'a Target,
    /// Cells that are kept whatever is known of them, by their execution counts.
    pub keep: &'a BTreeSet<u32>,
    /// Tells the parameters that cells declare.
    pub parameters: ReadParameters,
}

/// Plans the promotion of a target from `log`, the executions of one kernel session in order, and what is known of the disk.
/// Inputs are as the log recorded them. Where cells declare parameters, the slice is one for any values of them.
///
/// # Errors
/// As [`plan`], for the target and the cells to keep.
pub fn plan_log(log: &[Execution], aim: &Aim<'_>, disk: &Disk) -> Result<Plan, Error> {
    let &Aim { target, keep, parameters } = aim;
    let declares = |cell: &Execution| cell.status == CellStatus::Ok && !parameters(&cell.text).is_empty();
    let parameters: BTreeSet<usize> = (0..log.len()).filter(|index| declares(&log[*index])).collect();
    let values = if parameters.is_empty() { Values::Recorded } else { Values::Any };
    let steps = flow(log, values);
    let goal = target.find(log, &steps)?;
    let asked = keep.iter().map(|count| find_cell(*count, log)).collect::<Result<_, _>>()?;
    let slice = slice(log, &steps, disk, &Wanted { goal: &goal, asked, values, parameters: &parameters });
    if let Some(late) = slice.too_late {
        return Err(Error::KeptTooLate { count: log[late].execution_count, target: target.to_string() });
    }
    let count = |index: &usize| log[*index].execution_count;
    let end = match goal {
        Goal::Execution(index) => index + 1,
        Goal::Name(_) => log.len(),
    };
    let later = Later::new(log, &steps, end);
    let (inputs, models, obstacles) = outside(log, &slice.outside);
    Ok(Plan {
        notebook: String::new(),
        directory: String::new(),
        target: target.clone(),
        kept: kept(log, &slice),
        left_out: (0..log.len())
            .filter(|index| !slice.members.contains_key(index))
            .map(|index| LeftOut {
                id: log[index].id,
                execution_count: count(&index),
                text: log[index].text.clone(),
                why: why_not(log, &steps, index, &later),
            })
            .collect(),
        inputs,
        models,
        obstacles,
        notes: Vec::new(),
    })
}

/// What stands in the way because the record does not have the whole text of a cell.
fn kept_secrets(kept: &[Kept]) -> Vec<String> {
    let of_cell = |cell: &Kept| {
        let Execution { text, effects, .. } = &cell.execution;
        let mut marks = masked(text);
        marks.extend(effects.iter().flat_map(|effect| masked(&effect.name)));
        marks.dedup();
        let told = marks.into_iter().map(|(what, fingerprint)| {
            format!(
                "{} holds a secret ({what}), which is not recorded: read it from the environment, run the cell again, and revoke it, for it \
                 stood in a notebook; if it is none, write its fingerprint `{fingerprint}` below `allow` in [promote.gates] of kernwerk.toml \
                 and run the cell again",
                label(cell.execution.execution_count)
            )
        });
        told.collect::<Vec<_>>()
    };
    kept.iter().flat_map(of_cell).collect()
}

fn kept(log: &[Execution], slice: &Slice) -> Vec<Kept> {
    let count = |index: &usize| log[*index].execution_count;
    let mut needs: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
    for (index, reasons) in &slice.members {
        for by in reasons.iter().filter_map(|(by, _)| *by) {
            needs.entry(by).or_default().insert(count(index));
        }
    }
    let members = slice.members.iter();
    members
        .map(|(index, reasons)| Kept {
            execution: log[*index].clone(),
            reasons: reasons.iter().map(|(by, why)| Reason { why: why.clone(), by: by.as_ref().map(count) }).collect(),
            needs: needs.remove(index).unwrap_or_default(),
        })
        .collect()
}

/// What ran before the target, to be found by what it did. A notebook of thousands of cells is not searched for each of them.
struct Later<'a> {
    /// The target lies before this.
    end: usize,
    /// The executions with each text that ran, in order.
    texts: HashMap<&'a str, Vec<usize>>,
    /// The executions that define each name, in order.
    definers: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Later<'a> {
    fn new(log: &'a [Execution], steps: &'a [Step], end: usize) -> Self {
        let mut later = Self { end, texts: HashMap::new(), definers: HashMap::new() };
        for (index, step) in steps[..end].iter().enumerate().filter(|(_, step)| step.ran) {
            later.texts.entry(&log[index].text).or_default().push(index);
            for name in &step.defines {
                later.definers.entry(name).or_default().push(index);
            }
        }
        later
    }

    /// The first execution after `index` with the same text.
    fn again(&self, index: usize, text: &str) -> Option<usize> {
        after(self.texts.get(text)?, index).first().copied()
    }

    /// The first execution after `index` that defines all that the one there does.
    fn replaces(&self, steps: &[Step], index: usize) -> Option<usize> {
        let defines = &steps[index].defines;
        let definers = self.definers.get(defines.first()?.as_str())?;
        after(definers, index).iter().copied().find(|later| defines.is_subset(&steps[*later].defines))
    }
}

/// Those of `places`, which are in order, that lie after `index`.
fn after(places: &[usize], index: usize) -> &[usize] {
    &places[places.partition_point(|place| *place <= index)..]
}

/// Why the execution at `index` is left out of a slice.
fn why_not(log: &[Execution], steps: &[Step], index: usize, later: &Later<'_>) -> WhyNot {
    let (cell, step) = (&log[index], &steps[index]);
    if cell.status == CellStatus::Rejected {
        return WhyNot::Rejected;
    }
    if !step.ran {
        return WhyNot::Running;
    }
    if index >= later.end {
        return WhyNot::After;
    }
    if let Some(again) = later.again(index, &cell.text) {
        return WhyNot::RanAgain(log[again].execution_count);
    }
    if step.broke_off {
        return WhyNot::Failed;
    }
    if let Some(replaced) = later.replaces(steps, index) {
        return WhyNot::Redefined(log[replaced].execution_count);
    }
    let writes = cell.effects.iter().any(|effect| effect.access == kernwerk_core::Access::Write);
    let makes = writes || step.is_untraced() || !step.defines.is_empty();
    if makes { WhyNot::Unused } else { WhyNot::Reports }
}

type OutsideParts = (Vec<Input>, Vec<ModelId>, Vec<String>);

/// Sorts what comes from outside into inputs, models, and what no promotion can pin.
fn outside(log: &[Execution], outside: &BTreeSet<Outside>) -> OutsideParts {
    let mut inputs: BTreeMap<(Resource, String), Input> = BTreeMap::new();
    let mut models = BTreeSet::new();
    let mut obstacles = BTreeSet::new();
    for read in outside {
        let by = log[read.by].execution_count;
        match read.resource {
            Resource::Model => {
                models.insert(ModelId { name: read.name.clone(), digest: read.digest.clone().unwrap_or_default() });
            }
            Resource::FeatureView | Resource::Artifact | Resource::Suite | Resource::Evaluation => {
                obstacles.insert(format!(
                    "{} uses {} `{}`, which no cell of this kernel session made: run the cell that makes it again",
                    label(by),
                    noun(read.resource),
                    read.name
                ));
            }
            Resource::Table | Resource::Corpus | Resource::File => {
                let key = (read.resource, read.name.clone());
                let input = inputs.entry(key).or_insert_with(|| Input {
                    resource: read.resource,
                    name: read.name.clone(),
                    version: read.version.filter(|_| read.resource != Resource::File),
                    digest: None,
                    by: BTreeSet::new(),
                    presumed: true,
                });
                if let Some(obstacle) = merge(input, read, by) {
                    obstacles.insert(obstacle);
                }
            }
        }
    }
    for pair in models.iter().collect::<Vec<_>>().windows(2) {
        if pair[0].name == pair[1].name {
            obstacles.insert(format!("model `{}` changed between its uses: run the cells again", pair[0].name));
        }
    }
    (inputs.into_values().collect(), models.into_iter().collect(), obstacles.into_iter().collect())
}

/// Adds a read to the input that it is one of; returns what is wrong where the reads do not agree.
fn merge(input: &mut Input, read: &Outside, by: u32) -> Option<String> {
    input.by.insert(by);
    input.presumed &= read.mentioned;
    let version = read.version.filter(|_| read.resource != Resource::File);
    if version.is_some() && input.version.is_some() && version != input.version {
        return Some(format!(
            "{} `{}` was read in several versions that no kept cell wrote: run the cells that read it again",
            noun(read.resource),
            read.name
        ));
    }
    input.version = input.version.or(version);
    if read.digest.is_some() && input.digest.is_some() && read.digest != input.digest {
        return Some(format!(
            "{} `{}` changed between the cells that read it: run them again",
            noun(read.resource),
            read.name
        ));
    }
    input.digest = input.digest.take().or_else(|| read.digest.clone());
    None
}
