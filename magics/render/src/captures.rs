//! What a cell has shown, in the form that replay compares: content without its dress.

use kernwerk_core::{Captured, Channel, Output, Shown, ShownForm};

use crate::capture::{KEPT_BYTES, bounded, capture, rest_note};
use crate::forms::{PICTURES, decoded, forms};
use crate::{html, text};

/// The outputs of one cell, as they come. A bundle is one thing to show in several representations: pairs of a MIME type and
/// its text, base64 for binary ones.
#[derive(Default)]
pub struct Captures {
    stdout: Text,
    stderr: Text,
    others: Vec<Other>,
    /// All forms of what is shown are kept.
    keeps_shown: bool,
}

struct Other {
    display_id: Option<String>,
    captured: Captured,
    /// All forms, where they are kept.
    forms: Vec<ShownForm>,
    /// It is not always shown in the same words.
    changes: bool,
}

/// Text of one stream: its beginning, and a digest of all of it.
#[derive(Default)]
struct Text {
    kept: Vec<u8>,
    bytes: usize,
    digest: blake3::Hasher,
}

impl Captures {
    /// With `keeps_shown` what is shown is kept in all of its forms as well; see [`Captures::finish_all`].
    pub fn new(keeps_shown: bool) -> Self {
        Self { keeps_shown, ..Self::default() }
    }

    pub fn stdout(&mut self, text: &str) {
        self.stdout.push(text);
    }

    pub fn stderr(&mut self, text: &str) {
        self.stderr.push(text);
    }

    /// What a magic answered.
    pub fn output(&mut self, output: &Output) {
        let forms = if self.keeps_shown {
            let bundle = [("text/plain", text(output)), ("text/html", html(output))];
            forms(bundle.iter().map(|(mime, text)| (*mime, text.as_str())))
        } else {
            Vec::new()
        };
        self.others.push(Other { display_id: None, captured: capture(output), forms, changes: output.is_volatile() });
    }

    /// What code in a cell displayed.
    pub fn bundle(&mut self, channel: Channel, display_id: Option<String>, bundle: &[(String, String)]) {
        self.show(channel, display_id, bundle, false);
    }

    /// What code in a cell displayed, and would display differently in another run.
    pub fn volatile(&mut self, channel: Channel, display_id: Option<String>, bundle: &[(String, String)]) {
        self.show(channel, display_id, bundle, true);
    }

    /// A display was replaced.
    pub fn update(&mut self, display_id: &str, bundle: &[(String, String)]) {
        let Some((format, bytes)) = most_telling(bundle) else { return };
        let forms = self.forms(bundle);
        for other in &mut self.others {
            if other.display_id.as_deref() == Some(display_id) {
                other.captured.format = format.to_owned();
                other.captured.bytes = bounded(bytes.clone());
                other.forms.clone_from(&forms);
            }
        }
    }

    /// A widget was shown, or changed; only how it was left is kept.
    pub fn widget(&mut self, name: &str, fallback: &[(String, String)]) {
        if self.others.iter().any(|other| other.display_id.as_deref() == Some(name)) {
            self.update(name, fallback);
        } else {
            self.bundle(Channel::Display, Some(name.to_owned()), fallback);
            // What front ends keep of it is how it was when it was shown.
            self.others.last_mut().into_iter().for_each(|other| other.changes = true);
        }
    }

    /// The cell took back what it had shown.
    pub fn clear(&mut self) {
        *self = Self::new(self.keeps_shown);
    }

    pub fn error(&mut self, name: &str, message: &str) {
        let text = format!("{name}: {message}");
        let forms = if self.keeps_shown { Shown::text(Channel::Error, &text).forms } else { Vec::new() };
        self.push(Channel::Error, None, ("txt", text.into_bytes()), forms, false);
    }

    /// All of it. Streams come first: how they mix with displays is a matter of timing.
    pub fn finish(self) -> Vec<Captured> {
        self.finish_all().0
    }

    /// As [`Captures::finish`], and beside it the same with all forms, where they were kept.
    pub fn finish_all(self) -> (Vec<Captured>, Vec<Shown>) {
        let streams = [(Channel::Stdout, self.stdout), (Channel::Stderr, self.stderr)];
        let mut all: Vec<Captured> = Vec::new();
        let mut shown = Vec::new();
        all.extend(streams.into_iter().filter_map(|(channel, text)| text.finish(channel)));
        if self.keeps_shown {
            let form = |stream: &Captured| ShownForm { format: stream.format.clone(), bytes: stream.bytes.clone() };
            let streams = all.iter().map(|stream| (stream.channel, vec![form(stream)]));
            shown.extend(streams.map(|(channel, forms)| Shown { channel, forms, volatile: false }));
        }
        for Other { captured, forms, changes, .. } in self.others {
            if self.keeps_shown {
                shown.push(Shown { channel: captured.channel, forms, volatile: captured.volatile || changes });
            }
            all.push(captured);
        }
        (all, shown)
    }

