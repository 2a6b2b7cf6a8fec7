//! The Jupyter protocol on ZeroMQ, and the executor that runs cells of Rust and magics, with or without a front end.

mod engine;
mod error;
mod executor;
mod iopub;
mod kernel;
mod kernelspec;
mod log;
mod run_cells;
mod zmtp;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kernwerk_core::Problem;
use kernwerk_session::Options;

pub use engine::{
    Bundle, Candidate, Cell, Completeness, Completions, Engine, Failure, Following, Outputs, Shown, Widget, WidgetKind,
};
pub use error::Error;
pub use executor::{Executor, language};
pub use kernel::{read_connection_file, serve};
pub use kernelspec::{Place, install, uninstall};
pub use run_cells::run_cells;

/// Serves the kernel that `connection_file` describes, for a notebook in the working directory, until it is told to end.
/// `program` is this program, for the processes that it starts. A cell that does not stop may be left behind: end the process
/// soon afterwards.
///
/// # Errors
/// The connection file cannot be read, or its channels cannot be opened.
pub fn serve_kernel(connection_file: &Path, program: PathBuf) -> Result<(), Problem> {
    let info = read_connection_file(connection_file)?;
    let directory = std::env::current_dir().map_err(Error::Start)?;
    let options = Options {
        directory,
        lab: None,
        principal: None,
        notebook: Some(executor::notebook()),
        program,
        pins: Vec::new(),
        parameters: BTreeMap::new(),
    };
    Ok(serve(&info, Arc::new(Executor::new(options)))?)
}
