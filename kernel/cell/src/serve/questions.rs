//! Questions about the code: answered between cells by the thread that runs them, and while a cell runs by a copy of this process.
//!
//! evcxr can be asked nothing while it waits for a cell's end. A copy of the process (`fork`) has all that evcxr and
//! rust-analyzer know, shares its memory until it writes, and costs nothing while nobody asks. It stays until the cell ends, so
//! that only the first question waits for what rust-analyzer works out on the way.
//!
//! Copies write to the same package as evcxr. So there are copies only while evcxr waits for the cell's code and touches no file;
//! [`Link::runs_no_more`] ends them before it hears that the code has returned.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use kernwerk_wire::{Event, Question, Response};

use super::Work;
use super::context::Context;
use super::copy::{self, Copy};
use super::link::{Link, Moment};

/// A question gets so long for a cell that is being compiled to begin or to end.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Where evcxr's context lies, for copies of this process: none while there is none.
#[derive(Clone, Default)]
pub(super) struct Place(Arc<AtomicPtr<Context>>);

impl Place {
    /// The context lies there from now on, until the process ends.
    pub(super) fn set(&self, context: *mut Context) {
        self.0.store(context, Ordering::Release);
    }
}

/// Sees to it that questions are answered, until no more come.
pub(super) fn answer(asked: &Receiver<(u64, Question)>, link: &Link, place: &Place, works: &Sender<Work>) {
    let mut copied: Option<(Copy, UnixStream)> = None;
    for (id, question) in asked {
        let forwarded = link.at_moment(PATIENCE, |moment| match moment {
            // Under the lock no cell can get in between.
            Moment::Idle => works.send(Work::Answer { id, question: question.clone() }).is_ok(),
            Moment::Running => {
                if !copied.as_ref().is_some_and(|(copy, _)| link.has_copy(*copy)) {
                    copied = make_copy(link, place);
                }
                false
            }
            Moment::Compiling => {
                copied = None;
                false
            }
        });
        if forwarded {
            continue;
        }
        // A copy that is ended meanwhile says nothing.
        let response = copied.as_mut().and_then(|(_, line)| ask(line, &question).ok().flatten());
        if response.is_none() {
            copied = None;
        }
        // A kernel that is gone needs no answer.
        if link.tell(&Event::Answered { id, response }).is_err() {
            return;
        }
    }
}

fn ask(line: &mut UnixStream, question: &Question) -> std::io::Result<Option<Response>> {
    kernwerk_wire::write(line, question)?;
    kernwerk_wire::read(line)
}

/// Makes a copy of this process that answers questions until it is ended. To be called while a cell's code runs.
fn make_copy(link: &Link, place: &Place) -> Option<(Copy, UnixStream)> {
    let context = place.0.load(Ordering::Acquire);
    if context.is_null() {
        return None;
    }
    // SAFETY: the thread that runs cells waits for the cell's code and is in no call that changes the context or rust-analyzer's
    // data; in the copy it does not exist. The copy takes no lock of ours.
    let copied = unsafe {
        copy::serve(|line| {
            while let Ok(Some(question)) = kernwerk_wire::read(line) {
                let response = copy::in_time(|| (&mut *context).respond(question));
                if kernwerk_wire::write(line, &response).is_err() {
                    return;
                }
            }
        })
    };
    let (copy, line) = copied.ok()?;
    link.add_copy(copy);
    Some((copy, line))
}
