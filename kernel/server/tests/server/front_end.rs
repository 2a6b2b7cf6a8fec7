//! A front end over real ZeroMQ sockets that fails a test when the kernel publishes something that nobody asserted.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use jupyter_protocol::connection_info::Transport;
use jupyter_protocol::{ConnectionInfo, JupyterMessage, JupyterMessageContent, UnknownMessage};
use jupyter_zmq_client::{
    ClientControlConnection, ClientHeartbeatConnection, ClientIoPubConnection, ClientShellConnection,
    ClientStdinConnection, Connection, RawMessage, create_client_control_connection,
    create_client_heartbeat_connection, create_client_iopub_connection, create_client_shell_connection_with_identity,
    create_client_stdin_connection_with_identity, peek_ports_with_listeners, peer_identity_for_session,
};
use kernwerk_server::{Error, serve};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use zeromq::{SocketRecv, SocketSend};

use super::double::Double;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// What was not asserted has come by then.
const QUIET: Duration = Duration::from_millis(80);

/// A message as it came, its signature checked.
#[derive(Debug)]
pub struct Message {
    pub header: Value,
    pub parent: Value,
    pub metadata: Value,
    pub content: Value,
}

impl Message {
    pub fn msg_type(&self) -> &str {
        self.header["msg_type"].as_str().expect("a type")
    }

    pub fn parent_id(&self) -> &str {
        self.parent["msg_id"].as_str().unwrap_or("")
    }

    /// The message in one line, such as `stream stdout: hello`.
    pub fn line(&self) -> String {
        let content = &self.content;
        let text = |name: &str| content[name].as_str().unwrap_or("?").to_owned();
        let plain = content["data"]["text/plain"].as_str().unwrap_or("?");
        match self.msg_type() {
            "status" => text("execution_state"),
            "stream" => format!("{}: {}", text("name"), text("text")),
            "execute_input" => format!("input {}", content["execution_count"]),
            "execute_result" => format!("result {}: {plain}", content["execution_count"]),
            "error" => format!("error {}: {}", text("ename"), text("evalue")),
            "clear_output" => format!("clear wait={}", content["wait"]),
            "comm_open" => format!("comm_open {}", text("target_name")),
            "comm_msg" => format!("comm_msg {} {}", content["data"]["method"], content["data"]["state"]),
            "comm_close" => format!("comm_close {}", text("comm_id")),
            "shutdown_reply" => format!("shutdown restart={}", content["restart"]),
            other => format!("{other}: {plain}"),
        }
    }
}

/// A kernel with the double as its engine, and a client on each of its channels.
pub struct FrontEnd {
    pub info: ConnectionInfo,
    pub engine: Arc<Double>,
    pub shell: ClientShellConnection,
    pub control: ClientControlConnection,
    pub stdin: ClientStdinConnection,
    pub iopub: ClientIoPubConnection,
    pub heartbeat: ClientHeartbeatConnection,
    kernel: Option<JoinHandle<Result<(), Error>>>,
}

/// The address of a kernel on ports that are free now.
pub async fn free_tcp() -> ConnectionInfo {
    let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let (ports, _listeners) = peek_ports_with_listeners(localhost, 5).await.expect("free ports");
    info(Transport::TCP, "127.0.0.1".to_owned(), &ports)
}

pub fn info(transport: Transport, ip: String, ports: &[u16]) -> ConnectionInfo {
    ConnectionInfo {
        ip,
        transport,
        shell_port: ports[0],
        iopub_port: ports[1],
        stdin_port: ports[2],
        control_port: ports[3],
        hb_port: ports[4],
        key: "the key of a test".to_owned(),
        signature_scheme: "hmac-sha256".to_owned(),
        kernel_name: None,
    }
}

impl FrontEnd {
    pub async fn start() -> Self {
        Self::start_at(free_tcp().await).await
    }

