//! Progress while it is told: one bar a task, drawn a few times a second, with rate and time left. Faces show the bars.

use std::time::{Duration, Instant};

use crate::html::escape;
use crate::progress::Progress;

/// Work that ends sooner shows no progress at all.
const SILENT: Duration = Duration::from_millis(300);
/// A bar is drawn at most this often.
const PACE: Duration = Duration::from_millis(100);

/// The tasks whose progress is being told.
#[derive(Default)]
pub struct Board {
    tasks: Vec<Task>,
    /// Bars so far.
    bars: u64,
}

/// A bar as it is to be shown now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Which bar of its board it is.
    pub number: u64,
    /// It was not shown before; else it replaces what was shown under its number.
    pub is_new: bool,
    pub text: String,
    pub html: String,
}

struct Task {
    name: String,
    unit: &'static str,
    done: u64,
    total: Option<u64>,
    began: Instant,
    /// When all of it was done; the work may go on with other tasks.
    complete: Option<Instant>,
    /// When the bar was last drawn; none while it was never drawn.
    drawn: Option<Instant>,
    changed: bool,
    number: u64,
}

impl Board {
    /// `done` of `total` units of the task `name` are finished.
    pub fn tell(&mut self, name: &str, done: u64, total: Option<u64>, unit: &'static str, now: Instant) {
        let index = match self.tasks.iter().position(|task| task.name == name) {
            Some(index) => index,
            None => {
                self.tasks.push(Task::begin(name, unit, now, self.bars));
                self.bars += 1;
                self.tasks.len() - 1
            }
        };
        let task = &mut self.tasks[index];
        task.done = done;
        task.total = total;
        task.complete = if total == Some(done) { task.complete.or(Some(now)) } else { None };
        task.changed = true;
    }

    /// What is to be shown now.
    pub fn due(&mut self, now: Instant) -> Vec<Bar> {
        self.tasks.iter_mut().filter(|task| task.is_due(now)).map(|task| task.draw(now, false)).collect()
    }

    /// The work has ended: the last state of every bar. The board is empty afterwards.
    pub fn finish(&mut self, now: Instant) -> Vec<Bar> {
        let tasks = std::mem::take(&mut self.tasks);
        tasks.into_iter().filter(|task| task.drawn.is_some()).map(|mut task| task.draw(now, true)).collect()
    }
}

impl Task {
    fn begin(name: &str, unit: &'static str, now: Instant, number: u64) -> Self {
        Self {
            name: name.to_owned(),
            unit,
            done: 0,
            total: None,
            began: now,
            complete: None,
            drawn: None,
            changed: false,
            number,
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        match self.drawn {
            None => now.duration_since(self.began) >= SILENT,
            Some(at) => self.changed && now.duration_since(at) >= PACE,
        }
    }

    fn draw(&mut self, now: Instant, ended: bool) -> Bar {
        let is_new = self.drawn.is_none();
        self.drawn = Some(now);
        self.changed = false;
        let (text, html) = self.faces(self.complete.unwrap_or(now).duration_since(self.began), ended);
        Bar { number: self.number, is_new, text, html }
    }

    fn faces(&self, elapsed: Duration, ended: bool) -> (String, String) {
        let Self { name, unit, done, .. } = self;
        match self.total {
            Some(total) if ended && *done < total => {
                let text = format!("{name}: stopped at {done} of {total} {unit}");
                (text.clone(), format!("<div>{}</div>", escape(&text)))
            }
            total => {
                let progress = Progress {
                    task: name.clone(),
                    done: *done,
                    // What ended without a known total is complete with what it did.
                    total: total.or_else(|| ended.then_some(*done)),
                    unit: (*unit).to_owned(),
                    elapsed,
                };
                (progress.text(), progress.html())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_work_shows_nothing() {
        let mut board = Board::default();
        let start = Instant::now();
        board.tell("load", 1, Some(2), "rows", start);
        assert!(board.due(start + PACE).is_empty());
        assert!(board.finish(start + PACE).is_empty());
    }

    #[test]
    fn long_work_shows_one_bar_and_updates_it_to_its_end() {
        let mut board = Board::default();
        let start = Instant::now();
        board.tell("load <x>", 50, Some(100), "rows", start);
        let first = board.due(start + Duration::from_secs(5));
        assert!(first[0].is_new);
        assert_eq!(first[0].text, "load <x>: 50 of 100 rows, 10.0/s, 5.0 s left");
        assert!(first[0].html.contains("value=\"50\" max=\"100\""), "{}", first[0].html);
        assert!(board.due(start + Duration::from_secs(6)).is_empty(), "nothing changed");
        board.tell("load <x>", 100, Some(100), "rows", start + Duration::from_secs(10));
        // What goes on after it is another task's.
        let last = board.finish(start + Duration::from_secs(25));
        assert_eq!((last[0].is_new, last[0].number), (false, first[0].number));
        assert_eq!(last[0].text, "load <x>: 100 of 100 rows, 10.0/s, 10.0 s");
    }

    #[test]
    fn what_is_cut_off_says_so() {
        let mut board = Board::default();
        let start = Instant::now();
        board.tell("load", 1, Some(100), "rows", start);
        board.due(start + Duration::from_secs(1));
        let last = board.finish(start + Duration::from_secs(61));
        assert_eq!(last[0].text, "load: stopped at 1 of 100 rows");
    }
}
