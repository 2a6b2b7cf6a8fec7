//! `source`: a file's rows become the next version of a table.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use kernwerk_core::{Resource, Work};
use kernwerk_store::{Lab, Stored, WriteLock, WriteMode};

use super::keep::Kept;
use super::{ColumnReport, Expected, FileRead, ReadOptions, read_file};
use crate::roles::{InputFile, Origin};
use crate::times::Zone;
use crate::view::View;
use crate::{Error, Roles};

/// What to load, and as what.
#[derive(Clone, Debug, Default)]
pub struct SourceSpec {
    /// The table's name.
    pub name: String,
    pub file: PathBuf,
    /// How errors call the file: as the user wrote it.
    pub label: String,
    /// Roles that are not said here are those that the table was loaded with before.
    pub roles: Roles,
    /// Where times without a zone were taken; none is what the table was loaded with before, and UTC for a new one.
    pub timezone: Option<String>,
    /// Take nothing over from how the table was loaded before.
    pub forget_roles: bool,
    /// Add the rows to the table rather than replace it.
    pub append: bool,
}

/// What was loaded.
#[derive(Clone, Debug)]
pub struct Sourced {
    pub name: String,
    pub version: u64,
    /// False when the table holds the same bytes, read in the same way, already: there is no new version then.
    pub changed: bool,
    /// Rows that the table has now.
    pub rows: u64,
    /// Rows that the file has.
    pub file_rows: u64,
    /// The file as records name it: relative to the lab's root where it lies below it.
    pub file: String,
    /// blake3 of the file's bytes, hexadecimal.
    pub digest: String,
    /// `csv`, `ndjson`, `parquet`, `arrow` or `arrow stream`.
    pub format: &'static str,
    /// The file's columns.
    pub columns: Vec<ColumnReport>,
    /// What was decided while reading, in words.
    pub notes: Vec<String>,
    /// The version that roles were taken over from, where some were.
    pub kept_from: Option<u64>,
}

/// Loads a file as the next version of a table. The same bytes read in the same way make no new version: a cell may run again.
pub async fn load_source(lab: &Lab, spec: &SourceSpec, work: &Work) -> Result<Sourced, Error> {
    if View::find(lab, &spec.name)?.is_some() {
        return Err(Error::NameTaken {
            name: spec.name.clone(),
            taken: "feature view",
            hint: "tables and feature views share their names in SQL: choose another".to_owned(),
        });
    }
    if spec.append { append(lab, spec, work).await } else { replace(lab, spec, work).await }
}

async fn replace(lab: &Lab, spec: &SourceSpec, work: &Work) -> Result<Sourced, Error> {
    let lock = lock(lab, spec, work).await?;
    let Some(current) = current(lab, &spec.name).await? else {
        let (read, origin) = read_fresh(lab, spec, work)?;
        return write(&lock, spec, WriteMode::Replace, read, &origin, work).await;
    };
    let there = Origin::of(current.schema().metadata());
    let (mut read, origin, kept) = read_again(lab, spec, &there, work)?;
    let kept_from = (!kept.is_nothing()).then(|| current.version());
    read.notes.extend(kept.notes());
    let sourced = if same(&there, &origin) && same_columns(&current.schema(), &read.schema) {
        unchanged(lab, spec, &current, read).await?
    } else {
        write(&lock, spec, WriteMode::Replace, read, &origin, work).await?
    };
    Ok(Sourced { kept_from, ..sourced })
}

