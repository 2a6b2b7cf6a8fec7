//! The REST API of MLflow as calls: requests, answers, and what a refusal says.

use std::fmt::Write;

use kernwerk_core::Work;
use serde_json::Value;

use crate::Error;

const API: &str = "/api/2.0/mlflow/";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

/// A request to an MLflow server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    /// Path and query below the server's own address; begins with `/`.
    pub path: String,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Of HTTP.
    pub status: u16,
    pub body: Vec<u8>,
}

/// Sends requests to one MLflow server and waits for the answers.
pub trait MlflowServer {
    /// # Errors
    /// In words, why there is no answer; or that the work was interrupted.
    fn send(&self, request: Request, work: &Work) -> Result<Response, Unanswered>;
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    Cancelled(kernwerk_core::Cancelled),
    /// In words.
    Failed(String),
}

/// The API behind a server.
pub(super) struct Api<'a> {
    pub server: &'a dyn MlflowServer,
    pub work: &'a Work,
}

/// What the server says instead of doing it.
#[derive(Debug)]
pub(super) struct Refused {
    code: String,
    reason: String,
    cancelled: Option<kernwerk_core::Cancelled>,
}

impl Refused {
    pub fn new(reason: String) -> Self {
        Self { code: String::new(), reason, cancelled: None }
    }

    /// Whether MLflow calls the refusal so.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// The error, given what was to be done.
    pub fn during(self, doing: &'static str) -> Error {
        match self.cancelled {
            Some(cancelled) => cancelled.into(),
            None => Error::Tracking { doing, reason: self.reason, hint: None },
        }
    }
}

impl Error {
    pub(super) fn with_hint(self, hint: &str) -> Self {
        match self {
            Self::Tracking { doing, reason, .. } => Self::Tracking { doing, reason, hint: Some(hint.to_owned()) },
            error => error,
        }
    }
}

impl Api<'_> {
    pub fn get(&self, call: &str, query: &[(&str, &str)]) -> Result<Value, Refused> {
        let query: Vec<String> = query
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        self.ask(self.work, Method::Get, format!("{call}?{}", query.join("&")), Vec::new())
    }

    pub fn post(&self, call: &str, body: &Value) -> Result<Value, Refused> {
        self.ask(self.work, Method::Post, call.to_owned(), body.to_string().into_bytes())
    }

    /// As [`Api::post`], also after an interrupt.
    pub fn last(&self, call: &str, body: &Value) -> Result<Value, Refused> {
        self.ask(&Work::silent(), Method::Post, call.to_owned(), body.to_string().into_bytes())
    }

    pub fn delete(&self, call: &str, body: &Value) -> Result<Value, Refused> {
        self.ask(self.work, Method::Delete, call.to_owned(), body.to_string().into_bytes())
    }

    /// Puts the bytes of a file at `path`, which is one of the server's own.
    pub fn put(&self, path: String, body: Vec<u8>) -> Result<(), Refused> {
        let request = Request { method: Method::Put, path, content_type: "application/octet-stream", body };
        self.send(self.work, request).map(|_| ())
    }

    fn ask(&self, work: &Work, method: Method, call: String, body: Vec<u8>) -> Result<Value, Refused> {
        let request = Request { method, path: format!("{API}{call}"), content_type: "application/json", body };
        let answer = self.send(work, request)?;
        serde_json::from_slice(&answer).map_err(|_| {
            let words = beginning(&answer);
            Refused::new(format!("it does not answer as an MLflow server does: `{words}`"))
        })
    }

    fn send(&self, work: &Work, request: Request) -> Result<Vec<u8>, Refused> {
        let cancelled = |cancelled| Refused { cancelled: Some(cancelled), ..Refused::new(String::new()) };
        work.check().map_err(cancelled)?;
        let Response { status, body } = self.server.send(request, work).map_err(|error| match error {
            Unanswered::Cancelled(stopped) => cancelled(stopped),
            Unanswered::Failed(reason) => Refused::new(reason),
        })?;
        if (200..300).contains(&status) {
            return Ok(body);
        }
        let told: Value = serde_json::from_slice(&body).unwrap_or_default();
        let code = told["error_code"].as_str().unwrap_or_default().to_owned();
        let reason = match told["message"].as_str() {
            Some(message) => format!("{message} (HTTP {status})"),
            None => format!("HTTP {status}: `{}`", beginning(&body)),
        };
        Err(Refused { code, reason, cancelled: None })
    }
}

/// The beginning of an answer, for a message.
fn beginning(bytes: &[u8]) -> String {
    crate::compare::beginning(bytes)
}

/// A value as it stands in a query or as a part of a path.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte as char),
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}
