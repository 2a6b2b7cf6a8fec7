//! What is in this process beside the cells' variables: threads, open pipes, memory. It decides what a copy of the process is good for.

use std::fs;
use std::time::{Duration, Instant};

use super::flush;

/// The threads of a pool get so long to fall asleep after a cell. They take less than a millisecond, unless the machine is overloaded.
const SETTLE: Duration = Duration::from_millis(100);
/// How often they are looked at meanwhile.
const LOOK: Duration = Duration::from_micros(500);
/// The name of threads that a runtime of a prelude's may have, or one of the user's.
const RUNTIME_THREAD: &str = "tokio-rt-worker";

/// Whether a copy of this process, which has one thread, lacks nothing: all others are of pools that can be made anew, and sleep.
pub(super) fn can_be_copied(pools: &[i32]) -> bool {
    let deadline = Instant::now() + SETTLE;
    loop {
        match threads(pools) {
            Threads::Asleep => return true,
            Threads::Foreign => return false,
            Threads::AtWork if Instant::now() >= deadline => return false,
            Threads::AtWork => std::thread::sleep(LOOK),
        }
    }
}

/// Whether there are no threads here that could be using the pools, but for a runtime's.
pub(super) fn only_pools(pools: &[i32]) -> bool {
    let ours = |(number, name): &(i32, String)| {
        pools.contains(number) || is_main(*number) || [flush::THREAD, RUNTIME_THREAD].contains(&name.as_str())
    };
    let threads = named_threads();
    !threads.is_empty() && threads.iter().all(ours)
}

enum Threads {
    /// Those that there are can be made anew, and do nothing.
    Asleep,
    /// Pools are at work still.
    AtWork,
    /// There are threads of the cells' own, or of who knows whom.
    Foreign,
}

fn threads(pools: &[i32]) -> Threads {
    let threads = named_threads();
    // This one at least would be there.
    let mut found = if threads.is_empty() { Threads::Foreign } else { Threads::Asleep };
    for (number, name) in threads {
        if pools.contains(&number) {
            if !is_asleep(number) {
                found = Threads::AtWork;
            }
        } else if !is_main(number) && name != flush::THREAD {
            return Threads::Foreign;
        }
    }
    found
}

/// The threads that there are, by number and name; one that has ended meanwhile has no name any more.
fn named_threads() -> Vec<(i32, String)> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let named = tasks.filter_map(|task| {
        let number = task.file_name().to_str()?.parse().ok()?;
        let name = fs::read_to_string(task.path().join("comm")).ok()?;
        Some((number, name.trim_end().to_owned()))
    });
    named.collect()
}

fn is_main(thread: i32) -> bool {
    u32::try_from(thread) == Ok(std::process::id())
}

/// Whether a thread waits for something; see proc(5) on `stat`, where the state stands behind the name in parentheses.
fn is_asleep(thread: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('S'))
}

/// The pipes and sockets that are open. In a copy those of cells would keep the other side from seeing the end.
pub(super) fn pipes() -> Vec<i32> {
    let descriptors = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let pipes = descriptors.filter_map(|descriptor| {
        let number: i32 = descriptor.file_name().to_str()?.parse().ok()?;
        let target = fs::read_link(descriptor.path()).ok()?;
        let target = target.to_str()?;
        (target.starts_with("pipe:") || target.starts_with("socket:")).then_some(number)
    });
    pipes.collect()
}

/// The bytes that would be needed should everything in memory be changed while a copy lives, and the bytes that there are.
pub(super) fn memory() -> Option<(u64, u64)> {
    let pages: Vec<u64> =
        fs::read_to_string("/proc/self/statm").ok()?.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let wanted = pages.get(1)?.saturating_sub(*pages.get(2)?) * page_size();
    let available = [available_in_machine(), available_in_group()].into_iter().flatten().min()?;
    Some((wanted, available))
}

fn page_size() -> u64 {
    // SAFETY: asks for a constant of the system.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

fn available_in_machine() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// What the control group (a container, say) leaves, if it has a limit.
fn available_in_group() -> Option<u64> {
    let number = |name: &str| fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse::<u64>().ok();
    Some(number("memory.max")?.saturating_sub(number("memory.current")?))
}
