//! Package URLs, as the specification writes them.

use crate::lock::{Crate, DEFAULT_REGISTRY};

/// The package URL of a crate; none of a local one.
pub(super) fn of_crate(one: &Crate) -> Option<String> {
    let from = match one.source.as_deref()? {
        DEFAULT_REGISTRY => String::new(),
        source if source.starts_with("git+") => format!("?vcs_url={}", encode(source)),
        source => format!("?repository_url={}", encode(source)),
    };
    Some(format!("pkg:cargo/{}@{}{from}", encode(&one.name), encode(&one.version)))
}

/// Percent-encoded, but for what is plain in every part of a package URL.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_has_the_url_of_where_it_comes_from() {
        let url = |source: Option<&str>| {
            of_crate(&Crate {
                name: "forked".to_owned(),
                version: "1.0.0+x".to_owned(),
                source: source.map(str::to_owned),
                checksum: None,
                needs: Vec::new(),
                is_direct: true,
            })
        };
        assert_eq!(url(None), None);
        assert_eq!(url(Some(DEFAULT_REGISTRY)).as_deref(), Some("pkg:cargo/forked@1.0.0%2Bx"));
        assert_eq!(
            url(Some("git+https://example.org/x?rev=1#abc")).as_deref(),
            Some("pkg:cargo/forked@1.0.0%2Bx?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fx%3Frev%3D1%23abc")
        );
        assert!(
            url(Some("registry+https://example.org/i")).is_some_and(|url| url.contains("?repository_url=registry%2B"))
        );
    }
}
