//! Headings and the text between them, as Markdown and HTML have them in common.

use super::Section;

/// Gathers sections while a document is read from its beginning.
#[derive(Default)]
pub(super) struct Outline {
    /// Level (1 to 6) and words of the headings that the current text stands under, the title left out.
    above: Vec<(u8, String)>,
    title: Option<(u8, String)>,
    sections: Vec<Section>,
    /// Whether the current heading has anything below it.
    is_filled: bool,
}

impl Outline {
    /// With a title that the document gives apart from its headings.
    pub(super) fn titled(title: String) -> Self {
        let title = Some((0, title)).filter(|(_, title)| !title.is_empty());
        Self { title, ..Self::default() }
    }

    /// A heading begins.
    pub(super) fn heading(&mut self, level: u8, words: &str) {
        let is_below = self.above.last().is_some_and(|(above, _)| level > *above);
        if !is_below {
            self.keep_bare_heading();
        }
        self.above.retain(|(above, _)| *above < level);
        match &self.title {
            None if level == 1 && self.sections.is_empty() => self.title = Some((1, words.to_owned())),
            Some((_, title)) if level == 1 && title == words => {}
            _ if words.is_empty() => {}
            _ => {
                self.above.push((level, words.to_owned()));
                self.is_filled = false;
            }
        }
    }

    /// The text up to the next heading.
    pub(super) fn text(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let heading = self.path();
        self.is_filled = true;
        match self.sections.last_mut() {
            // A heading without words, or the title, said again, begins nothing.
            Some(last) if last.heading == heading && !last.text.is_empty() => last.text.push_str(text),
            _ => self.sections.push(Section { heading, text: text.to_owned() }),
        }
    }

    /// The title and the sections.
    pub(super) fn finish(mut self) -> (String, Vec<Section>) {
        self.keep_bare_heading();
        (self.title.map(|(_, title)| title).unwrap_or_default(), self.sections)
    }

    /// A heading with nothing below it would be lost: it becomes a section without text.
    fn keep_bare_heading(&mut self) {
        if !self.above.is_empty() && !self.is_filled {
            let heading = self.path();
            self.sections.push(Section { heading, text: String::new() });
            self.is_filled = true;
        }
    }

    fn path(&self) -> String {
        let words: Vec<&str> = self.above.iter().map(|(_, words)| words.as_str()).collect();
        words.join(" > ")
    }
}
