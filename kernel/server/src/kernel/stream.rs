//! Text that a cell prints: held back for a moment so that many small writes become one message, and cut off where a front end
//! could not take it any more.

use std::time::{Duration, Instant};

/// Text waits at most so long for more of it.
pub(super) const HOLD: Duration = Duration::from_millis(40);
/// Text beyond this goes out at once.
const PIECE_BYTES: usize = 64 * 1024;
/// A cell's text beyond this is not shown: browsers and notebook files choke on more.
const SHOWN_BYTES: usize = 16 * 1024 * 1024;
/// Of what is not shown, this much from the end is shown after all.
const TAIL_BYTES: usize = 1024;

/// Where text was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// A piece to publish.
pub(super) type Piece = (Stream, String);

/// The text of one cell on its way out.
#[derive(Default)]
pub(super) struct StreamBuffer {
    held: Option<Held>,
    shown_bytes: usize,
    hidden: Option<Hidden>,
}

struct Held {
    stream: Stream,
    text: String,
    since: Instant,
}

struct Hidden {
    bytes: usize,
    stream: Stream,
    tail: String,
}

impl StreamBuffer {
    /// Takes text; gives what is to be published now.
    pub fn push(&mut self, stream: Stream, text: &str, now: Instant) -> Vec<Piece> {
        if let Some(hidden) = &mut self.hidden {
            hidden.push(stream, text);
            return Vec::new();
        }
        let room = SHOWN_BYTES - self.shown_bytes;
        let (shown, hidden) = text.split_at(text.floor_char_boundary(room));
        self.shown_bytes += shown.len();
        let mut pieces = self.hold(stream, shown, now);
        if !hidden.is_empty() {
            self.hidden = Some(Hidden::begin(stream, hidden));
            pieces.extend(self.flush());
            pieces.push((Stream::Stderr, limit_note()));
        }
        pieces
    }

    fn hold(&mut self, stream: Stream, text: &str, now: Instant) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if self.held.as_ref().is_some_and(|held| held.stream != stream) {
            pieces.extend(self.flush());
        }
        let held = self.held.get_or_insert_with(|| Held { stream, text: String::new(), since: now });
        held.text.push_str(text);
        if held.text.len() >= PIECE_BYTES {
            pieces.extend(self.flush());
        }
        pieces
    }

    /// What has waited long enough.
    pub fn due(&mut self, now: Instant) -> Option<Piece> {
        let waited = self.held.as_ref().map(|held| now.duration_since(held.since))?;
        if waited >= HOLD { self.flush() } else { None }
    }

    /// What is held back.
    pub fn flush(&mut self) -> Option<Piece> {
        let held = self.held.take()?;
        (!held.text.is_empty()).then_some((held.stream, held.text))
    }

    /// What is held back, and the end of what was not shown.
    pub fn finish(&mut self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = self.flush().into_iter().collect();
        if let Some(hidden) = self.hidden.take() {
            pieces.extend(hidden.finish());
        }
        pieces
    }
}

impl Hidden {
    fn begin(stream: Stream, text: &str) -> Self {
        let mut hidden = Self { bytes: 0, stream, tail: String::new() };
        hidden.push(stream, text);
        hidden
    }

    fn push(&mut self, stream: Stream, text: &str) {
        self.bytes += text.len();
        if self.stream != stream {
            self.tail.clear();
            self.stream = stream;
        }
        let end = text.ceil_char_boundary(text.len().saturating_sub(TAIL_BYTES));
        self.tail.push_str(&text[end..]);
        // Cut seldom rather than at every write.
        if self.tail.len() > 4 * TAIL_BYTES {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let from = self.tail.ceil_char_boundary(self.tail.len().saturating_sub(TAIL_BYTES));
        self.tail.drain(..from);
    }

    fn finish(mut self) -> Vec<Piece> {
        self.cut();
        let note = match self.bytes - self.tail.len() {
            0 => None,
            left_out => Some((Stream::Stderr, format!("\n[{left_out} bytes of output were left out here]\n"))),
        };
        note.into_iter().chain([(self.stream, self.tail)]).collect()
    }
}

fn limit_note() -> String {
    format!("\n[this cell has printed {} MiB: of the rest only the end will be shown]\n", SHOWN_BYTES / 1024 / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_joined_until_the_stream_changes_or_time_is_up() {
        let mut buffer = StreamBuffer::default();
        let start = Instant::now();
        assert!(buffer.push(Stream::Stdout, "a", start).is_empty());
        assert!(buffer.push(Stream::Stdout, "b", start).is_empty());
        assert_eq!(buffer.push(Stream::Stderr, "c", start), [(Stream::Stdout, "ab".to_owned())]);
        assert_eq!(buffer.due(start), None);
        assert_eq!(buffer.due(start + HOLD), Some((Stream::Stderr, "c".to_owned())));
        assert!(buffer.finish().is_empty());
    }

    #[test]
    fn a_flood_is_cut_and_its_end_is_shown() {
        let mut buffer = StreamBuffer::default();
        let line = "é".repeat(512);
        let mut shown = 0;
        for _ in 0..40_000 {
            for (_, text) in buffer.push(Stream::Stdout, &line, Instant::now()) {
                shown += text.len();
            }
        }
        buffer.push(Stream::Stdout, "the end", Instant::now());
        let end = buffer.finish();
        assert!(shown <= SHOWN_BYTES + limit_note().len());
        assert!(end[0].1.contains("were left out"));
        assert!(end[1].1.ends_with("the end") && end[1].1.len() <= TAIL_BYTES);
    }
}
