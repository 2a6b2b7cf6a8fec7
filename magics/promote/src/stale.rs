//! Which cells are stale: what they read has changed since they ran. The edges are those of the slicer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kernwerk_core::{Access, CellStatus, Effect, Language, Names, Resource};

use crate::execution::{Execution, label};
use crate::reason::{Why, noun};
use crate::slice::{Flow, Step, needs, needs_of_names};

/// The cells of a running notebook, in the order in which they ended.
#[derive(Default)]
pub struct Watch {
    log: Vec<Execution>,
    flow: Flow,
    /// What each execution has from which earlier ones.
    needs: Vec<BTreeMap<usize, BTreeSet<Why>>>,
    /// Which cell each one is an execution of.
    cells: Vec<CellKey>,
    /// The latest execution of each cell that ran.
    latest: BTreeMap<CellKey, usize>,
}

/// The identity of a cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum CellKey {
    /// As the front end gives it.
    Given(String),
    /// Without one, the same text is the same cell.
    Text(String),
}

impl CellKey {
    fn new(text: &str, cell: Option<&str>) -> Self {
        cell.map_or_else(|| Self::Text(text.to_owned()), |cell| Self::Given(cell.to_owned()))
    }
}

/// A cell whose inputs have changed since it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// Its latest execution, as in `In [7]`.
    pub execution_count: u32,
    pub text: String,
    pub causes: Vec<Cause>,
}

/// Why a cell is stale.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The cell that gave it the name has run again.
    RanAgain { name: String, from: u32, again: u32 },
    /// The cell that gave it the name is stale itself.
    Follows { name: String, from: u32 },
    /// What it read from the lab or the disk has another content now.
    Replaced { resource: Resource, name: String, version: Option<u64> },
}

/// A value that code would read although the cell that made it is stale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleRead {
    pub name: String,
    /// The stale cell, as in `In [7]`.
    pub from: u32,
    pub cause: Cause,
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RanAgain { name, from, again } => {
                write!(out, "`{name}` came from {}, which ran again as {}", label(*from), label(*again))
            }
            Self::Follows { name, from } => write!(out, "`{name}` came from {}, which is stale", label(*from)),
            Self::Replaced { resource, name, version } => {
                write!(out, "{} `{name}` has changed", noun(*resource))?;
                match version.filter(|_| *resource != Resource::File) {
                    Some(version) => write!(out, ": it was read in version {version}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl fmt::Display for StaleRead {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` is stale: since {} made it, {}", self.name, label(self.from), self.cause.since())
    }
}

impl Cause {
    /// Behind "since In[3] made it,".
    fn since(&self) -> String {
        match self {
            Self::RanAgain { name, from, again } => {
                format!("`{name}` has changed ({} ran again as {})", label(*from), label(*again))
            }
            Self::Follows { name, from } => format!("what `{name}` of {} was made from has changed", label(*from)),
            Self::Replaced { resource, name, .. } => format!("{} `{name}` has changed", noun(*resource)),
        }
    }
}

impl Watch {
    /// An execution has ended. `cell` is the front end's identity of its cell: without one the same text is the same cell.
    pub fn push(&mut self, execution: Execution, cell: Option<String>) {
        self.flow.push(&execution);
        let (index, key) = (self.log.len(), CellKey::new(&execution.text, cell.as_deref()));
        self.log.push(execution);
        self.needs.push(needs(&self.log, &self.flow.steps, index));
        if self.flow.steps[index].ran {
            self.latest.insert(key.clone(), index);
        }
        self.cells.push(key);
    }

    /// The executions, and what each does to the names.
    pub(crate) fn log(&self) -> (&[Execution], &[Step]) {
        (&self.log, &self.flow.steps)
    }

    /// The stale cells, in the order in which they ran. `is_current` tells whether what an effect read is still what it was;
    /// none where that cannot be told.
    pub fn stale(&self, is_current: impl Fn(&Effect) -> Option<bool>) -> Vec<Stale> {
        let stale = self.causes(is_current).into_iter().filter(|(index, _)| self.again(*index).is_none());
        let told = stale.map(|(index, causes)| Stale {
            execution_count: self.log[index].execution_count,
            text: self.log[index].text.clone(),
            causes,
        });
        told.collect()
    }

