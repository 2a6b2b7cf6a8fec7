//! Secrets: their values are taken out of everything before it is written down.

use std::fmt;

use crate::encoded::{self, Core};

/// A value that must not be on a tape, and what stands there in its place.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    pub value: String,
    /// Of letters, digits and `_` alone: no way of writing it down in a URL or a document changes it.
    pub placeholder: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Secret").field("placeholder", &self.placeholder).finish_non_exhaustive()
    }
}

/// Takes secrets out.
#[derive(Debug, Default)]
pub(crate) struct Sieve {
    /// What is looked for, longer ones first, and what takes its place.
    forms: Vec<(Vec<u8>, String)>,
    /// How they look within base64.
    cores: Vec<Core>,
}

impl Sieve {
    pub fn new(secrets: &[Secret]) -> Self {
        let of = |secret: &Secret| {
            written(&secret.value).into_iter().map(|form| (form, secret.placeholder.clone())).collect::<Vec<_>>()
        };
        let mut forms: Vec<(Vec<u8>, String)> =
            secrets.iter().filter(|secret| !secret.value.is_empty()).flat_map(of).collect();
        forms.sort_by(|(one, _), (other, _)| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        forms.dedup();
        let cores = forms.iter().flat_map(|(form, _)| encoded::cores(form)).collect();
        Self { forms, cores }
    }

    pub fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }

    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let clean = self.as_they_are(bytes);
        if self.cores.is_empty() { clean } else { encoded::without(&clean, &self.cores, |held| self.as_they_are(held)) }
    }

    /// Whether a secret is still in what was made clean: in base64 that is broken into lines, or that somebody shortened.
    pub fn misses(&self, clean: &[u8]) -> bool {
        !self.cores.is_empty() && encoded::is_over_lines(clean, &self.cores)
    }

    /// Takes them out where they are not encoded.
    fn as_they_are(&self, bytes: &[u8]) -> Vec<u8> {
        let mut clean = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            // Most bytes begin none of them.
            let mut forms = self.forms.iter().filter(|(form, _)| form.first() == Some(first));
            match forms.find(|(form, _)| rest.starts_with(form)) {
                Some((form, placeholder)) => {
                    clean.extend_from_slice(placeholder.as_bytes());
                    rest = &rest[form.len()..];
                }
                None => {
                    clean.push(*first);
                    rest = &rest[1..];
                }
            }
        }
        clean
    }
}

/// The ways in which a value is written in URLs, forms and JSON.
fn written(value: &str) -> Vec<Vec<u8>> {
    let percent = |keep: &dyn Fn(u8) -> bool, upper: bool| {
        let mut text = String::new();
        for byte in value.bytes() {
            match byte {
                byte if keep(byte) => text.push(char::from(byte)),
                byte if upper => text.push_str(&format!("%{byte:02X}")),
                byte => text.push_str(&format!("%{byte:02x}")),
            }
        }
        text
    };
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    // What Python leaves as it is in a path, and what URLs may hold in a query.
    let in_path = |byte: u8| is_unreserved(byte) || byte == b'/';
    let in_query = |byte: u8| is_unreserved(byte) || b"/:@!$'()*,;=+?&".contains(&byte);
    let json = |text: String| text.trim_matches('"').to_owned();
    let quoted = json(serde_json::Value::from(value).to_string());
    let mut forms = vec![value.to_owned(), quoted.replace('/', "\\/"), quoted];
    for upper in [true, false] {
        forms.extend([percent(&is_unreserved, upper), percent(&in_path, upper), percent(&in_query, upper)]);
    }
    forms.extend(forms.clone().iter().map(|form| form.replace("%20", "+")));
    forms.into_iter().map(String::into_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sieve(secrets: &[(&str, &str)]) -> Sieve {
        let secrets = secrets
            .iter()
            .map(|(value, placeholder)| Secret { value: (*value).into(), placeholder: (*placeholder).into() });
        Sieve::new(&secrets.collect::<Vec<_>>())
    }

    #[test]
    fn a_secret_is_found_in_every_writing() {
        let sieve = sieve(&[("a b/c+\"d", "__s__")]);
        for text in [
            "k=a b/c+\"d.",
            "k=a%20b%2Fc%2B%22d.",
            "k=a+b%2fc%2b%22d.",
            "k=a%20b/c%2B%22d.",
            "k=a%20b/c+%22d.",
            r#"k=a b/c+\"d."#,
            r#"k=a b\/c+\"d."#,
        ] {
            assert_eq!(sieve.text(text), "k=__s__.", "{text}");
        }
        assert_eq!(sieve.bytes(b"\xffa b/c+\"d\0"), b"\xff__s__\0");
    }

    #[test]
    fn of_two_secrets_the_longer_one_is_taken_out_whole() {
        let sieve = sieve(&[("key1", "__short__"), ("key12", "__long__")]);
        assert_eq!(sieve.text("key12 key1 key"), "__long__ __short__ key");
    }

    #[test]
    fn a_secret_is_found_within_base64() {
        let sieve = sieve(&[("a b/c+\"d", "__s__")]);
        // `ada:a b/c+"d` and `ada:__s__`; then the same in JSON, in the value's own writing there.
        assert_eq!(sieve.text("Basic YWRhOmEgYi9jKyJk."), "Basic YWRhOl9fc19f.");
        assert_eq!(sieve.text("{\"k\": \"eyJrIjoiYSBiL2MrXCJkIn0=\"}"), "{\"k\": \"eyJrIjoiX19zX18ifQ==\"}");
        assert!(sieve.misses(b"YWRhOmEgYi\n9jKyJk") && !sieve.misses(b"YWRhOl9fc19f"));
    }

    #[test]
    fn the_value_is_not_shown() {
        let secret = Secret { value: "hidden".to_owned(), placeholder: "__s__".to_owned() };
        assert!(!format!("{secret:?}").contains("hidden"));
    }
}
