//! Stale cells of the running notebook: the record of its cells as promotion's graph sees it.

use std::sync::{MutexGuard, PoisonError};

use kernwerk_core::{Effect, Names, Resource};
use kernwerk_promote::{Execution, Watch, is_same};
use kernwerk_store::{CellEnd, Lab};

use crate::cells::CellStart;
use crate::session::Session;

/// A cell whose inputs have changed since it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleCell {
    /// What the front end shows in `In [n]`.
    pub execution_count: u32,
    pub text: String,
    /// Why, in words.
    pub causes: Vec<String>,
}

impl Session {
    /// The cells of this session whose inputs have changed since they ran: a cell that they read from ran again, or a table, a
    /// corpus or a file has another content now.
    pub fn stale_cells(&self) -> Vec<StaleCell> {
        let lab = self.lab().ok().flatten();
        let stale = self.watch().stale(|effect| self.is_current(lab.as_ref()?, effect));
        let told = stale.into_iter().map(|stale| StaleCell {
            execution_count: stale.execution_count,
            text: stale.text,
            causes: stale.causes.iter().map(ToString::to_string).collect(),
        });
        told.collect()
    }

    /// A line for each stale value that a cell with these names would read. Looks at the record of cells alone, which takes no
    /// time to speak of.
    pub fn stale_reads(&self, names: &Names, text: &str, cell: Option<&str>) -> Vec<String> {
        self.watch().stale_reads(names, text, cell).iter().map(ToString::to_string).collect()
    }

    pub(crate) fn watch_cell(&self, start: &CellStart, end: &CellEnd) {
        let mut execution = Execution::unrecorded(
            start.execution_count,
            start.language,
            start.text.clone(),
            start.names.clone(),
            end.status,
        );
        execution.effects.clone_from(&end.effects);
        execution.bindings.clone_from(&end.bindings);
        execution.ended = Some((end.wall_seconds.max(0.0) * 1e9) as u64);
        self.watch().push(execution, start.cell.clone());
    }

    /// Whether what an effect read still is what the lab or the disk has; none where that cannot be told.
    pub(crate) fn is_current(&self, lab: &Lab, effect: &Effect) -> Option<bool> {
        match effect.resource {
            Resource::Table | Resource::Corpus => {
                let stored = self.block_on(lab.dataset(effect.resource, &effect.name)).ok()?;
                is_same(effect, Some(stored.version()), None)
            }
            Resource::File => {
                let bytes = std::fs::read(lab.root().join(&effect.name)).ok()?;
                is_same(effect, None, Some(blake3::hash(&bytes).to_hex().as_str()))
            }
            _ => None,
        }
    }

    pub(crate) fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
