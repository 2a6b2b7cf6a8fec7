//! `%cost report`: what was consumed, by cell, model, verb or tag.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use kernwerk_core::{Output, Problem, Table};
use kernwerk_cost::{Group, Row};
use kernwerk_lang::{BodyUse, Example};

use super::{milliseconds, money, scope};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Report {
    /// What a row stands for
    #[arg(long, value_enum, default_value_t = By::Cell)]
    by: By,
    /// The whole lab, not only this notebook since its kernel started (in a shell always the whole lab)
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum By {
    Cell,
    Model,
    Verb,
    Tag,
}

impl Verb for Report {
    const MAGIC: &'static str = "cost";
    const NAME: &'static str = "report";
    const ABOUT: &'static str = "tokens, wall and processor seconds, and money, by cell, model, verb or tag";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "what each cell of this notebook took",
            line: "%cost report --by cell",
            body: None,
            setup: &["%lab init"],
        },
        Example {
            about: "what each model read and wrote, in the whole lab",
            line: "%cost report --by model --all",
            body: None,
            setup: &["%lab init"],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let scope = scope(context, self.all);
        let (group, title) = match self.by {
            By::Cell => (Group::Cell, "cell"),
            By::Model => (Group::Model, "model"),
            By::Verb => (Group::Verb, "verb"),
            By::Tag => (Group::Tag, "tag"),
        };
        let rows = kernwerk_cost::report(&lab, &scope, group)?;
        let mut output = Output::table(table(title, &rows)?).with_title(format!("consumption by {title}")).with_note(
            "seconds are of the whole process tree; `unpriced`: nobody said what the model costs, see `%cost prices`",
        );
        let cut_off: u64 = rows.iter().map(|row| row.cut_off).sum();
        if cut_off > 0 {
            let calls = if cut_off == 1 { "1 call was".to_owned() } else { format!("{cut_off} calls were") };
            output = output
                .with_note(format!("{calls} cut off when a process died: counted is the most they may have used"));
        }
        if rows.is_empty() {
            output = output.with_note("nothing was recorded yet");
        }
        Ok(output.volatile().into())
    }
}

fn table(key: &str, rows: &[Row]) -> Result<Table, Problem> {
    let whole = |of: fn(&Row) -> u64| -> ArrayRef {
        Arc::new(rows.iter().map(|row| i64::try_from(of(row)).unwrap_or(i64::MAX)).collect::<Int64Array>())
    };
    let seconds = |of: fn(&Row) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(|row| of(row).map(milliseconds)).collect::<Float64Array>())
    };
    let mut columns: Vec<(&str, ArrayRef)> =
        vec![(key, Arc::new(rows.iter().map(|row| Some(&row.key)).collect::<StringArray>()))];
    if key == "cell" {
        columns.push(("code", Arc::new(rows.iter().map(|row| Some(&row.text)).collect::<StringArray>())));
    }
    columns.extend([
        ("calls", whole(|row| row.calls)),
        ("tokens_in", whole(|row| row.tokens_in)),
        ("tokens_out", whole(|row| row.tokens_out)),
        ("wall_seconds", seconds(|row| row.wall_seconds)),
        ("cpu_seconds", seconds(|row| row.cpu_seconds)),
        ("cost", Arc::new(rows.iter().map(|row| money(&row.cost)).collect::<StringArray>())),
    ]);
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), *column.data_type() != DataType::Int64))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, column)| column).collect())
        .map_err(|error| Problem::new("Internal", error.to_string()))?;
    Ok(Table::new(schema, vec![batch]))
}
