//! The backward slice: which executions a target needs, and for what.
//!
//! Edges are the union of static ones, from the names in the cells' texts, and dynamic ones, from what the cells were seen
//! to read and write. Both err on the side of keeping too much; the proof run then shows that it is enough.

mod change;
mod effects;
mod files;
mod flow;
mod functions;
mod items;
mod library;
mod python;
mod scan;
mod types;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::{Access, Effect, Resource};

use crate::disk::Disk;
use crate::execution::Execution;
use crate::reason::Why;
pub(crate) use effects::{crates, effect};
pub(crate) use flow::{Flow, Step, Values, flow};

/// Whether a cell's text has Rust code beside its magics.
pub(crate) fn has_code(text: &str) -> bool {
    scan::scan(text).code
}

/// The string literals in a cell's text.
pub(crate) fn literals(text: &str, is_python: bool) -> BTreeSet<String> {
    if is_python { python::python_literals(text) } else { scan::literals(text) }
}

/// Begins the names of generators that modules hide, as the record of cells of Python has them.
const GENERATOR: &str = "generator ";
/// Names that each cell has, where no other has given them to something else.
const OF_EVERY_CELL: [&str; 5] = ["kernwerk", "lab", "magic", "progress", "show"];

/// Where a slice starts from.
#[derive(Clone, Debug)]
pub(crate) enum Goal {
    /// This execution.
    Execution(usize),
    /// The value that this name has in the end.
    Name(String),
}

/// Why an execution is kept: `why`, for the execution `by` (none: for the target itself).
pub(crate) type Need = (Option<usize>, Why);

/// A read that no execution in the log has written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Outside {
    pub resource: Resource,
    pub name: String,
    pub version: Option<u64>,
    pub digest: Option<String>,
    pub by: usize,
    /// Nobody saw the read; the name of the file stands in the text of the cell.
    pub mentioned: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Slice {
    /// The executions kept, with the reasons.
    pub members: BTreeMap<usize, BTreeSet<Need>>,
    pub outside: BTreeSet<Outside>,
    /// An execution that somebody asks to keep, and that ran behind all that the target needs.
    pub too_late: Option<usize>,
}

/// What a slice is to hold.
pub(crate) struct Wanted<'a> {
    pub goal: &'a Goal,
    /// Executions that somebody asks to keep.
    pub asked: BTreeSet<usize>,
    pub values: Values,
    /// Executions that declare parameters.
    pub parameters: &'a BTreeSet<usize>,
}

/// Slices `log`, whose flow with the values that are wanted is `steps`.
pub(crate) fn slice(log: &[Execution], steps: &[Step], disk: &Disk, wanted: &Wanted<'_>) -> Slice {
    let depend = match wanted.values {
        Values::Recorded => Vec::new(),
        Values::Any => values::dependents(steps, wanted.parameters),
    };
    let slicer = Slicer { values: wanted.values, depend, ..Slicer::new(log, steps, disk) };
    sliced(slicer, wanted.goal, &wanted.asked)
}

/// The executions that a fresh process has to run to have the value of `name`, where the lab and the disk still have what was written to them.
pub(crate) fn slice_of_name(log: &[Execution], steps: &[Step], name: &str) -> BTreeSet<usize> {
    let disk = Disk::default();
    let slicer = Slicer { written_stays: true, ..Slicer::new(log, steps, &disk) };
    sliced(slicer, &Goal::Name(name.to_owned()), &BTreeSet::new()).members.into_keys().collect()
}

fn sliced(mut slicer: Slicer<'_>, goal: &Goal, asked: &BTreeSet<usize>) -> Slice {
    match goal {
        Goal::Execution(index) => slicer.keep(*index, None, Why::Target),
        Goal::Name(name) => slicer.names(slicer.log.len(), None, &BTreeSet::from([name.clone()])),
    }
    slicer.follow();
    slicer.asked(asked);
    slicer.follow();
    slicer.barriers();
    slicer.follow();
    while slicer.implementations() || (slicer.values == Values::Any && slicer.other_values()) {
        slicer.follow();
    }
    slicer.slice
}

/// The executions that give the one at `index` the values of the names that it reads, and which.
pub(crate) fn needs(log: &[Execution], steps: &[Step], index: usize) -> BTreeMap<usize, BTreeSet<Why>> {
    needs_before(log, steps, index, &steps[index].reads)
}

/// The executions that give these names the values that they have in the end, and which.
pub(crate) fn needs_of_names(
    log: &[Execution],
    steps: &[Step],
    names: &BTreeSet<String>,
) -> BTreeMap<usize, BTreeSet<Why>> {
    needs_before(log, steps, log.len(), names)
}

