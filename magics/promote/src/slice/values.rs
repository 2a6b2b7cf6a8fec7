//! What a slice needs besides where it may run with other values of its parameters: then a cell may do what it was not seen to do.
//!
//! Names tell what a cell may do to values, whether it did or not. Of files and of the lab the record knows only what happened.

use kernwerk_core::{Access, Resource};

use super::{Slicer, Why};

impl Slicer<'_> {
    /// Keeps the cells before the last member that, with other values, may write files or reach the lab by magics, where a later member reads such.
    /// Returns whether there was one.
    pub(super) fn other_values(&mut self) -> bool {
        let Some(last) = self.slice.members.keys().next_back().copied() else { return false };
        // What later members may read.
        let (mut files, mut lab, mut magics) = (None, None, None);
        let mut found = Vec::new();
        for (index, step) in self.before(last + 1) {
            if !self.slice.members.contains_key(&index) {
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
