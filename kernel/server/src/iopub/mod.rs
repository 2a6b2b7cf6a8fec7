//! What everybody hears: outputs and states, published to all front ends.

mod budget;
mod publisher;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use jupyter_protocol::{ConnectionInfo, Header};
use jupyter_zmq_client::Connection;
use kernwerk_core::Cancel;
use serde_json::{Value, json};

use crate::Error;
use crate::kernel::message;
use crate::log::log;
use crate::zmtp::{Stream, listen_at};
use publisher::{Publisher, Subscribers, serve};

/// The publishing side of the kernel. Clones share it; every method may be called from any thread and none but
/// [`Iopub::wait_for_room`] waits.
#[derive(Clone)]
pub(crate) struct Iopub {
    state: Arc<Mutex<State>>,
    subscribers: Arc<Subscribers>,
}

struct State {
    connection: Connection<Publisher>,
    /// The request whose cell is running: as long as it is, the kernel is busy, whatever else it answers meanwhile.
    running: Option<Header>,
}

impl Iopub {
    /// A publisher without subscribers that signs as `other` does.
    pub fn like<S>(other: &Connection<S>) -> Self {
        let subscribers = Subscribers::new();
        let connection = Connection {
            socket: Publisher { subscribers: subscribers.clone(), only: None },
            mac: other.mac.clone(),
            session_id: other.session_id.clone(),
        };
        Self { state: Arc::new(Mutex::new(State { connection, running: None })), subscribers }
    }

    /// Listens where the connection file says, and serves subscribers on the current runtime from now on.
    pub async fn listen(&self, info: &ConnectionInfo) -> Result<(), Error> {
        let iopub = self.clone();
        let serve = move |stream| {
            let iopub = iopub.clone();
            async move { iopub.serve(stream).await }
        };
        listen_at(info, info.iopub_port, serve).await.map_err(|error| Error::Bind {
            channel: "iopub",
            endpoint: info.iopub_url(),
            reason: error.to_string(),
        })
    }

    async fn serve(&self, stream: Box<dyn Stream>) {
        let welcome = |number, topic| self.welcome(number, topic);
        serve(stream, self.subscribers.clone(), welcome).await;
    }

    /// Subscribes and tells the subscriber alone that it is (JEP 65): from here on it misses nothing.
    fn welcome(&self, number: u64, topic: Vec<u8>) {
        let mut state = self.lock();
        let subscription = String::from_utf8_lossy(&topic).into_owned();
        self.subscribers.subscribe(number, topic.clone());
        state.connection.socket.only = Some(number);
        let content = json!({ "subscription": subscription });
        state.send(message::with_topic(topic, None, "iopub_welcome", content));
    }

    /// Publishes one message about `parent`'s request.
    pub fn publish(&self, parent: &Header, msg_type: &str, content: Value) {
        self.lock().publish(Some(parent), msg_type, content);
    }

    /// Publishes one message about `parent`'s request that says something in its metadata.
    pub fn publish_with(&self, parent: &Header, msg_type: &str, content: Value, metadata: Value) {
        self.lock().publish_with(Some(parent), msg_type, content, metadata);
    }

    /// Publishes a state that no request caused.
    pub fn publish_state(&self, state: &str) {
        self.lock().publish(None, "status", json!({ "execution_state": state }));
    }

    /// Tells everybody that the kernel ends.
    pub fn publish_shutdown(&self, content: Value) {
        self.lock().publish(None, "shutdown_reply", content);
    }

    /// The kernel begins to handle `parent`'s request.
    pub fn busy(&self, parent: &Header) {
        self.lock().status(parent, "busy");
    }

    /// The kernel has handled `parent`'s request. Where a cell is running, front ends are reminded that the kernel is busy:
    /// they show the last state that they heard of, whichever request it belonged to.
    pub fn idle(&self, parent: &Header) {
        let mut state = self.lock();
        state.status(parent, "idle");
        if let Some(running) = state.running.clone() {
            state.status(&running, "busy");
        }
    }

    /// The cell of `parent`'s request begins.
    pub fn cell_begins(&self, parent: &Header) {
        let mut state = self.lock();
        state.running = Some(parent.clone());
        state.status(parent, "busy");
    }

    /// The cell of `parent`'s request has ended.
    pub fn cell_ends(&self, parent: &Header) {
        let mut state = self.lock();
        state.running = None;
        state.status(parent, "idle");
    }

    /// Waits until the front ends have taken enough of what was published, or until the cell is interrupted.
    pub fn wait_for_room(&self, cancel: &Cancel) {
        self.subscribers.budget.wait_for_room(cancel);
    }

    /// Waits until the front ends have everything, at most so long.
    pub fn drain(&self, at_most: Duration) {
        self.subscribers.budget.wait_until_empty(Instant::now() + at_most);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn status(&mut self, parent: &Header, state: &str) {
        self.publish(Some(parent), "status", json!({ "execution_state": state }));
    }

    fn publish(&mut self, parent: Option<&Header>, msg_type: &str, content: Value) {
        self.publish_with(parent, msg_type, content, json!({}));
    }

    fn publish_with(&mut self, parent: Option<&Header>, msg_type: &str, content: Value, metadata: Value) {
        let topic = format!("kernel.{}.{msg_type}", self.connection.session_id);
        let mut message = message::with_topic(topic.into_bytes(), parent, msg_type, content);
        message.metadata = metadata;
        self.send(message);
    }

    fn send(&mut self, message: jupyter_protocol::JupyterMessage) {
        // The publisher never waits, so the future is ready at once.
        if let Some(Err(error)) = self.connection.send(message).now_or_never() {
            log(format!("kernwerk: a message could not be published: {error}"));
        }
    }
}
