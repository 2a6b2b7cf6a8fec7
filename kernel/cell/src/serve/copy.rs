//! A copy of this process that answers one question and ends.

use std::io::{self, PipeReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::process;

/// A copy that takes longer than so many seconds is stuck, and ended by the system.
const LIMIT: u32 = 5;

/// A copy that has not been waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Copy(libc::pid_t);

/// Copies this process. The copy writes what `answer` gives into the pipe and ends.
///
/// # Safety
/// Only the calling thread goes on in the copy. So whatever `answer` touches must not be locked or half changed by another
/// thread at this moment. (glibc takes care of the allocator.)
pub(super) unsafe fn answer_from(answer: impl FnOnce() -> Vec<u8>) -> io::Result<(Copy, PipeReader)> {
    let (reader, mut writer) = io::pipe()?;
    // SAFETY: see this function's own condition.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            process::die_with_parent();
            // SAFETY: this sets a timer of the copy's own.
            unsafe { libc::alarm(LIMIT) };
            drop(reader);
            if let Ok(bytes) = catch_unwind(AssertUnwindSafe(answer)) {
                // Nobody may want to know any more.
                let _ = writer.write_all(&bytes);
            }
            process::exit_now(0)
        }
        copy => Ok((Copy(copy), reader)),
    }
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
