//! Inputs of another lab that a run reads in place of its own.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use kernwerk_core::{Pin, Resource};

/// A run's pins, and which of their names the run has meanwhile written itself.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    pins: Vec<Pin>,
    /// A run that stores a data set reads its own from then on, as the notebook did that it repeats.
    written: Mutex<BTreeSet<(Resource, String)>>,
}

impl Pins {
    pub(crate) fn new(pins: Vec<Pin>) -> Self {
        Self { pins, written: Mutex::default() }
    }

    /// The pin that reads of this data set are served from.
    pub(crate) fn get(&self, resource: Resource, name: &str) -> Option<&Pin> {
        let pin = self.pins.iter().find(|pin| pin.resource == resource && pin.name == name)?;
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        (!written.contains(&(resource, name.to_owned()))).then_some(pin)
    }

    /// Names of the pinned data sets of `resource`.
    pub(crate) fn names(&self, resource: Resource) -> impl Iterator<Item = &str> {
        self.pins.iter().filter(move |pin| pin.resource == resource).map(|pin| pin.name.as_str())
    }

    /// From now on reads of this data set come from the lab itself.
    pub(crate) fn mark_written(&self, resource: Resource, name: &str) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.insert((resource, name.to_owned()));
    }
}
