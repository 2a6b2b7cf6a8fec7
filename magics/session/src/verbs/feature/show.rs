//! `%feature show`: a table or feature view in full.

use kernwerk_core::{Output, Problem};
use kernwerk_feature::{Kind, Shown};
use kernwerk_lang::{BodyUse, Example};

use super::{BUSY, RIDES, record_reads, rows};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Show {
    #[arg(value_name = "TABLE|VIEW")]
    name: String,
}

impl Verb for Show {
    const MAGIC: &'static str = "feature";
    const NAME: &'static str = "show";
    const ABOUT: &'static str = "the definition, the columns and the first rows of a table or feature view";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "a table and the file it came from",
            line: "%feature show rides",
            body: None,
            setup: &[RIDES],
        },
        Example { about: "a feature view and its SQL", line: "%feature show busy", body: None, setup: &[RIDES, BUSY] },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let shown = context.block_on(kernwerk_feature::show(&lab, &self.name, context.work()))?;
        record_reads(context, &lab, &shown.reads)?;
        let title = match shown.kind {
            Kind::Table { rows: count } => format!("{}: table, {}", shown.name, rows(count)),
            Kind::View { ttl } => format!("{}: feature view, ttl {ttl}", shown.name),
        };
        let mut output = Output::table(shown.head.clone()).with_title(title).with_note(columns(&shown));
        output = output.with_note(format!("`{}` is at version {}", shown.name, shown.version));
        for input in &shown.inputs {
            output = output.with_note(format!("{} from {} (blake3 {})", rows(input.rows), input.file, input.digest));
        }
        if let Some(sql) = &shown.sql {
            output = output.with_note(format!("defined as\n{sql}"));
        }
        Ok(output.into())
    }
}

/// Such as `columns: zone text (key), pickup timestamp (event time), fare float64`.
fn columns(shown: &Shown) -> String {
    let columns: Vec<String> = shown
        .columns
        .iter()
        .map(|column| {
            let role = column.role.map(|role| format!(" ({role})")).unwrap_or_default();
            format!("{} {}{role}", column.name, column.type_name)
        })
        .collect();
    format!("columns: {}", columns.join(", "))
}
