//! What a piece of work consumed, as measured.

use serde::{Deserialize, Serialize};

use crate::ModelId;

/// What one metered call consumed. Nothing that was not measured is a number: absent means unmeasured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// The model called, or none for work without a model.
    pub model: Option<ModelId>,
    /// Tokens read by the model.
    pub tokens_in: u64,
    /// Tokens written by the model.
    pub tokens_out: u64,
    /// Seconds on the wall clock.
    pub wall_seconds: f64,
    /// Processor seconds of the process tree; none where the operating system does not account for them.
    pub cpu_seconds: Option<f64>,
}
