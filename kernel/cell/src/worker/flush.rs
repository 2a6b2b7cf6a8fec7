//! What cells print without a line's end is shown all the same: a thread writes it out now and then.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long what `print!` wrote without a line's end may wait to be seen.
const EVERY: Duration = Duration::from_millis(50);
/// The thread's name, by which [`super::inside`] knows it.
pub(super) const THREAD: &str = "kernwerk-flush";

/// Writes out what cells print.
pub(super) struct Flusher {
    flush: extern "C" fn(),
    /// Held while the thread is at it.
    at_work: Arc<Mutex<()>>,
}

impl Flusher {
    pub(super) fn start(flush: extern "C" fn()) -> io::Result<Self> {
        let at_work = Arc::<Mutex<()>>::default();
        let lock = at_work.clone();
        std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
            loop {
                std::thread::sleep(EVERY);
                let _at_work = lock.lock().unwrap_or_else(PoisonError::into_inner);
                flush();
            }
        })?;
        Ok(Self { flush, at_work })
    }

    /// Starts again in a process that was copied from one with a flusher: threads are not copied.
    pub(super) fn restart(&self) -> io::Result<Self> {
        Self::start(self.flush)
    }

    /// Writes out everything now.
    pub(super) fn flush(&self) {
        (self.flush)();
    }

    /// Keeps the thread from holding any lock of the standard output, for as long as the guard lives.
    pub(super) fn pause(&self) -> MutexGuard<'_, ()> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
