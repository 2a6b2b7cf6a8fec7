//! `kernwerk confined [--network] [--proxy SOCKET AUTHORITY [--password FILE]] PROGRAM ARGUMENT…`: becomes the program, without the network or with
//! a way to a proxy, or both. Without a program it only says by its exit code whether that can be done.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use kernwerk_cell::{Proxy, leave_network, relay};

/// How this part is called. It is for our own use: [`kernwerk_core::Runner`]s start it.
pub(crate) const PART: &str = "confined";

/// Does not return where there is a program and it can be started.
pub(crate) fn run(words: impl Iterator<Item = OsString>) -> ExitCode {
    match confine(&mut words.peekable()) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(mut command)) => {
            let error = command.exec();
            eprintln!("{}: {error}", command.get_program().to_string_lossy());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Confines this process, and gives what it is to become.
fn confine(words: &mut std::iter::Peekable<impl Iterator<Item = OsString>>) -> io::Result<Option<Command>> {
    if words.next_if(|word| word == "--network").is_none() {
        leave_network()?;
    }
    let mut variables = BTreeMap::new();
    if words.next_if(|word| word == "--proxy").is_some() {
        let (Some(socket), Some(authority)) = (words.next(), words.next()) else {
            return Err(io::Error::other("`--proxy` needs a socket and a file"));
        };
        let password = match words.next_if(|word| word == "--password") {
            Some(_) => Some(words.next().ok_or_else(|| io::Error::other("`--password` needs a file"))?.into()),
            None => None,
        };
        variables = relay(&Proxy { socket: socket.into(), authority: authority.into(), password }, std::process::id())?;
    }
    Ok(words.next().map(|program| {
        let mut command = Command::new(program);
        command.args(words).envs(variables);
        command
    }))
}
