//! `%kernel recover`: the variables of a kernel, or of a process for cells, that is there no more.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use kernwerk_core::Output;
use kernwerk_lang::Example;
use kernwerk_session::Lost;

use super::{Kernel, KernelVerb, Stop, label, table};
use crate::executor::recover::Recovered;

const NOTHING: &str = "nothing was lost that could be recovered";
/// The problem of having no record of an earlier kernel's cells.
const NO_LAB: &str = "NoLab";

#[derive(clap::Args)]
pub(super) struct Recover {
    /// Say what would run, and run nothing
    #[arg(long)]
    dry_run: bool,
}

impl KernelVerb for Recover {
    const NAME: &'static str = "recover";
    const ABOUT: &'static str =
        "brings back variables that a crash has lost, by running the cells again that make them and do nothing else";
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "after a crash of the kernel or the machine: go on where the notebook was",
            line: "%kernel recover",
            body: None,
            setup: &["%lab init"],
        },
        Example {
            about: "which cells that would be",
            line: "%kernel recover --dry-run",
            body: None,
            setup: &["%lab init"],
        },
    ];

    fn run(self, kernel: &Kernel<'_>) -> Result<Output, Stop> {
        let executor = kernel.executor;
        // What this kernel lost comes before what an earlier one held.
        let of_this = executor.memory().lost.clone();
        let recovery = match of_this.clone() {
            Some(lost) => Some(kernel.session.recovery(&executor.still_lost(lost))),
            None => match kernel.session.recovery_of_last(&there(kernel)?) {
                Err(problem) if problem.name == NO_LAB => {
                    let why = format!("{}; {}", problem.message, problem.hint.unwrap_or_default());
                    return Ok(Output::text(NOTHING).with_note(why));
                }
                found => found?,
            },
        };
        let Some(recovery) = recovery.filter(|found| !found.cells.is_empty() || !found.gone.is_empty()) else {
            return Ok(Output::text(NOTHING));
        };
        if self.dry_run {
            return Ok(shown(&executor.planned(&recovery))?.with_note("nothing was run"));
        }
        let recovered = match of_this {
            Some(_) => {
                executor.run_again(recovery, kernel.recorder, &|cell| executor.run_code_again(cell, kernel.cancel))
            }
            None => {
                executor.counts_from(recovery.counted);
                executor.run_again(recovery, kernel.recorder, &|cell| executor.run_cell_again(cell, kernel.cancel))
            }
        };
        // What an interrupt has left can be asked for again.
        kernel.cancel.check().map_err(|cancelled| Stop::of(cancelled.into()))?;
        executor.memory().lost = None;
        shown(&recovered)
    }
}

/// What there is stays as it is.
fn there(kernel: &Kernel<'_>) -> Result<Lost, Stop> {
    let mut but: std::collections::BTreeSet<String> = kernel.executor.memory().made_names().into_iter().collect();
    but.extend(kernel.executor.scope().names());
    Ok(Lost::Everything { but })
}

fn shown(recovered: &Recovered) -> Result<Output, Stop> {
    let made =
        |state: &'static str| move |(name, cell): &(String, u32)| (name.clone(), state, format!("by {}", label(*cell)));
    let mut rows: Vec<(String, &str, String)> = recovered.again.iter().map(made("made again")).collect();
    rows.extend(recovered.later.iter().map(made("can be made again")));
    rows.extend(recovered.gone.iter().map(|gone| (gone.name.clone(), "gone", gone.why.clone())));
    let column = |of: fn(&(String, &str, String)) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let shown = table(vec![
        ("name", column(|row| row.0.clone())),
        ("state", column(|row| row.1.to_owned())),
        ("how", column(|row| row.2.clone())),
    ])?;
    Ok(Output::table(shown))
}
