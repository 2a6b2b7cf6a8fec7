//! What a slice needs besides where it may run with other values of its parameters: then a cell may do what it was not seen to do.
//!
//! Names tell what a cell may do to values, whether it did or not. Of files and of the lab the record knows only what happened.

use std::collections::BTreeSet;

use kernwerk_core::{Access, Resource};

use super::{Slicer, Step, Why};

/// Of each execution, whether it depends on a parameter by what names tell: it declares one, or reads what came of one.
pub(super) fn dependents(steps: &[Step], parameters: &BTreeSet<usize>) -> Vec<bool> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let mut depend = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let depends =
            parameters.contains(&index) || (step.ran && step.reads.iter().any(|name| names.contains(name.as_str())));
        if depends {
            names.extend(step.defines.iter().chain(&step.changes).map(String::as_str));
        } else if step.ran {
            step.defines.iter().for_each(|name| {
                names.remove(name.as_str());
            });
        }
        depend.push(depends);
    }
    depend
}

impl Slicer<'_> {
    /// Keeps the cells before the last member that, with other values, may write files or reach the lab by magics, where a later member reads such.
    /// Returns whether there was one.
    pub(super) fn other_values(&mut self) -> bool {
        let Some(last) = self.slice.members.keys().next_back().copied() else { return false };
        // What later members may read, and whether one of them depends on a parameter.
        let (mut files, mut lab, mut magics, mut is_variable) = (None, None, None, false);
        let mut found = Vec::new();
        for (index, step) in self.before(last + 1) {
            let is_member = self.slice.members.contains_key(&index);
            is_variable |= is_member && self.depend[index];
            // What does the same with all values, for what does the same with all values, was seen to do it.
            if !is_member && !is_variable && !self.depend[index] {
                continue;
            }
            if !is_member {
                let writes = files.filter(|_| step.writes_files()).map(|by| (by, Why::MayWrite));
                let may_run = lab.filter(|_| step.facts.effects.magics).map(|by| (by, Why::MayRunMagics));
                let ran = magics.filter(|_| self.writes_to_lab(index)).map(|by| (by, Why::MayBeRead));
                let untold = self.is_untold(index).then_some((last, Why::Untold));
                found.extend(writes.or(may_run).or(ran).or(untold).map(|(by, why)| (index, by, why)));
                continue;
            }
            let effects = &step.facts.effects;
            if self.may_read_files(index) {
                files = Some(index);
            }
            if effects.magics || self.reads(index, false) {
                lab = Some(index);
            }
            if effects.magics {
                magics = Some(index);
            }
        }
        let is_one = !found.is_empty();
        found.into_iter().for_each(|(index, by, why)| self.keep(index, Some(by), why));
        is_one
    }

    /// Whether the cell may read files, or ask for them.
    fn may_read_files(&self, index: usize) -> bool {
        let effects = &self.steps[index].facts.effects;
        let python = self.log[index].names.python.as_ref();
        let asks = effects.reads_hidden || effects.writes || !effects.read_only.is_empty();
        asks || python.is_some_and(|names| names.reads_files)
            || self.reads(index, true)
            || self.mentions(&self.steps[index]).next().is_some()
    }

    /// Whether the cell may do what no name tells.
    fn is_untold(&self, index: usize) -> bool {
        self.log[index].names.python.as_ref().is_some_and(|names| names.untold)
    }

    /// Whether the cell was seen to read files, or else the lab.
    fn reads(&self, index: usize, files: bool) -> bool {
        let effects = self.log[index].effects.iter();
        let mut reads = effects.filter(|effect| effect.access == Access::Read);
        reads.any(|effect| (effect.resource == Resource::File) == files && effect.resource != Resource::Model)
    }

    fn writes_to_lab(&self, index: usize) -> bool {
        let effects = &self.log[index].effects;
        effects.iter().any(|effect| effect.access == Access::Write && effect.resource != Resource::File)
    }
}
