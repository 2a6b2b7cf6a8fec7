//! The cell host: evcxr and rust-analyzer in a process of their own, with a directory and an environment of their own.

mod builds;
mod context;
mod copy;
mod diagnostics;
mod directory;
mod link;
mod questions;
mod relay;
mod stopwatch;
mod suggestions;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use kernwerk_core::Problem;
use kernwerk_wire::{CellStart, CellText, Ended, Event, Kept, Question, Request};

use self::context::Context;
use self::directory::Directory;
use self::link::Link;
use self::questions::Place;
use crate::error::Error;

/// What the thread that owns evcxr is to do.
enum Work {
    Execute(CellText),
    Answer { id: u64, question: Question },
}

/// Serves a kernel on standard input and output until it hangs up.
pub fn serve() -> ! {
    let code = match run() {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("the cell host cannot go on: {error}");
            70
        }
    };
    std::process::exit(code)
}

fn run() -> io::Result<()> {
    let events = take_output()?;
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let Some(Request::Start(start)) = kernwerk_wire::read(&mut input)? else { return Ok(()) };
    let link = Arc::new(Link::new(events));
    match open(&start) {
        Ok(directory) => serve_cells(directory, &link, input),
        Err(error) => refuse_all(error.into(), &link, &mut input),
    }
}

/// Frames go where the standard output went; whatever else is printed in this process goes to the standard error.
fn take_output() -> io::Result<File> {
    let events = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    crate::process::replace_stdout(io::stderr().as_fd())?;
    Ok(events)
}

fn open(start: &CellStart) -> Result<Directory, Error> {
    let directory = Directory::make(start)?;
    std::env::set_current_dir(&directory.home.root).map_err(Error::file("enter", &directory.home.root))?;
    // There is one thread so far.
    directory.home.enter();
    Ok(directory)
}

/// Answers the first question with what is wrong, and leaves: the next start may find things mended.
fn refuse_all(problem: Problem, link: &Link, input: &mut File) -> io::Result<()> {
    while let Some(request) = kernwerk_wire::read(input)? {
        if let Request::Execute(_) | Request::Ask { .. } = request {
            return link.tell(&refusal(problem, true));
        }
    }
    Ok(())
}

/// Tells the kernel what is wrong; the host `leaves` where it can do nothing at all.
fn refusal(problem: Problem, leaves: bool) -> Event {
    Event::Refused { name: problem.name, message: problem.message, hint: problem.hint, leaves }
}

fn serve_cells(directory: Directory, link: &Arc<Link>, input: File) -> io::Result<()> {
    relay::listen(&directory.home, link)?;
    builds::listen(&directory.home, link)?;
    let place = Place::default();
    let works = read_requests(input, link, &directory, &place);
    let mut context = match Context::start(&directory.home, link) {
        Ok(context) => Box::new(context),
        Err(error) => {
            // The kernel hears of it as the answer to what it asks first.
            if works.recv().is_ok() {
                link.tell(&refusal(error.into(), true))?;
            }
            return Ok(());
        }
    };
    place.set(&raw mut *context);
    for work in works {
        let answer = match work {
            Work::Execute(cell) => {
                let answer = if link.was_interrupted() {
                    Event::Ended(Ended::Interrupted { kept: Kept::All })
                } else {
                    context.execute(&cell).map_or_else(|error| refusal(error.into(), false), Event::Ended)
                };
                link.rest();
                answer
            }
            Work::Answer { id, question } => Event::Answered { id, response: Some(context.respond(question)) },
        };
        link.tell(&answer)?;
    }
    Ok(())
}

/// Reads the kernel's requests on a thread of its own, which also acts on interrupts at once, and ends everything when the kernel is gone.
fn read_requests(mut input: File, link: &Arc<Link>, directory: &Directory, place: &Place) -> Receiver<Work> {
    let (sender, works) = mpsc::channel();
    let (ask, asked) = mpsc::channel();
    let (link, cleaner) = (Arc::clone(link), directory.cleaner());
    let home = directory.home.clone();
    {
        let (link, place, sender) = (Arc::clone(&link), place.clone(), sender.clone());
        std::thread::spawn(move || questions::answer(&asked, &link, &place, &sender));
    }
    std::thread::spawn(move || {
        loop {
            let sent = match kernwerk_wire::read(&mut input) {
                Ok(Some(Request::Interrupt)) => {
                    link.interrupt(&home);
                    true
                }
                Ok(Some(Request::Input(answer))) => {
                    link.answer(answer);
                    true
                }
                Ok(Some(Request::Ask { id, question })) => ask.send((id, question)).is_ok(),
                Ok(Some(Request::Execute(cell))) => {
                    link.expect_cell(&home);
                    sender.send(Work::Execute(cell)).is_ok()
                }
                Ok(Some(Request::Start(_))) => true,
                // What cannot be read cannot be answered either.
                Ok(None) | Err(_) => false,
            };
            if !sent {
                break;
            }
        }
        link.kill(&home);
        cleaner.clean();
        std::process::exit(0);
    });
    works
}
