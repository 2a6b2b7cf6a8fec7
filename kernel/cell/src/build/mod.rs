//! Compiling cells: the toolchain, the cache that all notebooks share, and the program that stands in for cargo.

mod cache;
mod cargo;
mod generated;
mod lock;
mod prepare;
mod record;
mod sources;
mod spill;
mod stand_in;
mod toolchain;

pub(crate) use cache::{Cache, default_root};
pub use prepare::prepare;
pub(crate) use record::{RECORD, write as write_record};
pub(crate) use sources::{Loaded, Pinned};
#[cfg(test)]
pub(crate) use spill::Made;
pub(crate) use spill::Variables;
pub(crate) use stand_in::{OUT, cargo as stand_in_for_cargo, rustup as stand_in_for_rustup};
pub(crate) use toolchain::Toolchain;
