//! The lab: a directory with Lance tables and their versions, the SQLite ledger, content-addressed blobs and locks.
//!
//! Invariants of this room:
//! - Every write is atomic: after a `kill -9` the lab is as before the write or as after it, and the next [`Lab::open`]
//!   sweeps what was left over and says so.
//! - Several processes use one lab at once: a data set has one writer at a time and any number of readers, who never wait.
//! - Nothing here knows what a feature view, a corpus or an artifact means; they are names, rows and JSON.

mod blobs;
mod config;
mod dataset;
mod embeddings;
mod error;
mod files;
mod lab;
mod ledger;
mod lock;
mod names;
mod operation;
mod pins;
mod principal;
mod recovery;
mod reservation;

pub use blobs::Blobs;
pub use config::{
    Config, GateRules, ModelDefaults, Price, Prices, PrincipalRecord, PromotionRules, RetentionRules, promotion_rules,
};
pub use dataset::{Damage, Intact, Stored, Summary, VersionInfo, WriteMode, Written};
pub use embeddings::Embeddings;
pub use error::Error;
pub use files::write_whole;
pub use kernwerk_digest::{ContentHasher, content_digest};
pub use lab::Lab;
pub use ledger::{
    Bound, Budget, BudgetScope, BudgetState, Call, CellEnd, CellRecord, Definition, Ledger, Money, NewBudget, NewCell,
    OutputRecord, Period, Refusal, RunRecord, Screen, Screened, SessionRecord, Unit, UsageRow,
};
pub use lock::WriteLock;
pub use operation::Operation;
pub use principal::{EVERYONE, Principal};
pub use reservation::{Reservation, Reserved};
