//! Who may speak to the kernel: whoever has the connection file's key, and each message once.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;

use bytes::Bytes;
use jupyter_zmq_client::{Connection, RawMessage, RuntimeError};
use zeromq::ZmqMessage;

use super::lock;

/// Between the addresses of a message and its signature.
const DELIMITER: &[u8] = b"<IDS|MSG>";
/// So many signatures are remembered, as in Jupyter's own kernels.
const REMEMBERED: usize = 1 << 16;

/// Checks the signatures of what comes in on all channels.
pub(crate) struct Signatures {
    signer: Connection<()>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    signatures: HashSet<Bytes>,
    order: VecDeque<Bytes>,
}

impl Signatures {
    /// Of the connection file's `key`; with an empty one nothing is signed. `session` names this kernel in its messages.
    pub fn new(key: &str, session: &str) -> Self {
        // A connection makes the key of its own; its socket is of no use here.
        let Connection { mac, session_id, .. } =
            Connection::new(<zeromq::PubSocket as zeromq::Socket>::new(), key, session);
        Self { signer: Connection { socket: (), mac, session_id }, seen: Mutex::default() }
    }

    /// `socket` as a channel that signs what it sends.
    pub fn signing<S>(&self, socket: S) -> Connection<S> {
        Connection { socket, mac: self.signer.mac.clone(), session_id: self.signer.session_id.clone() }
    }

    /// Takes a message apart whose signature is right and was not seen before.
    ///
    /// # Errors
    /// What is wrong with it, in words for the log.
    pub fn check(&self, frames: Vec<Bytes>) -> Result<RawMessage, String> {
        let signature = frames.iter().skip_while(|frame| *frame != DELIMITER).nth(1).cloned().unwrap_or_default();
        let multipart = ZmqMessage::try_from(frames).map_err(|error| error.to_string())?;
        let raw = RawMessage::from_multipart(multipart, &self.signer.mac).map_err(|error| match error {
            RuntimeError::VerifyError(_) => "its signature is wrong".to_owned(),
            other => other.to_string(),
        })?;
        if self.signer.mac.is_some() && !lock(&self.seen).insert(signature) {
            return Err("its signature was used before: it is a copy of another message".to_owned());
        }
        Ok(raw)
    }
}

impl Seen {
    /// Whether the signature is new.
    fn insert(&mut self, signature: Bytes) -> bool {
        // A copy, lest the memory of the whole message is kept.
        let signature = Bytes::copy_from_slice(&signature);
        if !self.signatures.insert(signature.clone()) {
            return false;
        }
        self.order.push_back(signature);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.signatures.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_signatures_are_forgotten() {
        let mut seen = Seen::default();
        let number = |number: usize| Bytes::from(number.to_string());
        for signature in 0..=REMEMBERED {
            assert!(seen.insert(number(signature)));
        }
        assert!(!seen.insert(number(REMEMBERED)), "a recent one is known");
        assert!(seen.insert(number(0)), "the oldest one is not");
        assert_eq!((seen.order.len(), seen.signatures.len()), (REMEMBERED, REMEMBERED));
    }
}
