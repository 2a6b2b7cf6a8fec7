//! Jupyter messages as this kernel reads and writes them.

use bytes::Bytes;
use chrono::Utc;
use jupyter_protocol::{Header, JupyterMessage, JupyterMessageContent, UnknownMessage};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::signatures::Signatures;
use crate::zmtp::Incoming;

/// The protocol that the kernel speaks.
pub(crate) const PROTOCOL_VERSION: &str = "5.5";

/// A message that a front end sent, its signature checked.
pub(crate) struct Request {
    pub header: Header,
    /// The identity of the cell in its notebook, where the front end tells it.
    pub cell_id: Option<String>,
    /// What the message says, or why that cannot be read: whoever waits for a reply is told so.
    pub content: Result<Value, String>,
    /// The way back: ZeroMQ's routing frames.
    identities: Vec<Bytes>,
    /// The message to which this one replies, where it is a reply.
    pub parent_id: Option<String>,
    /// The message's share of what may wait, until it has been dealt with.
    _permit: OwnedSemaphorePermit,
}

impl Request {
    /// Reads a message that came in.
    ///
    /// # Errors
    /// What is wrong with it, in words for the log: its signature, its parts, their JSON.
    pub fn read(incoming: Incoming, signatures: &Signatures) -> Result<Self, String> {
        let raw = signatures.check(incoming.frames)?;
        let part = |index: usize, name: &str| -> Result<Value, String> {
            let text =
                std::str::from_utf8(&raw.jparts[index]).map_err(|error| format!("its {name} is not UTF-8: {error}"))?;
            serde_json::from_str(text).map_err(|error| format!("its {name} is not JSON: {error}"))
        };
        let header = header(part(0, "header")?)?;
        let parent = part(1, "parent header")?;
        // No message depends on its metadata: what cannot be read is not there.
        let metadata = part(2, "metadata").unwrap_or_default();
        Ok(Self {
            header,
            cell_id: metadata.get("cellId").and_then(Value::as_str).map(str::to_owned),
            content: part(3, "content"),
            parent_id: parent.get("msg_id").and_then(Value::as_str).map(str::to_owned),
            identities: raw.zmq_identities,
            _permit: incoming.permit,
        })
    }

    pub fn msg_type(&self) -> &str {
        &self.header.msg_type
    }

    /// The content as the message's type wants it.
    ///
    /// # Errors
    /// What is missing or of the wrong type, in words for the log.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, String> {
        let wrong = |reason: String| format!("the content of {} is wrong: {reason}", self.msg_type());
        let content = self.content.as_ref().map_err(|reason| wrong(reason.clone()))?;
        T::deserialize(content).map_err(|error| wrong(error.to_string()))
    }

    /// One field of the content, where the content can be read and has it.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.content.as_ref().ok()?.get(name)
    }

    /// The reply to this request, addressed to who asked.
    pub fn reply(&self, content: Value) -> JupyterMessage {
        let msg_type = self.msg_type().replace("_request", "_reply");
        self.to_sender(&msg_type, content)
    }

    /// A message of another type to who sent this one.
    pub fn to_sender(&self, msg_type: &str, content: Value) -> JupyterMessage {
        build(self.identities.clone(), Some(&self.header), msg_type, content)
    }
}

/// The header of a message. Only its identity and its type are needed; what else is missing or unreadable in it, such as a date
/// without a time zone, is nobody's loss.
fn header(value: Value) -> Result<Header, String> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let needed = |name: &str| text(name).ok_or_else(|| format!("its header has no text `{name}`"));
    let date = text("date").and_then(|date| date.parse().ok()).unwrap_or_else(Utc::now);
    Ok(Header {
        msg_id: needed("msg_id")?,
        msg_type: needed("msg_type")?,
        username: text("username").unwrap_or_default(),
        session: text("session").unwrap_or_default(),
        date,
        version: text("version").unwrap_or_else(|| PROTOCOL_VERSION.to_owned()),
    })
}

/// A message for everybody who subscribed to a prefix of `topic`.
pub(crate) fn with_topic(topic: Vec<u8>, parent: Option<&Header>, msg_type: &str, content: Value) -> JupyterMessage {
    build(vec![Bytes::from(topic)], parent, msg_type, content)
}

/// `jupyter-protocol` fixes the header's version and its content types lack newer fields: both are filled in here.
fn build(identities: Vec<Bytes>, parent: Option<&Header>, msg_type: &str, content: Value) -> JupyterMessage {
    let header = Header {
        msg_id: Uuid::new_v4().to_string(),
        username: "kernwerk".to_owned(),
        // The connection puts its own session's id here.
        session: String::new(),
        date: Utc::now(),
        msg_type: msg_type.to_owned(),
        version: PROTOCOL_VERSION.to_owned(),
    };
    JupyterMessage {
        zmq_identities: identities,
        header,
        parent_header: parent.cloned(),
        metadata: json!({}),
        content: JupyterMessageContent::UnknownMessage(UnknownMessage { msg_type: msg_type.to_owned(), content }),
        buffers: Vec::new(),
        channel: None,
    }
}
