//! Progress of magics: one display a task, updated a few times a second, with rate and time left.

use std::time::{Duration, Instant};

use kernwerk_render::Progress;
use serde_json::{Value, json};

/// Work that ends sooner shows no progress at all.
const SILENT: Duration = Duration::from_millis(300);
/// A display is updated at most this often.
const PACE: Duration = Duration::from_millis(100);

/// The tasks whose progress is being told.
#[derive(Default)]
pub(super) struct Board {
    tasks: Vec<Task>,
}

struct Task {
    name: String,
    unit: &'static str,
    done: u64,
    total: Option<u64>,
    began: Instant,
    /// When the display was last published; none while there is no display yet.
    published: Option<Instant>,
    changed: bool,
    display_id: String,
}

/// A display to publish: `display_data` or `update_display_data`, and its content.
pub(super) type Message = (&'static str, Value);

impl Board {
    pub fn tell(&mut self, name: &str, done: u64, total: Option<u64>, unit: &'static str, now: Instant) {
        let index = match self.tasks.iter().position(|task| task.name == name) {
            Some(index) => index,
            None => {
                self.tasks.push(Task::begin(name, unit, now));
                self.tasks.len() - 1
            }
        };
        let task = &mut self.tasks[index];
        task.done = done;
        task.total = total;
        task.changed = true;
    }

    /// What is to be published now.
    pub fn due(&mut self, now: Instant) -> Vec<Message> {
        self.tasks.iter_mut().filter(|task| task.is_due(now)).map(|task| task.publish(now, false)).collect()
    }

    /// The work has ended: the last state of every display. The board is empty afterwards.
    pub fn finish(&mut self, now: Instant) -> Vec<Message> {
        let tasks = std::mem::take(&mut self.tasks);
        tasks.into_iter().filter(|task| task.published.is_some()).map(|mut task| task.publish(now, true)).collect()
    }
}

impl Task {
    fn begin(name: &str, unit: &'static str, now: Instant) -> Self {
        Self {
            name: name.to_owned(),
            unit,
            done: 0,
            total: None,
            began: now,
            published: None,
            changed: false,
            display_id: uuid::Uuid::new_v4().to_string(),
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        match self.published {
            None => now.duration_since(self.began) >= SILENT,
            Some(at) => self.changed && now.duration_since(at) >= PACE,
        }
    }

    fn publish(&mut self, now: Instant, ended: bool) -> Message {
        let msg_type = if self.published.is_some() { "update_display_data" } else { "display_data" };
        self.published = Some(now);
        self.changed = false;
        let (text, html) = self.faces(now.duration_since(self.began), ended);
        let content = json!({
            "data": { "text/plain": text, "text/html": html },
            "metadata": {},
            "transient": { "display_id": self.display_id },
        });
        (msg_type, content)
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

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
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
    fn long_work_shows_one_display_and_updates_it_to_its_end() {
        let mut board = Board::default();
        let start = Instant::now();
        board.tell("load <x>", 50, Some(100), "rows", start);
        let first = board.due(start + Duration::from_secs(5));
        assert_eq!(first[0].0, "display_data");
        assert_eq!(first[0].1["data"]["text/plain"], "load <x>: 50 of 100 rows, 10.0/s, 5.0 s left");
        assert!(first[0].1["data"]["text/html"].as_str().is_some_and(|html| html.contains("value=\"50\" max=\"100\"")));
        assert!(board.due(start + Duration::from_secs(6)).is_empty(), "nothing changed");
        board.tell("load <x>", 100, Some(100), "rows", start);
        let last = board.finish(start + Duration::from_secs(10));
        assert_eq!(last[0].0, "update_display_data");
        assert_eq!(last[0].1["transient"], first[0].1["transient"]);
        assert_eq!(last[0].1["data"]["text/plain"], "load <x>: 100 of 100 rows, 10.0/s, 10.0 s");
    }

    #[test]
    fn what_is_cut_off_says_so() {
        let mut board = Board::default();
        let start = Instant::now();
        board.tell("load", 1, Some(100), "rows", start);
        board.due(start + Duration::from_secs(1));
        let last = board.finish(start + Duration::from_secs(61));
        assert_eq!(last[0].1["data"]["text/plain"], "load: stopped at 1 of 100 rows");
    }
}
