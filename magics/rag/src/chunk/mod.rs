//! Documents become chunks: pieces under one heading that fit the model, with what gives them context.

mod boundary;

use kernwerk_core::Embedder;

use crate::Error;
use crate::read::{Document, Section};
use boundary::Boundaries;

/// Tokens that models like ours put around every text.
const SPECIAL_TOKENS: usize = 2;
/// The smallest chunk that leaves room for words beside its context.
pub(crate) const LEAST_TOKENS: usize = 16;

/// A piece of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chunk {
    /// The headings above it; see [`crate::read::Section`].
    pub section: String,
    /// As the source has it, without blanks around it.
    pub text: String,
    /// What the model reads: context and text, at most as many tokens as were allowed.
    pub embedded: String,
}

/// Cuts a document into chunks of at most `tokens` tokens, the model's special tokens and the context included. The texts of
/// the chunks, one after the other, are the text of the document: nothing is lost and nothing said twice but context.
///
/// A section that fits is one chunk, and so is a title without any text; a document without either has none. A longer one is cut into pieces of about the same length, at the ends of paragraphs
/// where possible, else of sentences, lines, words.
pub(crate) fn chunk(document: &Document, tokens: usize, embedder: &dyn Embedder) -> Result<Vec<Chunk>, Error> {
    let room = tokens - SPECIAL_TOKENS;
    let mut chunks = Vec::new();
    let bare_title = [Section { heading: String::new(), text: String::new() }];
    let sections = match document.sections.as_slice() {
        [] if !document.title.is_empty() => &bare_title,
        sections => sections,
    };
    for section in sections {
        let whole = section.text.trim();
        let spans = embedder.token_spans(whole)?;
        let own = shortened(&context(&document.title, &section.heading, whole), room, embedder)?;
        if own.tokens + spans.len() <= room {
            chunks.push(Chunk::new(section, &own, whole));
            continue;
        }
        let full = shortened(&context(&document.title, &section.heading, ""), room, embedder)?;
        for (at, text) in Boundaries::new(whole, &spans).pieces(room - full.tokens).into_iter().enumerate() {
            // Only the first piece may say the title itself.
            chunks.push(Chunk::new(section, if at == 0 { &own } else { &full }, text));
        }
    }
    Ok(chunks)
}

impl Chunk {
    fn new(section: &Section, context: &Shortened, text: &str) -> Self {
        Self { section: section.heading.clone(), text: text.to_owned(), embedded: join(&context.text, text) }
    }
}

/// The words that are searched for a chunk: what it stands under, then its own.
pub(crate) fn searchable(title: &str, section: &str, text: &str) -> String {
    join(&context(title, section, text), text)
}

/// Title and headings, as far as the text does not say them itself.
fn context(title: &str, section: &str, text: &str) -> String {
    let title = if begins_with(text, title) { "" } else { title };
    join(title, section)
}

/// Whether the text begins with these words, and they end there.
fn begins_with(text: &str, words: &str) -> bool {
    let rest = text.trim_start().strip_prefix(words.trim());
    rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

fn join(above: &str, below: &str) -> String {
    match (above.is_empty(), below.is_empty()) {
        (true, _) => below.to_owned(),
        (_, true) => above.to_owned(),
        _ => format!("{above}\n{below}"),
    }
}

struct Shortened {
    text: String,
    tokens: usize,
}

/// The context, cut off where it would take more than half of the room from the text.
fn shortened(context: &str, room: usize, embedder: &dyn Embedder) -> Result<Shortened, Error> {
    let spans = embedder.token_spans(context)?;
    let tokens = spans.len().min(room / 2);
    let end = if tokens < spans.len() { spans[tokens].0 } else { context.len() };
    Ok(Shortened { text: context[..end].trim_end().to_owned(), tokens })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_not_said_twice() {
        assert_eq!(searchable("wing flow .", "", "wing flow . a study"), "wing flow . a study");
        assert_eq!(searchable("wing", "", "wings are long"), "wing\nwings are long");
        assert_eq!(searchable("Lift", "Use > Twice", "press"), "Lift\nUse > Twice\npress");
        assert_eq!(searchable("Lift", "Rules", ""), "Lift\nRules");
        assert_eq!(searchable("", "", "press"), "press");
    }
}
