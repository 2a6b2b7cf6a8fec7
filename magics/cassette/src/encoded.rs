//! What stands within base64 (RFC 4648): a secret in it is found wherever in a run of its letters it begins, and taken out so that the run is what a
//! client would write that was given the placeholder.
//!
//! Three bytes are four letters. So a value is written in one of three ways, by how many bytes stand before it in its group, and all letters but those
//! at its ends are the same whatever stands beside it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use memchr::memmem::Finder;

/// Fewer letters of a value would be found in what has nothing to do with it.
const SHORTEST_CORE: usize = 6;
/// How line ends are written, as they are and within strings, forms and URLs.
const LINE_ENDS: [&[u8]; 8] = [b"\r", b"\n", b"\\r", b"\\n", b"%0D", b"%0A", b"%0d", b"%0a"];

/// The letters that a value has wherever it stands in base64.
#[derive(Debug)]
pub(crate) struct Core {
    finder: Finder<'static>,
    /// How many letters of their group stand before the first.
    offset: usize,
}

/// The cores of a value; fewer than three where it is short.
pub(crate) fn cores(value: &[u8]) -> Vec<Core> {
    let of = |before: usize| {
        let letters = STANDARD_NO_PAD.encode([&[0; 2][..before], value].concat());
        // A letter is six bits.
        let (first, end) = ((before * 8).div_ceil(6), (before + value.len()) * 8 / 6);
        let core = &letters.as_bytes()[first..end.max(first)];
        (core.len() >= SHORTEST_CORE).then(|| Core { finder: Finder::new(core).into_owned(), offset: first % 4 })
    };
    (0..3).filter_map(of).collect()
}

/// A run of letters of base64.
#[derive(Debug, Default)]
struct Run {
    /// In the standard alphabet.
    letters: Vec<u8>,
    /// Where each stands in the text, and where the last one ends.
    places: Vec<usize>,
}

impl Run {
    /// The run at the beginning of `text`.
    fn read(&mut self, text: &[u8]) {
        self.letters.clear();
        self.places.clear();
        let mut place = 0;
        while let Some((letter, length)) = letter(&text[place..]) {
            self.letters.push(letter);
            self.places.push(place);
            place += length;
        }
        self.places.push(place);
    }

    fn end(&self) -> usize {
        self.places.last().copied().unwrap_or(0)
    }

    /// Where the group begins in which one of `cores` does; the first there is.
    fn find(&self, cores: &[Core]) -> Option<usize> {
        if self.letters.len() < SHORTEST_CORE {
            return None;
        }
        let places = cores.iter().flat_map(|core| {
            // What begins before the run does is no whole group.
            core.finder.find_iter(&self.letters).filter_map(|place| place.checked_sub(core.offset))
        });
        places.min()
    }
}

/// The letter at the beginning of `text` in the standard alphabet, and how many bytes it takes there: it may be of the other alphabet, or be
/// written as URLs, forms and JSON do.
fn letter(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [letter, ..] if letter.is_ascii_alphanumeric() || matches!(letter, b'+' | b'/') => Some((*letter, 1)),
        [b'-', ..] => Some((b'+', 1)),
        [b'_', ..] => Some((b'/', 1)),
        [b'\\', b'/', ..] => Some((b'/', 2)),
        [b'%', b'2', b'B' | b'b', ..] => Some((b'+', 3)),
        [b'%', b'2', b'F' | b'f', ..] => Some((b'/', 3)),
        _ => None,
    }
}

/// Takes out of `text` what stands in base64 and holds one of `cores`; `clean` does so with bytes as they are.
pub(crate) fn without(text: &[u8], cores: &[Core], clean: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let (mut out, mut place, mut run) = (Vec::with_capacity(text.len()), 0, Run::default());
    while place < text.len() {
        run.read(&text[place..]);
        match run.find(cores) {
            Some(group) => {
                let begin = place + run.places[group];
                out.extend_from_slice(&text[place..begin]);
                let (written, length) = rewritten(&text[begin..], &clean);
                out.extend_from_slice(&written);
                place = begin + length;
            }
            // With the byte behind it, which is no letter.
            None => {
                let end = (place + run.end() + 1).min(text.len());
                out.extend_from_slice(&text[place..end]);
                place = end;
            }
        }
    }
    out
}

