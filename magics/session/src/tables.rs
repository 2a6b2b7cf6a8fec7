//! The lab's tables for code in cells: read whole, recorded as read, and left in files that cells map.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use kernwerk_core::{BoundValue, Problem, Resource, Table, Work};
use kernwerk_store::Lab;

use crate::cells::RunningCell;
use crate::context::Context;
use crate::session::{Binding, Session};
use crate::verbs::feature::record_reads;

/// How Arrow's file format begins; its stream format does not.
const FILE_START: &[u8] = b"ARROW1";
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

    /// Gives the table in a file of Arrow IPC, in its file or its stream format, a name that magics know, as `-> name` does with what a magic gives. The cell's record says so.
    ///
    /// # Errors
    /// It cannot be a name, the file holds no table, or there is no lab that can be written to.
    pub fn give(&self, name: &str, file: &Path, cell: &RunningCell) -> Result<Binding, Problem> {
        if !is_identifier(name) {
            return Err(Problem::new("BadName", format!("`{name}` cannot be the name of a variable"))
                .with_hint("use letters, digits and underscores, and no digit first"));
        }
        let table = read(file).map_err(|reason| {
            Problem::new("UnreadableFrame", format!("{} holds no table that can be read: {reason}", file.display()))
        })?;
        let binding = self.bind(name, table)?;
        cell.binds(BoundValue { name: binding.name.clone(), digest: binding.digest.clone() });
        cell.defines(name);
        Ok(binding)
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

    /// Leaves a table in an Arrow file for cells of another process: in the lab's exchange directory, or in `otherwise` where there is no lab.
    /// The file stays as it is for as long as this process lives.
    ///
    /// # Errors
    /// The file cannot be written, or the table has columns that no Arrow file can hold.
    pub fn hand_over(&self, table: &Table, name: &str, otherwise: &Path) -> Result<PathBuf, Problem> {
        let file = self.exchange_name(name, "arrow");
        if let Some(lab) = self.lab()? {
            return lab.exchange_file(&file, |file| kernwerk_render::write_arrow_file(table, file));
        }
        let path = otherwise.join(file);
        let created = File::create_new(&path);
        let mut file = created.map_err(|error| Problem::new("FileFailed", format!("{}: {error}", path.display())))?;
        kernwerk_render::write_arrow_file(table, &mut file)?;
        Ok(path)
    }

    /// Leaves a table that has a name from now on in an Arrow file. The lab is made now if there is none.
    pub(crate) fn leave(&self, table: &Table, name: &str) -> Result<PathBuf, Problem> {
        let (lab, file) = (self.lab_for_writing()?, self.exchange_name(name, "arrow"));
        lab.exchange_file(&file, |file| kernwerk_render::write_arrow_file(table, file))
    }

    pub(crate) fn existing_lab(&self) -> Result<Lab, Problem> {
        self.lab()?.ok_or_else(|| {
            Problem::new("NoLab", self.no_lab())
                .with_hint("`%lab init` makes one, and so does the first magic that writes, such as `%feature source`")
        })
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && name.chars().all(|character| character.is_alphanumeric() || character == '_')
}

fn read(file: &Path) -> Result<Table, String> {
    let words = |error: ArrowError| error.to_string();
    let mut file = File::open(file).map_err(|error| error.to_string())?;
    let mut start = Vec::new();
    file.by_ref().take(FILE_START.len() as u64).read_to_end(&mut start).map_err(|error| error.to_string())?;
    file.rewind().map_err(|error| error.to_string())?;
    let (schema, batches) = if start == FILE_START {
        let reader = FileReader::try_new_buffered(file, None).map_err(words)?;
        (reader.schema(), reader.collect::<Result<_, _>>())
    } else {
        let reader = StreamReader::try_new_buffered(file, None).map_err(words)?;
        (reader.schema(), reader.collect::<Result<_, _>>())
    };
    Ok(Table::new(schema, batches.map_err(words)?))
}