/// The executions before `end` that give these names their values there, and which.
pub(crate) fn needs_before(
    log: &[Execution],
    steps: &[Step],
    end: usize,
    names: &BTreeSet<String>,
) -> BTreeMap<usize, BTreeSet<Why>> {
    let disk = Disk::default();
    let mut slicer = Slicer::new(log, steps, &disk);
    slicer.names(end, None, names);
    let members = slicer.slice.members.into_iter();
    members.map(|(index, needs)| (index, needs.into_iter().map(|(_, why)| why).collect())).collect()
}

/// Whether the name is that of a state behind functions, such as `generator random`, and none that a cell could define.
fn is_state(name: &str) -> bool {
    name.contains(' ')
}

struct Slicer<'a> {
    log: &'a [Execution],
    steps: &'a [Step],
    disk: &'a Disk,
    slice: Slice,
    /// Members whose own needs are still to be found.
    open: Vec<usize>,
    /// What is read from the lab and the disk needs no cell that writes it.
    written_stays: bool,
    values: Values,
    /// Of each execution, where any values count, whether it depends on a parameter.
    depend: Vec<bool>,
}

impl<'a> Slicer<'a> {
    fn new(log: &'a [Execution], steps: &'a [Step], disk: &'a Disk) -> Self {
        Self {
            log,
            steps,
            disk,
            slice: Slice::default(),
            open: Vec::new(),
            written_stays: false,
            values: Values::Recorded,
            depend: Vec::new(),
        }
    }

    fn keep(&mut self, index: usize, by: Option<usize>, why: Why) {
        let reasons = self.slice.members.entry(index).or_insert_with(|| {
            self.open.push(index);
            BTreeSet::new()
        });
        reasons.insert((by, why));
    }

    fn follow(&mut self) {
        while let Some(index) = self.open.pop() {
            let steps = self.steps;
            self.names(index, Some(index), &steps[index].reads);
            if steps[index].facts.calls {
                self.traits(index, Some(index), index, None);
            }
            if !self.written_stays {
                self.resources(index);
                self.mentioned_files(index);
                self.hidden_files(index);
            }
        }
    }

