//! Values: whether one looks like a secret, a placeholder for one, or something else.

use crate::names::{Strength, is_secret_name};

/// Shorter values are no tokens.
const SHORTEST_TOKEN: usize = 16;
const SHORTEST_PASSWORD: usize = 6;
/// Tokens have a piece of letters and digits of at least this length; names and moments do not.
const SHORTEST_RUN: usize = 12;
/// Bits a character of what a generator made, at the lengths of tokens.
const LEAST_ENTROPY: f64 = 3.3;
/// The lengths of digests, in hexadecimal digits.
const DIGESTS: [usize; 6] = [32, 40, 56, 64, 96, 128];

/// What stands in examples in place of a secret.
const PLACEHOLDERS: &[&str] = &[
    "example",
    "your",
    "xxxx",
    "changeme",
    "change_me",
    "change-me",
    "placeholder",
    "dummy",
    "todo",
    "insert",
    "redacted",
    "replace",
    "...",
    "…",
    "****",
    "<",
    ">",
    "{",
    "}",
    "$",
    "%(",
    "••••",
    "fixme",
    "sample",
    // What a cassette has in the place of a secret.
    "__secret_",
];
/// Words that stand behind names of passwords and are none.
const NO_PASSWORDS: &[&str] = &[
    "password", "passwd", "secret", "string", "string?", "optional", "required", "hidden", "default", "getpass",
    "unknown", "invalid",
];

/// Whether a value that stands behind a name of this strength is a secret.
pub(crate) fn is_secret(strength: Strength, value: &str) -> bool {
    if value.contains(char::is_whitespace) || is_placeholder(value) || is_reference(value) {
        return false;
    }
    match strength {
        Strength::Password => {
            value.chars().count() >= SHORTEST_PASSWORD && !NO_PASSWORDS.contains(&value.to_lowercase().as_str())
        }
        Strength::Strong => value.len() >= 8 && has_digit_and_letter(value) && entropy(value) >= 2.5,
        Strength::Weak => is_token(value) && !is_uuid(value),
        Strength::Key => is_token(value) && !is_uuid(value) && !is_digest(value),
    }
}

/// Whether something made this value by chance: long, of letters and digits, without the look of words.
pub(crate) fn is_token(value: &str) -> bool {
    let is_plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-.~".contains(&byte));
    let run = value.split(|c: char| !c.is_ascii_alphanumeric()).max_by_key(|run| run.len()).unwrap_or_default();
    let least = if run.bytes().all(|byte| byte.is_ascii_hexdigit()) { LEAST_ENTROPY - 0.5 } else { LEAST_ENTROPY };
    value.len() >= SHORTEST_TOKEN
        && is_plain
        && run.len() >= SHORTEST_RUN
        && has_digit_and_letter(run)
        && entropy(run) >= least
        && !is_placeholder(value)
}

fn has_digit_and_letter(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_digit()) && value.bytes().any(|byte| byte.is_ascii_alphabetic())
}

pub(crate) fn is_placeholder(value: &str) -> bool {
    let small = value.to_lowercase();
    PLACEHOLDERS.iter().any(|placeholder| small.contains(placeholder)) || !has_variety(value, 3)
}

/// Whether it has at least so many different characters.
pub(crate) fn has_variety(value: &str, least: usize) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    value.chars().any(|letter| {
        seen.insert(letter);
        seen.len() >= least
    })
}

/// Whether the value says where the secret is, rather than what: the name of a variable, a path, an address.
fn is_reference(value: &str) -> bool {
    let is_path = value.starts_with(['/', '.', '~']) || value.contains("://");
    let is_name =
        is_secret_name(value) && value.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_' || byte == b'-');
    is_path || is_name
}

/// Whether it has the form of a UUID.
fn is_uuid(value: &str) -> bool {
    let lengths: Vec<usize> = value.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && value.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Whether it has the form of a digest, bare or behind the name of its kind.
fn is_digest(value: &str) -> bool {
    let hex = value.rsplit([':', '-']).next().unwrap_or(value);
    DIGESTS.contains(&hex.len()) && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Shannon's entropy of the characters, in bits a character.
pub(crate) fn entropy(value: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::<char, u32>::new();
    value.chars().for_each(|letter| *counts.entry(letter).or_default() += 1);
    let total = f64::from(counts.values().sum::<u32>());
    counts.values().map(|count| f64::from(*count) / total).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_told_from_words() {
        for token in ["9fQx27LmZp04RtVb", "a81b3c9d0e7f42586a1c9e3d7b5f0246", "Zk3v-9fQx27LmZp04RtVb_w"] {
            assert!(is_token(token), "{token}");
        }
        for other in [
            "all-MiniLM-L6-v2",
            "2026-03-01T08:00:00Z",
            "aaaaaaaaaaaaaaaaaaaaa1",
            "the-quick-brown-fox-1",
            "your-token-9fQx27LmZp04RtVb",
            "<9fQx27LmZp04RtVb>",
        ] {
            assert!(!is_token(other), "{other}");
        }
    }

    #[test]
    fn the_name_decides_what_counts() {
        let (uuid, digest) = (
            "3f2b8c1e-94d7-4a6b-8e21-d05c7f93ab16",
            "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c",
        );
        assert!(
            !is_secret(Strength::Key, uuid) && !is_secret(Strength::Key, digest) && !is_secret(Strength::Weak, uuid)
        );
        assert!(
            is_secret(Strength::Strong, uuid)
                && is_secret(Strength::Weak, digest)
                && is_secret(Strength::Password, "hunter2")
        );
        for none in
            ["password", "your-password", "${DB_PASSWORD}", "DB_PASSWORD", "/run/secrets/db", "x y z w 1", "******"]
        {
            assert!(!is_secret(Strength::Password, none), "{none}");
        }
    }
}