    /// All executions whose inputs have changed since, also those of cells that have run again.
    pub fn stale_executions(&self, is_current: impl Fn(&Effect) -> Option<bool>) -> Vec<Stale> {
        let told = self.causes(is_current).into_iter().map(|(index, causes)| Stale {
            execution_count: self.log[index].execution_count,
            text: self.log[index].text.clone(),
            causes,
        });
        told.collect()
    }

    /// The stale values that code which touches `names` would read, each name once. The cell `cell` itself, with this text, is
    /// left out: it is about to be made anew.
    pub fn stale_reads(&self, names: &Names, text: &str, cell: Option<&str>) -> Vec<StaleRead> {
        let reads = names.uses.union(&names.mutates).cloned().collect();
        let needed = needs_of_names(&self.log, &self.flow.steps, &reads);
        if needed.is_empty() {
            return Vec::new();
        }
        // What lies in the lab or on the disk is not looked at here: cells do not wait for that.
        let causes = self.causes(|effect| self.is_last_write(effect));
        let mut found: Vec<StaleRead> = Vec::new();
        let key = CellKey::new(text, cell);
        for (index, whys) in &needed {
            let cause = causes.get(index).and_then(|causes| causes.first()).filter(|_| self.cells[*index] != key);
            let Some(cause) = cause else { continue };
            for name in whys.iter().filter_map(Why::name) {
                if reads.contains(name) && found.iter().all(|read| read.name != name) {
                    let from = self.log[*index].execution_count;
                    found.push(StaleRead { name: name.to_owned(), from, cause: cause.clone() });
                }
            }
        }
        found
    }

    /// Why each stale execution is stale. Executions whose cells have run again are among them, for those that follow.
    fn causes(&self, is_current: impl Fn(&Effect) -> Option<bool>) -> BTreeMap<usize, Vec<Cause>> {
        let mut stale: BTreeMap<usize, Vec<Cause>> = BTreeMap::new();
        for index in 0..self.log.len() {
            if !self.flow.steps[index].ran {
                continue;
            }
            let mut causes = Vec::new();
            for (from, whys) in &self.needs[index] {
                for name in whys.iter().filter_map(Why::name) {
                    causes.extend(self.cause(index, *from, name, &stale));
                }
            }
            causes.extend(self.replaced(index, &is_current));
            causes.sort();
            causes.dedup();
            if !causes.is_empty() {
                stale.insert(index, causes);
            }
        }
        stale
    }

    /// Why `user`, which has `name` from the execution `from`, is stale.
    fn cause(&self, user: usize, from: usize, name: &str, stale: &BTreeMap<usize, Vec<Cause>>) -> Option<Cause> {
        // A cell that changes what it reads is not out of date with itself.
        let same_cell = self.cells[from] == self.cells[user];
        let count = |index: usize| self.log[index].execution_count;
        if same_cell {
            return None;
        }
        match self.again(from).filter(|again| *again > user) {
            Some(again) if !self.is_unchanged(from, again, name) => {
                Some(Cause::RanAgain { name: name.to_owned(), from: count(from), again: count(again) })
            }
            Some(_) => None,
            None => stale.contains_key(&from).then(|| Cause::Follows { name: name.to_owned(), from: count(from) }),
        }
    }

    /// Whether the name is known to be the same after the cell ran again.
    fn is_unchanged(&self, from: usize, again: usize, name: &str) -> bool {
        let digest = |index: usize| {
            self.log[index].bindings.iter().find(|bound| bound.name == name).map(|bound| bound.digest.as_str())
        };
        let step = &self.flow.steps[from];
        let is_item = step.is_item(name) && !step.is_variable(name);
        let same_value = digest(from).is_some() && digest(from) == digest(again);
        // A function, a type or an import is its text.
        same_value || (is_item && self.log[from].text == self.log[again].text)
    }

