//! The verbs of `%eval golden`.

pub(super) mod import;
pub(super) mod list;
pub(super) mod show;
