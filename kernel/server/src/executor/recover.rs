//! Variables that were lost with the process that held them: the cells that make them run again where that does nothing else.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use kernwerk_cell::{CellEnd, CellRequest, Kept, analyse};
use kernwerk_core::{Cancel, CellStatus, Event, Events};
use kernwerk_lang::{Segment, split};
use kernwerk_session::{Gone, Lost, Recovery, Rerun, Session};

use super::Executor;
use super::recorder::Recorder;
use crate::engine::{Cell, Unseen};

/// Cells that took so many seconds, all together, run again without being asked for.
const UNASKED: f64 = 10.0;

/// Seconds that compiling a cell again takes, at most.
const COMPILED: f64 = 1.0;

/// What became of variables that were lost.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Recovered {
    /// There again, and by which cell, as in `In [7]`.
    pub again: Vec<(String, u32)>,
    /// Would be there again after so many seconds, and by which cells.
    pub later: Vec<(String, u32)>,
    pub seconds: f64,
    pub gone: Vec<Gone>,
}

/// How a cell is run again.
type Run<'a> = &'a dyn Fn(&Rerun) -> Result<(), String>;

impl Executor {
    /// Brings back what was lost, unless that takes long. What is left can be asked for later.
    pub(super) fn bring_back(&self, session: &Session, kept: &Kept, recorder: &Recorder) -> Recovered {
        let Some(lost) = self.lost(kept) else { return Recovered::default() };
        let recovery = session.recovery(&lost);
        let planned = self.planned(&recovery);
        if planned.seconds > UNASKED {
            self.memory().lost = Some(lost);
            self.note_gone(&planned);
            return planned;
        }
        let recovered = self.run_again(recovery, recorder, &|cell| self.run_in_time(cell));
        self.note_gone(&recovered);
        recovered
    }

    /// Keeps in mind why variables are not there, for cells that will miss them.
    fn note_gone(&self, recovered: &Recovered) {
        let mut memory = self.memory();
        recovered.gone.iter().for_each(|gone| memory.went(&gone.name, &gone.why));
        for (name, _) in &recovered.later {
            memory.went(name, "`%kernel recover` makes it again");
        }
    }

    /// How long a cell takes when it runs again: its own code as long as before, and some time to be compiled.
    fn seconds_of(&self, cell: &Rerun) -> f64 {
        let ran = self.memory().ran_for(cell.execution_count);
        ran.map_or(cell.seconds, |ran| (ran + COMPILED).min(cell.seconds))
    }

    /// Runs a cell again that nobody has asked for: it is stopped when it takes much longer than before.
    fn run_in_time(&self, cell: &Rerun) -> Result<(), String> {
        // The user may have interrupted the cell before; that is done.
        let cancel = Cancel::new();
        let (ended, end) = channel::<()>();
        std::thread::scope(|scope| {
            let (most, late) = (Duration::from_secs_f64(3.0 * UNASKED), cancel.clone());
            scope.spawn(move || {
                if end.recv_timeout(most) == Err(RecvTimeoutError::Timeout) {
                    late.cancel();
                }
            });
            let ran = self.run_code_again(cell, &cancel);
            drop(ended);
            ran
        })
    }

    /// Takes out of what was lost what has been made since: that stays as it is.
    pub(super) fn still_lost(&self, lost: Lost) -> Lost {
        let Lost::Variables { mut gone, mut there } = lost else { return lost };
        let made = self.cells.variables().unwrap_or_default();
        for name in made.into_iter().map(|variable| variable.name) {
            gone.remove(&name);
            there.insert(name);
        }
        Lost::Variables { gone, there }
    }

    /// As [`Executor::bring_back`] where nothing can run now.
    pub(super) fn bring_back_later(&self, session: &Session, kept: &Kept) -> Recovered {
        let Some(lost) = self.lost(kept) else { return Recovered::default() };
        let planned = self.planned(&session.recovery(&lost));
        self.memory().lost = Some(lost);
        self.note_gone(&planned);
        planned
    }

    /// What running cells again would bring back.
    pub(super) fn planned(&self, recovery: &Recovery) -> Recovered {
        Recovered {
            later: recovery.cells.iter().flat_map(made_by).collect(),
            seconds: recovery.cells.iter().map(|cell| self.seconds_of(cell)).sum(),
            gone: recovery.gone.clone(),
            ..Recovered::default()
        }
    }

    /// The variables that are not there any more; tables that magics bound are bound again by themselves.
    fn lost(&self, kept: &Kept) -> Option<Lost> {
        let bound = self.scope().names();
        let (mut gone, mut there): (Vec<String>, Vec<String>) = match kept {
            Kept::All => return None,
            Kept::Some { kept, gone } => (gone.clone(), kept.clone()),
            Kept::Nothing => (self.memory().made_names(), Vec::new()),
        };
        gone.retain(|name| !bound.contains(name));
        there.extend(bound);
        Some(Lost::Variables { gone: gone.into_iter().collect(), there: there.into_iter().collect() })
    }