    /// What the execution read from the lab or the disk and is another now.
    fn replaced(&self, index: usize, is_current: impl Fn(&Effect) -> Option<bool>) -> Vec<Cause> {
        let effects = &self.log[index].effects;
        let writes_it_too = |effect: &Effect| {
            let same = |other: &&Effect| (other.resource, &other.name) == (effect.resource, &effect.name);
            effects.iter().filter(same).any(|other| other.access == Access::Write)
        };
        let reads = effects.iter().filter(|effect| effect.access == Access::Read && !writes_it_too(effect));
        let replaced = reads.filter(|effect| is_current(effect) == Some(false));
        let cause = |effect: &Effect| Cause::Replaced {
            resource: effect.resource,
            name: effect.name.clone(),
            version: effect.version,
        };
        replaced.map(cause).collect()
    }

    /// Whether what `effect` read is what the last cell that wrote it wrote; none where none did.
    fn is_last_write(&self, effect: &Effect) -> Option<bool> {
        let mut writes = self.log.iter().flat_map(|execution| &execution.effects);
        let last = writes.rfind(|other| {
            (other.access, other.resource, &other.name) == (Access::Write, effect.resource, &effect.name)
        })?;
        is_same(effect, last.version, last.digest.as_deref())
    }

    /// The latest execution of the same cell after this one, if it has run again.
    fn again(&self, index: usize) -> Option<usize> {
        self.latest.get(&self.cells[index]).copied().filter(|latest| *latest > index)
    }
}

/// Whether what `effect` read has this version or content; none where that cannot be told.
pub fn is_same(effect: &Effect, version: Option<u64>, digest: Option<&str>) -> Option<bool> {
    match (&effect.digest, digest, effect.version, version) {
        (Some(read), Some(now), ..) => Some(read == now),
        (_, _, Some(read), Some(now)) => Some(read == now),
        _ => None,
    }
}

