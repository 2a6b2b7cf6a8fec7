//! A progress event with its rate and time left, as one line and as a bar.

use std::time::Duration;

use crate::html::escape;

/// How far a task is, as a face shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    pub task: String,
    pub done: u64,
    pub total: Option<u64>,
    pub unit: String,
    /// Since the task's first event.
    pub elapsed: Duration,
}

impl Progress {
    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        self.total == Some(self.done)
    }

    /// Such as `embedding: 120 of 480 chunks, 40/s, 9 s left`.
    pub fn text(&self) -> String {
        let total = self.total.map(|total| format!(" of {total}")).unwrap_or_default();
        let mut line = format!("{}: {}{total} {}", self.task, self.done, self.unit);
        if let Some(rate) = self.rate() {
            line.push_str(&format!(", {}/s", three_digits(rate)));
        }
        match self.left() {
            Some(left) if !self.is_done() => line.push_str(&format!(", {} left", seconds(left))),
            _ if self.is_done() => line.push_str(&format!(", {}", seconds(self.elapsed.as_secs_f64()))),
            _ => {}
        }
        line
    }

    /// A bar with the line beside it.
    pub fn html(&self) -> String {
        let value =
            self.total.map(|total| format!(" value=\"{}\" max=\"{}\"", self.done, total.max(1))).unwrap_or_default();
        format!(
            "<div style=\"font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:12px;\
             color:var(--jp-ui-font-color2,inherit)\"><progress{value} style=\"width:16em;vertical-align:middle;\
             accent-color:var(--jp-brand-color1,#1976d2)\"></progress> {}</div>",
            escape(&self.text())
        )
    }

    /// Units a second; none before there is something to measure.
    fn rate(&self) -> Option<f64> {
        let elapsed = self.elapsed.as_secs_f64();
        (elapsed > 0.2 && self.done > 0).then(|| self.done as f64 / elapsed)
    }

    fn left(&self) -> Option<f64> {
        let remaining = self.total?.saturating_sub(self.done) as f64;
        Some(remaining / self.rate()?)
    }
}

fn three_digits(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

fn seconds(value: f64) -> String {
    let whole = value.round() as u64;
    match whole {
        0..60 => format!("{value:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}
