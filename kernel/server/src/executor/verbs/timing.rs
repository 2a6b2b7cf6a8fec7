//! `%kernel timing`: where the time of the last cells went.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use kernwerk_cell::Phases;
use kernwerk_core::Output;
use kernwerk_lang::Example;

use super::{Kernel, KernelVerb, Stop, label, table};

#[derive(clap::Args)]
pub(super) struct Timing {
    /// How many cells to show, the latest last
    #[arg(long, value_name = "CELLS", default_value_t = 10)]
    last: usize,
}

impl KernelVerb for Timing {
    const NAME: &'static str = "timing";
    const ABOUT: &'static str = "where the time of the last Rust cells went, phase by phase";
    const EXAMPLES: &'static [Example] =
        &[Example { about: "the last three cells with Rust", line: "%kernel timing --last 3", body: None, setup: &[] }];

    fn run(self, kernel: &Kernel<'_>) -> Result<Output, Stop> {
        let timings = kernel.executor.memory().timings(self.last);
        if timings.is_empty() {
            return Ok(Output::text("no Rust cell has run yet"));
        }
        let column = |of: fn(&Phases) -> Option<u64>| -> ArrayRef {
            Arc::new(timings.iter().map(|(_, phases)| of(phases).map(milliseconds)).collect::<StringArray>())
        };
        let labels = timings.iter().map(|(count, _)| label(*count));
        let shown = table(vec![
            ("cell", Arc::new(StringArray::from_iter_values(labels))),
            ("analyse", column(|phases| phases.analyse)),
            ("cargo", column(|phases| phases.cargo)),
            ("rustc", column(|phases| phases.rustc)),
            ("load", column(|phases| phases.load)),
            ("run", column(|phases| phases.run)),
            ("total", column(|phases| phases.total)),
        ])?;
        let output = Output::table(shown).with_title("Milliseconds");
        let note = "analyse: reading the cell and inferring its types; cargo: dependencies, and what stands in for cargo; \
                    rustc: compiling and linking the cell; load: its way into the process that runs it; run: its own code. \
                    A phase without a number did not happen or was not measured";
        Ok(output.with_note(note))
    }
}

fn milliseconds(microseconds: u64) -> String {
    format!("{:.1}", microseconds as f64 / 1e3)
}
