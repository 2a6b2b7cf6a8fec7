//! `%lab status`: where the lab is and what it holds.

use kernwerk_core::{Output, Problem, Resource, Value};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_store::Lab;

use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Status {}

impl Verb for Status {
    const MAGIC: &'static str = "lab";
    const NAME: &'static str = "status";
    const ABOUT: &'static str = "where the lab is and what it holds";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "the lab of this notebook, or that there is none",
        line: "%lab status",
        body: None,
        setup: &[],
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let Some(lab) = context.existing_lab()? else {
            return Ok(Output::text(context.session.no_lab())
                .with_note("`%lab init` makes one, and so does the first magic that writes")
                .volatile()
                .into());
        };
        Ok(status(&lab, context)?.volatile().into())
    }
}

fn status(lab: &Lab, context: &Context<'_>) -> Result<Output, Problem> {
    let mut cells = 0;
    for notebook in lab.ledger().notebooks()? {
        cells += lab.ledger().cells(&notebook)?.len();
    }
    let who = context.principal_name().map_or(Value::from("nobody: only what everyone may read"), Value::from);
    let defined = |kind: &str| -> Result<Value, Problem> {
        Ok(names(lab.ledger().definitions(kind)?.into_iter().map(|definition| definition.name).collect()))
    };
    let output = Output::record([
        ("lab", Value::from(lab.root().display().to_string())),
        ("identity", Value::from(lab.id().to_string())),
        ("principal", who),
        ("tables", names(lab.names(Resource::Table))),
        ("feature views", defined("feature-view")?),
        ("corpora", names(lab.names(Resource::Corpus))),
        ("suites", defined("suite")?),
        ("recorded cells", Value::from(cells)),
    ]);
    Ok(lab.recovered().iter().fold(output, |output, line| output.with_note(line.clone())))
}

fn names(names: Vec<String>) -> Value {
    if names.is_empty() {
        return Value::Absent;
    }
    Value::List(names.into_iter().map(Value::from).collect())
}
