//! What each execution does to the names of its notebook, as the slicer counts it: what it reads, surely redefines, and may
//! change. Aliases, failures and immutable names of Rust are worked in here, so that the slicer itself only follows edges.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::{CellStatus, Language, PythonNames, RustNames, Touch};

use super::change::{Items, Known};
use super::files::SideEffects;
use super::functions::{Function, Functions};
use super::is_state;
use super::python::python_literals;
use super::scan::{Facts, scan};
use super::types::{Kind, holds_code, is_counted, is_handle, is_program, kind, leads_elsewhere, may_be_address};
use crate::execution::Execution;

/// What tells values that can be called from functions of the same name.
const VALUE: &str = "let";

/// With which values of the parameters the cells may run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Values {
    /// Those that they ran with: what a cell did not do then, it does not do.
    #[default]
    Recorded,
    /// Any: a cell may do what it was not seen to do.
    Any,
}

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
    /// Names among these that it gave another value as a whole: what changed them before does not count any more.
    pub assigns: BTreeSet<String>,
    /// Names among those that it changes or defines that write to a file.
    pub handles: BTreeSet<String>,
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

    /// Whether its text has calls that write files.
    pub fn writes_files(&self) -> bool {
        self.ran && self.is_untraced() && (self.facts.effects.writes || self.barrier)
    }

    /// Whether it may read and write files without a trace.
    pub fn is_untraced(&self) -> bool {
        self.facts.code || self.barrier
    }
}

