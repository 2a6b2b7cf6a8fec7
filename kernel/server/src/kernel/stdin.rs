//! Asks the user for a line through the front end that sent the running cell.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jupyter_zmq_client::Connection;
use kernwerk_core::{Cancel, Cancelled, Problem};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::message::Request;
use crate::zmtp::RouterSender;

/// How often who waits looks whether it was interrupted.
const POLL: Duration = Duration::from_millis(50);

/// The kernel's side of the stdin channel. Clones share it.
#[derive(Clone)]
pub(super) struct Stdin {
    connection: Arc<Mutex<Connection<RouterSender>>>,
    runtime: Handle,
    waiting: Arc<Mutex<Option<Question>>>,
}

/// The question that is open.
struct Question {
    id: String,
    answer: Sender<String>,
}

impl Stdin {
    pub fn new(connection: Connection<RouterSender>, runtime: Handle) -> Self {
        Self { connection: Arc::new(Mutex::new(connection)), runtime, waiting: Arc::default() }
    }

    /// Asks whoever sent `request` and waits for the answer. Called from the engine's thread, outside of the runtime.
    pub fn ask(&self, request: &Request, prompt: &str, password: bool, cancel: &Cancel) -> Result<String, Problem> {
        let message = request.to_sender("input_request", json!({ "prompt": prompt, "password": password }));
        let (answer, answers) = channel();
        *lock(&self.waiting) = Some(Question { id: message.header.msg_id.clone(), answer });
        let sent = self.runtime.block_on(lock(&self.connection).send(message));
        if sent.is_err() {
            *lock(&self.waiting) = None;
            return Err(Problem::new("NoInput", "the front end has not connected for input from the user")
                .with_hint("run the cell in JupyterLab or in a console, or give the value in the cell"));
        }
        loop {
            match answers.recv_timeout(POLL) {
                Ok(line) => return Ok(line),
                Err(RecvTimeoutError::Timeout) if !cancel.is_cancelled() => {}
                Err(_) => {
                    *lock(&self.waiting) = None;
                    return Err(Cancelled.into());
                }
            }
        }
    }

    /// A message came from the front end: the answer, or one to a question that is closed by now.
    pub fn receive(&self, message: &Request) {
        if message.msg_type() != "input_reply" {
            return;
        }
        let mut waiting = lock(&self.waiting);
        // Front ends may leave the parent away; an answer to an older question names it.
        let is_ours = |question: &Question| message.parent_id.as_ref().is_none_or(|parent| *parent == question.id);
        if waiting.as_ref().is_some_and(is_ours)
            && let Some(question) = waiting.take()
        {
            let value = message.field("value").and_then(Value::as_str).unwrap_or_default();
            // Who asked may just have been interrupted.
            let _ = question.answer.send(value.to_owned());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