    pub async fn start_at(info: ConnectionInfo) -> Self {
        let engine = Arc::new(Double::default());
        let (address, double) = (info.clone(), engine.clone());
        let kernel = std::thread::spawn(move || serve(&address, double));
        let session = uuid::Uuid::new_v4().to_string();
        let identity = peer_identity_for_session(&session).expect("an identity");
        let mut iopub = create_client_iopub_connection(&info, "", &session).await.expect("iopub");
        let welcome = receive(&mut iopub).await;
        assert_eq!(welcome.msg_type(), "iopub_welcome");
        assert_eq!(welcome.content, json!({ "subscription": "" }));
        let shell = create_client_shell_connection_with_identity(&info, &session, identity.clone()).await;
        let stdin = create_client_stdin_connection_with_identity(&info, &session, identity).await;
        Self {
            control: create_client_control_connection(&info, &session).await.expect("control"),
            heartbeat: create_client_heartbeat_connection(&info).await.expect("heartbeat"),
            shell: shell.expect("shell"),
            stdin: stdin.expect("stdin"),
            iopub,
            engine,
            info,
            kernel: Some(kernel),
        }
    }

    /// Sends a request on the shell channel; gives its id.
    pub async fn send(&mut self, msg_type: &str, content: Value) -> String {
        let message = request(msg_type, content);
        let id = message.header.msg_id.clone();
        self.shell.send(message).await.expect("sent");
        id
    }

    pub async fn send_control(&mut self, msg_type: &str, content: Value) -> String {
        let message = request(msg_type, content);
        let id = message.header.msg_id.clone();
        self.control.send(message).await.expect("sent");
        id
    }

    /// Sends a cell; gives its id.
    pub async fn send_cell(&mut self, code: &str) -> String {
        self.send("execute_request", cell(code)).await
    }

    /// The next reply on the shell channel, which must answer `id`.
    pub async fn reply(&mut self, id: &str) -> Value {
        let reply = receive(&mut self.shell).await;
        assert_eq!(reply.parent_id(), id, "a reply to another request: {reply:?}");
        reply.content
    }

    pub async fn control_reply(&mut self, id: &str) -> Value {
        let reply = receive(&mut self.control).await;
        assert_eq!(reply.parent_id(), id, "a reply to another request: {reply:?}");
        reply.content
    }

    /// The next published message.
    pub async fn published(&mut self) -> Message {
        receive(&mut self.iopub).await
    }

    /// Everything published up to the idle state of `id`, one line a message; adjacent pieces of a stream are joined.
    /// Only what `id` caused may come.
    pub async fn until_idle(&mut self, id: &str) -> Vec<String> {
        let lines = self.until_idle_among(&[("", id)]).await;
        lines.into_iter().map(|line| line[1..].to_owned()).collect()
    }

    /// Everything published up to the idle state of the last of `requests`; each line begins with its request's label.
    pub async fn until_idle_among(&mut self, requests: &[(&str, &str)]) -> Vec<String> {
        let (_, last) = requests.last().expect("a request");
        let mut lines: Vec<String> = Vec::new();
        loop {
            let message = self.published().await;
            let label = requests.iter().find(|(_, id)| *id == message.parent_id()).map(|(label, _)| *label);
            let label = label.unwrap_or_else(|| panic!("nobody asked for {message:?} after {lines:#?}"));
            let line = format!("{label} {}", message.line());
            let stream = line.split(": ").next().filter(|head| head.ends_with(" stdout") || head.ends_with(" stderr"));
            match (stream, lines.last_mut()) {
                (Some(head), Some(previous)) if previous.starts_with(&format!("{head}: ")) => {
                    previous.push_str(&line[head.len() + 2..]);
                }
                _ => lines.push(line),
            }
            if message.parent_id() == *last && message.line() == "idle" {
                return lines;
            }
        }
    }

    /// Fails when anything is published that was not asserted.
    pub async fn assert_quiet(&mut self) {
        if let Ok(message) = timeout(QUIET, receive(&mut self.iopub)).await {
            panic!("nobody asserted {message:?}");
        }
    }

