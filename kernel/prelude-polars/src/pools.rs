//! Polars' threads in a copy of a process. A copy made by fork has the memory of the pools and not their threads: who gave them work would wait
//! for ever. So the pools are put back to how they were before their first use, and begun anew.
//!
//! The process that runs cells calls what is here, before it runs the first cell with Polars and in each copy that takes its place.
//!
//! Polars' asynchronous runtime, which every lazy query touches, ends before a copy is made, and begins anew at the next query: its threads sleep
//! in queues that belong to the whole process (`parking_lot`), and a copy would link its new threads behind those that it does not have.

use std::fs;
use std::mem::ManuallyDrop;
use std::sync::{LazyLock, Mutex, PoisonError};

use polars_async::{ASYNC, RuntimeManager};
use polars_core::runtime::THREAD_POOL;
use polars_utils::mmap::UNMAP_POOL;
use rayon::ThreadPool;
use tokio::runtime::Handle;

/// The name that tokio gives to its threads.
const RUNTIME_THREAD: &str = "tokio-rt-worker";

/// What belongs to Polars' pools, by the numbers that the system has for it. Lives until the next call.
#[repr(C)]
pub struct Census {
    threads: *const i32,
    thread_count: usize,
    descriptors: *const i32,
    descriptor_count: usize,
}

/// The pools before their first use, and what belongs to them since.
struct Pools {
    threads: Vec<i32>,
    /// What a runtime leaves open for the next one.
    descriptors: Vec<i32>,
    compute: Unused<ThreadPool>,
    unmap: Unused<ThreadPool>,
    runtime: Unused<RuntimeManager>,
}

static POOLS: Mutex<Option<Pools>> = Mutex::new(None);

/// A copy, byte by byte, of a lazy value that has not been used.
struct Unused<T: 'static> {
    place: &'static LazyLock<T>,
    bytes: ManuallyDrop<LazyLock<T>>,
}

// SAFETY: a lazy value that has not been used holds a function and nothing else.
unsafe impl<T> Send for Unused<T> {}

impl<T> Unused<T> {
    /// None when it has been used already.
    fn remember(place: &'static LazyLock<T>) -> Option<Self> {
        // SAFETY: the copy is never used as a value and never dropped, only copied back.
        LazyLock::get(place)
            .is_none()
            .then(|| Self { place, bytes: ManuallyDrop::new(unsafe { std::ptr::read(place) }) })
    }

    /// Puts the bytes back. What was in their place is left as it is: to drop it would be to wait for threads that are not there.
    fn restore(&self) {
        let place = std::hint::black_box(std::ptr::from_ref(self.place)).cast_mut();
        // SAFETY: a lazy value is a cell, whose memory may be written to; nobody holds a reference to what is in it: this is the only thread, and
        // it is not within a call of Polars.
        unsafe { std::ptr::copy_nonoverlapping(&raw const *self.bytes, place, 1) };
    }
}

/// Starts the pools, so that it is known which threads are theirs. To be called before anything else is done with Polars, by a thread that has
/// no other beside it that starts threads or opens files.
#[unsafe(no_mangle)]
pub extern "C" fn kernwerk_begin_pools() -> Census {
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    if pools.is_none() {
        let unused = (Unused::remember(&THREAD_POOL), Unused::remember(&UNMAP_POOL), Unused::remember(&ASYNC));
        if let (Some(compute), Some(unmap), Some(runtime)) = unused {
            let mut begun = Pools { threads: Vec::new(), descriptors: Vec::new(), compute, unmap, runtime };
            begun.descriptors = begun.left_by_runtime();
            begun.begin();
            *pools = Some(begun);
        }
    }
    census(pools.as_ref())
}

/// Makes the pools anew in a copy of a process that had called [`kernwerk_begin_pools`]. To be called by the copy's only thread.
#[unsafe(no_mangle)]
pub extern "C" fn kernwerk_renew_pools() -> Census {
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pools) = pools.as_mut() {
        pools.compute.restore();
        pools.unmap.restore();
        pools.runtime.restore();
        pools.begin();
    }
    census(pools.as_ref())
}

/// Ends the asynchronous runtime if it has nothing to do. To be called when no thread but the pools' own could be using it.
#[unsafe(no_mangle)]
pub extern "C" fn kernwerk_end_runtime() {
    let pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let (Some(pools), Some(runtime)) = (pools.as_ref(), LazyLock::get(&ASYNC)) else { return };
    let (tasks, workers) = runtime.block_on(async {
        let metrics = Handle::current().metrics();
        (metrics.num_alive_tasks(), metrics.num_workers())
    });
    // A thread more is at work on something that blocks, or was lately; or it belongs to a runtime of the user's.
    if tasks > 0 || threads_named(RUNTIME_THREAD) != workers {
        return;
    }
    pools.end_runtime(runtime);
}

impl Pools {
    fn begin(&mut self) {
        let before = numbers("/proc/self/task");
        LazyLock::force(&THREAD_POOL);
        LazyLock::force(&UNMAP_POOL);
        self.threads = numbers("/proc/self/task");
        self.threads.retain(|thread| !before.contains(thread));
    }

    /// Begins the runtime and ends it: what is open since then stays so.
    fn left_by_runtime(&self) -> Vec<i32> {
        let before = numbers("/proc/self/fd");
        self.end_runtime(LazyLock::force(&ASYNC));
        let mut left = numbers("/proc/self/fd");
        left.retain(|descriptor| !before.contains(descriptor));
        left
    }

    /// Ends the runtime, which nobody uses.
    fn end_runtime(&self, runtime: &'static RuntimeManager) {
        // SAFETY: nobody uses it, and what is read here is never seen in its place again.
        let ended = unsafe { std::ptr::read(runtime) };
        self.runtime.restore();
        drop(ended);
    }
}

/// The numbers that are names in a directory of the system's. What was there for the reading alone is left out.
fn numbers(directory: &str) -> Vec<i32> {
    let entries: Vec<_> = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    let there = entries.iter().filter(|path| fs::symlink_metadata(path).is_ok());
    there.filter_map(|path| path.file_name()?.to_str()?.parse().ok()).collect()
}

fn threads_named(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks
        .filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|found| found.trim_end() == name))
        .count()
}

fn census(pools: Option<&Pools>) -> Census {
    let (threads, descriptors): (&[i32], &[i32]) =
        pools.map_or((&[], &[]), |pools| (&pools.threads, &pools.descriptors));
    Census {
        threads: threads.as_ptr(),
        thread_count: threads.len(),
        descriptors: descriptors.as_ptr(),
        descriptor_count: descriptors.len(),
    }
}