impl Execution {
    /// An execution that is not in a ledger: for a [`Watch`], which needs no more of its times than how long it took.
    pub fn unrecorded(
        execution_count: u32,
        language: Language,
        text: String,
        names: Names,
        status: CellStatus,
    ) -> Self {
        Self {
            id: kernwerk_core::CellId(0),
            execution_count,
            language,
            text,
            names,
            status,
            effects: Vec::new(),
            bindings: Vec::new(),
            outputs: Vec::new(),
            began: 0,
            ended: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use kernwerk_core::BoundValue;

    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// A notebook of Rust cells.
    #[derive(Default)]
    struct Notebook {
        watch: Watch,
        count: u32,
    }

    impl Notebook {
        fn execution(&mut self, text: &str, defines: &[&str], uses: &[&str]) -> Execution {
            self.count += 1;
            let names = Names { defines: set(defines), uses: set(uses), ..Names::default() };
            Execution::unrecorded(self.count, Language::Rust, text.to_owned(), names, CellStatus::Ok)
        }

        fn run(&mut self, cell: &str, text: &str, defines: &[&str], uses: &[&str]) {
            let execution = self.execution(text, defines, uses);
            self.watch.push(execution, Some(cell.to_owned()));
        }

        /// The stale cells and why, a line for each cause.
        fn stale(&self) -> Vec<String> {
            let stale = self.watch.stale(|effect| self.watch.is_last_write(effect));
            stale
                .iter()
                .flat_map(|stale| stale.causes.iter().map(move |cause| format!("{} {cause}", stale.execution_count)))
                .collect()
        }

        fn reads(&self, uses: &[&str]) -> Vec<String> {
            let names = Names { uses: set(uses), ..Names::default() };
            self.watch.stale_reads(&names, "", None).iter().map(ToString::to_string).collect()
        }
    }

    #[test]
    fn a_cell_is_stale_when_what_it_read_was_made_again() {
        let mut notebook = Notebook::default();
        notebook.run("a", "let x = 1;", &["x"], &[]);
        notebook.run("b", "let y = x + 1;", &["y"], &["x"]);
        notebook.run("c", "let z = y + 1;", &["z"], &["y"]);
        assert!(notebook.stale().is_empty() && notebook.reads(&["y"]).is_empty());
        notebook.run("a", "let x = 5;", &["x"], &[]);
        assert_eq!(
            notebook.stale(),
            ["2 `x` came from In[1], which ran again as In[4]", "3 `y` came from In[2], which is stale"]
        );
        assert_eq!(
            notebook.reads(&["y"]),
            ["`y` is stale: since In[2] made it, `x` has changed (In[1] ran again as In[4])"]
        );
        assert!(notebook.reads(&["x"]).is_empty());
        notebook.run("b", "let y = x + 1;", &["y"], &["x"]);
        assert_eq!(notebook.stale(), ["3 `y` came from In[2], which ran again as In[5]"]);
        notebook.run("c", "let z = y + 1;", &["z"], &["y"]);
        assert!(notebook.stale().is_empty(), "all is fresh again");
    }

    #[test]
    fn a_new_cell_that_takes_a_name_over_makes_nothing_stale() {
        let mut notebook = Notebook::default();
        notebook.run("a", "let x = 1;", &["x"], &[]);
        notebook.run("b", "let y = x + 1;", &["y"], &["x"]);
        notebook.run("c", "let x = 2;", &["x"], &[]);
        assert!(notebook.stale().is_empty());
    }

    #[test]
    fn the_same_text_is_the_same_cell_where_the_front_end_names_none() {
        let mut notebook = Notebook::default();
        for (text, defines, uses) in
            [("let x = 1;", ["x"], [""]), ("let y = x;", ["y"], ["x"]), ("let x = 1;", ["x"], [""])]
        {
            let execution = notebook.execution(text, &defines, &uses);
            notebook.watch.push(execution, None);
        }
        assert_eq!(notebook.stale(), ["2 `x` came from In[1], which ran again as In[3]"]);
    }

    #[test]
    fn what_is_known_to_be_the_same_makes_nothing_stale() {
        let mut notebook = Notebook::default();
        for digest in ["one", "one", "other"] {
            let mut bound = notebook.execution("%feature sql \"…\" -> t", &["t"], &[]);
            bound.bindings.push(BoundValue { name: "t".to_owned(), digest: digest.to_owned() });
            notebook.watch.push(bound, Some("a".to_owned()));
            if notebook.count == 1 {
                notebook.run("b", "let n = t.rows();", &["n"], &["t"]);
            }
            assert_eq!(notebook.stale().is_empty(), digest == "one");
        }
        let mut notebook = Notebook::default();
        for text in ["fn f() {}", "fn f() {}", "fn f() { g() }"] {
            notebook.run("a", text, &["f"], &[]);
            if notebook.count == 1 {
                notebook.run("b", "f();", &[], &["f"]);
            }
        }
        assert_eq!(notebook.stale().len(), 1, "only the function that is another now");
    }

    #[test]
    fn a_table_of_another_version_makes_its_readers_stale() {
        let table = |access, version| Effect {
            access,
            resource: Resource::Table,
            name: "rides".to_owned(),
            version: Some(version),
            digest: None,
        };
        let mut notebook = Notebook::default();
        let load = |notebook: &mut Notebook, version| {
            let mut execution = notebook.execution("%feature source rides rides.csv", &[], &[]);
            execution.effects.push(table(Access::Write, version));
            notebook.watch.push(execution, Some("a".to_owned()));
        };
        load(&mut notebook, 1);
        let mut reader = notebook.execution("%feature sql \"…\" -> t", &["t"], &[]);
        reader.effects.push(table(Access::Read, 1));
        notebook.watch.push(reader, Some("b".to_owned()));
        assert!(notebook.stale().is_empty());
        load(&mut notebook, 2);
        assert_eq!(notebook.stale(), ["2 table `rides` has changed: it was read in version 1"]);
        assert_eq!(notebook.reads(&["t"]), ["`t` is stale: since In[2] made it, table `rides` has changed"]);
    }
}