    /// Ends the kernel, and fails when it published anything that was not asserted.
    pub async fn end(mut self) {
        self.assert_quiet().await;
        let id = self.send_control("shutdown_request", json!({ "restart": false })).await;
        assert_eq!(self.control_reply(&id).await, json!({ "status": "ok", "restart": false }));
        assert_eq!(self.until_idle(&id).await, ["busy", "idle"]);
        assert_eq!(self.published().await.line(), "shutdown restart=false");
        self.join().await;
    }

    /// Waits until the kernel's main function returns.
    pub async fn join(&mut self) {
        let kernel = self.kernel.take().expect("the kernel runs");
        let ended = tokio::task::spawn_blocking(move || kernel.join());
        timeout(PATIENCE, ended).await.expect("in time").expect("joined").expect("no panic").expect("no error");
    }
}

impl Drop for FrontEnd {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.kernel.is_none(), "a test must end its kernel, so that stray messages are found");
        }
    }
}

/// The content of an execute request.
pub fn cell(code: &str) -> Value {
    json!({
        "code": code,
        "silent": false,
        "store_history": true,
        "user_expressions": {},
        "allow_stdin": false,
        "stop_on_error": true,
    })
}

pub fn request(msg_type: &str, content: Value) -> JupyterMessage {
    JupyterMessage::new(
        JupyterMessageContent::UnknownMessage(UnknownMessage { msg_type: msg_type.to_owned(), content }),
        None,
    )
}

pub async fn receive<S: SocketRecv>(connection: &mut Connection<S>) -> Message {
    let multipart = timeout(PATIENCE, connection.socket.recv()).await.expect("a message in time").expect("a message");
    let raw = RawMessage::from_multipart(multipart, &connection.mac).expect("a signed message");
    let part = |index: usize| serde_json::from_slice(&raw.jparts[index]).expect("JSON");
    Message { header: part(0), parent: part(1), metadata: part(2), content: part(3) }
}

/// The frames of a message as an honest client with the kernel's key would send them.
pub async fn signed_frames<S>(like: &Connection<S>, message: JupyterMessage) -> Vec<bytes::Bytes> {
    #[derive(Default)]
    struct Kept(Vec<bytes::Bytes>);
    #[async_trait::async_trait]
    impl SocketSend for Kept {
        async fn send(&mut self, message: zeromq::ZmqMessage) -> zeromq::ZmqResult<()> {
            self.0 = message.into_vec();
            Ok(())
        }
    }
    let (mac, session_id) = (like.mac.clone(), like.session_id.clone());
    let mut connection = Connection { socket: Kept::default(), mac, session_id };
    connection.send(message).await.expect("signed");
    connection.socket.0
}

/// A peer that speaks the wire's handshake by hand, and then does what no library would.
pub async fn raw_peer(port: u16, socket_type: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
    let mut greeting = [0; 64];
    greeting[0] = 0xff;
    greeting[9] = 0x7f;
    greeting[10] = 3;
    greeting[12..16].copy_from_slice(b"NULL");
    stream.write_all(&greeting).await.expect("greeted");
    let length = u8::try_from(socket_type.len()).expect("a short word");
    let ready = [b"\x05READY\x0bSocket-Type\0\0\0", [length].as_slice(), socket_type.as_bytes()].concat();
    stream.write_all(&[4, u8::try_from(ready.len()).expect("short")]).await.expect("ready");
    stream.write_all(&ready).await.expect("ready");
    stream
}

/// Sends frames as they are, for messages that no honest client sends.
pub async fn send_frames<S: SocketSend>(connection: &mut Connection<S>, frames: &[&[u8]]) {
    let frames: Vec<bytes::Bytes> = frames.iter().map(|frame| bytes::Bytes::copy_from_slice(frame)).collect();
    let message = zeromq::ZmqMessage::try_from(frames).expect("frames");
    connection.socket.send(message).await.expect("sent");
}
