//! `%lab principal`: for whom this session works.

use kernwerk_core::{Output, Problem, Value};
use kernwerk_lang::{BodyUse, Example};

use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Principal {
    /// Whom to work for from now on, as listed in kernwerk.toml; without it the present one is shown
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Work for nobody: only rows for everyone are seen
    #[arg(long, conflicts_with = "name")]
    nobody: bool,
}

impl Verb for Principal {
    const MAGIC: &'static str = "lab";
    const NAME: &'static str = "principal";
    const ABOUT: &'static str = "show or set for whom this session works; rights are decided for that principal";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "who this is, and which groups that includes",
            line: "%lab principal",
            body: None,
            setup: &["%lab init"],
        },
        Example { about: "back to nobody", line: "%lab principal --nobody", body: None, setup: &["%lab init"] },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        if self.nobody {
            context.set_principal(None);
        } else if let Some(name) = self.name {
            // An unknown name is refused here, not at the first search.
            lab.principal(Some(&name))?;
            context.set_principal(Some(name));
        }
        let principal = context.principal()?;
        let output = Output::record([
            ("principal", principal.name.map_or(Value::from("nobody"), Value::from)),
            ("groups", Value::List(principal.groups.into_iter().map(Value::from).collect())),
        ]);
        Ok(output.volatile().into())
    }
}
