//! The envelope of a signed statement: DSSE, version 1.0 (secure-systems-lab/dsse).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::key::{PublicKey, SigningKey};

/// The type of an in-toto statement in an envelope.
pub(super) const IN_TOTO: &str = "application/vnd.in-toto+json";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Envelope {
    /// base64.
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    keyid: String,
    /// base64.
    sig: String,
}

impl Envelope {
    pub(crate) fn of(payload: &[u8]) -> Self {
        Self { payload: STANDARD.encode(payload), payload_type: IN_TOTO.to_owned(), signatures: Vec::new() }
    }

    /// What was signed; none where that is no statement.
    pub(crate) fn payload(&self) -> Option<Vec<u8>> {
        STANDARD.decode(&self.payload).ok().filter(|_| self.payload_type == IN_TOTO)
    }

    /// Adds a signature, in place of one by the same key.
    pub(crate) fn sign(&mut self, payload: &[u8], key: &SigningKey) {
        let keyid = key.public().id();
        let sig = STANDARD.encode(key.sign(&authenticated(&self.payload_type, payload)));
        match self.signatures.iter_mut().find(|signature| signature.keyid == keyid) {
            Some(signature) => signature.sig = sig,
            None => self.signatures.push(Signature { keyid, sig }),
        }
    }

    /// The ids of the keys that say they signed, each with whether one of `keys` has, by its position; none for a key that is not
    /// among them.
    pub(crate) fn signers(&self, payload: &[u8], keys: &[PublicKey]) -> Vec<(String, Option<(usize, bool)>)> {
        let message = authenticated(&self.payload_type, payload);
        let checked = self.signatures.iter().map(|signature| {
            let known = keys.iter().position(|key| key.id() == signature.keyid);
            let bytes = STANDARD.decode(&signature.sig).unwrap_or_default();
            (signature.keyid.clone(), known.map(|index| (index, keys[index].verifies(&message, &bytes))))
        });
        checked.collect()
    }
}

/// The bytes that are signed: DSSE's pre-authentication encoding.
fn authenticated(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's protocol document.
    #[test]
    fn what_is_signed_is_what_the_specification_says() {
        assert_eq!(
            authenticated("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }
}
