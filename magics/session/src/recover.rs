//! How variables come back that were lost with the process which held them.

use kernwerk_core::{CellStatus, Problem};
use kernwerk_promote::{Execution, Lost, Recovery, Watch};

use crate::session::Session;

impl Session {
    /// How what this session's cells made, and what was lost since, comes back.
    pub fn recovery(&self, lost: &Lost) -> Recovery {
        let lab = self.lab().ok().flatten();
        self.watch().recovery(lost, |effect| self.is_current(lab.as_ref()?, effect))
    }

    /// How what the notebook's kernel before this one held comes back, as its lab recorded the cells; none where there was no such kernel.
    ///
    /// # Errors
    /// There is no lab, or it cannot be read.
    pub fn recovery_of_last(&self, lost: &Lost) -> Result<Option<Recovery>, Problem> {
        let lab = self.lab()?.ok_or_else(|| {
            Problem::new("NoLab", "without a lab the cells of an earlier kernel were not recorded")
                .with_hint("`%lab init` makes one; from then on cells are recorded")
        })?;
        let mut records = lab.ledger().cells(&self.notebook())?;
        records.retain(|record| record.cell.process != self.process());
        let Some(last) = records.last() else { return Ok(None) };
        let (last, counted) = (last.cell.process, last.cell.execution_count);
        let mut watch = Watch::default();
        let of_last = records.into_iter().filter(|record| record.cell.process == last).map(Execution::from);
        // What ran when the kernel went down has left nothing.
        of_last.filter(|cell| cell.status != CellStatus::Running).for_each(|cell| watch.push(cell, None));
        let recovery = watch.recovery(lost, |effect| self.is_current(&lab, effect));
        Ok(Some(Recovery { counted, ..recovery }))
    }
}
