//! The session: binds the verbs of the language to the engine, wraps every model in a meter, and records cells.
//!
//! [`Session::run`] blocks and is called from an engine thread; it makes the tokio runtime on first use.

mod arguments;
mod catalogue;
mod cells;
mod columns;
mod context;
mod crates;
mod difference;
mod export;
mod gates;
mod known;
mod language;
mod meter;
mod notebook;
mod notebook_replay;
mod parameters;
mod person;
mod place;
mod reading;
mod recover;
mod report;
mod runner;
mod secrets;
mod session;
mod stale;
mod tables;
mod target;
mod variables;
mod verb;
mod verbs;

pub use cells::{CellStart, CellSummary, RunningCell};
pub use context::Context;
pub use kernwerk_cassette::enter_step;
pub use kernwerk_promote::{Gone, Lost, Recovery, Rerun};
pub use language::language;
pub use meter::{process_tree_seconds, tree_of};
pub use notebook::served_notebook;
pub use parameters::{bound_by, parameters_of};
pub use runner::ProcessRunner;
pub use session::{Binding, CrateLockOf, Options, Reply, Session};
pub use stale::StaleCell;
pub use variables::{CanonicalValue, Evaluate, Variables};
pub use verb::{Answer, Live, Verb};
