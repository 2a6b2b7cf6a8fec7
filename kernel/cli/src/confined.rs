//! `kernwerk confined PROGRAM ARGUMENT…`: becomes the program, without the network. Without a program it only says by its exit code
//! whether that can be done.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// How this part is called. It is for our own use: [`kernwerk_core::Runner`]s start it.
pub(crate) const PART: &str = "confined";

/// Does not return where there is a program and it can be started.
pub(crate) fn run(mut words: impl Iterator<Item = OsString>) -> ExitCode {
    if let Err(error) = kernwerk_cell::leave_network() {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    let Some(program) = words.next() else { return ExitCode::SUCCESS };
    let error = Command::new(&program).args(words).exec();
    eprintln!("{}: {error}", program.to_string_lossy());
    ExitCode::FAILURE
}
