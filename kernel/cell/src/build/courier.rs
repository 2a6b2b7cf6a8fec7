//! Stands where evcxr and rust-analyzer look for cargo: takes builds to the cell host, and leaves everything else to the program that stands in
//! for cargo. It starts for every cell, so it is small; the cells' own compiler builds it, once per toolchain.

use std::env;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, exit};

/// cargo's exit code of a build that failed.
const FAILED: i32 = 101;

fn main() {
    let Some(home) = env::var_os("KERNWERK_CELL_HOME") else {
        eprintln!("error: only a cell host may start this");
        exit(FAILED)
    };
    let arguments: Vec<String> = env::args().skip(1).collect();
    let verb = arguments.iter().find(|argument| !argument.starts_with(['-', '+'])).map(String::as_str);
    let code = match verb {
        Some(verb @ ("build" | "check")) => deliver(Path::new(&home), verb, &arguments),
        _ => {
            let error = Command::new(Path::new(&home).join("tools/program")).arg0("cargo").args(&arguments).exec();
            Err(error)
        }
    };
    exit(code.unwrap_or_else(|error| {
        eprintln!("error: the cell host cannot be reached: {error}");
        FAILED
    }))
}

/// Has the cell host build, and passes on what it answers: the exit code, the length of the messages, the messages, and other words.
fn deliver(home: &Path, verb: &str, arguments: &[String]) -> io::Result<i32> {
    let target = arguments.windows(2).find(|pair| pair[0] == "--target").map_or("", |pair| pair[1].as_str());
    let library = env::var_os("EVCXR_EXECUTION_SO_PATH").unwrap_or_default();
    let mut host = UnixStream::connect(home.join("builds"))?;
    host.write_all(&[verb.as_bytes(), target.as_bytes(), library.as_bytes()].join(&0))?;
    host.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    host.read_to_end(&mut answer)?;
    let Some(([code, length @ ..], rest)) = answer.split_first_chunk::<5>() else {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
    };
    let length = u32::from_le_bytes(*length) as usize;
    let (messages, words) = rest.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
    io::stdout().write_all(messages)?;
    io::stderr().write_all(words)?;
    Ok(i32::from(*code))
}
