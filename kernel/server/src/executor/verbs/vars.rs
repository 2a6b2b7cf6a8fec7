//! `%kernel vars`: the variables of the notebook.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use kernwerk_core::{Output, Problem};
use kernwerk_lang::Example;

use super::{Kernel, KernelVerb, Stop, label, table};

#[derive(clap::Args)]
pub(super) struct Vars {}

/// What is known of a variable.
#[derive(Default)]
struct Variable {
    type_name: Option<String>,
    size: Option<String>,
    cell: Option<String>,
}

impl KernelVerb for Vars {
    const NAME: &'static str = "vars";
    const ABOUT: &'static str = "the variables: type, size where it is known, and the cell that made each";
    const EXAMPLES: &'static [Example] = &[Example {
        about: "what there is to work with",
        line: "%kernel vars",
        body: None,
        setup: &[
            "%feature source rides rides.csv --event-time pickup",
            "%feature sql \"SELECT zone FROM rides\" -> zones",
        ],
    }];

    fn run(self, kernel: &Kernel<'_>) -> Result<Output, Stop> {
        let variables = variables(kernel)?;
        if variables.is_empty() {
            let note = "`let` in a Rust cell makes one, and so does `-> name` behind a magic";
            return Ok(Output::text("there are no variables").with_note(note));
        }
        let texts = |of: fn(&Variable) -> Option<&String>| -> ArrayRef {
            Arc::new(variables.values().map(of).collect::<StringArray>())
        };
        Ok(Output::table(table(vec![
            ("name", Arc::new(StringArray::from_iter_values(variables.keys()))),
            ("type", texts(|variable| variable.type_name.as_ref())),
            ("size", texts(|variable| variable.size.as_ref())),
            ("cell", texts(|variable| variable.cell.as_ref())),
        ])?))
    }
}

fn variables(kernel: &Kernel<'_>) -> Result<BTreeMap<String, Variable>, Problem> {
    let mut variables: BTreeMap<String, Variable> = BTreeMap::new();
    for (name, kind) in kernel.executor.scope().values() {
        variables.entry(name).or_default().type_name = Some(kind);
    }
    for name in kernel.executor.scope().tables() {
        let bound = kernel.session.variable(&name)?;
        let size = bound.map(|table| format!("{} rows × {} columns", table.rows(), table.schema.fields().len()));
        variables.insert(name, Variable { type_name: Some("table".to_owned()), size, cell: None });
    }
    for found in kernel.executor.cells.variables()? {
        variables.entry(found.name).or_default().type_name = Some(found.type_name);
    }
    let memory = kernel.executor.memory();
    for (name, variable) in &mut variables {
        variable.cell = memory.maker(name).map(label);
    }
    Ok(variables)
}
