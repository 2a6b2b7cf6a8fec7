//! What a call is answered with: magics run for the cell that called, and are recorded with it like those of its own lines.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kernwerk_cell::BoundTo;
use kernwerk_core::{Cancel, Problem, Verdict, Work};
use kernwerk_lang::MagicLine;
use kernwerk_session::{RunningCell, Session};
use kernwerk_wire::{Given, Wanted};

use crate::executor::Executor;
use crate::executor::recorder::Recorder;
use crate::executor::scope::rust_value;

/// The cell for which calls are answered.
pub(in crate::executor) struct Caller<'a> {
    executor: &'a Executor,
    session: &'a Session,
    running: &'a RunningCell,
    recorder: &'a Arc<Recorder>,
    cancel: Cancel,
    /// Calls that are being answered.
    open: AtomicUsize,
}

impl<'a> Caller<'a> {
    /// An interrupt of the cell, `cancel`, stops its calls.
    pub fn new(
        executor: &'a Executor,
        session: &'a Session,
        running: &'a RunningCell,
        recorder: &'a Arc<Recorder>,
        cancel: &Cancel,
    ) -> Self {
        Self { executor, session, running, recorder, cancel: cancel.child(), open: AtomicUsize::new(0) }
    }

    /// Stops the calls, and no more than them.
    pub fn stop(&self) {
        self.cancel.cancel();
    }

    /// Answers a call. Tables are left in the lab, or in `otherwise` where there is none.
    ///
    /// # Errors
    /// What a magic reports.
    pub fn answer(&self, wanted: Wanted, otherwise: &Path) -> Result<Given, Problem> {
        self.open.fetch_add(1, Ordering::SeqCst);
        // A panic must not end the kernel's cell.
        let given = std::panic::catch_unwind(AssertUnwindSafe(|| self.give(wanted, otherwise))).unwrap_or_else(|_| {
            Err(Problem::new("InternalError", "Kernwerk failed in a way that it did not foresee")
                .with_hint("the lab is sound; please report what was called"))
        });
        // Bars of calls beside this one go on.
        if self.open.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.recorder.progress_ended();
        }
        given
    }

    fn give(&self, wanted: Wanted, otherwise: &Path) -> Result<Given, Problem> {
        let work = Work::new(self.cancel.clone(), self.recorder.clone());
        work.check()?;
        Ok(match wanted {
            Wanted::Magic { text } => self.magic(&read(&text)?, &work, otherwise)?,
            Wanted::Table { name } => {
                let table = self.session.table(&name, self.running, &work)?;
                Given::Table { path: self.session.hand_over(&table, &name, otherwise)? }
            }
            Wanted::Give { name, path } => {
                let given = self.session.give(&name, &path, self.running)?;
                // Rust has it already, under whatever name: it is not bound once more for later cells.
                Given::Table { path: given.path.unwrap_or(path) }
            }
            Wanted::Tables => Given::Tables { names: self.session.tables()? },
            Wanted::Lab => Given::Lab { path: self.session.lab_root()? },
        })
    }

    fn magic(&self, line: &MagicLine, work: &Work, otherwise: &Path) -> Result<Given, Problem> {
        let reply = self.session.run(line, self.running, work)?;
        let bound = reply.binding.and_then(|binding| Some((binding.name, binding.path?)));
        if let Some((name, path)) = &bound {
            self.executor.scope().bind(name, BoundTo::Frame(path.clone()));
        }
        for parameter in &reply.parameters {
            self.executor.scope().bind(&parameter.name, rust_value(&parameter.value));
        }
        let frame = match (bound, &reply.table) {
            (Some((_, path)), _) => Some(path),
            (None, Some(table)) => Some(self.session.hand_over(table, &line.magic, otherwise)?),
            (None, None) => None,
        };
        Ok(Given::Magic {
            text: kernwerk_render::text(&reply.output),
            html: kernwerk_render::html(&reply.output),
            verdict: verdict(reply.output.verdict).to_owned(),
            volatile: reply.output.is_volatile(),
            frame,
        })
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::Undecided => "undecided",
    }
}

/// The magic that a text is: a line, with or without the percent sign, and below it the lines of its body.
///
/// # Errors
/// The line cannot be read.
pub(in crate::executor) fn read(text: &str) -> Result<MagicLine, Problem> {
    let mut lines = text.trim_start().trim_start_matches('%').split('\n');
    let mut line = lines.next().unwrap_or_default().to_owned();
    // As in a cell, a `\` at its end joins the next line.
    while let Some(head) = line.trim_end().strip_suffix('\\') {
        let Some(next) = lines.next() else { break };
        line = format!("{head} {next}");
    }
    let body = lines.collect::<Vec<_>>().join("\n");
    let body = (!body.trim().is_empty()).then_some(body);
    Ok(MagicLine::read(&format!("%{line}"), body, 0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_line_and_its_body() {
        for text in ["lab status", "%lab status", "  %lab status\n\n", "lab \\\n status", "%%lab status"] {
            let line = read(text).expect("a magic");
            assert_eq!((line.magic.as_str(), line.body), ("lab", None), "{text:?}");
            assert_eq!(line.words, ["status"]);
        }
        for text in ["feature sql\nSELECT 1\n", "%%feature sql\nSELECT 1\n", "%feature \\\nsql\nSELECT 1\n"] {
            let line = read(text).expect("a magic");
            assert_eq!((line.words.as_slice(), line.body.as_deref()), (&["sql".to_owned()][..], Some("SELECT 1\n")));
        }
        assert_eq!(read("feature list -> known").expect("a magic").bind.as_deref(), Some("known"));
        for text in ["", "%", "\n", "rag search 'open"] {
            assert_eq!(read(text).expect_err("no magic").name, "MagicSyntax", "{text:?}");
        }
    }
}
