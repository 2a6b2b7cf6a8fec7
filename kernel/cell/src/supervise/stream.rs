//! The worker's standard output taken apart: plain text, rich outputs, and the marks by which evcxr's generated code speaks.
//!
//! A mark counts wherever it stands, also behind text without a line's end, and is never shown. Text is passed on at once; only what may be the
//! beginning of a mark waits for more.

use kernwerk_wire::Bundle;
use memchr::memmem;

use super::text::Decoder;

/// Rich outputs longer than this many bytes are left out.
const CONTENT_LIMIT: usize = 64 << 20;
/// No MIME type is longer than this, in bytes.
const MIME_LIMIT: usize = 255;

const PREFIX: &[u8] = b"EVCXR_";
const BEGIN: &[u8] = b"EVCXR_BEGIN_CONTENT ";
const END: &[u8] = b"EVCXR_END_CONTENT\n";
const PANIC: &[u8] = b"EVCXR_PANIC_NOTIFICATION\n";
const ERROR: &[u8] = b"EVCXR_ERROR_OCCURRED\n";
const CHANGED: &[u8] = b"EVCXR_VARIABLE_CHANGED_TYPE:";

/// MIME types that are messages of our own and no outputs.
mod ours {
    /// The value of the trailing expression comes next.
    pub(super) const TRAILING: &str = "application/x-kernwerk-trailing";
    /// The error that `?` met.
    pub(super) const FAILED: &str = "application/x-kernwerk-failed";
    /// A question to the user.
    pub(super) const INPUT: &str = "application/x-kernwerk-input";
    /// A question whose answer is not to be shown.
    pub(super) const PASSWORD: &str = "application/x-kernwerk-password";
    /// Several representations of one output, as a JSON object.
    pub(super) const BUNDLE: &str = "application/x-kernwerk-bundle";
}

/// A piece of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Display(Bundle),
    Trailing,
    Failed(String),
    Input {
        prompt: String,
        password: bool,
    },
    /// evcxr: the cell's code panicked.
    Panicked,
    /// evcxr: `?` ended the cell's code.
    ErrorOccurred,
    /// evcxr: this variable's type was defined anew.
    TypeChanged(String),
}

/// Takes output apart as it comes.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    /// Bytes that are not decided yet.
    held: Vec<u8>,
    content: Option<Content>,
    /// A rich output to which a further representation may still come.
    bundle: Bundle,
    decoder: Decoder,
}

/// A rich output that has begun.
#[derive(Debug)]
struct Content {
    mime: String,
    bytes: Vec<u8>,
    too_long: bool,
}

