//! How much published output may wait for its subscribers, and how a cell waits when it is too much.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kernwerk_core::Cancel;

/// Output beyond this waits in the cell instead of in the kernel.
pub(super) const LIMIT_BYTES: usize = 32 * 1024 * 1024;
/// How often who waits looks whether it was interrupted.
const POLL: Duration = Duration::from_millis(50);

/// Bytes that were published and that some subscriber has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Budget {
    waiting: Mutex<usize>,
    freed: Condvar,
}

impl Budget {
    /// Counts `bytes` until the permit is dropped. Never waits.
    pub fn take(self: &Arc<Self>, bytes: usize) -> Permit {
        *self.lock() += bytes;
        Permit { budget: self.clone(), bytes }
    }

    /// Waits until the subscribers have taken enough, or until the cell is interrupted.
    pub fn wait_for_room(&self, cancel: &Cancel) {
        let mut waiting = self.lock();
        while *waiting > LIMIT_BYTES && !cancel.is_cancelled() {
            waiting = self.freed.wait_timeout(waiting, POLL).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until everything was taken, at most until `deadline`.
    pub fn wait_until_empty(&self, deadline: Instant) {
        let mut waiting = self.lock();
        while *waiting > 0 && Instant::now() < deadline {
            waiting = self.freed.wait_timeout(waiting, POLL).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether somebody may be waiting for room.
    pub fn is_short(&self) -> bool {
        *self.lock() > LIMIT_BYTES
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A share of the budget, given back on drop.
#[derive(Debug)]
pub(super) struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.budget.lock() -= self.bytes;
        self.budget.freed.notify_all();
    }
}
