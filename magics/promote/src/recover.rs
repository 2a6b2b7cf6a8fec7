//! What brings back the variables that a kernel has lost: the cells to run again, as far as that does nothing else, and what cannot be had so.
//! The edges are those of the slicer.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::{Access, Effect, Language};

use crate::execution::{Execution, label};
use crate::reason::noun;
use crate::slice::{Step, crates, effect, needs_before, slice_of_name};
use crate::stale::Watch;

/// What was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Everything, functions and types too. Names that are there all the same stay as they are.
    Everything { but: BTreeSet<String> },
    /// The variables `gone`. Those in `there` are as they were, and so are functions, types, imports and crates; any other variable was moved away.
    Variables { gone: BTreeSet<String>, there: BTreeSet<String> },
}

/// How lost variables come back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovery {
    /// To be run again in this order.
    pub cells: Vec<Rerun>,
    /// In the order of their names.
    pub gone: Vec<Gone>,
    /// The count of the last cell that began, as in `In [7]`.
    pub counted: u32,
}

/// A cell to run again.
#[derive(Clone, Debug, PartialEq)]
pub struct Rerun {
    /// As in `In [7]`, when it ran.
    pub execution_count: u32,
    pub text: String,
    /// The lost names that are there once it has run.
    pub names: BTreeSet<String>,
    /// How long it took.
    pub seconds: f64,
}

/// A lost name that running cells again cannot bring back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    pub name: String,
    /// In words.
    pub why: String,
}

impl Watch {
    /// How what was lost comes back. `is_current` tells whether what an effect read is still what it was; none where that cannot be told.
    pub fn recovery(&self, lost: &Lost, is_current: impl Fn(&Effect) -> Option<bool>) -> Recovery {
        let (log, steps) = self.log();
        let crates = log.iter().flat_map(|execution| crates(&execution.text)).collect();
        let verdicts = vec![OnceCell::new(); log.len()];
        Recoverer { log, steps, lost, crates, is_current, verdicts }.recovery()
    }
}

struct Recoverer<'a, F> {
    log: &'a [Execution],
    steps: &'a [Step],
    lost: &'a Lost,
    crates: BTreeSet<String>,
    is_current: F,
    /// Whether each execution may run, once that was asked.
    verdicts: Vec<OnceCell<Result<(), String>>>,
}

