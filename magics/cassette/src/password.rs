//! The password that a proxy asks for while it records: then it stands in the machine's own network, where any process could reach it and have the
//! notebook's secrets and rights at services. One that plays stands in a network of the cells' own, and asks for none.
//!
//! Clients give it by themselves where it stands in the proxy's URL, with the first request and with that for a tunnel: urllib, requests, httpx,
//! aiohttp and curl do, reqwest, and ureq from its third version on (its second one does for tunnels alone). A client that speaks to the port by itself
//! does not, and is told so.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio_rustls::rustls::crypto::ring::default_provider;

use crate::http::Request;

/// Who asks, as far as there has to be a name beside the password.
const USER: &str = "kernwerk";
/// What a proxy says that wants a password (RFC 7617).
pub(crate) const CHALLENGE: (&str, &[u8]) = ("proxy-authenticate", b"Basic realm=\"Kernwerk cassette\"");

/// A password for one run.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(String);

impl Password {
    /// # Errors
    /// The system gives no random numbers.
    pub fn new() -> io::Result<Self> {
        let mut bytes = [0; 16];
        let random = default_provider().secure_random;
        random.fill(&mut bytes).map_err(|_| io::Error::other("the system gives no random numbers"))?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether the request gives it, by `Basic` authentication.
    pub fn is_given(&self, request: &Request) -> bool {
        let given = request.header("proxy-authorization").and_then(|value| value.split_once(' '));
        let wanted = STANDARD.encode(format!("{USER}:{}", self.0));
        given.is_some_and(|(scheme, value)| scheme.eq_ignore_ascii_case("basic") && value.trim() == wanted)
    }
}
