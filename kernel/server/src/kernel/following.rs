//! A display that is kept up to date, whatever runs and also while nothing does.

use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use jupyter_protocol::Header;
use serde_json::{Value, json};

use super::lock;
use crate::engine::{Bundle, Following};
use crate::iopub::Iopub;
use crate::log::log;

/// How often what is followed is asked.
const PACE: Duration = Duration::from_secs(1);
/// It rests so many times as long as its answer took, so that a large ledger costs little.
const REST: u32 = 20;

/// What is followed in this kernel: one display at most. Ends with it.
#[derive(Default)]
pub(super) struct Follower {
    /// Dropped to end the thread that asks.
    current: Mutex<Option<Sender<()>>>,
}

impl Follower {
    /// Publishes what `answer` gives in place of the display `display_id`, which `cell` has shown with `first` in it, whenever
    /// it is something else. What was followed before stands still from now on.
    pub fn follow(&self, iopub: Iopub, cell: Header, display_id: String, first: Bundle, answer: Following) {
        let (running, ended) = channel::<()>();
        let mut shown = first;
        let follow = move || {
            let mut pause = PACE;
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let began = Instant::now();
                let (now, is_last) = match answer() {
                    Ok(now) => (now, false),
                    Err(problem) => (Bundle::plain(format!("{}: {}", problem.name, problem.message)), true),
                };
                pause = PACE.max(began.elapsed() * REST);
                if now != shown {
                    iopub.publish(&cell, "update_display_data", content(&now, &display_id));
                    shown = now;
                }
                if is_last {
                    return;
                }
            }
        };
        *lock(&self.current) = Some(running);
        if let Err(error) = std::thread::Builder::new().name("kernwerk-follow".to_owned()).spawn(follow) {
            log(format!("kernwerk: a display cannot be kept up to date: {error}"));
        }
    }

    /// What is followed stands still from now on.
    pub fn end(&self) {
        *lock(&self.current) = None;
    }
}

/// The content of a display of that id, or of its update.
pub(super) fn content(bundle: &Bundle, display_id: &str) -> Value {
    json!({ "data": bundle.to_json(), "metadata": super::outputs::volatile(), "transient": { "display_id": display_id } })
}
