//! Rich outputs: the notebook shows them where and when they are written, in the best form that it knows.

use std::fmt::Debug;
use std::io::Write;

use crate::json::object;

/// A display with this form changes from run to run: it is shown, and never compared in a replay.
pub const VOLATILE: &str = "application/x-kernwerk-volatile";

/// Shows one output in several forms: pairs of a MIME type and its text (base64 for binary ones).
pub fn display(forms: &[(&str, &str)]) {
    send("application/x-kernwerk-bundle", &object(forms));
}

/// Shows one output under a name, so that [`update_display`] can replace it.
pub fn display_as(name: &str, forms: &[(&str, &str)]) {
    display(&with("application/x-kernwerk-display-id", name, forms));
}

/// Replaces the outputs that [`display_as`] showed under a name, wherever in the notebook they stand.
pub fn update_display(name: &str, forms: &[(&str, &str)]) {
    display(&with("application/x-kernwerk-update-display-id", name, forms));
}

/// Clears what the cell has shown so far: at once, or as soon as the next output comes.
pub fn clear_output(wait: bool) {
    display(&[("application/x-kernwerk-clear-output", if wait { "wait" } else { "now" })]);
}

fn with<'a>(mime: &'a str, text: &'a str, forms: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    std::iter::once((mime, text)).chain(forms.iter().copied()).collect()
}

/// Shows HTML. Where there is none, in a text log for example, the source stands.
pub fn display_html(html: &str) {
    display(&[("text/html", html), ("text/plain", html)]);
}

/// Shows Markdown.
pub fn display_markdown(markdown: &str) {
    display(&[("text/markdown", markdown), ("text/plain", markdown)]);
}

/// Shows JSON, which front ends unfold.
pub fn display_json(json: &str) {
    display(&[("application/json", json), ("text/plain", json)]);
}

/// Shows text as it is, without the quotation marks of `{:?}`.
pub fn display_text(text: &str) {
    display(&[("text/plain", text)]);
}

/// Shows an SVG image.
pub fn display_svg(svg: &str) {
    display(&[("image/svg+xml", svg), ("text/plain", "an image (SVG)")]);
}

/// Shows an SVG image; another name for [`display_svg`].
pub fn show_svg(svg: &str) {
    display_svg(svg);
}

/// How values are shown that know no better way: as `{:?}` writes them.
pub trait Debugged {
    /// Shows the value.
    fn evcxr_display(&self);
}

impl<T: Debug + ?Sized> Debugged for &T {
    fn evcxr_display(&self) {
        display_text(&format!("{self:?}"));
    }
}

/// Writes a message that the notebook's side of this process understands.
pub(crate) fn send(kind: &str, text: &str) {
    let mut output = std::io::stdout().lock();
    let written =
        writeln!(output, "EVCXR_BEGIN_CONTENT {kind}\n{text}\nEVCXR_END_CONTENT").and_then(|()| output.flush());
    if written.is_err() {
        // Without the notebook there is nobody to show anything to.
        std::process::exit(1);
    }
}
