//! Progress of loops: a bar that moves while a cell runs, with rate and time left.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::bar::Bar;
use crate::display::{VOLATILE, display_as, update_display};

/// A bar is drawn at most this often.
const PACE: Duration = Duration::from_millis(100);

/// Numbers the bars of this process.
static BARS: AtomicU64 = AtomicU64::new(0);

/// Shows how far a loop over `items` is:
///
/// ```
/// let mut sum = 0;
/// for ride in kernwerk_prelude::progress(0..100).named("summing").unit("rides") {
///     sum += ride;
/// }
/// ```
///
/// The total is known where the iterator knows how many items there are, or where [`Progress::total`] says it.
pub fn progress<I: IntoIterator>(items: I) -> Progress<I::IntoIter> {
    let items = items.into_iter();
    let total = match items.size_hint() {
        (least, Some(most)) if least == most => Some(least as u64),
        _ => None,
    };
    Progress {
        items,
        task: String::new(),
        unit: "items".to_owned(),
        total,
        done: 0,
        at_work: false,
        ended: false,
        shown: None,
    }
}

/// An iterator that shows how far it is; see [`progress()`].
#[derive(Debug)]
pub struct Progress<I> {
    items: I,
    task: String,
    unit: String,
    total: Option<u64>,
    /// Items whose turn is over.
    done: u64,
    /// An item was given out and its turn is not over.
    at_work: bool,
    /// The iterator has come to its end.
    ended: bool,
    /// None while it has not begun.
    shown: Option<Shown>,
}

/// A bar that is shown.
#[derive(Debug)]
struct Shown {
    display: String,
    began: Instant,
    drawn: Instant,
}

impl<I> Progress<I> {
    /// Names what is being done.
    #[must_use]
    pub fn named(mut self, task: impl Into<String>) -> Self {
        self.task = task.into();
        self
    }

    /// What is counted, in place of `items`.
    #[must_use]
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// How many items there will be, where the iterator cannot tell.
    #[must_use]
    pub fn total(mut self, total: u64) -> Self {
        self.total = Some(total);
        self
    }

    /// Draws the bar where it is time to.
    fn tick(&mut self) {
        let now = Instant::now();
        match &mut self.shown {
            None => {
                let shown = Shown { display: identity(), began: now, drawn: now };
                show(&shown.display, &self.bar(now, now), true);
                self.shown = Some(shown);
            }
            Some(shown) if now.duration_since(shown.drawn) >= PACE => {
                shown.drawn = now;
                let began = shown.began;
                let bar = self.bar(began, now);
                self.shown.iter().for_each(|shown| show(&shown.display, &bar, false));
            }
            Some(_) => {}
        }
    }

    fn bar(&self, began: Instant, now: Instant) -> Bar {
        Bar {
            task: self.task.clone(),
            done: self.done,
            total: self.total,
            unit: self.unit.clone(),
            elapsed: now.duration_since(began),
            stopped: false,
        }
    }

    /// Shows the last state, once.
    fn finish(&mut self) {
        let Some(shown) = self.shown.take() else { return };
        let mut bar = self.bar(shown.began, Instant::now());
        if self.ended {
            // What came to its end is complete with what it did, whatever was expected.
            bar.total = Some(self.done);
        } else {
            bar.stopped = bar.total != Some(bar.done);
        }
        show(&shown.display, &bar, false);
    }
}

impl<I: Iterator> Iterator for Progress<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        if self.ended {
            return None;
        }
        self.done += u64::from(self.at_work);
        self.tick();
        let item = self.items.next();
        self.at_work = item.is_some();
        if item.is_none() {
            self.ended = true;
            self.finish();
        }
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for Progress<I> {}

/// The last state is shown when a loop is left early, too, by `break`, `?` or a panic.
impl<I> Drop for Progress<I> {
    fn drop(&mut self) {
        self.finish();
    }
}

fn show(display: &str, bar: &Bar, is_new: bool) {
    let (text, html) = (bar.text(), bar.html());
    // Rates and times change from run to run.
    let forms = [("text/html", html.as_str()), ("text/plain", text.as_str()), (VOLATILE, "")];
    if is_new { display_as(display, &forms) } else { update_display(display, &forms) }
}

/// A name that no other bar has, not of another process and not of this one's past.
fn identity() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let number = BARS.fetch_add(1, Ordering::Relaxed);
    format!("kernwerk-progress-{}-{number}-{}", std::process::id(), now.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_known_where_the_iterator_knows_it() {
        assert_eq!(progress(vec![1, 2, 3]).total, Some(3));
        assert_eq!(progress(0..10_u8).total, Some(10));
        assert_eq!(progress((0..10).filter(|number| number % 2 == 0)).total, None);
        assert_eq!(progress((0..10).filter(|number| number % 2 == 0)).total(5).total, Some(5));
    }

    #[test]
    fn items_pass_and_are_counted_when_their_turn_is_over() {
        let mut bar = progress(["a", "b", "c"]).named("letters");
        assert_eq!((bar.next(), bar.done), (Some("a"), 0));
        assert_eq!((bar.next(), bar.done), (Some("b"), 1));
        assert_eq!(bar.len(), 1);
        assert_eq!((bar.next(), bar.next(), bar.next()), (Some("c"), None, None));
        assert!(bar.ended && bar.shown.is_none() && bar.done == 3);
    }

    #[test]
    fn a_bar_is_drawn_ten_times_a_second_at_most() {
        let mut bar = progress(0..);
        let (begun, mut drawings, mut last) = (Instant::now(), 0, None);
        while begun.elapsed() < Duration::from_millis(350) {
            bar.next();
            let drawn = bar.shown.as_ref().map(|shown| shown.drawn);
            drawings += u32::from(drawn != last);
            last = drawn;
        }
        assert!((2..=4).contains(&drawings), "{drawings} drawings");
    }
}