/// The run at the beginning of `text` with what it holds cleaned, written as it was, and how many bytes of `text` that was.
fn rewritten(text: &[u8], clean: impl Fn(&[u8]) -> Vec<u8>) -> (Vec<u8>, usize) {
    let mut run = Run::default();
    run.read(text);
    let letters = &run.letters;
    // One letter alone holds no byte.
    let whole = if letters.len() % 4 == 1 { letters.len() - 1 } else { letters.len() };
    let held = decoded(&letters[..whole]);
    let written = &text[..run.places[whole]];
    let (pads, escaped) = padding(&text[run.end()..]);
    let is_url_safe = written.iter().any(|byte| matches!(byte, b'-' | b'_'));
    // Where there is no need of padding nothing tells whether it would be there: in web tokens, between points, it is not.
    let is_padded =
        pads > 0 || (whole % 4 == 0 && text.get(run.end()) != Some(&b'.') && !is_web_token(&letters[..whole]));
    let engine = match (is_url_safe, is_padded) {
        (true, true) => URL_SAFE,
        (true, false) => URL_SAFE_NO_PAD,
        (false, true) => STANDARD,
        (false, false) => STANDARD_NO_PAD,
    };
    let mut new = engine.encode(clean(&held)).into_bytes();
    if escaped || has(written, b"%2") {
        new = replaced(&new, &[(b'+', b"%2B"), (b'/', b"%2F")]);
    } else if has(written, b"\\/") {
        new = replaced(&new, &[(b'/', b"\\/")]);
    }
    if escaped {
        new = replaced(&new, &[(b'=', b"%3D")]);
    }
    new.extend_from_slice(&text[run.places[whole]..run.end()]);
    (new, run.end() + pads * if escaped { 3 } else { 1 })
}

/// How many signs of padding `text` begins with, and whether they are escaped.
fn padding(text: &[u8]) -> (usize, bool) {
    let count =
        |sign: &[u8]| (0..2).take_while(|time| text[(time * sign.len()).min(text.len())..].starts_with(sign)).count();
    match count(b"=") {
        0 => {
            let escaped = count(b"%3D").max(count(b"%3d"));
            (escaped, escaped > 0)
        }
        pads => (pads, false),
    }
}

/// The bytes that letters of the standard alphabet hold; bits that are left over are let go.
fn decoded(letters: &[u8]) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::with_capacity(letters.len() / 4 * 3 + 2);
    for group in letters.chunks(4) {
        let bits =
            group.iter().fold(0u32, |bits, letter| bits << 6 | u32::from(value(*letter))) << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len().max(1)]);
    }
    bytes
}

/// Whether letters are of a part of a web token (RFC 7515): JSON, which begins so.
fn is_web_token(letters: &[u8]) -> bool {
    letters.starts_with(b"eyJ")
}

fn has(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

fn replaced(text: &[u8], pairs: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match pairs.iter().find(|(letter, _)| letter == byte) {
            Some((_, written)) => out.extend_from_slice(written),
            None => out.push(*byte),
        }
    }
    out
}

/// Whether one of `cores` stands in `text` when its line ends do not count, as base64 of mails and PEM is broken into lines.
pub(crate) fn is_over_lines(text: &[u8], cores: &[Core]) -> bool {
    let (mut letters, mut place) = (Vec::new(), 0);
    while place < text.len() {
        let rest = &text[place..];
        if let Some(end) = LINE_ENDS.iter().find(|end| rest.starts_with(end)) {
            place += end.len();
        } else if let Some((letter, length)) = letter(rest) {
            letters.push(letter);
            place += length;
        } else {
            letters.push(b' ');
            place += 1;
        }
    }
    cores.iter().any(|core| core.finder.find(&letters).is_some())
}

