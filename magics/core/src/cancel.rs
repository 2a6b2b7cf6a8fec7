//! Cooperative cancellation: one flag, shared by who interrupts and who works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that asks running work to stop. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    raised: AtomicBool,
    /// Whoever stops this stops the work below as well.
    above: Option<Cancel>,
}

/// The work was stopped on request; whatever it had begun was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Cancelled;

impl Cancel {
    /// A flag that nobody has raised yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag for a part of the work: it is up when this one is, and can be raised alone.
    pub fn child(&self) -> Self {
        Self(Arc::new(Flag { raised: AtomicBool::new(false), above: Some(self.clone()) }))
    }

    /// Asks the work to stop at its next [`Cancel::check`].
    pub fn cancel(&self) {
        self.0.raised.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked the work to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.raised.load(Ordering::SeqCst) || self.0.above.as_ref().is_some_and(Self::is_cancelled)
    }

    /// Returns [`Cancelled`] once somebody asked the work to stop. Cheap enough for inner loops.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_stops_with_the_whole_and_not_the_other_way_round() {
        let whole = Cancel::new();
        let part = whole.child();
        part.cancel();
        assert!(part.is_cancelled() && !whole.is_cancelled());
        let other = whole.clone().child();
        assert!(other.check().is_ok());
        whole.cancel();
        assert!(other.check().is_err());
    }
}
