//! Widgets: a progress bar, words and an editable text that ipywidgets draws, where the front end has it; elsewhere the same as plain outputs.
//!
//! A widget shows itself where it is made. What is set later changes it in its place, from any thread and from any later cell.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::display::display;
use crate::html::escape;
use crate::input::ask;
use crate::json::push_text;

/// Steps of a progress bar that nobody could tell apart are sent at most so often.
const PAUSE: Duration = Duration::from_millis(50);
/// So many steps of a bar can be told apart.
const STEPS: u64 = 1000;

/// A progress bar.
///
/// ```
/// let bar = kernwerk::widgets::Progress::labelled(480, "embedding");
/// for chunk in 0..480 {
///     bar.set(chunk + 1);
/// }
/// ```
pub struct Progress {
    name: String,
    label: String,
    total: u64,
    done: AtomicU64,
    sent: Mutex<Sent>,
}

/// What the front end knows.
struct Sent {
    done: u64,
    at: Instant,
}

impl Progress {
    /// Shows a bar of so many steps, none of which is done.
    pub fn new(total: u64) -> Self {
        Self::labelled(total, "")
    }

    /// Shows a bar with words in front of it.
    pub fn labelled(total: u64, label: &str) -> Self {
        let sent = Mutex::new(Sent { done: 0, at: Instant::now() });
        let bar = Self { name: name(), label: label.to_owned(), total, done: AtomicU64::new(0), sent };
        bar.send(0);
        bar
    }

    /// So many steps are done.
    pub fn set(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
        self.tell(false);
    }

    /// So many more steps are done.
    pub fn advance(&self, steps: u64) {
        self.done.fetch_add(steps, Ordering::Relaxed);
        self.tell(false);
    }

    /// How many steps are done.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Shows itself where it was made, and nothing more as the last value of a cell.
    pub fn evcxr_display(&self) {}

    fn tell(&self, at_once: bool) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let done = self.done();
        let step = |done: u64| u128::from(done) * u128::from(STEPS) / u128::from(self.total.max(1));
        let visible = step(done) != step(sent.done) || done >= self.total;
        if done != sent.done && (at_once || visible || sent.at.elapsed() >= PAUSE) {
            *sent = Sent { done, at: Instant::now() };
            self.send(done);
        }
    }

    fn send(&self, done: u64) {
        let (value, max) = (done.min(self.total), self.total.max(1));
        let style = if done >= self.total { "success" } else { "" };
        let mut state = format!(r#"{{"value": {value}, "max": {max}, "bar_style": "{style}", "description": "#);
        push_text(&mut state, &self.label);
        state.push('}');
        let lead = if self.label.is_empty() { String::new() } else { format!("{}: ", self.label) };
        let text = format!("{lead}{done} of {}", self.total);
        let html = format!(
            "<div><progress value=\"{value}\" max=\"{max}\" style=\"width:16em;vertical-align:middle\"></progress> {}</div>",
            escape(&text)
        );
        send(&self.name, "progress", &state, &text, &html);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.tell(true);
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {}", self.done(), self.total)
    }
}

/// A line of words that can be replaced.
#[derive(Debug)]
pub struct Label {
    name: String,
}

impl Label {
    /// Shows the words.
    pub fn new(words: &str) -> Self {
        let label = Self { name: name() };
        label.set(words);
        label
    }

    /// Shows other words in their place.
    pub fn set(&self, words: &str) {
        send(&self.name, "label", &value(words), words, &format!("<div>{}</div>", escape(words)));
    }

    /// Shows itself where it was made, and nothing more as the last value of a cell.
    pub fn evcxr_display(&self) {}
}

/// HTML that can be replaced.
#[derive(Debug)]
pub struct Html {
    name: String,
}

impl Html {
    /// Shows the HTML.
    pub fn new(html: &str) -> Self {
        let shown = Self { name: name() };
        shown.set(html);
        shown
    }

    /// Shows other HTML in its place.
    pub fn set(&self, html: &str) {
        send(&self.name, "html", &value(html), html, html);
    }

    /// Shows itself where it was made, and nothing more as the last value of a cell.
    pub fn evcxr_display(&self) {}
}

/// A line of text that the user can edit.
///
/// ```
/// let city = kernwerk::widgets::Text::new("city", "Hamburg");
/// // in a later cell
/// city.value();
/// ```
#[derive(Debug)]
pub struct Text {
    name: String,
    label: String,
    text: Mutex<String>,
}

impl Text {
    /// Shows a field with a word in front of it and a text in it.
    pub fn new(label: &str, text: &str) -> Self {
        let field = Self { name: name(), label: label.to_owned(), text: Mutex::default() };
        field.set(text);
        field
    }

    /// Puts another text into the field.
    pub fn set(&self, text: &str) {
        text.clone_into(&mut self.text.lock().unwrap_or_else(PoisonError::into_inner));
        let mut state = value(text);
        state.truncate(state.len() - 1);
        state.push_str(", \"description\": ");
        push_text(&mut state, &self.label);
        state.push('}');
        let shown = format!("{}: {text}", self.label);
        send(&self.name, "text", &state, &shown, &format!("<div>{}</div>", escape(&shown)));
    }

    /// The text as the user has left it. Where nobody can edit it, it is what was put into it last.
    pub fn value(&self) -> String {
        let own = || self.text.lock().unwrap_or_else(PoisonError::into_inner).clone();
        ask("application/x-kernwerk-input", &format!("application/x-kernwerk-widget-value {}", self.name))
            .unwrap_or_else(|_| own())
    }

    /// Shows itself where it was made, and nothing more as the last value of a cell.
    pub fn evcxr_display(&self) {}
}

/// A state that has a value alone.
fn value(text: &str) -> String {
    let mut state = String::from("{\"value\": ");
    push_text(&mut state, text);
    state.push('}');
    state
}

fn send(name: &str, kind: &str, state: &str, text: &str, html: &str) {
    let widget = format!(r#"{{"name": "{name}", "kind": "{kind}", "state": {state}}}"#);
    display(&[("application/x-kernwerk-widget", &widget), ("text/html", html), ("text/plain", text)]);
}

/// A name that no other widget of the kernel has, of a process that went on from a copy of this one neither.
fn name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.write_u128(SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_nanos()));
    let first = hasher.finish();
    hasher.write_u64(COUNT.fetch_add(1, Ordering::Relaxed));
    format!("{first:016x}{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ() {
        let names: std::collections::HashSet<String> = (0..1000).map(|_| name()).collect();
        assert_eq!(names.len(), 1000);
    }

    #[test]
    fn a_state_is_json() {
        assert_eq!(value("a\"b"), r#"{"value": "a\"b"}"#);
    }
}
