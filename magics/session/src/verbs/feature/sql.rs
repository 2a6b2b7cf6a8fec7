//! `%feature sql`: a query over tables and feature views.

use kernwerk_core::{Output, Problem};
use kernwerk_lang::{BodyUse, Example};

use super::{BUSY, RIDES, record_reads};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Sql {
    /// The query, with SQL's own quotes; over several lines it stands below a `%%feature sql`
    #[arg(value_name = "SQL", allow_negative_numbers = true)]
    words: Vec<String>,
}

impl Verb for Sql {
    const MAGIC: &'static str = "feature";
    const NAME: &'static str = "sql";
    const ABOUT: &'static str = "run a SELECT over tables and feature views";
    const BODY: BodyUse = BodyUse::Optional("sql");
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "the mean fare by zone",
            line: "%%feature sql",
            body: Some("SELECT zone, count(*) AS rides, avg(fare) AS fare\nFROM rides\nGROUP BY zone\nORDER BY zone"),
            setup: &[RIDES],
        },
        Example {
            about: "a short query on one line, over a feature view",
            line: "%feature sql SELECT count(*) AS rows FROM busy WHERE zone = 'harbour' -> rows",
            body: None,
            setup: &[RIDES, BUSY],
        },
        Example {
            about: "with the value of a parameter that an earlier line declares",
            line: "%feature sql SELECT * FROM rides WHERE fare >= $least -> dear",
            body: None,
            setup: &[RIDES, "%promote param least=10.0"],
        },
    ];

    fn run(self, context: &Context<'_>, body: Option<&str>) -> Result<Answer, Problem> {
        let line = self.words.join(" ");
        let text = match body {
            Some(_) if !line.is_empty() => {
                return Err(Problem::new("TwoQueries", "there is a query on the line and another one below it")
                    .with_hint("write it in one place"));
            }
            Some(body) => body,
            None => &line,
        };
        let lab = context.lab()?;
        let queried = context.block_on(kernwerk_feature::sql(&lab, text, &context.parameters(), context.work()))?;
        context.uses(&queried.parameters);
        record_reads(context, &lab, &queried.reads)?;
        Ok(Output::table(queried.table).into())
    }
}