    fn show(&mut self, channel: Channel, display_id: Option<String>, bundle: &[(String, String)], volatile: bool) {
        if let Some(telling) = most_telling(bundle) {
            let forms = self.forms(bundle);
            self.push(channel, display_id, telling, forms, volatile);
        }
    }

    fn push(
        &mut self,
        channel: Channel,
        display_id: Option<String>,
        (format, bytes): (&str, Vec<u8>),
        forms: Vec<ShownForm>,
        volatile: bool,
    ) {
        let captured = Captured { channel, format: format.to_owned(), bytes: bounded(bytes), volatile };
        self.others.push(Other { display_id, captured, forms, changes: false });
    }

    fn forms(&self, bundle: &[(String, String)]) -> Vec<ShownForm> {
        let pairs = bundle.iter().map(|(mime, text)| (mime.as_str(), text.as_str()));
        if self.keeps_shown { forms(pairs) } else { Vec::new() }
    }
}

impl Text {
    fn push(&mut self, text: &str) {
        let room = KEPT_BYTES - self.kept.len();
        self.kept.extend_from_slice(&text.as_bytes()[..text.len().min(room)]);
        self.bytes += text.len();
        self.digest.update(text.as_bytes());
    }

    fn finish(mut self, channel: Channel) -> Option<Captured> {
        if self.bytes == 0 {
            return None;
        }
        if self.bytes > self.kept.len() {
            self.kept.extend_from_slice(rest_note(self.bytes, &self.digest.finalize()).as_bytes());
        }
        Some(Captured { channel, format: "txt".to_owned(), bytes: self.kept, volatile: false })
    }
}

/// Of several representations the one that says most and depends least on dress.
fn most_telling(bundle: &[(String, String)]) -> Option<(&'static str, Vec<u8>)> {
    const ORDER: &[(&str, &str)] = &[
        ("image/svg+xml", "svg"),
        ("application/json", "json"),
        ("text/csv", "csv"),
        ("text/markdown", "md"),
        ("text/latex", "tex"),
    ];
    const WORDS: &[(&str, &str)] = &[("text/plain", "txt"), ("text/html", "html")];
    let get = |mime: &str| bundle.iter().find(|(name, _)| name == mime).map(|(_, text)| text.as_bytes().to_vec());
    let find = |order: &[(&str, &'static str)]| {
        order.iter().find_map(|(mime, format)| get(mime).map(|bytes| (*format, bytes)))
    };
    // Charts of other makers describe themselves in JSON; a widget's view only names a process's widget.
    let is_chart = |mime: &str| mime.ends_with("+json") && mime != "application/vnd.jupyter.widget-view+json";
    let chart = || bundle.iter().find(|(mime, _)| is_chart(mime)).map(|(_, text)| ("json", text.as_bytes().to_vec()));
    let picture = || PICTURES.iter().find_map(|(mime, format)| Some((*format, decoded(&get(mime)?)?)));
    let first = || bundle.first().map(|(_, text)| ("txt", text.as_bytes().to_vec()));
    find(ORDER).or_else(chart).or_else(picture).or_else(|| find(WORDS)).or_else(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> [(String, String); 1] {
        [("text/plain".to_owned(), text.to_owned())]
    }

    #[test]
    fn streams_come_first_whenever_they_came() {
        let mut captures = Captures::default();
        captures.bundle(Channel::Display, None, &plain("chart"));
        captures.stderr("b");
        captures.stdout("a");
        captures.stdout("c");
        let found: Vec<(Channel, Vec<u8>)> = captures.finish().into_iter().map(|c| (c.channel, c.bytes)).collect();
        assert_eq!(
            found,
            [
                (Channel::Stdout, b"ac".to_vec()),
                (Channel::Stderr, b"b".to_vec()),
                (Channel::Display, b"chart".to_vec())
            ]
        );
    }

    #[test]
    fn a_flood_is_bounded_and_every_byte_counts() {
        let flood = |last: &str| {
            let mut captures = Captures::default();
            for _ in 0..17 {
                captures.stdout(&"x".repeat(1 << 20));
            }
            captures.stdout(last);
            captures.finish().remove(0).bytes
        };
        assert!(flood("a").len() < KEPT_BYTES + 200);
        assert_ne!(flood("a"), flood("b"));
    }

    #[test]
    fn what_changes_from_run_to_run_says_so() {
        let mut captures = Captures::default();
        captures.volatile(Channel::Display, Some("bar".into()), &plain("1 of 2"));
        captures.update("bar", &plain("2 of 2"));
        let found = captures.finish();
        assert!(found.len() == 1 && found[0].volatile && found[0].bytes == b"2 of 2", "{found:?}");
    }

    #[test]
    fn what_is_cleared_or_replaced_is_not_compared() {
        let mut captures = Captures::default();
        captures.stdout("10 %");
        captures.clear();
        captures.bundle(Channel::Display, Some("d".into()), &plain("first"));
        captures.update("d", &plain("second"));
        let found = captures.finish();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].bytes, b"second");
    }
}
