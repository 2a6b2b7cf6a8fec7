//! `%promote plan`: which cells a target needs, and why.

use kernwerk_core::{Output, Problem, Verdict};
use kernwerk_lang::{BodyUse, Example};

use super::{beginning, numbers, plan_spec, table, texts};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Plan {
    /// The artifact's name
    #[arg(value_name = "NAME")]
    name: String,
    /// A variable, or a cell by its number in `In [7]`
    #[arg(long, value_name = "TARGET")]
    target: String,
    /// The notebook, where it is not this one: its latest session
    #[arg(long, value_name = "FILE")]
    notebook: Option<String>,
    /// A file that cells read without a magic
    #[arg(long = "input", value_name = "FILE")]
    inputs: Vec<String>,
}

impl Verb for Plan {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "plan";
    const ABOUT: &'static str = "which cells a target needs, why, and what they read from outside";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "what the table behind a variable needs",
        line: "%promote plan fares --target fares",
        body: None,
        setup: &[
            "%feature source rides rides.csv --event-time pickup",
            "%feature sql \"SELECT zone, avg(fare) AS fare FROM rides GROUP BY zone ORDER BY zone\" -> fares",
        ],
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let spec = plan_spec(context, &self.target, self.notebook.as_deref(), self.inputs)?;
        let plan = context.block_on(kernwerk_promote::plan(&lab, &spec, context.work()))?;
        let mut rows: Vec<(u32, String, &str, String)> = Vec::new();
        for kept in &plan.kept {
            let execution = &kept.execution;
            rows.push((
                execution.execution_count,
                beginning(&execution.text),
                "kept",
                kept.reasons_in_words().join("; "),
            ));
        }
        // The cell that asks is none of those that it asks about.
        let asks = self.notebook.is_none().then(|| context.execution_count());
        for left in plan.left_out.iter().filter(|left| Some(left.execution_count) != asks) {
            rows.push((left.execution_count, beginning(&left.text), "left out", left.why.to_string()));
        }
        rows.sort_by_key(|row| row.0);
        let shown = table(vec![
            ("cell", numbers(rows.iter().map(|row| i64::from(row.0)))),
            ("code", texts(rows.iter().map(|row| Some(row.1.clone())))),
            ("decision", texts(rows.iter().map(|row| Some(row.2.to_owned())))),
            ("why", texts(rows.iter().map(|row| Some(row.3.clone())))),
        ])?;
        let title = format!("{}: {} of {} cells for `{}`", self.name, plan.kept.len(), rows.len(), plan.target);
        let mut output = Output::table(shown).with_title(title);
        for input in &plan.inputs {
            let presumed = if input.presumed { " (named in the text of a cell)" } else { "" };
            output = output.with_note(format!("reads {input}{presumed}"));
        }
        for model in &plan.models {
            output = output.with_note(format!("uses the model {} with weights {}", model.name, model.digest));
        }
        for obstacle in &plan.obstacles {
            output = output.with_note(format!("in the way: {obstacle}")).with_verdict(Verdict::Failed);
        }
        Ok(output.volatile().into())
    }
}
