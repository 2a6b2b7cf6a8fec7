//! The line to the kernel's engine: a connection for each call, so that nothing is open between cells.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::json::{Json, object};
use crate::problem::Problem;

/// Name the kernel's socket, and the word that opens it.
const SOCKET: &str = "KERNWERK_ENGINE";
const TOKEN: &str = "KERNWERK_ENGINE_TOKEN";
/// The longest answer, in bytes. Tables come as files.
const LIMIT: usize = 256 << 20;

/// Numbers the files of this process.
static FILES: AtomicU64 = AtomicU64::new(0);

/// A path for a file on its way to the engine, where only this user can read it.
pub(crate) fn scratch() -> Result<PathBuf, Problem> {
    let socket = std::env::var_os(SOCKET).map(PathBuf::from).ok_or_else(no_engine)?;
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    Ok(socket.with_file_name(format!("{}-{number}.arrow", std::process::id())))
}

fn no_engine() -> Problem {
    Problem::new("NoEngine", "there is no engine to ask: no kernel of Kernwerk started this process")
        .with_hint("run this in a cell of a notebook")
}

/// Asks the engine something and waits for the answer, which an interrupt of the cell cuts short. `fields` say what.
pub(crate) fn ask(fields: &[(&str, &str)]) -> Result<Json, Problem> {
    let (Some(socket), Ok(token)) = (std::env::var_os(SOCKET), std::env::var(TOKEN)) else {
        return Err(no_engine());
    };
    let fields: Vec<(&str, &str)> = std::iter::once(("token", token.as_str())).chain(fields.iter().copied()).collect();
    let gone = |error: io::Error| {
        Problem::new("EngineGone", format!("the kernel's engine does not answer: {error}"))
            .with_hint("restart the kernel")
    };
    let answer = UnixStream::connect(socket).and_then(|line| exchange(line, &object(&fields))).map_err(gone)?;
    let answer = Json::read(&answer).ok_or_else(|| gone(io::ErrorKind::InvalidData.into()))?;
    if answer.text("answer") != Some("refused") {
        return Ok(answer);
    }
    let problem = Problem::new(answer.text("name").unwrap_or("Error"), answer.text("message").unwrap_or_default());
    Err(match answer.text("hint") {
        Some(hint) => problem.with_hint(hint),
        None => problem,
    })
}

/// One frame there and one back: four bytes of length, little endian, and so many bytes of JSON.
fn exchange(mut line: UnixStream, question: &str) -> io::Result<String> {
    let length = u32::try_from(question.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend_from_slice(question.as_bytes());
    line.write_all(&frame)?;
    let mut length = [0; 4];
    line.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > LIMIT {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut answer = vec![0; length];
    line.read_exact(&mut answer)?;
    String::from_utf8(answer).map_err(|_| io::ErrorKind::InvalidData.into())
}