impl Splitter {
    /// Takes bytes, and tells what they complete.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.held.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        loop {
            let more = if self.content.is_some() { self.in_content(&mut pieces) } else { self.in_text(&mut pieces) };
            if !more {
                return pieces;
            }
        }
    }

    /// Whether something waits that [`Splitter::settle`] would give out.
    pub(super) fn waits(&self) -> bool {
        !self.bundle.is_empty() || (self.content.is_none() && !self.held.is_empty())
    }

    /// Nothing more has come for a while: what waits is what it looks like.
    pub(super) fn settle(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if self.content.is_none() {
            let held = std::mem::take(&mut self.held);
            self.text(&held, &mut pieces);
        }
        self.end_bundle(&mut pieces);
        pieces
    }

    /// The cell has ended: nothing waits any longer.
    pub(super) fn finish(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if let Some(content) = self.content.take() {
            let mut bytes = content.bytes;
            bytes.append(&mut self.held);
            self.text(&bytes, &mut pieces);
        }
        pieces.append(&mut self.settle());
        let rest = self.decoder.finish();
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest));
        }
        pieces
    }

    /// One step outside of rich outputs; whether there may be another.
    fn in_text(&mut self, pieces: &mut Vec<Piece>) -> bool {
        let held = std::mem::take(&mut self.held);
        let mut from = 0;
        while let Some(at) = memmem::find(&held[from..], PREFIX).map(|at| from + at) {
            match mark(&held[at..]) {
                Mark::None => from = at + PREFIX.len(),
                Mark::Cut => {
                    self.text(&held[..at], pieces);
                    self.held = held[at..].to_vec();
                    return false;
                }
                Mark::Found(found, length) => {
                    self.text(&held[..at], pieces);
                    self.held = held[at + length..].to_vec();
                    match found {
                        Found::Begin(mime) => {
                            self.content = Some(Content { mime, bytes: Vec::new(), too_long: false });
                        }
                        Found::Piece(piece) => {
                            self.end_bundle(pieces);
                            pieces.push(piece);
                        }
                    }
                    return true;
                }
            }
        }
        let cut = (1..PREFIX.len()).rev().find(|&length| held.ends_with(&PREFIX[..length])).unwrap_or(0);
        let (text, rest) = held.split_at(held.len() - cut);
        self.text(text, pieces);
        self.held = rest.to_vec();
        false
    }

    /// One step within a rich output; whether there may be another.
    fn in_content(&mut self, pieces: &mut Vec<Piece>) -> bool {
        let Some(content) = &mut self.content else { return false };
        let end = memmem::find(&self.held, END).map(|at| (at, at + END.len()));
        // evcxr takes a panic as the end, too: the code that wrote the output is gone.
        let panic = memmem::find(&self.held, PANIC).map(|at| (at, at));
        let Some((at, after)) = [end, panic].into_iter().flatten().min() else {
            let keep = PANIC.len().min(self.held.len());
            let known = self.held.len() - keep;
            content.take(&self.held[..known]);
            self.held.drain(..known);
            return false;
        };
        content.take(&self.held[..at]);
        self.held.drain(..after);
        if let Some(content) = self.content.take() {
            self.end_content(content, pieces);
        }
        true
    }

    fn end_content(&mut self, content: Content, pieces: &mut Vec<Piece>) {
        let mut text = String::from_utf8_lossy(&content.bytes).into_owned();
        if text.ends_with('\n') {
            text.pop();
        }
        let (mime, text) = if content.too_long {
            let note = format!(
                "[an output of type {} is longer than {} MiB and was left out]",
                content.mime,
                CONTENT_LIMIT >> 20
            );
            ("text/plain".to_owned(), note)
        } else {
            (content.mime, text)
        };
        let piece = match mime.as_str() {
            ours::TRAILING => Piece::Trailing,
            ours::FAILED => Piece::Failed(text),
            ours::INPUT => Piece::Input { prompt: text, password: false },
            ours::PASSWORD => Piece::Input { prompt: text, password: true },
            ours::BUNDLE => Piece::Display(bundle(&text)),
            _ => {
                // Representations of different types that follow each other closely are one output.
                if self.bundle.iter().any(|(other, _)| *other == mime) {
                    self.end_bundle(pieces);
                }
                self.bundle.push((mime, text));
                return;
            }
        };
        self.end_bundle(pieces);
        pieces.push(piece);
    }

    fn text(&mut self, bytes: &[u8], pieces: &mut Vec<Piece>) {
        let text = self.decoder.decode(bytes);
        if !text.is_empty() {
            self.end_bundle(pieces);
            pieces.push(Piece::Text(text));
        }
    }

    fn end_bundle(&mut self, pieces: &mut Vec<Piece>) {
        if !self.bundle.is_empty() {
            pieces.push(Piece::Display(std::mem::take(&mut self.bundle)));
        }
    }
}

