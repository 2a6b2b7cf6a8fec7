//! All of a scope in one sum, for who watches it grow.

use chrono::{DateTime, Utc};
use kernwerk_core::CellStatus;
use kernwerk_store::Lab;

use crate::report::{cells_in, usage_in};
use crate::{Cost, Error, Scope};

/// What was consumed so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Cells that have ended.
    pub cells: u64,
    /// When the cell began that runs now. None: none does, or the scope is a whole lab, where nobody knows which cells run and which
    /// were cut off with their process.
    pub running_since: Option<DateTime<Utc>>,
    /// Metered calls of models that have ended.
    pub calls: u64,
    pub tokens_in: u64,
    pub tokens_out: u64,
    /// Of the cells that have ended.
    pub wall_seconds: f64,
    /// Of the cells that have ended, with all processes below the kernel. None: of one of them it was not measured.
    pub cpu_seconds: Option<f64>,
    pub cost: Cost,
}

/// The sums over a scope.
pub fn totals(lab: &Lab, scope: &Scope) -> Result<Totals, Error> {
    let cells = cells_in(lab, scope)?;
    let usage = usage_in(lab, scope, &cells)?;
    let mut totals = Totals { cpu_seconds: Some(0.0), ..Totals::default() };
    for cell in &cells {
        match cell.end.as_ref().filter(|end| end.status != CellStatus::Running) {
            None => {}
            Some(end) => {
                totals.cells += 1;
                totals.wall_seconds += end.wall_seconds;
                totals.cpu_seconds = totals.cpu_seconds.zip(end.cpu_seconds).map(|(sum, more)| sum + more);
            }
        }
    }
    if let (Scope::Process { .. }, Some(last)) = (scope, cells.last().filter(|cell| cell.end.is_none())) {
        totals.running_since = last.started_at.parse().ok();
    }
    for call in &usage {
        totals.calls += 1;
        totals.tokens_in += call.usage.tokens_in;
        totals.tokens_out += call.usage.tokens_out;
        totals.cost.add(call);
    }
    Ok(totals)
}
