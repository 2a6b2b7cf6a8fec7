//! What the standard library does not offer about processes: groups, signals, descriptors, the death of a parent.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Instant;

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

/// The same for a process that this one has just started.
pub(crate) fn lead_group_of(process: u32) {
    if let Ok(process) = i32::try_from(process) {
        // SAFETY: this only moves a process of ours. Should it have ended or done so itself, nothing happens.
        unsafe {
            libc::setpgid(process, process);
        }
    }
}

/// Makes this process the parent of those whose parents die, among all that it and its children start.
pub(crate) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    // SAFETY: this only sets a flag of our own process.
    unsafe {
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1);
    }
}

/// A descriptor that can be read from when a process has ended; none where the system has no such thing.
pub(crate) fn watch(process: u32) -> Option<OwnedFd> {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: the call takes two integers and gives a new descriptor, which nobody else has.
        let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, libc::c_long::from(process), 0) };
        let descriptor = i32::try_from(descriptor).ok().filter(|descriptor| *descriptor >= 0)?;
        // SAFETY: as above.
        Some(unsafe { OwnedFd::from_raw_fd(descriptor) })
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = process;
        None
    }
}

/// Waits for a child to end, and says how it did; none when it is no child.
pub(crate) fn wait(child: u32) -> Option<ExitStatus> {
    let child = i32::try_from(child).ok()?;
    let mut status = 0;
    loop {
        // SAFETY: the call writes one integer.
        if unsafe { libc::waitpid(child, &mut status, 0) } == child {
            return Some(ExitStatus::from_raw(status));
        }
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return None;
        }
    }
}

/// Whether a child has ended, or is none; clears away its traces.
pub(crate) fn is_over(child: u32) -> bool {
    let Ok(child) = i32::try_from(child) else { return true };
    let mut status = 0;
    // SAFETY: the call writes one integer.
    unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) != 0 }
}

/// Whether there is such a process; it need not be ours.
pub(crate) fn is_there(process: u32) -> bool {
    let Ok(process) = i32::try_from(process) else { return false };
    // SAFETY: signal 0 is sent to nobody.
    let sent = unsafe { libc::kill(process, 0) };
    sent == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Clears away the traces of all children that have ended, but for one, whose end is to be read by itself.
pub(crate) fn clear_away_ended(but: u32) {
    loop {
        // SAFETY: all-zero bytes are such a value, and the call fills it in.
        let mut ended: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: the call writes to `ended` alone; it leaves the child waitable.
        let found = unsafe { libc::waitid(libc::P_ALL, 0, &mut ended, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT) };
        // SAFETY: the field that a call for children fills in.
        let child = u32::try_from(unsafe { ended.si_pid() }).unwrap_or(0);
        if found != 0 || child == 0 || child == but || !is_over(child) {
            return;
        }
    }
}

/// Closes a descriptor.
pub(crate) fn close(descriptor: i32) {
    // SAFETY: the caller says that nobody in this process uses it any more.
    unsafe {
        libc::close(descriptor);
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

/// Whether `work` succeeds within so many milliseconds, in a copy of this process: what becomes of the copy does no harm here. None when the copy
/// went down.
pub(crate) fn in_copy(milliseconds: i32, work: impl FnOnce() -> bool) -> Option<bool> {
    // SAFETY: the copy does the work and ends; this process has one thread, or the work needs none of the others.
    let copy = unsafe { libc::fork() };
    if copy == 0 {
        exit_now(i32::from(!work()));
    }
    let copy = u32::try_from(copy).ok()?;
    lead_group_of(copy);
    let in_time = watch(copy).is_some_and(|end| ends_within(end.as_fd(), milliseconds));
    if !in_time {
        kill_group(copy);
    }
    let code = wait(copy).and_then(|status| status.code());
    // What takes too long would do so again.
    if in_time { code.map(|code| code == 0) } else { Some(false) }
}

/// Whether what can be read from at its end ends so soon.
fn ends_within(end: BorrowedFd<'_>, milliseconds: i32) -> bool {
    wait_readable([Some(end)], milliseconds).is_ok_and(|[ended]| ended)
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

/// Puts `descriptor` in place of the standard error.
pub(crate) fn replace_stderr(descriptor: BorrowedFd<'_>) -> io::Result<()> {
    replace(descriptor.as_raw_fd(), 2)
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
    let begun = Instant::now();
    let mut left = milliseconds;
    // SAFETY: the array lives through the call, which fills in `revents`.
    while unsafe { libc::poll(polled.as_mut_ptr(), count, left) } < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
        // A signal is no end of the waiting.
        if milliseconds > 0 {
            let passed = i32::try_from(begun.elapsed().as_millis()).unwrap_or(i32::MAX);
            left = milliseconds.saturating_sub(passed).max(0);
        }
    }
    Ok(polled.map(|entry| entry.revents != 0))
}

/// How a process ended, in words that fit behind "the cell's process".
pub(crate) fn describe_end(status: ExitStatus) -> String {
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
