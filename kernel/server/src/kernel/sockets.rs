//! The five channels: bound where the connection file says, each served by tasks of the wire's runtime.

use std::sync::Arc;
use std::time::Duration;

use jupyter_protocol::connection_info::Transport;
use jupyter_protocol::{ConnectionInfo, JupyterMessage};
use jupyter_zmq_client::{
    KernelHeartbeatConnection, RouterRecvConnection, RouterSendConnection, create_kernel_control_connection,
    create_kernel_heartbeat_connection, create_kernel_shell_connection, create_kernel_stdin_connection,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;
use zeromq::{SocketRecv, SocketSend};

use super::message::Request;
use super::stdin::Stdin;
use super::{Kernel, Task, router};
use crate::Error;
use crate::iopub::Iopub;
use crate::log::log;

/// After a failed receive, so that a lasting failure does not spin.
const RECEIVE_PAUSE: Duration = Duration::from_millis(20);

/// The channels, bound and not yet served.
pub(super) struct Sockets {
    pub iopub: Iopub,
    pub stdin: Stdin,
    shell: Option<(RouterSendConnection, RouterRecvConnection)>,
    control: Option<(RouterSendConnection, RouterRecvConnection)>,
    answers: Option<RouterRecvConnection>,
    heartbeat: Option<KernelHeartbeatConnection>,
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
        let session = Uuid::new_v4().to_string();
        let shell = create_kernel_shell_connection(info, &session).await;
        let shell = shell.map_err(bind_error("shell", info.shell_url()))?;
        let iopub = Iopub::like(&shell);
        iopub.listen(info).await?;
        let stdin = create_kernel_stdin_connection(info, &session).await;
        let (asks, answers) = stdin.map_err(bind_error("stdin", info.stdin_url()))?.split();
        let control = create_kernel_control_connection(info, &session).await;
        let control = control.map_err(bind_error("control", info.control_url()))?;
        let heartbeat = create_kernel_heartbeat_connection(info).await;
        let heartbeat = heartbeat.map_err(bind_error("heartbeat", info.hb_url()))?;
        Ok(Self {
            iopub,
            stdin: Stdin::new(asks, Handle::current()),
            shell: Some(shell.split()),
            control: Some(control.split()),
            answers: Some(answers),
            heartbeat: Some(heartbeat),
        })
    }

    /// Begins to answer.
    pub fn serve(mut self, kernel: &Arc<Kernel>) {
        for (channel, halves) in [(Channel::Control, self.control.take()), (Channel::Shell, self.shell.take())] {
            if let Some((replies, requests)) = halves {
                let (sender, queue) = unbounded_channel();
                tokio::spawn(send_replies(replies, queue));
                tokio::spawn(read_requests(channel, requests, sender, kernel.clone()));
            }
        }
        if let Some(answers) = self.answers.take() {
            tokio::spawn(read_answers(answers, self.stdin.clone()));
        }
        if let Some(heartbeat) = self.heartbeat.take() {
            tokio::spawn(beat(heartbeat));
        }
    }
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

fn bind_error(channel: &'static str, endpoint: String) -> impl FnOnce(jupyter_zmq_client::RuntimeError) -> Error {
    move |error| Error::Bind { channel, endpoint, reason: error.to_string() }
}

async fn send_replies(mut connection: RouterSendConnection, mut queue: UnboundedReceiver<JupyterMessage>) {
    while let Some(message) = queue.recv().await {
        if let Err(error) = connection.send(message).await {
            log(format!("kernwerk: a reply could not be delivered: {error}"));
        }
    }
}

async fn read_requests(
    channel: Channel,
    mut connection: RouterRecvConnection,
    replies: UnboundedSender<JupyterMessage>,
    kernel: Arc<Kernel>,
) {
    loop {
        let Some(request) = read(&mut connection, channel.name()).await else { continue };
        let task = Task { request: Arc::new(request), replies: replies.clone() };
        router::route(channel, task, &kernel);
    }
}

async fn read_answers(mut connection: RouterRecvConnection, stdin: Stdin) {
    loop {
        if let Some(message) = read(&mut connection, "stdin").await {
            stdin.receive(&message);
        }
    }
}

/// The next message; none where it was dropped, which is logged.
async fn read(connection: &mut RouterRecvConnection, channel: &str) -> Option<Request> {
    let multipart = match connection.socket.recv().await {
        Ok(multipart) => multipart,
        Err(error) => {
            log(format!("kernwerk: the {channel} channel cannot receive: {error}"));
            tokio::time::sleep(RECEIVE_PAUSE).await;
            return None;
        }
    };
    Request::read(multipart, connection)
        .map_err(|reason| log(format!("kernwerk: a message on the {channel} channel was dropped: {reason}")))
        .ok()
}

/// Sends every heartbeat back as it came.
async fn beat(mut heart: KernelHeartbeatConnection) {
    loop {
        match heart.socket.recv().await {
            // A front end that left between the beats is no reason to stop.
            Ok(beat) => drop(heart.socket.send(beat).await),
            Err(_) => tokio::time::sleep(RECEIVE_PAUSE).await,
        }
    }
}