/// The flow of a whole log, execution by execution.
pub(crate) fn flow(log: &[Execution], values: Values) -> Vec<Step> {
    let mut scope = Scope { values, ..Scope::default() };
    let mut steps = Vec::with_capacity(log.len());
    for (index, execution) in log.iter().enumerate() {
        let step = scope.step(execution, index + 1 == log.len());
        if step.ran {
            scope.follow(execution, &step);
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
            self.scope.follow(execution, &step);
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
    /// What the notebook's own items are.
    items: Items,
    /// What they, and values that can be called, do outside of their variables.
    functions: Functions,
    values: Values,
}

#[derive(Clone, Debug)]
struct Origin {
    /// Rust declares the name without `mut`, or a magic bound it: only a shared value changes behind it.
    immutable: bool,
    /// The value can change behind an immutable name, or through another name.
    shared: bool,
    /// A variable has the name. Items of Rust are compiled anew with each cell that comes later, and nothing of their state lives on.
    is_variable: bool,
    /// As the compiler tells it.
    type_name: Option<String>,
}

impl Origin {
    /// Whether the value may tell what was done elsewhere, by what it shares or by how many share it.
    fn may_tell(&self) -> bool {
        self.shared || self.type_name.as_deref().is_some_and(is_counted)
    }

    fn known(&self) -> Known<'_> {
        Known { type_name: self.type_name.as_deref(), mutable: !self.immutable, shared: self.shared }
    }
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
            Language::Python => python_facts(&execution.text, names.python.as_ref()),
        };
        let mut reads: BTreeSet<String> = names.uses.union(&names.mutates).cloned().collect();
        let reached = self.reached(names.rust.as_ref(), &reads, &facts);
        facts.effects.join(&reached);
        // A program that is ready to run writes files in whichever cell it runs.
        let runs =
            |name: &String| names.rust.as_ref().and_then(|rust| self.type_of(rust, name)).is_some_and(is_program);
        facts.effects.writes |= reads.iter().any(runs);
        let barrier = names.barrier || facts.effects.process;
        if barrier {
            // Opaque text can mean a variable or a file only by naming it.
            reads.extend(words(&execution.text).filter(|word| self.origins.contains_key(*word)).map(str::to_owned));
            facts.effects.literals.extend(shell_words(&execution.text).map(str::to_owned));
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
        step.changes = match &execution.names.rust {
            Some(rust) if !barrier => self.changes_in_rust(rust, &step),
            _ => self.changes(execution, &step),
        };
        define(execution, &mut step, self.values);
        if let (Some(rust), false) = (&execution.names.rust, step.broke_off) {
            let is_variable = |name: &&String| self.origins.get(*name).is_some_and(|origin| origin.is_variable);
            step.assigns = rust.assigns.iter().filter(is_variable).cloned().collect();
            step.changes.extend(step.assigns.iter().cloned());
            if self.values == Values::Any {
                step.changes.extend(step.assigns.iter().flat_map(|name| self.groups.of(name)));
            }
            let touched = step.defines.iter().chain(&step.changes);
            let is_handle = |name: &&String| self.type_of(rust, name).is_some_and(is_handle);
            step.handles = touched.filter(is_handle).cloned().collect();
        }
        step
    }

    /// What a cell does by way of functions: those that it names, and those of the types of what it reads.
    fn reached(&self, rust: Option<&RustNames>, reads: &BTreeSet<String>, facts: &Facts) -> SideEffects {
        let types = reads.iter().filter_map(|name| self.type_of(rust?, name)).flat_map(words);
        self.functions.reached(facts.names.iter().map(String::as_str).chain(types), &facts.functions)
    }

    /// The type of a variable that a cell names.
    fn type_of<'a>(&'a self, cell: &'a RustNames, name: &str) -> Option<&'a str> {
        let known = || self.origins.get(name).and_then(|origin| origin.type_name.as_ref());
        cell.types.get(name).or_else(known).map(String::as_str)
    }

    /// The names whose values a cell of Rust may change, by how it touches them, and those that may share a value with them.
    fn changes_in_rust(&self, rust: &RustNames, step: &Step) -> BTreeSet<String> {
        let mut changed = BTreeSet::new();
        for name in &step.reads {
            let is_changed = match self.origins.get(name) {
                // With other values an operator, a count of references or a lock may tell what was done.
                Some(origin) if origin.is_variable && self.values == Values::Any && origin.may_tell() => true,
                Some(origin) if origin.is_variable => self.items.changes(rust, name, &origin.known()),
                // Items have no values.
                Some(_) => false,
                // What nobody defined may be a variable that a macro made.
                None => {
                    let touches = rust.touches.get(name).into_iter().flatten();
                    touches.into_iter().any(|touch| matches!(touch, Touch::Written | Touch::Method(_)))
                }
            };
            if is_changed {
                changed.insert(name.clone());
                if self.origins.get(name).is_some_and(|origin| origin.shared) {
                    changed.extend(self.groups.of(name));
                }
            }
        }
        changed
    }

    /// The names whose values a cell may change of whose touches nothing is known: those that its analysis says, those that may share a value with
    /// them, and in Rust every shared value that it reads.
    fn changes(&self, execution: &Execution, step: &Step) -> BTreeSet<String> {
        let is_rust = execution.language == Language::Rust;
        let perhaps =
            execution.names.python.as_ref().filter(|_| self.values == Values::Any).map(|python| &python.perhaps);
        let left = execution.names.python.as_ref().filter(|_| self.values == Values::Recorded);
        let is_left = |name: &String| left.is_some_and(|python| python.unchanged.contains(name));
        let mut changed = BTreeSet::new();
        for name in &step.reads {
            let origin = self.origins.get(name);
            let shared = origin.is_some_and(|origin| origin.shared);
            let immutable = is_rust && origin.is_some_and(|origin| origin.immutable);
            let may = perhaps.is_some_and(|perhaps| perhaps.contains(name));
            let said = (execution.names.mutates.contains(name) || may) && !immutable && !is_left(name);
            let touched = is_rust && shared && step.is_untraced();
            if said || touched {
                changed.insert(name.clone());
            }
            if touched || (said && shared && !is_state(name)) {
                changed.extend(self.groups.of(name).filter(|other| !is_left(other)));
            }
        }
        changed
    }

    /// Takes in what the cell defined, and which values it may have brought together.
    fn follow(&mut self, execution: &Execution, step: &Step) {
        let is_rust = execution.language == Language::Rust;
        let rust = execution.names.rust.as_ref();
        rust.into_iter().for_each(|rust| self.items.learn(rust));
        self.learn_functions(rust, step);
        let reads_shared = step.reads.iter().any(|name| self.origins.get(name).is_some_and(|origin| origin.shared));
        // In Python every value may have several names; in Rust only where the text shows how.
        let shared = !is_rust || step.facts.shared || reads_shared;
        for name in &step.defines {
            let immutable = is_rust && !step.facts.mutable.contains(name);
            let is_variable = step.is_variable(name);
            let type_name = rust.filter(|_| is_variable).and_then(|rust| rust.types.get(name)).cloned();
            let shared = type_name.as_ref().map_or(shared, |name| self.is_shared(name, shared, step));
            let mut origin = Origin { immutable, shared, is_variable, type_name };
            match self.origins.get(name).filter(|_| step.is_item(name) && !step.has_one_namespace) {
                // A variable of the same name lives on beside the item.
                Some(old) => {
                    origin.immutable &= old.immutable;
                    origin.shared |= old.shared;
                    origin.is_variable |= old.is_variable;
                    origin.type_name = origin.type_name.or_else(|| old.type_name.clone());
                }
                None => self.groups.leave(name),
            }
            self.origins.insert(name.clone(), origin);
        }
        for name in &step.changes {
            let fresh = Origin { immutable: false, shared, is_variable: true, type_name: None };
            let origin = self.origins.entry(name.clone()).or_insert(fresh);
            // The type says it where it is known.
            origin.shared |= shared && origin.type_name.is_none();
            // A cell that broke off may have redefined the name, perhaps as `mut`.
            origin.immutable &= !step.broke_off;
            if step.broke_off && execution.names.defines.contains(name) {
                (origin.type_name, origin.is_variable) = (None, true);
                origin.shared |= shared;
            }
        }
        match rust {
            Some(rust) => self.join(rust, step),
            None if shared => self.meet(execution.names.python.as_ref(), step),
            None => {}
        }
    }

    /// Puts the names together whose values share something behind a cell of another language. With other values others may.
    fn meet(&mut self, python: Option<&PythonNames>, step: &Step) {
        match python.and_then(|python| python.shares.as_ref()) {
            Some(shares) if self.values == Values::Recorded => {
                shares.groups.iter().for_each(|group| self.groups.join(group.iter()));
            }
            _ => {
                let is_apart = |name: &&String| python.is_some_and(|python| python.apart.contains(*name));
                let meeting = step.reads.iter().chain(&step.defines).chain(&step.changes);
                self.groups.join(meeting.filter(|name| !is_state(name) && !is_apart(name)));
            }
        }
    }

    /// Takes in the functions of a cell, and its values that can be called: they do what their cell does.
    fn learn_functions(&mut self, rust: Option<&RustNames>, step: &Step) {
        step.facts.functions.iter().for_each(|function| self.functions.learn(function.clone()));
        for name in step.defines.iter().chain(&step.changes).filter(|name| !step.facts.items.contains(*name)) {
            let type_name = rust.and_then(|rust| self.type_of(rust, name));
            if type_name.is_some_and(|name| holds_code(name, &self.items.structures)) {
                let (effects, names) = (step.facts.effects.clone(), BTreeSet::new());
                self.functions.learn(Function { name: name.clone(), of: Some(VALUE.to_owned()), effects, names });
            } else {
                self.functions.forget(name, VALUE);
            }
        }
    }

    /// Whether the values of a type can change behind a name. Where the type does not tell, the cell that makes one does: `evidence`.
    fn is_shared(&self, type_name: &str, evidence: bool, step: &Step) -> bool {
        match kind(type_name, &self.items.structures) {
            Kind::Shared => true,
            Kind::Untold => evidence,
            Kind::Plain => step.facts.addresses && may_be_address(type_name),
        }
    }

    /// Puts the names together whose values a cell of Rust may have brought together.
    fn join(&mut self, rust: &RustNames, step: &Step) {
        let value = |name: &String| self.origins.get(name).filter(|origin| origin.is_variable);
        let made = || step.defines.iter().chain(&step.changes);
        // A cell that only looks at values leaves them where they are.
        if !made().any(|name| value(name).is_some_and(|origin| origin.shared)) {
            return;
        }
        let leads =
            |origin: &Origin| origin.shared && origin.type_name.as_ref().is_none_or(|name| leads_elsewhere(name));
        let points = step.facts.addresses || made().any(|name| value(name).is_some_and(leads));
        let is_lent = |name: &String| {
            let touches = rust.touches.get(name).into_iter().flatten();
            touches.into_iter().any(|touch| !matches!(touch, Touch::Read | Touch::Shown))
        };
        let meets = |name: &&String| value(name).is_some_and(|origin| origin.shared || (points && is_lent(name)));
        let meeting: Vec<String> = step.reads.iter().chain(made()).filter(meets).cloned().collect();
        self.groups.join(meeting.iter());
    }
}

