//! Markdown: sections by their headings, text as it stands in the source.

use std::ops::Range;

use pulldown_cmark::{Event, MetadataBlockKind, Options, Parser, Tag, TagEnd};

use super::Section;
use super::outline::Outline;

/// Title and sections. The title is that of a metadata block at the top, or else the first heading of level 1 if no text
/// comes before it.
pub(super) fn read(text: &str) -> (String, Vec<Section>) {
    let marks = marks(text);
    let mut outline = Outline::titled(marks.title);
    let mut at = 0;
    for heading in &marks.headings {
        outline.text(&text[at..heading.range.start]);
        outline.heading(heading.level, &heading.words);
        at = heading.range.end;
    }
    outline.text(&text[at..]);
    outline.finish()
}

/// What matters of a document's structure.
#[derive(Default)]
struct Marks {
    title: String,
    headings: Vec<Heading>,
}

struct Heading {
    level: u8,
    words: String,
    /// Bytes of the source that the heading takes, its line end included.
    range: Range<usize>,
}

fn marks(text: &str) -> Marks {
    let mut marks = Marks::default();
    // Headings inside of quotations and lists are part of the text there.
    let mut depth = 0_usize;
    let mut is_metadata = false;
    let mut open: Option<Heading> = None;
    // Without the first option a metadata block would pass for a heading.
    let options =
        Options::ENABLE_YAML_STYLE_METADATA_BLOCKS | Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) if depth == 0 => {
                open = Some(Heading { level: level as u8, words: String::new(), range });
            }
            Event::End(TagEnd::Heading(_)) if open.is_some() => marks.headings.extend(open.take()),
            Event::Start(Tag::MetadataBlock(MetadataBlockKind::YamlStyle)) => is_metadata = true,
            Event::End(TagEnd::MetadataBlock(_)) => is_metadata = false,
            Event::Text(yaml) if is_metadata => marks.title = title_in(&yaml),
            Event::Text(words) | Event::Code(words) | Event::InlineMath(words) => {
                if let Some(heading) = &mut open {
                    heading.words.push_str(&words);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some(heading) = &mut open {
                    heading.words.push(' ');
                }
            }
            Event::Start(Tag::BlockQuote(_) | Tag::Item | Tag::FootnoteDefinition(_)) => depth += 1,
            Event::End(TagEnd::BlockQuote(_) | TagEnd::Item | TagEnd::FootnoteDefinition) => {
                depth = depth.saturating_sub(1)
            }
            _ => {}
        }
    }
    marks
}

/// The value of `title:` in a metadata block, or nothing.
fn title_in(yaml: &str) -> String {
    let value = yaml.lines().find_map(|line| line.strip_prefix("title:")).unwrap_or_default().trim();
    let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    quoted.unwrap_or(value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> (String, Vec<(String, String)>) {
        let (title, sections) = read(text);
        (title, sections.into_iter().map(|section| (section.heading, section.text.trim().to_owned())).collect())
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(heading, text)| ((*heading).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn sections_stand_under_their_headings() {
        let text = "# Lift\n\nIntro.\n\n## Use\n\nPress.\n\n### Twice `fast`\n\nAgain.\n\nCare\n----\n\n- oil\n";
        let (title, sections) = outline(text);
        assert_eq!(title, "Lift");
        let wanted = [("", "Intro."), ("Use", "Press."), ("Use > Twice fast", "Again."), ("Care", "- oil")];
        assert_eq!(sections, pairs(&wanted));
    }

    #[test]
    fn metadata_is_no_heading() {
        let (title, sections) = outline("---\ntitle: \"Cable car\"\nlang: de\n---\n\n# Cable car\n\nText.\n");
        assert_eq!(title, "Cable car");
        assert_eq!(sections, pairs(&[("", "---\ntitle: \"Cable car\"\nlang: de\n---\n\n\nText.")]));
    }

    #[test]
    fn hashes_in_code_and_quotations_are_text() {
        let text = "Before.\n\n```\n# no heading\n```\n\n> # nor this\n\n## Yes\n\nText.\n";
        let (title, sections) = outline(text);
        assert_eq!(title, "");
        assert_eq!(sections.len(), 2);
        assert!(sections[0].1.contains("# no heading") && sections[0].1.contains("# nor this"));
        assert_eq!(sections[1].0, "Yes");
    }

    #[test]
    fn a_heading_without_text_is_kept() {
        let (_, sections) = outline("# Rules\n\n## No smoking\n\n## Doors\n\n### Front\n\nShut.\n\n### Back\n");
        let wanted = [("No smoking", ""), ("Doors > Front", "Shut."), ("Doors > Back", "")];
        assert_eq!(sections, pairs(&wanted));
    }

    #[test]
    fn nothing_is_a_document_without_sections() {
        assert_eq!(outline(""), (String::new(), Vec::new()));
        assert_eq!(outline("# Only a title\n"), ("Only a title".to_owned(), Vec::new()));
    }
}
