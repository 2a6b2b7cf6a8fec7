//! `%promote plan`: which cells a target needs, and why.

use std::collections::BTreeMap;

use kernwerk_core::{Access, Output, Problem, Resource, Verdict};
use kernwerk_cost::{Group, Scope};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::{Input, Kept, PlanSpec};
use kernwerk_render::{Node, graph};
use kernwerk_store::Lab;

use super::{More, beginning, plan_spec, telling_line};
use crate::columns::{numbers, table, texts};
use crate::place::{Guarded, check_ending};
use crate::verbs::cost::money;
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
    #[command(flatten)]
    more: More,
    /// Write the graph of the cells, which notebooks show, as an SVG file
    #[arg(long, value_name = "FILE")]
    graph: Option<String>,
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
        if let Some(file) = &self.graph {
            check_ending("--graph", file, &["svg"])?;
        }
        let spec = plan_spec(context, &self.target, self.notebook.as_deref(), self.more)?;
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
        let graph = graph(&nodes(&plan, &costs(&lab, &spec)?));
        let mut output = Output::table(shown).with_title(title).with_figure(graph.clone());
        if let Some(file) = &self.graph {
            context.check_place("--graph", file, &Guarded::of_plan(&lab, &spec.notebook, &plan.inputs))?;
            let path = context.save(file, graph.as_bytes())?;
            output = output.with_note(format!("graph: {}", path.display()));
        }
        output = reads(&plan.inputs, &spec.declared).into_iter().fold(output, Output::with_note);
        for model in &plan.models {
            output = output.with_note(format!("uses the model {} with weights {}", model.name, model.digest));
        }
        output = plan.notes.iter().cloned().fold(output, Output::with_note);
        for obstacle in &plan.obstacles {
            output = output.with_note(format!("in the way: {obstacle}")).with_verdict(Verdict::Failed);
        }
        Ok(output.volatile().into())
    }
}

/// Of more files in one directory the first and the last are named.
const MOST_OF_DIRECTORY: usize = 8;

/// What comes from outside, in lines.
fn reads(inputs: &[Input], declared: &[String]) -> Vec<String> {
    let how = |input: &Input| match input.presumed {
        true if input.is_declared(declared) => " (`--input`)",
        true => " (named in the text of a cell)",
        false => "",
    };
    let directory = |input: &Input| match input.resource {
        Resource::File => input.name.rsplit_once('/').map(|(directory, _)| directory.to_owned()),
        _ => None,
    };
    let is_like = |one: &Input, other: &Input| {
        directory(one).is_some_and(|place| directory(other) == Some(place)) && how(one) == how(other)
    };
    let mut lines = Vec::new();
    for alike in inputs.chunk_by(is_like) {
        match alike {
            [first, .., last] if alike.len() > MOST_OF_DIRECTORY => {
                let place = directory(first).unwrap_or_default();
                let name = |input: &Input| input.name[place.len() + 1..].to_owned();
                let (from, to, count) = (name(first), name(last), alike.len());
                lines.push(format!("reads {count} files in `{place}`, `{from}` to `{to}`{}", how(first)));
            }
            _ => lines.extend(alike.iter().map(|input| format!("reads {input}{}", how(input)))),
        }
    }
    lines
}

/// What the models that each cell called consumed, in words, by the cell's number; of the session that the plan is of.
fn costs(lab: &Lab, spec: &PlanSpec) -> Result<BTreeMap<u32, String>, Problem> {
    let records = lab.ledger().cells(&spec.notebook)?;
    let Some(process) = spec.process.or_else(|| records.last().map(|last| last.cell.process)) else {
        return Ok(BTreeMap::new());
    };
    let rows = kernwerk_cost::report(lab, &Scope::Process { notebook: spec.notebook.clone(), process }, Group::Cell)?;
    let costs = rows.into_iter().filter(|row| row.calls > 0).filter_map(|row| {
        let tokens = format!("{} tokens", row.tokens_in + row.tokens_out);
        let words = money(&row.cost).map_or(tokens.clone(), |money| format!("{tokens}, {money}"));
        Some((row.key.parse().ok()?, words))
    });
    Ok(costs.collect())
}

/// The kept cells as nodes of a graph.
fn nodes(plan: &kernwerk_promote::Plan, costs: &BTreeMap<u32, String>) -> Vec<Node> {
    let places: BTreeMap<u32, usize> =
        plan.kept.iter().enumerate().map(|(place, kept)| (kept.execution.execution_count, place)).collect();
    let node = |kept: &Kept| Node {
        label: format!("In[{}]", kept.execution.execution_count),
        code: telling_line(&kept.execution.text).to_owned(),
        facts: facts(kept, costs),
        is_target: kept.is_target(),
        needs: kept.needs.iter().filter_map(|count| places.get(count).copied()).collect(),
    };
    plan.kept.iter().map(node).collect()
}

/// What a cell makes, how long it took, and what its models consumed.
fn facts(kept: &Kept, costs: &BTreeMap<u32, String>) -> Vec<String> {
    let execution = &kept.execution;
    let names = &execution.names;
    let defined = names.defines.iter().map(String::as_str);
    let bound = execution.bindings.iter().map(|binding| binding.name.as_str());
    let mut made: Vec<&str> = defined.chain(bound).collect();
    made.sort_unstable();
    made.dedup();
    let changed: Vec<&str> = names.mutates.iter().map(String::as_str).filter(|name| !made.contains(name)).collect();
    let wrote = execution.effects.iter().filter(|effect| effect.access == Access::Write);
    let mut wrote: Vec<&str> = wrote.map(|effect| effect.name.as_str()).collect();
    wrote.dedup();
    let list = |word: &str, names: &[&str]| (!names.is_empty()).then(|| format!("{word} {}", names.join(", ")));
    let words = [list("makes", &made), list("changes", &changed), list("writes", &wrote)];
    let cost = costs.get(&execution.execution_count).cloned();
    words.into_iter().flatten().chain([format!("{:.1} s", execution.seconds())]).chain(cost).collect()
}