impl<F: Fn(&Effect) -> Option<bool>> Recoverer<'_, F> {
    fn recovery(&self) -> Recovery {
        let mut found: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        let mut gone: BTreeMap<String, String> = BTreeMap::new();
        for name in self.wanted() {
            match self.members(&name) {
                Ok(members) => _ = found.insert(name, members),
                Err(why) => _ = gone.insert(name, why),
            }
        }
        // A cell that is run again makes all of its names anew: none may be one that cannot get its last value.
        while let Some((name, why)) = self.spoiled(&found, &gone) {
            found.remove(&name);
            gone.insert(name, why);
        }
        let again: BTreeSet<usize> = found.values().flatten().copied().collect();
        let cells = again.into_iter().map(|index| self.rerun(index, &found)).collect();
        let gone = gone.into_iter().map(|(name, why)| Gone { name, why }).collect();
        Recovery { cells, gone, counted: self.log.last().map_or(0, |execution| execution.execution_count) }
    }

    fn wanted(&self) -> BTreeSet<String> {
        match self.lost {
            Lost::Variables { gone, .. } => {
                gone.iter().filter(|name| self.was_variable(self.steps.len(), name)).cloned().collect()
            }
            Lost::Everything { but } => {
                let ran = self.log.iter().zip(self.steps).filter(|(_, step)| step.ran);
                let names = ran.flat_map(|(execution, _)| &execution.names.defines);
                names.filter(|name| !but.contains(*name)).cloned().collect()
            }
        }
    }

    /// The executions that make a name what it was, or why they must not run again.
    fn members(&self, name: &str) -> Result<BTreeSet<usize>, String> {
        let members = match self.lost {
            Lost::Everything { .. } => slice_of_name(self.log, self.steps, name),
            Lost::Variables { gone, there } => self.makers(name, gone, there)?,
        };
        if members.is_empty() {
            return Err("no cell that was recorded makes it".to_owned());
        }
        members.iter().try_for_each(|index| self.verdicts[*index].get_or_init(|| self.may_run(*index)).clone())?;
        Ok(members)
    }

    /// The executions that make a variable from what is there.
    fn makers(&self, name: &str, gone: &BTreeSet<String>, there: &BTreeSet<String>) -> Result<BTreeSet<usize>, String> {
        let mut members = BTreeSet::new();
        let mut open = vec![(self.log.len(), name.to_owned())];
        while let Some((end, name)) = open.pop() {
            for (index, whys) in needs_before(self.log, self.steps, end, &BTreeSet::from([name.clone()])) {
                if !whys.iter().any(|why| why.name() == Some(&name)) || !members.insert(index) {
                    continue;
                }
                for read in &self.steps[index].reads {
                    if there.contains(read) {
                        if let Some(since) = self.touched_since(index, read) {
                            let (cell, since) = (self.label(index), self.label(since));
                            return Err(format!("{cell} read `{read}`, which {since} may have changed"));
                        }
                    } else if gone.contains(read) || self.was_variable(index, read) {
                        open.push((index, read.clone()));
                    }
                }
            }
        }
        Ok(members)
    }

    /// Whether running the execution again does nothing but make its names.
    fn may_run(&self, index: usize) -> Result<(), String> {
        let (execution, step, cell) = (&self.log[index], &self.steps[index], self.label(index));
        if step.broke_off {
            return Err(format!("{cell} did not come to its end"));
        }
        if execution.language != Language::Rust {
            return Err(format!("{cell} is no Rust"));
        }
        if step.barrier {
            return Err(format!("{cell} may have changed anything"));
        }
        for effect in &execution.effects {
            if effect.access == Access::Write {
                return Err(format!("{cell} writes {} `{}`", noun(effect.resource), effect.name));
            }
            if (self.is_current)(effect) == Some(false) {
                return Err(format!("{} `{}` has changed since {cell} read it", noun(effect.resource), effect.name));
            }
        }
        if let Some(word) = self.effect(index) {
            return Err(format!("{cell} may do more than make it: it has to do with `{word}`"));
        }
        let Lost::Variables { there, .. } = self.lost else { return Ok(()) };
        for name in step.defines.iter().chain(&step.changes).filter(|name| there.contains(*name)) {
            let changed = step.changes.contains(name) || self.touched_since(index, name).is_some();
            if changed && !step.bound.contains(name) {
                return Err(format!("{cell} would change `{name}`, which is there"));
            }
        }
        Ok(())
    }

    /// The word for what the code of an execution may do beside, or of the items that it uses. Implementations are used without being named, so all
    /// of them count; so do the cells that made what it reads, where what they made has no order of its own.
    fn effect(&self, index: usize) -> Option<String> {
        let makers = needs_before(self.log, self.steps, index, &self.steps[index].reads);
        let items = makers.keys().copied().filter(|maker| self.steps[*maker].facts.late);
        let implementations = (0..index).filter(|other| self.steps[*other].ran && self.steps[*other].facts.implements);
        let of = |index: usize| effect(&self.log[index].text, &self.crates);
        let used = [index].into_iter().chain(items).chain(implementations).find_map(of);
        let unordered = |word: &String| word.starts_with("Hash") || word == "RandomState";
        used.or_else(|| makers.keys().copied().filter_map(of).find(unordered))
    }

    /// A name that was found, and a reason why its cells must not run after all: they make another that is to stay as it is.
    fn spoiled(
        &self,
        found: &BTreeMap<String, BTreeSet<usize>>,
        gone: &BTreeMap<String, String>,
    ) -> Option<(String, String)> {
        let stays = |name: &&String| match self.lost {
            Lost::Everything { but } => but.contains(*name) || gone.contains_key(*name),
            Lost::Variables { .. } => gone.contains_key(*name),
        };
        found.iter().find_map(|(name, members)| {
            let spoils = |index: &usize| self.steps[*index].defines.iter().find(stays).map(|spoilt| (*index, spoilt));
            let (index, spoilt) = members.iter().find_map(spoils)?;
            let state = if gone.contains_key(spoilt) { "which cannot be had back" } else { "which is there" };
            Some((name.clone(), format!("{} makes `{spoilt}`, too, {state}", self.label(index))))
        })
    }

    fn rerun(&self, index: usize, found: &BTreeMap<String, BTreeSet<usize>>) -> Rerun {
        let execution = &self.log[index];
        let maker = |name: &str, members: &BTreeSet<usize>| {
            members.iter().rev().find(|member| self.steps[**member].defines.contains(name)).copied()
        };
        let names =
            found.iter().filter(|(name, members)| maker(name, members) == Some(index)).map(|(name, _)| name.clone());
        Rerun {
            execution_count: execution.execution_count,
            text: execution.text.clone(),
            names: names.collect(),
            seconds: execution.seconds(),
        }
    }

    /// Whether the name was that of a variable before this execution.
    fn was_variable(&self, index: usize, name: &str) -> bool {
        self.steps[..index].iter().any(|step| step.ran && step.defines.contains(name) && step.is_variable(name))
    }

    /// The execution after this one that made or changed a variable of this name.
    fn touched_since(&self, index: usize, name: &str) -> Option<usize> {
        let touches = |step: &Step| {
            step.ran && (step.changes.contains(name) || (step.defines.contains(name) && step.is_variable(name)))
        };
        (index + 1..self.steps.len()).find(|later| touches(&self.steps[*later]))
    }

    fn label(&self, index: usize) -> String {
        label(self.log[index].execution_count)
    }
}

