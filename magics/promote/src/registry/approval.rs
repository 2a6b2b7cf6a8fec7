//! An approval as a person signs it: an in-toto statement, version 1, in a DSSE envelope, which says all that the event says.
//!
//! Its subject is the version by its number and identity; the predicate names the stage, the person, the moment, the reason, and the place
//! in the history. So a signature is of one event alone: under another number, for another stage, by another name or behind other events it
//! is of something else.

use std::fmt;

use serde_json::json;

use super::event::{Action, Event};
use crate::bundle::to_json;
use crate::trust::{Envelope, PublicKey, STATEMENT, SigningKey};

/// What is known of the signature of an approval; what counts for more is the greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signed {
    /// Nobody has signed it.
    #[default]
    No,
    /// It was signed with a key that `kernwerk.toml` does not name: whether it holds, and whose it is, nobody can tell here.
    Stranger,
    /// It holds, and `kernwerk.toml` names the key as that of the person.
    Yes,
}

impl fmt::Display for Signed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::No => "not signed",
            Self::Stranger => "signed with a key that kernwerk.toml does not name",
            Self::Yes => "signed",
        })
    }
}

/// What the statement says of its subject; rises with it.
const PREDICATE: &str = "urn:kernwerk:approval:v1";

/// What is signed of an event.
fn statement(event: &Event) -> Vec<u8> {
    to_json(&json!({
        "_type": STATEMENT,
        "subject": [{
            "name": format!("{}@{}", event.artifact, event.version),
            "digest": { "blake3": event.identity },
        }],
        "predicateType": PREDICATE,
        "predicate": {
            "stage": event.label,
            "by": event.by,
            "at": event.at,
            "why": event.why,
            "number": event.number,
            "after": event.after,
        },
    }))
}

/// Signs an event that has no signature yet.
pub(super) fn sign(event: &Event, key: &SigningKey) -> Envelope {
    let payload = statement(event);
    let mut envelope = Envelope::of(&payload);
    envelope.sign(&payload, key);
    envelope
}

/// Who has signed the event, where the lab knows `keys`, whose owners are called `names`.
///
/// # Errors
/// In words, where a signature is not of this event or not of this person: somebody forged or copied it.
pub(super) fn check(event: &Event, names: &[String], keys: &[PublicKey]) -> Result<Signed, String> {
    let Some(envelope) = &event.signature else { return Ok(Signed::No) };
    if event.action != Action::Approve {
        return Err("which is signed and no approval".to_owned());
    }
    let payload = statement(event);
    if envelope.payload().as_ref() != Some(&payload) {
        return Err("for what was signed is another approval".to_owned());
    }
    let by = &event.by;
    match envelope.signers(&payload, keys).as_slice() {
        [(_, Some((index, _)))] if names[*index] != *by => {
            Err(format!("for it is in the name of {by} and signed with the key of {}", names[*index]))
        }
        [(_, Some((_, true)))] => Ok(Signed::Yes),
        [(_, Some((_, false)))] => Err(format!("for the signature of {by} does not hold")),
        // Perhaps the key of then; nobody can tell.
        [(_, None)] => Ok(Signed::Stranger),
        _ => Err("for an approval has one signature".to_owned()),
    }
}
