//! Compiling cells: the toolchain, the cache that all notebooks share, and the program that stands in for cargo.

mod cache;
mod cargo;
mod compiler;
mod generated;
mod level;
mod library;
mod linker;
mod lock;
mod made;
mod offline;
mod prepare;
mod record;
mod rustc;
mod shelf;
mod sources;
mod spill;
mod stand_in;
mod toolchain;
mod variables;
mod vendor;

pub(crate) use cache::{Cache, default_root};
pub(crate) use compiler::{Answer, Compiler, Order, Wanted};
pub(crate) use generated::ENTRY;
pub(crate) use library::place as library_place;
pub(crate) use linker::Linker;
pub(crate) use made::Companions;
pub(crate) use offline::OfflineCargo;
pub use prepare::prepare;
pub(crate) use record::{RECORD, write as write_record};
pub(crate) use rustc::OUT;
pub(crate) use sources::{Loaded, Pinned, of_program as sources_of};
#[cfg(test)]
pub(crate) use spill::Made;
pub(crate) use spill::Variables;
pub(crate) use stand_in::{cargo as stand_in_for_cargo, rustup as stand_in_for_rustup};
pub(crate) use toolchain::Toolchain;
pub(crate) use vendor::configuration as vendored;