#[cfg(test)]
mod tests {
    use kernwerk_core::{CellStatus, Names, Resource};

    use super::*;

    fn set(names: &str) -> BTreeSet<String> {
        names.split_whitespace().map(str::to_owned).collect()
    }

    /// Cells of Rust, by text, what they define, use and change.
    fn watch(cells: &[(&str, &str, &str, &str)]) -> Watch {
        let mut watch = Watch::default();
        for (count, (text, defines, uses, mutates)) in (1..).zip(cells) {
            let (defines, uses, mutates) = (set(defines), set(uses), set(mutates));
            let names = Names { defines, uses, mutates, ..Names::default() };
            let cell = Execution::unrecorded(count, Language::Rust, (*text).to_owned(), names, CellStatus::Ok);
            watch.push(cell, None);
        }
        watch
    }

    /// The cells that are run again, and what is gone with the reason.
    fn recovered(watch: &Watch, gone: &str, there: &str) -> (Vec<u32>, Vec<(String, String)>) {
        let lost = Lost::Variables { gone: set(gone), there: set(there) };
        let recovery = watch.recovery(&lost, |_| None);
        let gone = recovery.gone.into_iter().map(|gone| (gone.name, gone.why));
        (recovery.cells.iter().map(|cell| cell.execution_count).collect(), gone.collect())
    }

