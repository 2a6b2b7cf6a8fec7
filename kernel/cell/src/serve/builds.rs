//! Builds the cells: answers the couriers that evcxr starts in place of cargo.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use kernwerk_wire::{Event, Report};

use super::link::Link;
use crate::build::{Answer, Compiler, Order, Wanted};
use crate::home::Home;

/// Listens for couriers, and builds for one after the other; evcxr has no more than one at a time.
pub(super) fn listen(home: &Home, link: &Arc<Link>) -> io::Result<()> {
    let listener = UnixListener::bind(home.builds())?;
    let (mut compiler, link) = (Compiler::new(home), Arc::clone(link));
    std::thread::Builder::new().name("kernwerk-builds".to_owned()).spawn(move || {
        for courier in listener.incoming().map_while(Result::ok) {
            // A courier that has gone waits for no answer.
            let _ = serve(&mut compiler, &link, courier);
        }
    })?;
    Ok(())
}

fn serve(compiler: &mut Compiler, link: &Link, mut courier: UnixStream) -> io::Result<()> {
    let begun = Instant::now();
    link.state().stopwatch.building();
    let order = read(&mut courier)?;
    let answer = compiler.build(&order, &mut |report| tell(link, report));
    link.state().stopwatch.built(begun.elapsed(), answer.rustc);
    write(courier, &answer)?;
    compiler.prepare(&order);
    Ok(())
}

/// A courier's order: three words with zeros between them.
fn read(courier: &mut UnixStream) -> io::Result<Order> {
    let mut bytes = Vec::new();
    courier.read_to_end(&mut bytes)?;
    let mut words = bytes.splitn(3, |byte| *byte == 0);
    let (Some(verb), Some(target), Some(library)) = (words.next(), words.next(), words.next()) else {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    };
    Ok(Order {
        wanted: if verb == b"check" { Wanted::Messages } else { Wanted::Library },
        target: String::from_utf8_lossy(target).into_owned(),
        library_file: PathBuf::from(OsStr::from_bytes(library)),
    })
}

/// The answer, as `courier.rs` reads it.
fn write(mut courier: UnixStream, answer: &Answer) -> io::Result<()> {
    let length = u32::try_from(answer.messages.len()).map_err(io::Error::other)?;
    let mut bytes = vec![answer.code];
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&answer.messages);
    bytes.extend_from_slice(answer.words.as_bytes());
    courier.write_all(&bytes)
}

fn tell(link: &Link, report: Report) {
    let event = match report {
        Report::Note(text) => Event::Note(text),
        Report::Progress { task, done, total } => Event::Progress { task, done, total },
        _ => return,
    };
    // A kernel that is gone is noticed elsewhere.
    let _ = link.tell(&event);
}
