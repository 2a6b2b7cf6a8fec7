//! What a cell's text becomes before evcxr sees it, and where each line of that comes from.

mod ansi;
mod complete;
mod dependencies;
mod plan;
mod statements;

pub(crate) use ansi::pieces;
pub use ansi::plain;
pub(crate) use complete::unfinished;
pub use complete::{Completeness, is_complete};
pub(crate) use dependencies::{Dependency, header};
pub(crate) use plan::{Place, Plan, needs_engine, pinned_crate, words};
pub(crate) use statements::{Kind, statements};
