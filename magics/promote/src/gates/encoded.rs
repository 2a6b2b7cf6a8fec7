//! What stands within base64 in a text, as far as it is text itself: secrets and personal data travel in it, as `Basic` logins, tokens and bodies do.

use std::sync::LazyLock;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use regex::Regex;

/// Shorter ones are words more often.
static RUN: LazyLock<Regex> = LazyLock::new(|| Regex::new("[A-Za-z0-9+/_-]{16,}={0,2}").expect("a constant"));
/// Of what is no text as a whole such parts are read.
static PRINTED: LazyLock<Regex> = LazyLock::new(|| Regex::new("[\\x20-\\x7e]{20,}").expect("a constant"));

/// The texts within base64, each on lines of its own.
pub(super) fn texts(text: &str) -> String {
    let mut held = String::new();
    for run in RUN.find_iter(text) {
        let Some(bytes) = decoded(run.as_str()) else { continue };
        let lossy = String::from_utf8_lossy(&bytes);
        let is_text =
            !lossy.chars().any(|c| c == char::REPLACEMENT_CHARACTER || (c.is_control() && !c.is_whitespace()));
        let parts: Vec<&str> =
            if is_text { vec![&lossy] } else { PRINTED.find_iter(&lossy).map(|part| part.as_str()).collect() };
        for part in parts {
            held.push_str(part);
            held.push('\n');
        }
    }
    held
}

fn decoded(run: &str) -> Option<Vec<u8>> {
    let alphabet = if run.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    // One letter alone holds no byte.
    let plain = run.trim_end_matches('=');
    let whole = if plain.len() % 4 == 1 { &plain[..plain.len() - 1] } else { plain };
    GeneralPurpose::new(alphabet, config).decode(whole).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_base64_holds_is_read() {
        // `ada:a-long-password-9`, in both alphabets, with padding and without; then the same between two bytes that are no text.
        for run in ["YWRhOmEtbG9uZy1wYXNzd29yZC05", "eyJhIjoiYWRhOmEtbG9uZy1wYXNzd29yZC05In0=", "/_"] {
            let found = texts(&format!("Basic {run}, and \"more\""));
            assert_eq!(found.is_empty(), run == "/_", "{found}");
        }
        let token = texts("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIGxvbmcgbmFtZSJ9.c2ln");
        assert_eq!(token, "{\"alg\":\"HS256\"}\n{\"sub\":\"a long name\"}\n");
        let between = base64::engine::general_purpose::STANDARD.encode(b"\xff\x00ada:a-long-password-9\x01\xfe");
        assert_eq!(texts(&between), "ada:a-long-password-9\n");
        assert_eq!(texts("a-word-and-another-word of 0123456789abcdef0123"), "");
    }
}