    /// Runs cells again, in their order. One that fails takes with it what later ones were to make of it: they fail as well.
    pub(super) fn run_again(&self, recovery: Recovery, recorder: &Recorder, run: Run<'_>) -> Recovered {
        let mut recovered = Recovered { gone: recovery.gone, ..Recovered::default() };
        let total = recovery.cells.len() as u64;
        for (done, cell) in (0..).zip(&recovery.cells) {
            // Of one cell nobody needs to be told.
            if done > 0 {
                let task = "running cells again".to_owned();
                recorder.emit(Event::Progress { task, done, total: Some(total), unit: "cells" });
            }
            match run(cell) {
                Ok(()) => recovered.again.extend(made_by(cell)),
                Err(why) => {
                    let why = format!("In[{}] failed when it ran again: {why}", cell.execution_count);
                    recovered.gone.extend(cell.names.iter().map(|name| Gone { name: name.clone(), why: why.clone() }));
                }
            }
        }
        recorder.progress_ended();
        recovered.again.sort();
        recovered
    }

    /// Runs the Rust code of a cell again; what its magics bound is there. What it shows was shown before.
    pub(super) fn run_code_again(&self, cell: &Rerun, cancel: &Cancel) -> Result<(), String> {
        for segment in split(&cell.text).map_err(|problem| problem.message)? {
            let Segment::Code { text, line } = segment else { continue };
            let names = analyse(&text);
            let bindings = self.scope().needed_by(&names, &text);
            let request = CellRequest { code: text.clone(), line, bindings };
            let end = self.cells.run(&request, &mut drop, cancel).map_err(|problem| problem.message)?;
            if !matches!(end, CellEnd::Ok { .. }) {
                return Err(super::rust::failure(end, &Recovered::default()).message);
            }
            self.keep_scope(&end, &names, &request);
            self.memory().ran(&names, cell.execution_count, true);
        }
        Ok(())
    }

    /// Runs a cell of an earlier kernel again, magics and all, and records it as a cell of this one.
    pub(super) fn run_cell_again(&self, cell: &Rerun, cancel: &Cancel) -> Result<(), String> {
        let again = Cell { code: &cell.text, execution_count: cell.execution_count, id: None };
        let report = self.run_cell(again, Arc::new(Unseen { note: drop }), cancel);
        match (report.status, report.failure) {
            (CellStatus::Ok, _) => Ok(()),
            (_, Some(failure)) => Err(failure.message),
            _ => Err("it did not come to its end".to_owned()),
        }
    }
}

fn made_by(cell: &Rerun) -> Vec<(String, u32)> {
    cell.names.iter().map(|name| (name.clone(), cell.execution_count)).collect()
}

impl Recovered {
    /// Which variables there are and which are not, in one line.
    pub fn words(&self, kept: &Kept) -> String {
        let listed = |made: &[(String, u32)]| {
            made.iter().map(|(name, cell)| format!("{name} (In[{cell}])")).collect::<Vec<_>>().join(", ")
        };
        let mut parts = Vec::new();
        match kept {
            Kept::Some { kept, .. } if !kept.is_empty() => parts.push(format!("variables kept: {}", kept.join(", "))),
            _ => {}
        }
        if !self.again.is_empty() {
            parts.push(format!("made again: {}", listed(&self.again)));
        }
        if !self.later.is_empty() {
            let (made, seconds) = (listed(&self.later), self.seconds);
            parts.push(format!("`%kernel recover` makes these again, in about {seconds:.0} s: {made}"));
        }
        if !self.gone.is_empty() {
            let gone: Vec<String> = self.gone.iter().map(|gone| format!("{} ({})", gone.name, gone.why)).collect();
            parts.push(format!("gone: {}", gone.join(", ")));
        }
        if parts.is_empty() { "there were no variables to keep".to_owned() } else { parts.join("; ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_variables_is_one_line() {
        let some = Kept::Some { kept: vec!["a".to_owned(), "b".to_owned()], gone: vec!["c".to_owned()] };
        let gone =
            Gone { name: "c".to_owned(), why: "In[2] may do more than make it: it has to do with `thread`".to_owned() };
        let recovered = Recovered { again: vec![("d".to_owned(), 3)], gone: vec![gone], ..Recovered::default() };
        assert_eq!(
            recovered.words(&some),
            "variables kept: a, b; made again: d (In[3]); gone: c (In[2] may do more than make it: it has to do with `thread`)"
        );
        let recovered = Recovered { later: vec![("d".to_owned(), 3)], seconds: 41.6, ..Recovered::default() };
        assert_eq!(recovered.words(&Kept::Nothing), "`%kernel recover` makes these again, in about 42 s: d (In[3])");
    }
}
