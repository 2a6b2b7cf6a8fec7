//! `%feature source`: a file becomes the next version of a table.

use kernwerk_core::{Access, Output, Problem, Resource};
use kernwerk_feature::{ReadFrom, ReadOptions, Roles, SourceSpec, Sourced, load_source, read_file};
use kernwerk_lang::{BodyUse, Example};

use super::{RIDES, numbers, record, rows, table, texts};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Source {
    /// What the table is called
    #[arg(value_name = "NAME")]
    name: String,
    /// CSV, NDJSON, Parquet or Arrow IPC
    #[arg(value_name = "FILE")]
    file: String,
    /// When what a row tells happened
    #[arg(long, value_name = "COLUMN")]
    event_time: Option<String>,
    /// When a row became known
    #[arg(long, value_name = "COLUMN")]
    created: Option<String>,
    /// Whom or what a row is about; several columns with commas
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    key: Vec<String>,
    /// Where times without a zone were taken, such as `Europe/Berlin`; for a new table UTC without it
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Keep nothing of the event time, created time, key and zone that the table was loaded with before
    #[arg(long, conflicts_with = "append")]
    forget_roles: bool,
    /// Add the rows to the table; without it they replace it
    #[arg(long)]
    append: bool,
}

impl Verb for Source {
    const MAGIC: &'static str = "feature";
    const NAME: &'static str = "source";
    const ABOUT: &'static str = "load a file as the next version of a table; the same file again makes no new version";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "a table of rides that knows when they happened and when they became known",
            line: RIDES,
            body: None,
            setup: &[],
        },
        Example {
            about: "times that the file gives without a zone",
            line: "%feature source rides rides.csv --event-time pickup --timezone America/New_York",
            body: None,
            setup: &[],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let spec = SourceSpec {
            name: self.name,
            file: context.path(&self.file),
            label: self.file,
            roles: Roles { event_time: self.event_time, created: self.created, key: self.key },
            timezone: self.timezone,
            forget_roles: self.forget_roles,
            append: self.append,
        };
        if context.existing_lab()?.is_none() {
            // A file that cannot be read leaves no lab behind.
            let timezone = spec.timezone.as_deref().map(str::parse).transpose()?;
            let options = ReadOptions { roles: spec.roles.clone(), timezone, expected: None };
            read_file(&spec.file, &spec.label, &options, context.work())?;
        }
        let lab = context.lab_for_writing()?;
        let loaded = context.block_on(load_source(&lab, &spec, context.work()))?;
        context.effect(Access::Read, Resource::File, &loaded.file, None, Some(loaded.digest.clone()));
        let stored = |version| ReadFrom { resource: Resource::Table, name: loaded.name.clone(), version };
        if let Some(version) = loaded.kept_from {
            // A replay needs the cell that declared them.
            record(context, &lab, Access::Read, &stored(version))?;
        }
        record(context, &lab, Access::Write, &stored(loaded.version))?;
        // The version counts the loads of this lab; a replay in another one has its own count, and compares no notes.
        let version = match loaded.changed {
            true => format!("`{}` is now version {}, with {}", loaded.name, loaded.version, rows(loaded.rows)),
            false => format!("`{}` holds this file already: version {} stays", loaded.name, loaded.version),
        };
        Ok(shown(&loaded, &spec.label)?.with_note(version).into())
    }
}

fn shown(loaded: &Sourced, file: &str) -> Result<Output, Problem> {
    let columns = &loaded.columns;
    let table = table(vec![
        ("column", texts(columns.iter().map(|column| Some(&column.name)))),
        ("type", texts(columns.iter().map(|column| Some(&column.type_name)))),
        ("missing", numbers(columns.iter().map(|column| Some(column.missing)))),
        ("role", texts(columns.iter().map(|column| column.role))),
        ("remark", texts(columns.iter().map(|column| column.remark.as_ref()))),
    ])?;
    let title = format!("{}: {} from {file} ({})", loaded.name, rows(loaded.file_rows), loaded.format);
    let output = Output::table(table).with_title(title);
    Ok(loaded.notes.iter().fold(output, |output, note| output.with_note(note)))
}