    /// The executions before `end` that ran, latest first.
    fn before(&self, end: usize) -> impl Iterator<Item = (usize, &'a Step)> + use<'a> {
        self.steps[..end].iter().enumerate().rev().filter(|(_, step)| step.ran)
    }

    /// Keeps what gives `names` their values just before the execution at `end`.
    fn names(&mut self, end: usize, by: Option<usize>, names: &BTreeSet<String>) {
        let mut wanted: Vec<String> = names.iter().cloned().collect();
        let mut seen: BTreeSet<String> = names.clone();
        let mut has_macro = false;
        while let Some(name) = wanted.pop() {
            let (origins, is_known) = self.name(end, by, &name);
            // What an item names and nobody defines was there when the item was compiled, before it.
            if !is_known && !is_state(&name) && (names.contains(&name) || has_macro) {
                self.unknown_name(end, by, &name);
            }
            for origin in origins {
                has_macro |= self.steps[origin].facts.macros;
                // What it defines looks its names up when it is used, which is here; its own may be others by now.
                let later = self.steps[origin].reads.union(&self.log[origin].names.defines);
                wanted.extend(later.filter(|name| seen.insert((*name).clone())).cloned());
                if self.steps[origin].facts.calls {
                    let since = (!self.steps[origin].facts.macros).then_some(origin);
                    self.traits(end, by, origin, since);
                }
            }
        }
    }

    /// Keeps what gives `name` its value before `end`: the last definition of a variable and the last of an item of that
    /// name, and all changes since. Returns those whose items look names up later, and whether there is a definition.
    fn name(&mut self, end: usize, by: Option<usize>, name: &str) -> (Vec<usize>, bool) {
        let mut late = Vec::new();
        // Of a generator that nobody begins from a seed, what was drawn before makes no difference: the next is chance in any case.
        let begins = |(index, _): (usize, &Step)| self.log[index].names.defines.contains(name);
        if name.starts_with(GENERATOR) && !self.before(end).any(begins) {
            return (late, true);
        }
        let (mut is_variable_known, mut is_item_known) = (false, false);
        // What is given another value as a whole still needs the cell that declares it.
        let mut is_assigned = self.steps.get(end).is_some_and(|step| step.assigns.contains(name));
        for (index, step) in self.before(end) {
            let named = self.log[index].names.defines.contains(name);
            let is_new = (!is_variable_known && step.is_variable(name)) || (!is_item_known && step.is_item(name));
            let why = match (step.defines.contains(name), step.changes.contains(name)) {
                (true, _) if is_new => {
                    is_variable_known |= step.is_variable(name);
                    is_item_known |= step.is_item(name);
                    Why::Defines
                }
                (_, true) if named && is_new => Why::MayDefine,
                (_, true) if !is_variable_known && !is_assigned => Why::Changes,
                _ => continue,
            };
            is_assigned |= step.assigns.contains(name);
            self.keep(index, by, why(name.to_owned()));
            // The value of a variable was made when its cell ran.
            late.extend((step.facts.late && step.is_item(name) && self.may_call(index, name)).then_some(index));
            if is_variable_known && is_item_known {
                break;
            }
        }
        (late, is_variable_known || is_item_known)
    }

    /// Whether what a cell has given a name can call anything, as far as is known.
    fn may_call(&self, index: usize, name: &str) -> bool {
        let python = self.log[index].names.python.as_ref().filter(|_| self.values == Values::Recorded);
        let shares = python.and_then(|python| python.shares.as_ref());
        shares.is_none_or(|shares| shares.with_code.contains(name))
    }

    /// Keeps the cells that make names which their texts do not spell out.
    fn unknown_name(&mut self, end: usize, by: Option<usize>, name: &str) {
        if OF_EVERY_CELL.contains(&name) {
            return;
        }
        let mut seen = BTreeSet::new();
        for (index, _) in self.before(end) {
            let cell = &self.log[index];
            if cell.names.defines_any && seen.insert(cell.text.as_str()) {
                self.keep(index, by, Why::Serves(name.to_owned()));
            }
        }
    }

    fn resources(&mut self, user: usize) {
        let log = self.log;
        for effect in &log[user].effects {
            match (effect.access, effect.resource) {
                (Access::Read, Resource::File) => self.file(user, effect),
                (Access::Read, Resource::Model) => self.outside(user, effect),
                (Access::Read, _) => self.version(user, effect),
                (Access::Write, Resource::Corpus) => self.grown(user, effect),
                (Access::Write, _) => {}
            }
        }
    }

    /// Writes of the resource before the execution at `end`, latest first.
    fn writes(
        &self,
        end: usize,
        resource: Resource,
        name: &str,
    ) -> impl Iterator<Item = (usize, &'a Effect)> + use<'a> {
        let (log, name) = (self.log, name.to_owned());
        let is_write = move |effect: &&'a Effect| {
            effect.access == Access::Write && effect.resource == resource && effect.name == name
        };
        self.before(end).filter_map(move |(index, _)| Some((index, log[index].effects.iter().rfind(&is_write)?)))
    }

    /// Keeps what wrote the version of a table, corpus, view or artifact that `effect` read.
    fn version(&mut self, user: usize, effect: &Effect) {
        let own = self.log[user].effects.iter().any(|other| {
            let same = other.resource == effect.resource && other.name == effect.name;
            same && other.access == Access::Write && (effect.version.is_none() || other.version == effect.version)
        });
        let exact = self
            .writes(user, effect.resource, &effect.name)
            .find(|(_, write)| effect.version.is_some() && write.version == effect.version);
        let unversioned = self
            .writes(user, effect.resource, &effect.name)
            .find(|(_, write)| effect.version.is_none() || write.version.is_none());
        match exact.or(unversioned) {
            Some((writer, _)) => self.keep(writer, Some(user), Why::wrote(effect)),
            None if own => {}
            None => self.outside(user, effect),
        }
    }

    /// Keeps what the write of a corpus builds on: documents are added to those that are there. To take the same documents
    /// in again gives the same corpus, so an earlier execution of the same cell is not needed, unless the cell also looks
    /// into the corpus.
    fn grown(&mut self, user: usize, effect: &Effect) {
        let cell = &self.log[user];
        let looks = cell
            .effects
            .iter()
            .any(|other| (other.access, other.resource, &other.name) == (Access::Read, Resource::Corpus, &effect.name));
        let earlier = self
            .writes(user, Resource::Corpus, &effect.name)
            .find(|(index, _)| looks || self.log[*index].text != cell.text);
        if let Some((writer, write)) = earlier {
            self.keep(writer, Some(user), Why::wrote(write));
        }
    }

    fn outside(&mut self, by: usize, effect: &Effect) {
        self.slice.outside.insert(Outside {
            resource: effect.resource,
            name: effect.name.clone(),
            version: effect.version,
            digest: effect.digest.clone(),
            by,
            mentioned: false,
        });
    }

    /// Keeps the executions that somebody asks for.
    fn asked(&mut self, asked: &BTreeSet<usize>) {
        let Some(last) = self.slice.members.keys().next_back().copied() else { return };
        self.slice.too_late = asked.range(last + 1..).next().copied();
        asked.range(..=last).for_each(|index| self.keep(*index, Some(last), Why::Asked));
    }

    /// Keeps the barriers before the last member.
    fn barriers(&mut self) {
        let Some(last) = self.slice.members.keys().next_back().copied() else {
            return;
        };
        for (index, step) in self.before(last) {
            if step.barrier && !self.slice.members.contains_key(&index) {
                let by = self.slice.members.range(index..).next().map(|(member, _)| *member);
                self.keep(index, by, Why::Barrier);
            }
        }
    }
}
