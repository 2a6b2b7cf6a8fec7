//! `%kernel stale`: which cells would come out differently if they ran again.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use kernwerk_core::Output;
use kernwerk_lang::Example;

use super::{Kernel, KernelVerb, Stop, label, table};

/// A column of code leaves room for what is said of the cells.
const LONGEST_BEGINNING: usize = 40;

#[derive(clap::Args)]
pub(super) struct Stale {
    /// From now on, say nothing when a cell reads a stale value
    #[arg(long, conflicts_with = "tell")]
    quiet: bool,
    /// From now on, say so in one line when a cell reads a stale value; this is how a kernel begins
    #[arg(long)]
    tell: bool,
}

impl KernelVerb for Stale {
    const NAME: &'static str = "stale";
    const ABOUT: &'static str = "the cells whose inputs have changed since they ran, and why";
    const EXAMPLES: &'static [Example] = &[
        Example { about: "what to run again", line: "%kernel stale", body: None, setup: &[] },
        Example {
            about: "no more lines about stale values in cells",
            line: "%kernel stale --quiet",
            body: None,
            setup: &[],
        },
    ];

    fn run(self, kernel: &Kernel<'_>) -> Result<Output, Stop> {
        if self.quiet || self.tell {
            kernel.executor.memory().quiet = self.quiet;
        }
        let quiet = kernel.executor.memory().quiet;
        let said = "cells say nothing of stale values; `%kernel stale --tell` changes that";
        let stale = kernel.session.stale_cells();
        let output = if stale.is_empty() {
            Output::text("no cell is stale")
        } else {
            let texts = |texts: Vec<String>| -> ArrayRef { Arc::new(StringArray::from(texts)) };
            let shown = table(vec![
                ("cell", texts(stale.iter().map(|cell| label(cell.execution_count)).collect())),
                ("code", texts(stale.iter().map(|cell| beginning(&cell.text)).collect())),
                ("why", texts(stale.iter().map(|cell| cell.causes.join("; ")).collect())),
            ])?;
            Output::table(shown).with_note("run them again, from the top")
        };
        Ok(if quiet { output.with_note(said) } else { output })
    }
}

/// The beginning of a cell, by which people know it.
fn beginning(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    if line.chars().count() <= LONGEST_BEGINNING {
        return line.to_owned();
    }
    line.chars().take(LONGEST_BEGINNING - 1).chain(['…']).collect()
}
