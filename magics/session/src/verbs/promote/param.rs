//! `%promote param`: values that a run of the pipeline may set anew.

use kernwerk_core::{Output, Parameter, Problem, Value};
use kernwerk_lang::{BodyUse, Example};

use crate::parameters::{Written, check_free, read_value};
use crate::{Answer, Context, Verb};

/// Declares variables that become inputs of the pipeline. A run gives them other values; a replay takes those that stand here.
///
/// Without a type, a value is an integer (100), a float (0.5, 1e9), a boolean (true, false), a date (2026-01-31), or else text.
/// A number with a leading zero is text. In Rust they are i64, f64, bool and String (dates, too, in the form 2026-01-31), in Python
/// int, float, bool, datetime.date and str; in SQL write $NAME.
#[derive(clap::Args)]
pub(crate) struct Param {
    /// NAME=VALUE or NAME:TYPE=VALUE; a type is integer, float, boolean, date or text, and without one is seen from the value
    #[arg(value_name = "NAME=VALUE", required = true)]
    parameters: Vec<String>,
}

impl Verb for Param {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "param";
    const ABOUT: &'static str = "declare variables that a run of the pipeline may give other values";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "two parameters, whose types are seen",
            line: "%promote param date=2026-01-01 rows=100",
            body: None,
            setup: &[],
        },
        Example { about: "one whose type is said", line: "%promote param zone:text=007", body: None, setup: &[] },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let mut parameters: Vec<Parameter> = Vec::new();
        for word in &self.parameters {
            let Parameter { name, value } = Written::read(word)?.parameter()?;
            check_free(&name, context.is_python())?;
            if parameters.iter().any(|known| known.name == name) {
                return Err(Problem::new("BadParameter", format!("parameter `{name}` is given two values"))
                    .with_hint("give it one"));
            }
            let value = match context.given_parameter(&name) {
                Some(text) => read_value(&name, value.kind(), text)?,
                None => value,
            };
            parameters.push(Parameter { name, value });
        }
        parameters.iter().for_each(|parameter| context.declare(parameter));
        let fields = parameters
            .iter()
            .map(|Parameter { name, value }| (name.clone(), Value::from(format!("{value} ({})", value.kind()))));
        Ok(Answer { parameters: parameters.clone(), ..Output::record(fields).into() })
    }
}
