//! `%promote show`: what an artifact says of itself.

use kernwerk_core::{Output, Parameter, Problem, Value};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::Reference;

use super::approved;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Show {
    /// Such as `fares@1`; without a version the latest
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
}

impl Verb for Show {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "show";
    const ABOUT: &'static str = "an artifact's target, cells, inputs and proof; nothing of it is run";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "the cells of a version, as they will run",
        line: "%promote show fares@1",
        body: None,
        setup: &[
            "%feature source rides rides.csv --event-time pickup",
            "%feature sql \"SELECT zone, avg(fare) AS fare FROM rides GROUP BY zone ORDER BY zone\" -> fares",
            "%promote publish fares --target fares",
        ],
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let reference: Reference = self.artifact.parse().map_err(Problem::from)?;
        let shown = kernwerk_promote::show(&context.lab()?, &reference)?;
        let mut fields = vec![
            ("artifact".to_owned(), Value::from(shown.location.to_string())),
            ("identity".to_owned(), Value::from(shown.id)),
            ("in use as".to_owned(), Value::from((!shown.labels.is_empty()).then(|| shown.labels.join(", ")))),
            ("approved".to_owned(), Value::from(approved(&shown.approvals))),
            ("target".to_owned(), Value::from(kernwerk_promote::target(&shown.pipeline))),
            ("files".to_owned(), Value::from(shown.manifest.files.len())),
            ("proof run".to_owned(), Value::from(if shown.proof.is_some() { "kept" } else { "taken away" })),
        ];
        let gates =
            shown.gates.as_ref().map(|gates| gates.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
        fields.push(("gates".to_owned(), Value::from(gates.unwrap_or_else(|| "taken away".to_owned()))));
        if let Some(toolchain) = &shown.pipeline.made_with.toolchain {
            fields.push(("toolchain".to_owned(), Value::from(toolchain.as_str())));
        }
        let environment = &shown.pipeline.environment;
        fields.push(("threads".to_owned(), Value::from(u64::from(environment.threads))));
        for (name, value) in &environment.variables {
            fields.push((format!("${name}"), Value::from(value.as_str())));
        }
        for name in &environment.secrets {
            fields.push((format!("${name}"), Value::from("a secret, which is no part of the artifact")));
        }
        if let Some(cassette) = &shown.pipeline.cassette {
            let steps: Vec<String> = cassette.steps.iter().map(u32::to_string).collect();
            let recorded = shown.proof.as_ref().and_then(|proof| proof.recorded_at.clone());
            let at = recorded.map(|at| format!(", recorded {at}")).unwrap_or_default();
            let words = format!("{} with the network, of the cells {}{at}", cassette.exchanges, steps.join(", "));
            fields.push(("exchanges on the cassette".to_owned(), Value::from(words)));
        }
        if environment.network {
            fields.push(("network".to_owned(), Value::from("its cells use it")));
        }
        for parameter in &shown.pipeline.parameters {
            let Parameter { name, value } = &parameter.parameter;
            fields.push((format!("parameter {name}"), Value::from(format!("{value} ({})", value.kind()))));
        }
        if let Some(python) = &shown.pipeline.python {
            let packages: Vec<String> =
                python.packages.iter().map(|(name, version)| format!("{name} {version}")).collect();
            fields.push(("python".to_owned(), Value::from(format!("{} {}", python.implementation, python.version))));
            fields.push(("packages".to_owned(), Value::from(packages.join(", "))));
        }
        if let Some(rust) = shown.pipeline.rust.filter(|rust| !rust.crates.is_empty()) {
            let crates: Vec<String> = rust.crates.iter().map(|(name, version)| format!("{name} {version}")).collect();
            fields.push(("crates".to_owned(), Value::from(crates.join(", "))));
        }
        for (number, cell) in (1..).zip(&shown.cells) {
            fields.push((format!("cell {number}"), Value::from(kernwerk_promote::readable(cell))));
        }
        Ok(Output::record(fields).volatile().into())
    }
}
