//! What a program shows: text on standard output, for no notebook stands behind it. It takes the place of the prelude's file of this name.

use std::fmt::Debug;
use std::io::Write;

/// A display with this form changes from run to run; a program leaves it out.
pub const VOLATILE: &str = "application/x-kernwerk-volatile";

/// Shows one output in the form that a terminal knows.
pub fn display(forms: &[(&str, &str)]) {
    let form = |kind: &str| forms.iter().find(|(mime, _)| *mime == kind).map(|(_, text)| *text);
    if form(VOLATILE).is_some() {
        return;
    }
    if let Some(text) = form("text/plain") {
        send("text/plain", text);
    }
}

/// Shows one output; a program replaces none.
pub fn display_as(_name: &str, forms: &[(&str, &str)]) {
    display(forms);
}

/// What has been shown stays in a program: the new output comes below.
pub fn update_display(_name: &str, forms: &[(&str, &str)]) {
    display(forms);
}

/// What has been shown stays in a program.
pub fn clear_output(_wait: bool) {}

/// Shows HTML as its source.
pub fn display_html(html: &str) {
    display_text(html);
}

/// Shows Markdown as its source.
pub fn display_markdown(markdown: &str) {
    display_text(markdown);
}

/// Shows JSON.
pub fn display_json(json: &str) {
    display_text(json);
}

/// Shows text as it is.
pub fn display_text(text: &str) {
    display(&[("text/plain", text)]);
}

/// Says that there is an image.
pub fn display_svg(_svg: &str) {
    display_text("an image (SVG)");
}

/// Another name for [`display_svg`].
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

/// Writes a line of text.
pub(crate) fn send(_kind: &str, text: &str) {
    let mut output = std::io::stdout().lock();
    let written = writeln!(output, "{text}").and_then(|()| output.flush());
    if written.is_err() {
        // Nobody reads any more.
        std::process::exit(1);
    }
}
