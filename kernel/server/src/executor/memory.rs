//! What the kernel remembers of the cells that ran: who made which variable, which values were shown, where the time went.

use std::collections::{BTreeMap, VecDeque};

use kernwerk_cell::Phases;
use kernwerk_core::Names;
use kernwerk_session::Lost;

/// Cells whose times are kept.
const TIMED: usize = 1000;
/// Longest value that is kept, in bytes.
const LONGEST_VALUE: usize = 2000;

#[derive(Default)]
pub(super) struct Memory {
    /// Cells say nothing of stale values.
    pub quiet: bool,
    /// Variables that were lost and have not been brought back.
    pub lost: Option<Lost>,
    makers: BTreeMap<String, u32>,
    /// The last cell that named a variable, and whether it came to its end.
    users: BTreeMap<String, (u32, bool)>,
    /// Why variables that were lost with their process are not there.
    gone: BTreeMap<String, String>,
    values: BTreeMap<String, Value>,
    timings: VecDeque<(u32, Phases)>,
}

/// A value as a cell has shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub text: String,
    /// The cell's number, as in `In [7]`.
    pub cell: u32,
}

impl Memory {
    /// The cell `count` made a variable of this name.
    pub fn made(&mut self, name: &str, count: u32) {
        self.makers.insert(name.to_owned(), count);
        self.values.remove(name);
        self.users.remove(name);
        self.gone.remove(name);
    }

    /// Rust code has run in the cell `count`, to its end if it `ended`.
    pub fn ran(&mut self, names: &Names, count: u32, ended: bool) {
        self.users.extend(names.uses.iter().map(|name| (name.clone(), (count, ended))));
        for name in &names.defines {
            if ended {
                self.made(name, count);
            } else {
                // A cell that fails takes the variables away that it was to make anew.
                self.users.insert(name.clone(), (count, false));
            }
        }
        for name in names.defines.iter().chain(&names.mutates) {
            self.values.remove(name);
        }
        if names.barrier {
            self.values.clear();
        }
    }

    /// The cell `count` showed the value of the variable that its last line names.
    pub fn shown(&mut self, code: &str, text: &str, count: u32) {
        let last = code.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let is_name = last.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && last.chars().all(|c| c.is_alphanumeric() || c == '_');
        if is_name && text.len() <= LONGEST_VALUE {
            self.values.insert(last.to_owned(), Value { text: text.to_owned(), cell: count });
        }
    }

    /// Rust lost its variables.
    pub fn forget_values(&mut self) {
        self.values.clear();
    }

    /// What cells have made: variables, functions, types, imports.
    pub fn made_names(&self) -> Vec<String> {
        self.makers.keys().cloned().collect()
    }

    /// Which cell made the variable.
    pub fn maker(&self, name: &str) -> Option<u32> {
        self.makers.get(name).copied()
    }

    /// A variable was lost with its process, and this is why it was not made again.
    pub fn went(&mut self, name: &str, why: &str) {
        self.gone.insert(name.to_owned(), why.to_owned());
    }

    /// Why a variable that a cell has made is not there, as far as is known.
    pub fn absence(&self, name: &str) -> Option<String> {
        let maker = self.maker(name)?;
        if let Some(why) = self.gone.get(name) {
            return Some(format!("`{name}` of In[{maker}] was lost with the process that held it ({why})"));
        }
        let (user, ended) = self.users.get(name)?;
        let how = if *ended { "which took it" } else { "which did not come to its end" };
        Some(format!("`{name}` of In[{maker}] is gone since In[{user}], {how}"))
    }

    /// What the variable held when a cell last showed it, if no cell may have changed it since.
    pub fn value(&self, name: &str) -> Option<Value> {
        self.values.get(name).cloned()
    }

    /// Where the time of a part of the cell `count` went.
    pub fn timed(&mut self, count: u32, phases: Phases) {
        match self.timings.back_mut().filter(|(last, _)| *last == count) {
            Some((_, total)) => *total = sum(total, &phases),
            None => self.timings.push_back((count, phases)),
        }
        if self.timings.len() > TIMED {
            self.timings.pop_front();
        }
    }

    /// For how many seconds the code of the cell `count` ran, if that was measured.
    pub fn ran_for(&self, count: u32) -> Option<f64> {
        let (_, phases) = self.timings.iter().rev().find(|(of, _)| *of == count)?;
        Some(phases.run? as f64 / 1e6)
    }

    /// The last cells' times, the latest last.
    pub fn timings(&self, last: usize) -> Vec<(u32, Phases)> {
        self.timings.iter().skip(self.timings.len().saturating_sub(last)).copied().collect()
    }
}

fn sum(one: &Phases, other: &Phases) -> Phases {
    let add = |of: fn(&Phases) -> Option<u64>| match (of(one), of(other)) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    };
    Phases {
        analyse: add(|phases| phases.analyse),
        cargo: add(|phases| phases.cargo),
        rustc: add(|phases| phases.rustc),
        load: add(|phases| phases.load),
        run: add(|phases| phases.run),
        total: add(|phases| phases.total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(defines: &[&str], mutates: &[&str]) -> Names {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Names { defines: set(defines), mutates: set(mutates), ..Names::default() }
    }

    #[test]
    fn a_value_is_known_until_a_cell_may_change_it() {
        let mut memory = Memory::default();
        memory.ran(&names(&["x"], &[]), 1, true);
        memory.shown("let x = 1;\nx\n", "1", 1);
        memory.shown("x + 1", "2", 2);
        assert_eq!(memory.value("x"), Some(Value { text: "1".to_owned(), cell: 1 }));
        memory.ran(&names(&[], &["x"]), 3, false);
        assert_eq!((memory.value("x"), memory.maker("x")), (None, Some(1)));
        memory.ran(&names(&["x"], &[]), 4, false);
        assert_eq!(memory.maker("x"), Some(1), "the cell did not come to its end");
    }

    #[test]
    fn the_parts_of_a_cell_are_one_line() {
        let mut memory = Memory::default();
        let phases = |total| Phases { total: Some(total), ..Phases::default() };
        for (count, total) in [(1, 5), (2, 1), (2, 2)] {
            memory.timed(count, phases(total));
        }
        assert_eq!(memory.timings(9), [(1, phases(5)), (2, phases(3))]);
        assert_eq!(memory.timings(1), [(2, phases(3))]);
    }
}
