//! Measures where a cell's time goes.

use std::time::{Duration, Instant};

use kernwerk_wire::Phases;

/// The clock of one cell. What a cell goes through more than once is added up.
#[derive(Debug, Default)]
pub(super) struct Stopwatch {
    phases: Phases,
    /// When the cell was asked for.
    asked: Option<Instant>,
    /// When evcxr was given the cell, or its last part; none once something was compiled.
    begun: Option<Instant>,
    /// What goes on now, and since when.
    now: Option<(Step, Instant)>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Load,
    Run,
}

impl Stopwatch {
    /// A cell is asked for.
    pub(super) fn start() -> Self {
        Self { asked: Some(Instant::now()), ..Self::default() }
    }

    /// evcxr is given the cell. What was measured before belongs to its own start.
    pub(super) fn begin(&mut self) {
        *self = Self { asked: self.asked, begun: Some(Instant::now()), ..Self::default() };
    }

    /// evcxr is given another part of the cell.
    pub(super) fn go_on(&mut self) {
        self.begun = Some(Instant::now());
    }

    /// Something is to be compiled: up to here the cell was analysed.
    pub(super) fn building(&mut self) {
        if let Some(begun) = self.begun.take() {
            add(&mut self.phases.analyse, begun.elapsed());
        }
    }

    /// Something was compiled, or taken from what had been compiled before.
    pub(super) fn built(&mut self, whole: Duration, rustc: Option<Duration>) {
        if let Some(rustc) = rustc {
            add(&mut self.phases.rustc, rustc);
        }
        add(&mut self.phases.cargo, whole.saturating_sub(rustc.unwrap_or_default()));
    }

    /// The compiled cell is being loaded.
    pub(super) fn loading(&mut self) {
        self.enter(Some(Step::Load));
    }

    /// The cell's code runs.
    pub(super) fn running(&mut self) {
        self.enter(Some(Step::Run));
    }

    /// The cell's code has returned, or is gone.
    pub(super) fn stopped(&mut self) {
        self.enter(None);
    }

    /// What was measured so far.
    pub(super) fn phases(&self) -> Phases {
        Phases { total: self.asked.map(|asked| microseconds(asked.elapsed())), ..self.phases }
    }

    fn enter(&mut self, step: Option<Step>) {
        let time = Instant::now();
        if let Some((step, since)) = self.now.take() {
            let phase = match step {
                Step::Load => &mut self.phases.load,
                Step::Run => &mut self.phases.run,
            };
            add(phase, time.duration_since(since));
        }
        self.now = step.map(|step| (step, time));
    }
}

/// A duration as messages carry it.
fn microseconds(duration: Duration) -> u64 {
    // Half a million years fit.
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn add(phase: &mut Option<u64>, duration: Duration) {
    *phase = Some(phase.unwrap_or(0) + microseconds(duration));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_twice_is_added_up() {
        let mut phase = None;
        add(&mut phase, Duration::from_millis(2));
        add(&mut phase, Duration::from_micros(5));
        assert_eq!(phase, Some(2005));
    }

    #[test]
    fn what_did_not_happen_has_no_time() {
        let mut stopwatch = Stopwatch::default();
        stopwatch.loading();
        stopwatch.stopped();
        stopwatch.stopped();
        let phases = stopwatch.phases();
        assert!(phases.load.is_some() && phases.run.is_none() && phases.rustc.is_none(), "{phases:?}");
    }
}