    fn why(watch: &Watch, gone: &str, there: &str) -> String {
        let (cells, gone) = recovered(watch, gone, there);
        assert!(cells.is_empty(), "{cells:?}");
        gone.into_iter().map(|(_, why)| why).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn the_cells_that_make_a_variable_from_what_is_there_run_again() {
        let watch = watch(&[
            ("fn twice(n: i64) -> i64 { 2 * n }", "twice", "", ""),
            ("let by = twice(4);", "by", "twice", ""),
            ("let mut add: Vec<Box<dyn Fn()>> = make(by);", "add", "by", ""),
            ("let other = 1;", "other", "", ""),
            ("add.push(Box::new(|| ()));", "", "", "add"),
        ]);
        assert_eq!(recovered(&watch, "add", "by other"), (vec![3, 5], vec![]));
        assert_eq!(recovered(&watch, "add", "other"), (vec![2, 3, 5], vec![]), "`by` was moved away");
        assert_eq!(recovered(&watch, "add by", "other"), (vec![2, 3, 5], vec![]));
    }

    #[test]
    fn what_would_have_effects_or_change_what_is_there_does_not_run_again() {
        let cells = [
            ("let mut n = 1;", "n", "", ""),
            ("let add = move |x: i64| x + n;", "add", "n", ""),
            ("n += 1;", "", "", "n"),
        ];
        assert_eq!(why(&watch(&cells), "add", "n"), "In[2] read `n`, which In[3] may have changed");
        let cells = [("let mut n = 1; let add = 2;", "n add", "", ""), ("n += 1;", "", "", "n")];
        assert_eq!(why(&watch(&cells), "add", "n"), "In[1] would change `n`, which is there");
        let cells = [("let add = std::fs::File::open(path)?;", "add", "", "")];
        assert!(why(&watch(&cells), "add", "").contains("`fs`"));
        let cells = [
            ("fn load() -> u8 { std::process::id() as u8 }", "load", "", ""),
            ("fn twice() -> u8 { 2 * load() }", "twice", "load", ""),
            ("let add = twice();", "add", "twice", ""),
        ];
        assert!(why(&watch(&cells), "add", "").contains("`process`"), "by way of functions");
        let cells = [
            ("struct G;", "G", "", ""),
            ("impl G { fn go(&self) -> u8 { std::fs::write(\"a\", \"b\").unwrap(); 1 } }", "", "G", ""),
            ("let add = G.go();", "add", "G", ""),
        ];
        assert!(why(&watch(&cells), "add", "").contains("`fs`"), "by way of an implementation");
        let cells = [
            ("let set: HashSet<u8> = [1, 2].into();", "set", "", ""),
            ("let order = Rc::new(set.iter().copied().collect::<Vec<u8>>());", "order", "set", ""),
        ];
        assert!(why(&watch(&cells), "order", "set").contains("`HashSet`"), "an order that is another each time");
        let cells =
            [("let mut n = 1; let add = 2;", "n add", "", ""), ("std::fs::write(\"a\", \"b\")?; n += 1;", "", "", "n")];
        let gone = why(&watch(&cells), "add n", "");
        assert!(gone.contains("In[1] makes `n`, too, which cannot be had back"), "{gone}");
    }

    #[test]
    fn writes_and_what_has_changed_since_are_seen() {
        let effect = |access| Effect {
            access,
            resource: Resource::Table,
            name: "rides".to_owned(),
            version: Some(1),
            digest: None,
        };
        for (access, words) in [(Access::Write, "writes table `rides`"), (Access::Read, "has changed since In[1]")] {
            let names = Names { defines: set("x"), ..Names::default() };
            let text = "%feature sql SELECT 1 -> t\nlet x = 1;".to_owned();
            let mut cell = Execution::unrecorded(1, Language::Rust, text, names, CellStatus::Ok);
            cell.effects.push(effect(access));
            let mut watch = Watch::default();
            watch.push(cell, None);
            let lost = Lost::Variables { gone: set("x"), there: set("t") };
            assert!(watch.recovery(&lost, |_| Some(false)).gone[0].why.contains(words));
            let cells = watch.recovery(&lost, |_| Some(true)).cells;
            assert_eq!(cells.len(), usize::from(access == Access::Read));
        }
    }

    #[test]
    fn everything_comes_back_but_for_what_is_there() {
        let watch = watch(&[
            ("use std::fmt::Write;", "Write", "", ""),
            ("fn twice(n: i64) -> i64 { 2 * n }", "twice", "", ""),
            ("let a = twice(1);", "a", "twice", ""),
            ("let file = File::open(path)?;", "file", "", ""),
            ("let b = twice(2);", "b", "twice", ""),
        ]);
        let recovery = watch.recovery(&Lost::Everything { but: set("b") }, |_| None);
        let counts: Vec<u32> = recovery.cells.iter().map(|cell| cell.execution_count).collect();
        assert_eq!(counts, [1, 2, 3]);
        assert_eq!(recovery.gone.iter().map(|gone| gone.name.as_str()).collect::<Vec<_>>(), ["file"]);
        assert_eq!(recovery.cells[2].names, set("a"));
    }
}