/// What the runs of base64 in `text` hold, as far as it is text.
pub(crate) fn texts(text: &str) -> Vec<String> {
    let (mut texts, mut place, mut run) = (Vec::new(), 0, Run::default());
    while place < text.len() {
        run.read(&text.as_bytes()[place..]);
        if run.letters.len() >= SHORTEST_CORE {
            texts.push(String::from_utf8_lossy(&decoded(&run.letters)).into_owned());
        }
        place += run.end() + 1;
    }
    texts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "s3cret-of?ada";
    const PLACEHOLDER: &str = "__secret_KEY__";

    fn clean(bytes: &[u8]) -> Vec<u8> {
        String::from_utf8_lossy(bytes).replace(SECRET, PLACEHOLDER).into_bytes()
    }

    fn cleaned(text: &str) -> String {
        String::from_utf8(without(text.as_bytes(), &cores(SECRET.as_bytes()), clean)).expect("text")
    }

    fn holds(text: &str) -> bool {
        is_over_lines(text.as_bytes(), &cores(SECRET.as_bytes()))
    }

    #[test]
    fn a_run_becomes_what_a_client_with_the_placeholder_would_write() {
        for before in ["", "a", "ad", "ada:", "{\"k\": \""] {
            for after in ["", "x", "xy", "\"}"] {
                let of = |value: &str| format!("{before}{value}{after}");
                let (held, wanted) = (STANDARD.encode(of(SECRET)), STANDARD.encode(of(PLACEHOLDER)));
                for (open, close) in [("Basic ", ""), ("{\"a\": \"", "\"}"), ("/v1/login/", "?x=1"), ("a=", "&b=c")] {
                    let text = format!("{open}{held}{close}");
                    assert_eq!(cleaned(&text), format!("{open}{wanted}{close}"), "{text}");
                }
                let form = |text: &str| text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
                if held.contains(['=', '+', '/']) && wanted.contains('=') == held.contains('=') {
                    assert_eq!(cleaned(&format!("k={}&", form(&held))), format!("k={}&", form(&wanted)));
                }
            }
        }
    }

    #[test]
    fn the_parts_of_a_web_token_have_no_padding() {
        let token = |value: &str| {
            let part = |text: String| URL_SAFE_NO_PAD.encode(text);
            format!(
                "{}.{}.c2lnbmF0dXJl",
                part("{\"alg\":\"HS256\"}".to_owned()),
                part(format!("{{\"sub\":\"{value}\"}}"))
            )
        };
        assert_eq!(cleaned(&token(SECRET)), token(PLACEHOLDER));
    }

    #[test]
    fn what_is_broken_into_lines_is_seen() {
        let held = STANDARD.encode(format!("{}{SECRET}", "x".repeat(50)));
        for end in ["\n", "\r\n", "\\n", "%0A"] {
            let text = format!("{}{end}{}", &held[..72], &held[72..]);
            assert!(holds(&text) && cleaned(&text) == text, "{text}");
        }
        assert!(!holds(&STANDARD.encode(PLACEHOLDER.repeat(9))));
    }

    proptest! {
        #[test]
        fn nothing_of_a_secret_is_left(before in any::<Vec<u8>>(), after in any::<Vec<u8>>(), glued in "[a-z/ ]{0,5}", url_safe: bool, padded: bool) {
            let engine = match (url_safe, padded) {
                (true, true) => URL_SAFE,
                (true, false) => URL_SAFE_NO_PAD,
                (false, true) => STANDARD,
                (false, false) => STANDARD_NO_PAD,
            };
            let text = format!("{glued}{}", engine.encode([&before[..], SECRET.as_bytes(), &after[..]].concat()));
            let plain = |bytes: &[u8]| {
                let place = memchr::memmem::find(bytes, SECRET.as_bytes());
                place.map_or(bytes.to_vec(), |place| [&bytes[..place], PLACEHOLDER.as_bytes(), &bytes[place + SECRET.len()..]].concat())
            };
            let found = without(text.as_bytes(), &cores(SECRET.as_bytes()), plain);
            prop_assert!(!is_over_lines(&found, &cores(SECRET.as_bytes())), "{}", String::from_utf8_lossy(&found));
        }

        #[test]
        fn what_holds_no_secret_stays(text in "[A-Za-z0-9+/=_%2BFf\\\\ .-]{0,60}") {
            prop_assume!(!holds(&text));
            prop_assert_eq!(cleaned(&text), text);
        }

        #[test]
        fn letters_hold_what_was_encoded(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(decoded(STANDARD_NO_PAD.encode(&bytes).as_bytes()), bytes);
        }
    }
}
