//! Evaluation: golden sets of questions, suites that say what is measured and how good is good enough, runs with intervals,
//! paired comparisons, and the gate.
//!
//! Invariants of this room:
//! - What was not measured is no number: neither 0 nor passed.
//! - The same documents and answers give the same scores, intervals and tests, to the last bit.
//! - A run is found only by the principal for whom it was measured, and says of which versions it speaks.
//! - Who finds documents and gives answers is known as a trait only.

mod compare;
mod error;
mod files;
mod fresh;
mod gate;
mod golden;
mod measure;
mod metric;
mod outside;
mod run;
mod statistics;
mod suite;

pub use compare::{Compared, Difference, compare};
pub use error::Error;
pub use fresh::changes;
pub use gate::{Gated, Judged, State, assess, gate};
pub use golden::{Golden, GoldenSummary, ImportSpec, Imported, Item, golden, golden_sets, import};
pub use measure::{Measured, Scores, Sides, Summary, measure};
pub use metric::Metric;
pub use outside::{AnswersFile, RunFile};
pub use run::{Reference, Run};
pub use statistics::{CONFIDENCE, Interval, RESAMPLES};
pub use suite::{Bound, Mode, StoredSuite, Suite, Target, Threshold};