/// As [`read_fresh`], with what was declared before; a role whose column is not there any more is given up.
fn read_again(lab: &Lab, spec: &SourceSpec, there: &Origin, work: &Work) -> Result<(FileRead, Origin, Kept), Error> {
    let mut kept = Kept::of(there, spec);
    loop {
        match read_fresh(lab, &kept.completed(spec), work) {
            Ok((read, origin)) => return Ok((read, origin, kept)),
            Err(error) if kept.give_up(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

async fn append(lab: &Lab, spec: &SourceSpec, work: &Work) -> Result<Sourced, Error> {
    let lock = lock(lab, spec, work).await?;
    let Some(current) = current(lab, &spec.name).await? else {
        let (read, origin) = read_fresh(lab, spec, work)?;
        return write(&lock, spec, WriteMode::Append, read, &origin, work).await;
    };
    let mut origin = Origin::of(current.schema().metadata());
    check_roles(spec, &origin.roles)?;
    let zone = spec.timezone.as_deref().or(origin.timezone.as_deref()).map(str::parse).transpose()?;
    let options = ReadOptions {
        roles: origin.roles.clone(),
        timezone: zone,
        expected: Some(Expected { table: spec.name.clone(), schema: current.schema() }),
    };
    let read = read_file(&spec.file, &spec.label, &options, work)?;
    let read = in_order(read, spec, &current.schema())?;
    let added = input(lab, spec, &read, zone);
    if origin.inputs.iter().any(|input| input.digest == added.digest && input.timezone == added.timezone) {
        return unchanged(lab, spec, &current, read).await;
    }
    origin.inputs.push(added);
    write(&lock, spec, WriteMode::Append, read, &origin, work).await
}

/// The file, read without regard to a table that may be there, and what the table's metadata will say of it.
fn read_fresh(lab: &Lab, spec: &SourceSpec, work: &Work) -> Result<(FileRead, Origin), Error> {
    let zone = spec.timezone.as_deref().map(str::parse).transpose()?;
    let options = ReadOptions { roles: spec.roles.clone(), timezone: zone, expected: None };
    let read = read_file(&spec.file, &spec.label, &options, work)?;
    let origin = Origin {
        roles: spec.roles.clone(),
        timezone: spec.timezone.clone(),
        inputs: vec![input(lab, spec, &read, zone)],
    };
    Ok((read, origin))
}

fn input(lab: &Lab, spec: &SourceSpec, read: &FileRead, zone: Option<Zone>) -> InputFile {
    InputFile {
        file: lab.relative(&spec.file),
        digest: read.digest.clone(),
        timezone: zone.unwrap_or(Zone::UTC).to_string(),
        rows: read.rows(),
    }
}

/// Whether two tables came from the same bytes, read in the same way. Where the file lay does not count.
fn same(left: &Origin, right: &Origin) -> bool {
    let what = |origin: &Origin| -> Vec<(String, String)> {
        origin.inputs.iter().map(|input| (input.digest.clone(), input.timezone.clone())).collect()
    };
    left.roles == right.roles && what(left) == what(right)
}

/// Whether the stored columns are those that the file is read as: a newer program may read a type differently.
fn same_columns(stored: &Schema, read: &Schema) -> bool {
    let columns = |schema: &Schema| -> Vec<(String, String)> {
        schema.fields().iter().map(|field| (field.name().clone(), field.data_type().to_string())).collect()
    };
    columns(stored) == columns(read)
}

fn check_roles(spec: &SourceSpec, there: &Roles) -> Result<(), Error> {
    let differs = |option: &'static str, found: String| Error::Option {
        option,
        message: format!("table `{}` has {found}", spec.name),
        hint: Some("leave the option out when appending, or load everything again without --append".to_owned()),
    };
    let none = || "none".to_owned();
    if spec.roles.event_time.is_some() && spec.roles.event_time != there.event_time {
        return Err(differs("--event-time", there.event_time.clone().unwrap_or_else(none)));
    }
    if spec.roles.created.is_some() && spec.roles.created != there.created {
        return Err(differs("--created", there.created.clone().unwrap_or_else(none)));
    }
    if !spec.roles.key.is_empty() && spec.roles.key != there.key {
        return Err(differs("--key", if there.key.is_empty() { none() } else { there.key.join(",") }));
    }
    Ok(())
}

/// The file's columns in the order of the table's; both must have the same names.
fn in_order(mut read: FileRead, spec: &SourceSpec, table: &Schema) -> Result<FileRead, Error> {
    let differs = |message: String| Error::SchemaDiffers {
        file: spec.label.clone(),
        table: spec.name.clone(),
        message,
        hint: Some("without --append the file replaces the table".to_owned()),
    };
    if let Some(extra) = read.schema.fields().iter().find(|field| table.field_with_name(field.name()).is_err()) {
        return Err(differs(format!("it has a column `{}`, the table has none", extra.name())));
    }
    let mut order = Vec::with_capacity(table.fields().len());
    for field in table.fields() {
        let index =
            read.schema.index_of(field.name()).map_err(|_| differs(format!("it has no column `{}`", field.name())))?;
        order.push(index);
    }
    read.schema = Arc::new(read.schema.project(&order)?);
    read.batches = read.batches.iter().map(|batch| batch.project(&order)).collect::<Result<_, _>>()?;
    Ok(read)
}

async fn lock(lab: &Lab, spec: &SourceSpec, work: &Work) -> Result<WriteLock, Error> {
    let (lab, name, cancel) = (lab.clone(), spec.name.clone(), work.cancel.clone());
    let waiting = tokio::task::spawn_blocking(move || lab.lock(Resource::Table, &name, &cancel)).await;
    let locked = waiting.map_err(|error| Error::Query {
        message: format!("waiting for the table's lock failed: {error}"),
        hint: None,
    })?;
    Ok(locked?)
}

async fn current(lab: &Lab, name: &str) -> Result<Option<Stored>, Error> {
    match lab.dataset(Resource::Table, name).await {
        Ok(stored) => Ok(Some(stored)),
        Err(kernwerk_store::Error::Unknown { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn unchanged(lab: &Lab, spec: &SourceSpec, current: &Stored, read: FileRead) -> Result<Sourced, Error> {
    let rows = current.rows().await?;
    Ok(sourced(lab, spec, read, (current.version(), rows), false))
}

async fn write(
    lock: &WriteLock,
    spec: &SourceSpec,
    mode: WriteMode,
    read: FileRead,
    origin: &Origin,
    work: &Work,
) -> Result<Sourced, Error> {
    let schema = Arc::new(read.schema.as_ref().clone().with_metadata(origin.metadata()?));
    let batches = read
        .batches
        .iter()
        .map(|batch| RecordBatch::try_new(schema.clone(), batch.columns().to_vec()))
        .collect::<Result<Vec<_>, _>>()?;
    let written = lock.write(mode, batches, work).await?;
    Ok(sourced(lock.lab(), spec, read, (written.version, written.rows), true))
}

fn sourced(lab: &Lab, spec: &SourceSpec, read: FileRead, (version, rows): (u64, u64), changed: bool) -> Sourced {
    Sourced {
        name: spec.name.clone(),
        version,
        changed,
        rows,
        file_rows: read.rows(),
        file: lab.relative(&spec.file),
        digest: read.digest,
        format: read.format,
        columns: read.columns,
        notes: read.notes,
        kept_from: None,
    }
}
