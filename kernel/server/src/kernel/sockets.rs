//! The five channels: bound where the connection file says, each served by tasks of the wire's runtime.

use std::sync::Arc;

use jupyter_protocol::connection_info::Transport;
use jupyter_protocol::{ConnectionInfo, JupyterMessage};
use jupyter_zmq_client::Connection;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;
use zeromq::{SocketSend, ZmqMessage};

use super::message::Request;
use super::signatures::Signatures;
use super::stdin::Stdin;
use super::{Kernel, Task, router};
use crate::Error;
use crate::iopub::Iopub;
use crate::log::log;
use crate::zmtp::{Incoming, RouterSender, bind_router};

/// The channels, bound and not yet served.
pub(super) struct Sockets {
    pub iopub: Iopub,
    pub stdin: Stdin,
    signatures: Arc<Signatures>,
    requests: Vec<(Channel, RouterSender, Receiver<Incoming>)>,
    answers: Receiver<Incoming>,
    heartbeat: (RouterSender, Receiver<Incoming>),
}

/// Which channel a request came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Shell,
    Control,
}

impl Channel {
    pub fn name(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Control => "control",
        }
    }
}

impl Sockets {
    /// Binds all channels.
    ///
    /// # Errors
    /// Names the first that cannot be bound.
    pub async fn bind(info: &ConnectionInfo) -> Result<Self, Error> {
        let signatures = Arc::new(Signatures::new(&info.key, &Uuid::new_v4().to_string()));
        let shell = bind_channel("shell", info, info.shell_port, info.shell_url()).await?;
        let iopub = Iopub::like(&signatures.signing(()));
        iopub.listen(info).await?;
        let (asks, answers) = bind_channel("stdin", info, info.stdin_port, info.stdin_url()).await?;
        let control = bind_channel("control", info, info.control_port, info.control_url()).await?;
        let heartbeat = bind_channel("heartbeat", info, info.hb_port, info.hb_url()).await?;
        Ok(Self {
            iopub,
            stdin: Stdin::new(signatures.signing(asks), Handle::current()),
            signatures,
            requests: vec![(Channel::Control, control.0, control.1), (Channel::Shell, shell.0, shell.1)],
            answers,
            heartbeat,
        })
    }

    /// Begins to answer.
    pub fn serve(self, kernel: &Arc<Kernel>) {
        for (channel, sender, incoming) in self.requests {
            let (replies, queue) = unbounded_channel();
            tokio::spawn(send_replies(self.signatures.signing(sender), queue));
            tokio::spawn(read_requests(channel, incoming, self.signatures.clone(), replies, kernel.clone()));
        }
        tokio::spawn(read_answers(self.answers, self.signatures, self.stdin));
        tokio::spawn(beat(self.heartbeat.0, self.heartbeat.1));
    }
}

async fn bind_channel(
    channel: &'static str,
    info: &ConnectionInfo,
    port: u16,
    endpoint: String,
) -> Result<(RouterSender, Receiver<Incoming>), Error> {
    bind_router(channel, info, port).await.map_err(|error| Error::Bind { channel, endpoint, reason: error.to_string() })
}

/// Removes the files of ipc channels, which would be in the way of the next kernel.
pub(super) fn remove_files(info: &ConnectionInfo) {
    if info.transport != Transport::IPC {
        return;
    }
    for port in [info.shell_port, info.iopub_port, info.stdin_port, info.control_port, info.hb_port] {
        // Whoever made it may have removed it already.
        let _ = std::fs::remove_file(format!("{}-{port}", info.ip));
    }
}

async fn send_replies(mut connection: Connection<RouterSender>, mut queue: UnboundedReceiver<JupyterMessage>) {
    while let Some(message) = queue.recv().await {
        if let Err(error) = connection.send(message).await {
            log(format!("kernwerk: a reply could not be delivered: {error}"));
        }
    }
}

async fn read_requests(
    channel: Channel,
    mut incoming: Receiver<Incoming>,
    signatures: Arc<Signatures>,
    replies: UnboundedSender<JupyterMessage>,
    kernel: Arc<Kernel>,
) {
    while let Some(message) = incoming.recv().await {
        if let Some(request) = read(message, &signatures, channel.name()) {
            router::route(channel, Task { request: Arc::new(request), replies: replies.clone() }, &kernel);
        }
    }
}

async fn read_answers(mut incoming: Receiver<Incoming>, signatures: Arc<Signatures>, stdin: Stdin) {
    while let Some(message) = incoming.recv().await {
        if let Some(answer) = read(message, &signatures, "stdin") {
            stdin.receive(&answer);
        }
    }
}

/// The message; none where it is dropped, which is logged.
fn read(message: Incoming, signatures: &Signatures, channel: &str) -> Option<Request> {
    Request::read(message, signatures)
        .map_err(|reason| log(format!("kernwerk: a message on the {channel} channel was dropped: {reason}")))
        .ok()
}

/// Sends every heartbeat back as it came.
async fn beat(mut heart: RouterSender, mut incoming: Receiver<Incoming>) {
    while let Some(beat) = incoming.recv().await {
        if let Ok(beat) = ZmqMessage::try_from(beat.frames) {
            // A front end that left between the beats is no reason to stop.
            let _ = heart.send(beat).await;
        }
    }
}