/// Sorts the names that the cell defines into those that surely hold what it gave them and those that may.
fn define(execution: &Execution, step: &mut Step, values: Values) {
    let names = execution.names.python.as_ref();
    for name in &execution.names.defines {
        // Where magics alone broke off, those before the failure have bound their names and the others have not.
        let is_bound = |names: &PythonNames| values == Values::Recorded && names.bound.contains(name);
        let is_sure = names.is_none_or(|names| !names.maybe.contains(name) || is_bound(names));
        if is_sure && (!step.broke_off || (!step.facts.code && step.bound.contains(name))) {
            step.defines.insert(name.clone());
        } else if step.facts.code {
            step.changes.insert(name.clone());
        }
    }
}

/// Which names may share a value: a partition of the names.
#[derive(Default)]
struct Groups {
    of: BTreeMap<String, usize>,
    /// The number of the next group.
    next: usize,
}

impl Groups {
    /// Puts the names, and all that share a group with any of them, into one group.
    fn join<'a>(&mut self, names: impl Iterator<Item = &'a String> + Clone) {
        let old: BTreeSet<usize> = names.clone().filter_map(|name| self.of.get(name).copied()).collect();
        let fresh = self.next;
        self.next += 1;
        for group in self.of.values_mut().filter(|group| old.contains(group)) {
            *group = fresh;
        }
        self.of.extend(names.map(|name| (name.clone(), fresh)));
    }

    fn leave(&mut self, name: &str) {
        self.of.remove(name);
    }

    /// The names that may share a value with `name`.
    fn of(&self, name: &str) -> impl Iterator<Item = String> + '_ {
        let group = self.of.get(name);
        self.of.iter().filter(move |(_, other)| group == Some(*other)).map(|(name, _)| name.clone())
    }
}

/// Python's names were read when the session logged the cell; what is left is whether it defines code that runs later, and
/// its texts, which may be paths of files.
fn python_facts(text: &str, names: Option<&PythonNames>) -> Facts {
    let effects = SideEffects {
        literals: python_literals(text),
        writes: names.is_some_and(|names| names.writes_files),
        reads_hidden: names.is_some_and(|names| names.reads_hidden),
        magics: names.is_some_and(|names| names.chooses_magics),
        ..SideEffects::default()
    };
    let late = words(text).any(|word| matches!(word, "def" | "lambda" | "class"));
    Facts { code: true, late, effects, ..Facts::default() }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// The words of opaque text as a shell would see them: any of them may be a file.
fn shell_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "\"'`;|&<>()=".contains(c)).filter(|word| !word.is_empty())
}
