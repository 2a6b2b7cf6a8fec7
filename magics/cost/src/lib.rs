//! What cells, verbs and models consumed, from the ledger's record of every metered call.

mod report;

pub use report::{Cost, Error, Group, Row, Scope, report};