impl Content {
    fn take(&mut self, bytes: &[u8]) {
        self.too_long |= self.bytes.len() + bytes.len() > CONTENT_LIMIT;
        if self.too_long {
            self.bytes.clear();
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

/// The representations in a JSON object of MIME types; the text as it is when it is none.
fn bundle(text: &str) -> Bundle {
    let plain = || vec![("text/plain".to_owned(), text.to_owned())];
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(text) else { return plain() };
    object
        .into_iter()
        .map(|(mime, value)| match value {
            serde_json::Value::String(text) => (mime, text),
            other => (mime, other.to_string()),
        })
        .collect()
}

/// What stands where evcxr's prefix does.
enum Mark {
    None,
    /// It may be a mark; more bytes will tell.
    Cut,
    /// A mark, and its length in bytes.
    Found(Found, usize),
}

enum Found {
    Begin(String),
    Piece(Piece),
}

fn mark(bytes: &[u8]) -> Mark {
    for (whole, piece) in [(PANIC, Piece::Panicked), (ERROR, Piece::ErrorOccurred)] {
        if bytes.starts_with(whole) {
            return Mark::Found(Found::Piece(piece), whole.len());
        }
    }
    for opening in [BEGIN, CHANGED] {
        if let Some(rest) = bytes.strip_prefix(opening) {
            let Some(end) = memchr::memchr(b'\n', rest) else {
                return if rest.len() > MIME_LIMIT { Mark::None } else { Mark::Cut };
            };
            let word = String::from_utf8_lossy(&rest[..end]).trim().to_owned();
            let found = if opening == BEGIN { Found::Begin(word) } else { Found::Piece(Piece::TypeChanged(word)) };
            return Mark::Found(found, opening.len() + end + 1);
        }
    }
    if [PANIC, ERROR, BEGIN, CHANGED].iter().any(|whole| whole.starts_with(bytes)) { Mark::Cut } else { Mark::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that `input` comes to, whatever the sizes in which it comes.
    fn pieces(input: &str) -> Vec<Piece> {
        let whole = split(input, input.len().max(1));
        for size in 1..input.len() {
            assert_eq!(split(input, size), whole, "{input:?} in chunks of {size}");
        }
        whole
    }

    fn split(input: &str, size: usize) -> Vec<Piece> {
        let mut splitter = Splitter::default();
        let mut pieces: Vec<Piece> = Vec::new();
        let fed: Vec<Piece> = input.as_bytes().chunks(size).flat_map(|chunk| splitter.feed(chunk)).collect();
        for piece in fed.into_iter().chain(splitter.finish()) {
            match (pieces.last_mut(), piece) {
                (Some(Piece::Text(text)), Piece::Text(more)) => text.push_str(&more),
                (_, piece) => pieces.push(piece),
            }
        }
        pieces
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn display(representations: &[(&str, &str)]) -> Piece {
        Piece::Display(representations.iter().map(|(mime, text)| ((*mime).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn text_stays_as_it_is() {
        assert_eq!(
            pieces("hello\nEVCXR_ is no mark, nor EVCXR_BEGIN"),
            [text("hello\nEVCXR_ is no mark, nor EVCXR_BEGIN")]
        );
    }

    #[test]
    fn an_output_behind_text_without_a_line_end() {
        assert_eq!(
            pieces("xEVCXR_BEGIN_CONTENT text/html\n<b>\n</b>\nEVCXR_END_CONTENT\ny"),
            [text("x"), display(&[("text/html", "<b>\n</b>")]), text("y")]
        );
    }

    #[test]
    fn representations_that_touch_are_one_output() {
        assert_eq!(
            pieces(
                "EVCXR_BEGIN_CONTENT text/plain\na\nEVCXR_END_CONTENT\nEVCXR_BEGIN_CONTENT text/html\n<a>\nEVCXR_END_CONTENT\n\
                 EVCXR_BEGIN_CONTENT text/html\n<b>\nEVCXR_END_CONTENT\n"
            ),
            [display(&[("text/plain", "a"), ("text/html", "<a>")]), display(&[("text/html", "<b>")])]
        );
    }

    #[test]
    fn messages_of_our_own() {
        assert_eq!(
            pieces(
                "EVCXR_BEGIN_CONTENT application/x-kernwerk-trailing\nEVCXR_END_CONTENT\n\
                 EVCXR_BEGIN_CONTENT application/x-kernwerk-bundle\n{\"text/plain\": \"a\\nb\", \"image/png\": \"00\"}\nEVCXR_END_CONTENT\n\
                 EVCXR_BEGIN_CONTENT application/x-kernwerk-failed\nno such file\nEVCXR_END_CONTENT\nEVCXR_ERROR_OCCURRED\n"
            ),
            [
                Piece::Trailing,
                display(&[("text/plain", "a\nb"), ("image/png", "00")]),
                Piece::Failed("no such file".to_owned()),
                Piece::ErrorOccurred
            ]
        );
    }

    #[test]
    fn a_panic_within_an_output_ends_it() {
        assert_eq!(
            pieces("EVCXR_BEGIN_CONTENT text/html\n<b>EVCXR_PANIC_NOTIFICATION\nnext"),
            [display(&[("text/html", "<b>")]), Piece::Panicked, text("next")]
        );
    }

    #[test]
    fn an_output_that_never_ends_is_text() {
        assert_eq!(pieces("EVCXR_BEGIN_CONTENT text/html\n<b>"), [text("<b>")]);
    }

    #[test]
    fn what_may_be_a_mark_waits_until_it_settles() {
        let mut splitter = Splitter::default();
        assert_eq!(splitter.feed(b"progress EV"), [text("progress ")]);
        assert!(splitter.waits());
        assert_eq!(splitter.settle(), [text("EV")]);
        assert!(!splitter.waits());
    }

    #[test]
    fn a_changed_type_names_its_variable() {
        assert_eq!(pieces("EVCXR_VARIABLE_CHANGED_TYPE:frame\n"), [Piece::TypeChanged("frame".to_owned())]);
    }
}
