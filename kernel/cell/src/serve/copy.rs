//! A copy of this process that answers questions.

use std::io;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::process;

/// A copy that takes longer than so many seconds for an answer is stuck, and ended by the system.
const LIMIT: u32 = 8;

/// A copy that has not been waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Copy(libc::pid_t);

/// Copies this process. The copy does `work` with the line to it, and ends.
///
/// # Safety
/// Only the calling thread goes on in the copy. So whatever `work` touches must not be locked or half changed by another
/// thread at this moment. (glibc takes care of the allocator.)
pub(super) unsafe fn serve(work: impl FnOnce(&mut UnixStream)) -> io::Result<(Copy, UnixStream)> {
    let (ours, mut theirs) = UnixStream::pair()?;
    // SAFETY: see this function's own condition.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            process::die_with_parent();
            drop(ours);
            // Whatever happened, the line breaks and says so.
            let _ = catch_unwind(AssertUnwindSafe(|| work(&mut theirs)));
            process::exit_now(0)
        }
        copy => Ok((Copy(copy), ours)),
    }
}

/// Does `work` in this process, a copy, which is ended when it takes too long.
pub(super) fn in_time<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: this sets a timer of our own.
    unsafe { libc::alarm(LIMIT) };
    let done = work();
    // SAFETY: as above; 0 puts the timer off.
    unsafe { libc::alarm(0) };
    done
}

impl Copy {
    /// Ends the copy if it has not ended yet. To be called once.
    pub(super) fn end(self) {
        // SAFETY: until it is waited for, the number is that of the copy.
        unsafe {
            libc::kill(self.0, libc::SIGKILL);
            libc::waitpid(self.0, std::ptr::null_mut(), 0);
        }
    }
}
