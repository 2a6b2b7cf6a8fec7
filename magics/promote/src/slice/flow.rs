//! What each execution does to the names of its notebook, as the slicer counts it: what it reads, surely redefines, and may
//! change. Aliases, failures and immutable names of Rust are worked in here, so that the slicer itself only follows edges.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::{CellStatus, Language};

use super::python::python_literals;
use super::scan::{Facts, scan};
use crate::execution::Execution;

/// An execution's part in the flow of names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Step {
    /// Took part: it ran, at least to some point. Others are left out whatever they name.
    pub ran: bool,
    /// Ran, but not to its end: what it defines it may not have defined.
    pub broke_off: bool,
    /// Names that it needs from before; a name that it changes is one of them.
    pub reads: BTreeSet<String>,
    /// Names that hold after it what it gave them, whatever was before.
    pub defines: BTreeSet<String>,
    /// Names that it may have changed, or may have redefined before it broke off.
    pub changes: BTreeSet<String>,
    /// Every later cell may depend on it.
    pub barrier: bool,
    /// Its language does not tell items from variables.
    pub has_one_namespace: bool,
    /// Names that magics bound.
    pub bound: BTreeSet<String>,
    /// What its text shows.
    pub facts: Facts,
}

impl Step {
    /// Whether the name, which it defines, may be that of a variable.
    pub fn is_variable(&self, name: &str) -> bool {
        self.has_one_namespace || self.bound.contains(name) || self.facts.variables.contains(name)
    }

    /// Whether the name, which it defines, may be that of an item. In Rust items hide no variables, and variables hide no
    /// items from other items.
    pub fn is_item(&self, name: &str) -> bool {
        self.has_one_namespace || self.facts.items.contains(name) || !self.is_variable(name)
    }

    /// Whether it may read and write files without a trace.
    pub fn is_untraced(&self) -> bool {
        self.facts.code || self.barrier
    }
}

/// The flow of a whole log, execution by execution.
pub(crate) fn flow(log: &[Execution]) -> Vec<Step> {
    let mut scope = Scope::default();
    let mut steps = Vec::with_capacity(log.len());
    for (index, execution) in log.iter().enumerate() {
        let step = scope.step(execution, index + 1 == log.len());
        if step.ran {
            scope.follow(index, execution, &step);
        }
        steps.push(step);
    }
    steps
}

/// The flow of a log that grows.
#[derive(Default)]
pub(crate) struct Flow {
    pub steps: Vec<Step>,
    scope: Scope,
}

impl Flow {
    /// Another execution has ended.
    pub fn push(&mut self, execution: &Execution) {
        let step = self.scope.step(execution, false);
        if step.ran {
            self.scope.follow(self.steps.len(), execution, &step);
        }
        self.steps.push(step);
    }
}

/// What is known of the names at one point of the log.
#[derive(Default)]
struct Scope {
    /// How the value of each name came about.
    origins: BTreeMap<String, Origin>,
    /// Names in one group may be names of one value.
    groups: Groups,
}

#[derive(Clone, Copy, Debug)]
struct Origin {
    /// Rust declares the name without `mut`, or a magic bound it: only a shared value changes behind it.
    immutable: bool,
    /// The value can change behind an immutable name, or through another name.
    shared: bool,
}

impl Scope {
    fn step(&self, execution: &Execution, is_last: bool) -> Step {
        let names = &execution.names;
        let ran = match execution.status {
            CellStatus::Rejected => false,
            // The newest cell is the one that asks; an older one was lost with its process.
            CellStatus::Running => !is_last,
            CellStatus::Ok | CellStatus::Error | CellStatus::Interrupted => true,
        };
        let mut facts = match execution.language {
            Language::Rust => scan(&execution.text),
            Language::Python => python_facts(&execution.text),
        };
        let barrier = names.barrier || facts.process;
        let mut reads: BTreeSet<String> = names.uses.union(&names.mutates).cloned().collect();
        if barrier {
            // Opaque text can mean a variable or a file only by naming it.
            reads.extend(words(&execution.text).filter(|word| self.origins.contains_key(*word)).map(str::to_owned));
            facts.literals.extend(shell_words(&execution.text).map(str::to_owned));
        }
        let mut step = Step {
            ran,
            broke_off: ran && execution.status != CellStatus::Ok,
            reads,
            barrier,
            has_one_namespace: execution.language == Language::Python,
            bound: execution.bound().map(str::to_owned).collect(),
            facts,
            ..Step::default()
        };
        step.changes = self.changes(execution, &step);
        define(execution, &mut step);
        step
    }

