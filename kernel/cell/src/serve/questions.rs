//! Questions about the code: answered between cells by the thread that runs them, and while a cell runs by a copy of this process.
//!
//! evcxr can be asked nothing while it waits for a cell's end. A copy of the process (`fork`) has all that evcxr and
//! rust-analyzer know, shares its memory until it writes, and costs nothing while nobody asks. It answers one question and is gone.
//!
//! Copies write to the same package as evcxr. So there are copies only while evcxr waits for the cell's code and touches no file;
//! [`Link::runs_no_more`] ends them before it hears that the code has returned.

use std::io::Read;
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
pub(super) fn answer(asked: &Receiver<(u64, Question)>, link: &Arc<Link>, place: &Place, works: &Sender<Work>) {
    for (id, question) in asked {
        let taken = link.at_moment(PATIENCE, |moment| match moment {
            // Under the lock no cell can get in between.
            Moment::Idle => works.send(Work::Answer { id, question }).is_ok(),
            Moment::Running => answer_in_copy(id, question, link, place),
            Moment::Compiling => false,
        });
        // A kernel that is gone needs no answer.
        if !taken && link.tell(&Event::Answered { id, response: None }).is_err() {
            return;
        }
    }
}

/// Has a copy of this process answer; tells whether it will.
fn answer_in_copy(id: u64, question: Question, link: &Arc<Link>, place: &Place) -> bool {
    let context = place.0.load(Ordering::Acquire);
    if context.is_null() {
        return false;
    }
    // SAFETY: the thread that runs cells waits for the cell's code and is in no call that changes the context or rust-analyzer's
    // data; in the copy it does not exist. The copy takes no lock of ours.
    let copied = unsafe {
        copy::answer_from(|| {
            let response = (&mut *context).respond(question);
            serde_json::to_vec(&response).unwrap_or_default()
        })
    };
    let Ok((copy, pipe)) = copied else { return false };
    link.add_copy(copy);
    let pass_on = {
        let link = Arc::clone(link);
        move || pass_on(id, copy, pipe, &link)
    };
    std::thread::Builder::new().name("answer".to_owned()).spawn(pass_on).is_ok()
}

fn pass_on(id: u64, copy: Copy, mut pipe: std::io::PipeReader, link: &Link) {
    let mut bytes = Vec::new();
    let read = pipe.read_to_end(&mut bytes);
    link.end_copy(copy);
    // One that was ended has said nothing, or not all of it.
    let response: Option<Response> = read.ok().and_then(|_| serde_json::from_slice(&bytes).ok());
    // A kernel that is gone needs no answer.
    let _ = link.tell(&Event::Answered { id, response });
}
