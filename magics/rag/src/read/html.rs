//! HTML: what a reader sees, in sections by headings; scripts and styles are dropped.

use scraper::{ElementRef, Html, Node, Selector};

use super::Section;
use super::outline::Outline;

/// Elements whose content nobody reads.
const UNSEEN: &[&str] = &["script", "style", "template", "noscript", "head", "svg", "iframe", "object"];
/// Elements that stand in the line of the text around them; all others begin and end a block.
const INLINE: &[&str] = &[
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd", "label",
    "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
];

/// Title and sections. The title is that of the page's head, or else its first heading of level 1.
pub(super) fn read(text: &str) -> (String, Vec<Section>) {
    let page = Html::parse_document(text);
    let mut reader = Reader { outline: Outline::titled(title(&page)), text: String::new() };
    reader.children(page.root_element(), false);
    reader.end_text();
    reader.outline.finish()
}

fn title(page: &Html) -> String {
    let selector = Selector::parse("head > title").expect("the selector is well-formed");
    page.select(&selector).next().map(words_of).unwrap_or_default()
}

/// The text of an element, blanks collapsed.
fn words_of(element: ElementRef<'_>) -> String {
    let text: String = element.text().collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Reader {
    outline: Outline,
    /// Since the last heading.
    text: String,
}

impl Reader {
    fn children(&mut self, element: ElementRef<'_>, is_verbatim: bool) {
        for child in element.children() {
            if let Node::Text(text) = child.value() {
                self.words(text, is_verbatim);
            } else if let Some(child) = ElementRef::wrap(child) {
                self.element(child, is_verbatim);
            }
        }
    }

    fn element(&mut self, element: ElementRef<'_>, is_verbatim: bool) {
        let name = element.value().name();
        if UNSEEN.contains(&name) {
            return;
        }
        if let Some(level) = heading_level(name) {
            self.end_text();
            self.outline.heading(level, &words_of(element));
            return;
        }
        match name {
            "br" => self.text.push('\n'),
            "td" | "th" => {
                self.children(element, is_verbatim);
                self.text.push(' ');
            }
            "tr" | "li" | "dt" | "dd" => {
                self.end_line();
                self.children(element, is_verbatim);
            }
            _ if INLINE.contains(&name) => self.children(element, is_verbatim),
            _ => {
                self.end_block();
                self.children(element, is_verbatim || name == "pre");
                self.end_block();
            }
        }
    }

    fn words(&mut self, text: &str, is_verbatim: bool) {
        if is_verbatim {
            self.text.push_str(text);
            return;
        }
        if text.starts_with(char::is_whitespace) {
            self.blank();
        }
        for (at, word) in text.split_whitespace().enumerate() {
            if at > 0 {
                self.text.push(' ');
            }
            self.text.push_str(word);
        }
        if text.ends_with(char::is_whitespace) {
            self.blank();
        }
    }

    fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with(char::is_whitespace) {
            self.text.push(' ');
        }
    }

    fn end_line(&mut self) {
        let end = self.text.trim_end_matches(' ').len();
        self.text.truncate(end);
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn end_block(&mut self) {
        self.end_line();
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn end_text(&mut self) {
        self.outline.text(&self.text);
        self.text.clear();
    }
}

fn heading_level(name: &str) -> Option<u8> {
    match name.as_bytes() {
        [b'h', digit @ b'1'..=b'6'] => Some(digit - b'0'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_becomes_sections() {
        let page = "<!doctype html><html><head><title> Cable\n car </title><style>p{}</style><script>no()</script></head>
            <body><h1>Cable car</h1><p>It <b>run</b>s&nbsp;daily.</p><p>Until six.</p><script>alert('no')</script>
            <h2>Fares</h2><ul><li>adults <i>4 €</i></li><li>children free</li></ul><table><tr><th>day</th><td>9</td></tr></table>
            <pre>a\n  b</pre></body></html>";
        let (title, sections) = read(page);
        assert_eq!(title, "Cable car");
        let found: Vec<_> = sections.iter().map(|section| (section.heading.as_str(), section.text.trim())).collect();
        let fares = "adults 4 €\nchildren free\n\nday 9\n\na\n  b";
        assert_eq!(found, [("", "It runs daily.\n\nUntil six."), ("Fares", fares)]);
    }

    #[test]
    fn pieces_and_broken_pages_are_read_as_browsers_do() {
        let (title, sections) = read("<p>one<p>two <em>three");
        assert_eq!(title, "");
        assert_eq!(sections[0].text.trim(), "one\n\ntwo three");
        assert!(read("").1.is_empty());
    }
}