    /// The names whose values the cell may change: those that its analysis says, those that may share a value with them, and
    /// in Rust every shared value that it touches.
    fn changes(&self, execution: &Execution, step: &Step) -> BTreeSet<String> {
        let is_rust = execution.language == Language::Rust;
        let mut changed = BTreeSet::new();
        for name in &step.reads {
            let origin = self.origins.get(name);
            let shared = origin.is_some_and(|origin| origin.shared);
            let immutable = is_rust && origin.is_some_and(|origin| origin.immutable);
            let said = execution.names.mutates.contains(name) && !immutable;
            let touched = is_rust && shared && step.is_untraced();
            if said || touched {
                changed.insert(name.clone());
            }
            if touched || (said && shared) {
                changed.extend(self.groups.of(name));
            }
        }
        changed
    }

    /// Takes in what the cell defined, and which values it may have brought together.
    fn follow(&mut self, index: usize, execution: &Execution, step: &Step) {
        let is_rust = execution.language == Language::Rust;
        let reads_shared = step.reads.iter().any(|name| self.origins.get(name).is_some_and(|origin| origin.shared));
        // In Python every value may have several names; in Rust only where the text shows how.
        let shared = !is_rust || step.facts.shared || reads_shared;
        for name in &step.defines {
            let immutable = is_rust && !step.facts.mutable.contains(name);
            let mut origin = Origin { immutable, shared };
            match self.origins.get(name).filter(|_| step.is_item(name)) {
                // A variable of the same name lives on beside the item.
                Some(old) => {
                    origin.immutable &= old.immutable;
                    origin.shared |= old.shared;
                }
                None => self.groups.leave(name),
            }
            self.origins.insert(name.clone(), origin);
        }
        for name in &step.changes {
            let origin = self.origins.entry(name.clone()).or_insert(Origin { immutable: false, shared });
            origin.shared |= shared;
            // A cell that broke off may have redefined the name, perhaps as `mut`.
            origin.immutable &= !step.broke_off;
        }
        if shared {
            let meeting = step.reads.iter().chain(&step.defines).chain(&step.changes);
            self.groups.join(meeting, index);
        }
    }
}

/// Sorts the names that the cell defines into those that surely hold what it gave them and those that may.
fn define(execution: &Execution, step: &mut Step) {
    for name in &execution.names.defines {
        // Where magics alone broke off, those before the failure have bound their names and the others have not.
        if !step.broke_off || (!step.facts.code && step.bound.contains(name)) {
            step.defines.insert(name.clone());
        } else if step.facts.code {
            step.changes.insert(name.clone());
        }
    }
}

/// Which names may share a value: a partition of the names.
#[derive(Default)]
struct Groups(BTreeMap<String, usize>);

impl Groups {
    /// Puts the names, and all that share a group with any of them, into the group `fresh`.
    fn join<'a>(&mut self, names: impl Iterator<Item = &'a String> + Clone, fresh: usize) {
        let old: BTreeSet<usize> = names.clone().filter_map(|name| self.0.get(name).copied()).collect();
        for group in self.0.values_mut().filter(|group| old.contains(group)) {
            *group = fresh;
        }
        self.0.extend(names.map(|name| (name.clone(), fresh)));
    }

    fn leave(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// The names that may share a value with `name`.
    fn of(&self, name: &str) -> impl Iterator<Item = String> + '_ {
        let group = self.0.get(name);
        self.0.iter().filter(move |(_, other)| Some(*other) == group).map(|(name, _)| name.clone())
    }
}

/// Python's names were read when the session logged the cell; what is left is whether it defines code that runs later, and
/// its texts, which may be paths of files.
fn python_facts(text: &str) -> Facts {
    Facts {
        code: true,
        late: words(text).any(|word| matches!(word, "def" | "lambda" | "class")),
        literals: python_literals(text),
        ..Facts::default()
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// The words of opaque text as a shell would see them: any of them may be a file.
fn shell_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "\"'`;|&<>()=".contains(c)).filter(|word| !word.is_empty())
}
