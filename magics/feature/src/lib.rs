//! Features: rows from files become versioned tables, SQL over tables becomes feature views, and views join a spine at points
//! in time. The engine takes plain specs and a lab and gives plain answers; words and faces are the session's.

mod catalog;
mod define;
mod engine;
mod error;
mod foresight;
pub mod merge;
mod roles;
mod source;
mod sql;
mod times;
mod training;
mod ttl;
mod view;

pub use catalog::{Change, Entry, Kind, Shown, history, list, show};
pub use define::{Defined, ViewSpec, define};
pub use engine::ReadFrom;
pub use error::{Error, Position};
pub use merge::Outcome;
pub use roles::{InputFile, Roles};
pub use source::{ColumnReport, Expected, FileRead, ReadOptions, SourceSpec, Sourced, load_source, read_file};
pub use sql::{Queried, sql, whole};
pub use times::Zone;
pub use training::{Coverage, Training, TrainingSpec, training};
pub use ttl::Ttl;
pub use view::{View, ViewColumn};
