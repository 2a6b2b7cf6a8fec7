//! Polars' threads in a copy of a process. A copy made by fork has the memory of the pools and not their threads: who gave them work would wait
//! for ever. So the pools are put back to how they were before their first use, and begun anew.
//!
//! The process that runs cells calls what is here, before it runs the first cell with Polars and in each copy that takes its place.

use std::fs;
use std::mem::ManuallyDrop;
use std::sync::{LazyLock, Mutex, PoisonError};

use polars_async::{ASYNC, RuntimeManager};
use polars_core::runtime::THREAD_POOL;
use polars_utils::mmap::UNMAP_POOL;
use rayon::ThreadPool;

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
    descriptors: Vec<i32>,
    compute: Unused<ThreadPool>,
    unmap: Unused<ThreadPool>,
    wait: Unused<RuntimeManager>,
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
        if let (Some(compute), Some(unmap), Some(wait)) = unused {
            let mut begun = Pools { threads: Vec::new(), descriptors: Vec::new(), compute, unmap, wait };
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
        pools.wait.restore();
        pools.begin();
    }
    census(pools.as_ref())
}

impl Pools {
    fn begin(&mut self) {
        let (threads, descriptors) = (numbers("/proc/self/task"), numbers("/proc/self/fd"));
        LazyLock::force(&THREAD_POOL);
        LazyLock::force(&UNMAP_POOL);
        LazyLock::force(&ASYNC);
        self.threads = numbers("/proc/self/task");
        self.threads.retain(|thread| !threads.contains(thread));
        self.descriptors = numbers("/proc/self/fd");
        self.descriptors.retain(|descriptor| !descriptors.contains(descriptor));
    }
}

/// The numbers that are names in a directory of the system's. What was there for the reading alone is left out.
fn numbers(directory: &str) -> Vec<i32> {
    let entries: Vec<_> = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    let there = entries.iter().filter(|path| fs::symlink_metadata(path).is_ok());
    there.filter_map(|path| path.file_name()?.to_str()?.parse().ok()).collect()
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
