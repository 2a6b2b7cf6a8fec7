//! Rust cells: the analysis of their text, the cell host that compiles and runs them in processes of their own, the stand-in for cargo, and the
//! cache of compiled dependencies that all notebooks share.
//!
//! ```text
//! kernel          Host          asks, in frames over the cell host's standard input and output
//! cell host       serve         evcxr and rust-analyzer, with a directory and an environment of their own
//!   supervisor    supervise     evcxr's child: takes the worker's output apart
//!     worker      worker        loads and runs the compiled cells
//!   courier       build         stands where evcxr looks for cargo: has the cell host build, by rustc directly, and by cargo only for new dependencies
//! ```
//!
//! All of them are one program, which must call [`runtime_hook`] first thing in `main`.

mod analyse;
mod build;
mod confine;
mod error;
mod home;
mod host;
mod process;
mod program;
mod relay;
mod serve;
mod supervise;
mod text;
mod worker;

use std::path::PathBuf;

pub use analyse::{analyse, changing_statics, magics_in};
pub use build::prepare;
pub use confine::leave_network;
pub use error::Error;
pub use host::{
    Answer, Binding, BoundTo, Candidate, CellEnd, CellEvent, CellRequest, Completions, Host, HostConfig, Interrupter,
    Kept, Phases, Variable,
};
pub use kernwerk_wire::{Confinement, CrateLock, Proxy};
pub use program::{ProgramCell, ProgramPart, write_program};
pub use relay::relay;
pub use serve::serve;
pub use text::{Completeness, is_complete, plain};

use crate::home::{Home, ROLE};

/// Does not return in the processes that the cell host starts: they are this same program, and play other parts.
pub fn runtime_hook() {
    if let Some(file) = std::env::var_os(build::RECORD) {
        build::write_record(&PathBuf::from(file));
    }
    let Some(home) = Home::of_this_process() else { return };
    if std::env::var_os(ROLE).is_some_and(|role| role == supervise::WORKER) {
        worker::run(&home);
    }
    if std::env::var_os("EVCXR_IS_RUNTIME").is_some() {
        supervise::run(&home);
    }
    let name = std::env::args_os().next().map(PathBuf::from);
    match name.as_deref().and_then(|name| name.file_name()).and_then(|name| name.to_str()) {
        Some("cargo") => build::stand_in_for_cargo(&home),
        Some("rustup") => build::stand_in_for_rustup(&home),
        _ => {}
    }
}
