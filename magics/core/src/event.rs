//! What long work tells while it runs, and the handle that work is given to tell it.

use std::sync::Arc;

use crate::{Cancel, Cancelled};

/// Something to show while work runs. Events are volatile: they are shown, never compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// `done` of `total` units of `task` are finished; the face works out rate and time left.
    Progress { task: String, done: u64, total: Option<u64>, unit: &'static str },
    /// One line for the user, such as what a start recovered.
    Note(String),
}

/// Receives events. Implementations must not block: they are called from inner loops.
pub trait Events: Send + Sync {
    fn emit(&self, event: Event);
}

/// Drops every event.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Events for Silent {
    fn emit(&self, _event: Event) {}
}

/// What a piece of work is given by its caller: how to be stopped and whom to tell.
#[derive(Clone)]
pub struct Work {
    pub cancel: Cancel,
    pub events: Arc<dyn Events>,
}

impl Work {
    pub fn new(cancel: Cancel, events: Arc<dyn Events>) -> Self {
        Self { cancel, events }
    }

    /// Work that nobody watches and nobody stops.
    pub fn silent() -> Self {
        Self::new(Cancel::new(), Arc::new(Silent))
    }

    /// Returns [`Cancelled`] once somebody asked to stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        self.cancel.check()
    }

    /// Reports that `done` of `total` units of `task` are finished.
    pub fn progress(&self, task: &str, done: u64, total: Option<u64>, unit: &'static str) {
        self.events.emit(Event::Progress { task: task.to_owned(), done, total, unit });
    }

    /// Tells the user one line.
    pub fn note(&self, line: impl Into<String>) {
        self.events.emit(Event::Note(line.into()));
    }
}
