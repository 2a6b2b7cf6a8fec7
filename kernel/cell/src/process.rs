//! What the standard library does not offer about processes: groups, signals, descriptors, the death of a parent.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::process::ExitStatus;

/// Has this process killed when the thread that started it ends: no cell outlives its notebook.
pub(crate) fn die_with_parent() {
    #[cfg(target_os = "linux")]
    // SAFETY: this only sets a flag of our own process.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
}

/// Makes this process the leader of a group of its own, so that it can be stopped together with what it starts.
pub(crate) fn lead_group() {
    // SAFETY: this only moves our own process.
    unsafe {
        libc::setpgid(0, 0);
    }
}

/// Kills a process and all in its group.
pub(crate) fn kill_group(leader: u32) {
    // 0 and 1 would mean our own group and everybody.
    if let Ok(leader) = i32::try_from(leader)
        && leader > 1
    {
        // SAFETY: sending a signal touches no memory of ours.
        unsafe {
            libc::kill(-leader, libc::SIGKILL);
        }
    }
}

/// Ends this process without running destructors or exit handlers.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: ends the process at once.
    unsafe { libc::_exit(code) }
}

/// Puts `file` in place of the standard input.
pub(crate) fn replace_stdin(file: &File) -> io::Result<()> {
    replace(file.as_raw_fd(), 0)
}

/// Puts `descriptor` in place of the standard output.
pub(crate) fn replace_stdout(descriptor: BorrowedFd<'_>) -> io::Result<()> {
    replace(descriptor.as_raw_fd(), 1)
}

fn replace(new: i32, old: i32) -> io::Result<()> {
    // SAFETY: both descriptors are open, and the standard streams are nobody's to close.
    if unsafe { libc::dup2(new, old) } < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// How many bytes wait to be read.
pub(crate) fn waiting(descriptor: BorrowedFd<'_>) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: the call writes one integer.
    let result = unsafe { libc::ioctl(descriptor.as_raw_fd(), libc::FIONREAD, &mut count) };
    if result < 0 { 0 } else { usize::try_from(count).unwrap_or(0) }
}

/// Waits until one of the descriptors can be read or has hung up, or `milliseconds` have passed (−1: for ever). Tells which.
pub(crate) fn wait_readable<const N: usize>(
    descriptors: [Option<BorrowedFd<'_>>; N],
    milliseconds: i32,
) -> io::Result<[bool; N]> {
    let mut polled = descriptors.map(|descriptor| libc::pollfd {
        // The system passes over what is negative.
        fd: descriptor.map_or(-1, |descriptor| descriptor.as_raw_fd()),
        events: libc::POLLIN,
        revents: 0,
    });
    let count = libc::nfds_t::try_from(N).expect("a handful of descriptors");
    // SAFETY: the array lives through the call, which fills in `revents`.
    if unsafe { libc::poll(polled.as_mut_ptr(), count, milliseconds) } < 0 {
        let error = io::Error::last_os_error();
        if error.kind() == io::ErrorKind::Interrupted {
            return Ok([false; N]);
        }
        return Err(error);
    }
    Ok(polled.map(|entry| entry.revents != 0))
}

/// How a process ended, in words that fit behind "the cell's process".
pub(crate) fn describe_end(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.signal(), status.code()) {
        (Some(signal), _) => match signal_name(signal) {
            Some(name) => format!("was ended by signal {signal} ({name})"),
            None => format!("was ended by signal {signal}"),
        },
        (None, Some(code)) => format!("exited with code {code}"),
        (None, None) => "ended".to_owned(),
    }
}

fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGSEGV => "segmentation fault",
        libc::SIGABRT => "abort",
        libc::SIGBUS => "bus error",
        libc::SIGILL => "illegal instruction",
        libc::SIGFPE => "arithmetic fault",
        libc::SIGKILL => "killed; perhaps memory ran out",
        libc::SIGTERM => "asked to end",
        _ => return None,
    })
}
