//! One function over many items, on all processors.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

use kernwerk_core::{Cancelled, Work};

/// Most items that a thread takes at a time.
const LONGEST_STRIDE: usize = 16;

/// The results of `compute` for all items, in their order; on failure the error of the earliest item that was seen to fail.
/// Obeys cancellation.
///
/// Threads are started for each call: a pool that lives on would be dead after a fork in Python.
pub fn map<Item: Sync, Made: Send, Error: From<Cancelled> + Send>(
    items: &[Item],
    work: &Work,
    compute: impl Fn(&Item) -> Result<Made, Error> + Sync,
) -> Result<Vec<Made>, Error> {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(items.len());
    if threads <= 1 {
        return items.iter().map(|item| work.check().map_err(Error::from).and_then(|()| compute(item))).collect();
    }
    let next = AtomicUsize::new(0);
    let stride = (items.len() / (4 * threads)).clamp(1, LONGEST_STRIDE);
    let share = || share(items, stride, work, &next, &compute);
    let mut parts: Vec<(usize, Result<Vec<Made>, Error>)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(share)).collect();
        let mut parts = share();
        for other in others {
            parts.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        parts
    });
    parts.sort_by_key(|(start, _)| *start);
    let mut results = Vec::with_capacity(items.len());
    for (_, part) in parts {
        results.extend(part?);
    }
    Ok(results)
}

/// What one thread makes: results with the index of their first item, until the items are used up or one fails.
fn share<Item, Made, Error: From<Cancelled>>(
    items: &[Item],
    stride: usize,
    work: &Work,
    next: &AtomicUsize,
    compute: &impl Fn(&Item) -> Result<Made, Error>,
) -> Vec<(usize, Result<Vec<Made>, Error>)> {
    let mut parts = Vec::new();
    loop {
        let start = next.fetch_add(stride, Ordering::Relaxed);
        let Some(mine) = items.get(start..items.len().min(start + stride)).filter(|mine| !mine.is_empty()) else {
            return parts;
        };
        let made = work.check().map_err(Error::from).and_then(|()| mine.iter().map(compute).collect());
        let failed = made.is_err();
        parts.push((start, made));
        if failed {
            // The others end with what they hold.
            next.store(items.len(), Ordering::Relaxed);
            return parts;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    enum Failed {
        Cancelled,
        Here,
    }

    impl From<Cancelled> for Failed {
        fn from(_: Cancelled) -> Self {
            Self::Cancelled
        }
    }

    #[test]
    fn results_come_in_order() {
        let items: Vec<usize> = (0..1000).collect();
        let doubled = map(&items, &Work::silent(), |item| Ok::<_, Failed>(item * 2)).expect("no failure");
        assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        assert!(map(&[] as &[usize], &Work::silent(), |item| Ok::<_, Failed>(*item)).expect("no failure").is_empty());
    }

    #[test]
    fn a_failure_and_a_cancel_end_it() {
        let items: Vec<usize> = (0..1000).collect();
        let failed = map(&items, &Work::silent(), |item| if *item == 500 { Err(Failed::Here) } else { Ok(()) });
        assert!(matches!(failed, Err(Failed::Here)));
        let work = Work::silent();
        work.cancel.cancel();
        assert!(matches!(map(&items, &work, |_| Ok(())), Err(Failed::Cancelled)));
    }
}
