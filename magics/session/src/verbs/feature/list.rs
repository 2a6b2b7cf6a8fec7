//! `%feature list`: which tables and feature views there are.

use kernwerk_core::{Output, Problem};
use kernwerk_feature::{Entry, Kind};
use kernwerk_lang::{BodyUse, Example};

use super::{BUSY, RIDES, numbers, table, texts};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct List {}

impl Verb for List {
    const MAGIC: &'static str = "feature";
    const NAME: &'static str = "list";
    const ABOUT: &'static str = "the tables and feature views of the lab";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "tables and feature views, with their times and keys",
        line: "%feature list",
        body: None,
        setup: &[RIDES, BUSY],
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let entries = context.block_on(kernwerk_feature::list(&lab))?;
        let kind = |entry: &Entry| match entry.kind {
            Kind::Table { .. } => "table",
            Kind::View { .. } => "feature view",
        };
        let rows = |entry: &Entry| match entry.kind {
            Kind::Table { rows } => Some(rows),
            Kind::View { .. } => None,
        };
        let ttl = |entry: &Entry| match entry.kind {
            Kind::Table { .. } => None,
            Kind::View { ttl } => Some(ttl.to_string()),
        };
        let key = |entry: &Entry| (!entry.roles.key.is_empty()).then(|| entry.roles.key.join(", "));
        let mut table = table(vec![
            ("name", texts(entries.iter().map(|entry| Some(&entry.name)))),
            ("kind", texts(entries.iter().map(|entry| Some(kind(entry))))),
            ("version", numbers(entries.iter().map(|entry| Some(entry.version)))),
            ("rows", numbers(entries.iter().map(rows))),
            ("columns", numbers(entries.iter().map(|entry| Some(entry.columns as u64)))),
            ("key", texts(entries.iter().map(key))),
            ("event_time", texts(entries.iter().map(|entry| entry.roles.event_time.as_ref()))),
            ("created", texts(entries.iter().map(|entry| entry.roles.created.as_ref()))),
            ("ttl", texts(entries.iter().map(ttl))),
            ("written_at", texts(entries.iter().map(|entry| Some(&entry.written_at)))),
        ])?;
        table.volatile = vec!["version".to_owned(), "written_at".to_owned()];
        let mut output = Output::table(table);
        if entries.is_empty() {
            output = output.with_note("there is no table yet; `%feature source` makes one");
        }
        Ok(output.into())
    }
}
