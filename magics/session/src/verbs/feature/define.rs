//! `%%feature define`: SQL becomes a feature view.

use kernwerk_core::{Access, Output, Problem, Resource, Value};
use kernwerk_feature::{ReadFrom, Ttl, ViewSpec};
use kernwerk_lang::{BodyUse, Example};

use super::{RIDES, record, record_reads};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Define {
    /// What the view is called
    #[arg(value_name = "VIEW")]
    name: String,
    /// Key columns on which it is joined, with commas; without any, every row of a spine is joined with the same rows
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    entity: Vec<String>,
    /// When what a row tells happened
    #[arg(long, value_name = "COLUMN")]
    event_time: String,
    /// When a row became known: before, it is never seen
    #[arg(long, value_name = "COLUMN")]
    created: Option<String>,
    /// How long a row counts after its event, such as 90m, 2h or 7d; `none`, like 0, is for ever
    #[arg(long, value_name = "DURATION", default_value = "none")]
    ttl: String,
}

impl Verb for Define {
    const MAGIC: &'static str = "feature";
    const NAME: &'static str = "define";
    const ABOUT: &'static str = "define a feature view by SQL over tables and other views";
    const BODY: BodyUse = BodyUse::Required("sql");
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "the last fare of a zone, for an hour",
            line: "%%feature define busy --entity zone --event-time pickup --created known --ttl 1h",
            body: Some("SELECT zone, pickup, known, fare AS last_fare FROM rides"),
            setup: &[RIDES],
        },
        Example {
            about: "how many rides a zone had in the past hour, and their mean fare",
            line: "%%feature define zone_hour --entity zone --event-time pickup --created known --ttl 1h",
            body: Some(
                "SELECT zone, pickup, max(known) OVER past_hour AS known,\n       count(*) OVER past_hour AS rides, \
                 avg(fare) OVER past_hour AS fare\nFROM rides\nWINDOW past_hour AS (\n    PARTITION BY zone ORDER BY \
                 pickup\n    RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW\n)",
            ),
            setup: &[RIDES],
        },
    ];

    fn run(self, context: &Context<'_>, body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let ttl: Ttl = self.ttl.parse()?;
        let spec = ViewSpec {
            name: self.name,
            entity: self.entity,
            event_time: self.event_time,
            created: self.created,
            ttl,
            sql: body.unwrap_or_default().trim().to_owned(),
        };
        let defined = context.block_on(kernwerk_feature::define(&lab, &spec, context.work()))?;
        record_reads(context, &lab, &defined.reads)?;
        let view = &defined.view;
        let stored =
            ReadFrom { resource: Resource::FeatureView, name: view.name.clone(), version: view.version.into() };
        record(context, &lab, Access::Write, &stored)?;
        let version = match defined.changed {
            true => format!("`{}` is now version {}", view.name, view.version),
            false => format!("`{}` is defined so already: version {} stays", view.name, view.version),
        };
        let names = |names: Vec<&str>| Value::List(names.into_iter().map(Value::from).collect());
        let features = view.columns.iter().filter(|column| view.roles().role(&column.name).is_none());
        let output = Output::record([
            ("feature view", Value::from(view.name.as_str())),
            ("entity", names(view.entity.iter().map(String::as_str).collect())),
            ("event time", Value::from(view.event_time.as_str())),
            ("created time", Value::from(view.created.as_deref())),
            ("ttl", Value::from(view.ttl.to_string())),
            (
                "features",
                Value::List(features.map(|column| format!("{} ({})", column.name, column.type_name).into()).collect()),
            ),
            ("reads", names(view.reads.iter().map(String::as_str).collect())),
        ]);
        Ok(defined.warnings.into_iter().fold(output.with_note(version), Output::with_note).into())
    }
}
