//! What is in this process beside the cells' variables: threads, open pipes, memory. It decides what a copy of the process is good for.

use std::fs;
use std::time::{Duration, Instant};

use super::flush;

/// Threads of pools that a copy can make anew: Polars' (the prelude does it), by the beginning of their names.
const RENEWABLE: &str = "polars-";
/// The threads of a pool get so long to fall asleep after a cell.
const SETTLE: Duration = Duration::from_millis(5);

/// Whether a copy of this process, which has one thread, lacks nothing: all other threads sleep and can be made anew, and `renewable` says
/// whether there is somebody to do it.
pub(super) fn can_be_copied(renewable: bool) -> bool {
    let deadline = Instant::now() + SETTLE;
    loop {
        match threads(renewable) {
            Threads::Asleep => return true,
            Threads::Foreign => return false,
            Threads::AtWork if Instant::now() >= deadline => return false,
            Threads::AtWork => std::thread::sleep(SETTLE / 10),
        }
    }
}

enum Threads {
    /// Those that there are can be made anew, and do nothing.
    Asleep,
    /// Pools are at work still.
    AtWork,
    /// There are threads of the cells' own, or of who knows whom.
    Foreign,
}

fn threads(renewable: bool) -> Threads {
    let main = std::process::id().to_string();
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return Threads::Foreign };
    let mut found = Threads::Asleep;
    for task in tasks.flatten().filter(|task| task.file_name().to_string_lossy() != main) {
        // A thread that has ended meanwhile has no name any more.
        let Ok(name) = fs::read_to_string(task.path().join("comm")) else { continue };
        match name.trim_end() {
            flush::THREAD => {}
            name if renewable && name.starts_with(RENEWABLE) => {
                if !is_asleep(&task.path()) {
                    found = Threads::AtWork;
                }
            }
            _ => return Threads::Foreign,
        }
    }
    found
}

/// Whether a thread waits for something; see proc(5) on `stat`, where the state stands behind the name in parentheses.
fn is_asleep(task: &std::path::Path) -> bool {
    let stat = fs::read_to_string(task.join("stat")).unwrap_or_default();
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
