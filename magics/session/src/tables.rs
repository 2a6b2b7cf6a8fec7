//! The lab's tables for code in cells: read whole, recorded as read, and left in files that cells map.

use std::path::PathBuf;

use kernwerk_core::{Problem, Resource, Table, Work};
use kernwerk_store::Lab;

use crate::cells::RunningCell;
use crate::context::Context;
use crate::session::Session;
use crate::verbs::feature::record_reads;

/// Under which reading a table is known, as verbs are by their names.
const READING: &str = "lab table";

impl Session {
    /// All rows of a table or feature view at its current version. The cell's record says that it read them.
    ///
    /// # Errors
    /// There is no lab or no such table, it cannot be read, or the work was stopped.
    pub fn table(&self, name: &str, cell: &RunningCell, work: &Work) -> Result<Table, Problem> {
        let context = Context { session: self, cell, work, verb: READING };
        let lab = context.lab()?;
        let read = context.block_on(kernwerk_feature::whole(&lab, name, work))?;
        record_reads(&context, &lab, &read.reads)?;
        Ok(read.table)
    }

    /// The names of the lab's tables, in order.
    ///
    /// # Errors
    /// There is no lab, or it cannot be opened.
    pub fn tables(&self) -> Result<Vec<String>, Problem> {
        Ok(self.existing_lab()?.names(Resource::Table))
    }

    /// The directory that holds the lab's `kernwerk.toml`.
    ///
    /// # Errors
    /// There is no lab, or it cannot be opened.
    pub fn lab_root(&self) -> Result<PathBuf, Problem> {
        Ok(self.existing_lab()?.root().to_owned())
    }

    /// Leaves a table in an Arrow file for cells of another process. The file stays as it is for as long as this process lives.
    ///
    /// # Errors
    /// There is no lab that can be written to, or the table has columns that no Arrow file can hold.
    pub fn hand_over(&self, table: &Table, name: &str) -> Result<PathBuf, Problem> {
        self.leave(&kernwerk_render::arrow_file(table)?, name, "arrow")
    }

    pub(crate) fn existing_lab(&self) -> Result<Lab, Problem> {
        self.lab()?.ok_or_else(|| {
            Problem::new("NoLab", self.no_lab())
                .with_hint("`%lab init` makes one, and so does the first magic that writes, such as `%feature source`")
        })
    }
}
