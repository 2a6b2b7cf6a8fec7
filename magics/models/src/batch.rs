//! Many texts on all processors: sequences are grouped by length, and each thread takes the next group.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use kernwerk_core::{Cancelled, ModelError, Work};

/// Tokens that pass the model together: enough to use each weight many times, few enough to stay in the caches.
const GROUP_TOKENS: usize = 256;
/// Below this, smaller groups would cost more than the better balance brings.
const LEAST_GROUP_TOKENS: usize = 32;

/// Indices of `lengths`, the longest first, in groups of at most 256 tokens (or one sequence), so that the shortest work
/// comes last and all threads end at about the same time.
pub(crate) fn groups(lengths: &[usize], threads: usize) -> Vec<Vec<usize>> {
    let total: usize = lengths.iter().sum();
    let room = (total / (4 * threads)).clamp(LEAST_GROUP_TOKENS, GROUP_TOKENS);
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(lengths[index]));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut filled = 0;
    for index in order {
        filled += lengths[index];
        match groups.last_mut() {
            Some(group) if filled <= room => group.push(index),
            _ => {
                filled = lengths[index];
                groups.push(vec![index]);
            }
        }
    }
    groups
}

/// Applies `compute` to each item on up to `threads` threads, each with a state of its own, and hands the results to
/// `collect` one at a time. Stops at the first error or when `work` is cancelled.
///
/// Threads are started for each call: a pool that lives on would be dead after a fork in Python.
pub(crate) fn for_each<Item: Sync, State, Made: Send>(
    items: &[Item],
    threads: usize,
    work: &Work,
    state: impl Fn() -> State + Sync,
    compute: impl Fn(&mut State, &Item) -> Result<Made, ModelError> + Sync,
    collect: impl FnMut(&Item, Made) + Send,
) -> Result<(), ModelError> {
    let next = AtomicUsize::new(0);
    let collect = Mutex::new(collect);
    let failure: Mutex<Option<ModelError>> = Mutex::new(None);
    let run = || {
        let mut state = state();
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            let made = work.check().map_err(ModelError::from).and_then(|()| compute(&mut state, item));
            match made {
                Ok(made) => (collect.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))(item, made),
                Err(error) => {
                    next.store(items.len(), Ordering::Relaxed);
                    keep_first(&failure, error);
                }
            }
        }
    };
    let threads = threads.min(items.len());
    if threads <= 1 {
        run();
    } else {
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(run);
            }
            run();
        });
    }
    match failure.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
        None => Ok(()),
        Some(error) => Err(error),
    }
}

/// A failure says more than the cancellation that followed it.
fn keep_first(failure: &Mutex<Option<ModelError>>, error: ModelError) {
    let mut kept = failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if matches!(*kept, None | Some(ModelError::Cancelled(Cancelled))) {
        *kept = Some(error);
    }
}
