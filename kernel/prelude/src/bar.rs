//! How far a loop is, as one line and as a bar: the same words and looks as the progress of magics.

use std::time::Duration;

/// How far a task is.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// May be empty.
    pub(crate) task: String,
    pub(crate) done: u64,
    pub(crate) total: Option<u64>,
    pub(crate) unit: String,
    /// Since the task began.
    pub(crate) elapsed: Duration,
    /// It ended before its end.
    pub(crate) stopped: bool,
}

impl Bar {
    /// Such as `loading: 120 of 480 rows, 40.0/s, 9.0 s left`.
    pub(crate) fn text(&self) -> String {
        let colon = if self.task.is_empty() { "" } else { ": " };
        let Self { task, done, unit, .. } = self;
        let total = self.total.map(|total| format!(" of {total}")).unwrap_or_default();
        if self.stopped {
            return format!("{task}{colon}stopped at {done}{total} {unit}");
        }
        let mut line = format!("{task}{colon}{done}{total} {unit}");
        if let Some(rate) = self.rate() {
            line.push_str(&format!(", {}/s", three_digits(rate)));
        }
        if self.total == Some(self.done) {
            line.push_str(&format!(", {}", seconds(self.elapsed.as_secs_f64())));
        } else if let Some((total, rate)) = self.total.zip(self.rate()) {
            line.push_str(&format!(", {} left", seconds(total.saturating_sub(self.done) as f64 / rate)));
        }
        line
    }

    /// A bar with the line beside it. Colours are those of the front end's theme, light or dark.
    pub(crate) fn html(&self) -> String {
        let text = escape(&self.text());
        if self.stopped {
            return format!("<div>{text}</div>");
        }
        let value =
            self.total.map(|total| format!(" value=\"{}\" max=\"{}\"", self.done, total.max(1))).unwrap_or_default();
        format!(
            "<div style=\"font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:12px;\
             color:var(--jp-ui-font-color2,inherit)\"><progress{value} style=\"width:16em;vertical-align:middle;\
             accent-color:var(--jp-brand-color1,#1976d2)\"></progress> {text}</div>"
        )
    }

    /// Units a second; none before there is something to measure.
    fn rate(&self) -> Option<f64> {
        let elapsed = self.elapsed.as_secs_f64();
        (elapsed > 0.2 && self.done > 0).then(|| self.done as f64 / elapsed)
    }
}

fn three_digits(value: f64) -> String {
    let decimals = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.decimals$}")
}

fn seconds(value: f64) -> String {
    let whole = value.round() as u64;
    match whole {
        0..60 => format!("{value:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// Text within HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
