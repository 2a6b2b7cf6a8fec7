//! The wire: signatures, malformed messages, strangers, and the transports.

use std::time::Duration;

use jupyter_protocol::connection_info::Transport;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::front_end::{FrontEnd, cell, info, receive, request, send_frames};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_signature_is_dropped_and_the_kernel_lives_on() {
    let mut front_end = FrontEnd::start().await;
    let mut forger = front_end.info.clone();
    forger.key = "a guess".to_owned();
    let mut forged = jupyter_zmq_client::create_client_control_connection(&forger, "forger").await.expect("control");
    forged.send(request("shutdown_request", json!({ "restart": false }))).await.expect("sent");
    let header = br#"{"msg_id":"1","username":"u","session":"s","date":"2026-01-01T00:00:00Z","msg_type":"execute_request","version":"5.3"}"#;
    let content = cell("print never").to_string();
    for signature in ["", "zz", "00ff", &"0".repeat(64)] {
        let frames: [&[u8]; 6] = [b"<IDS|MSG>", signature.as_bytes(), header, b"{}", b"{}", content.as_bytes()];
        send_frames(&mut front_end.shell, &frames).await;
    }
    front_end.assert_quiet().await;
    let id = front_end.send_cell("print on").await;
    assert_eq!(front_end.until_idle(&id).await, ["busy", "input 1", "stdout: on", "idle"]);
    front_end.reply(&id).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_and_unknown_messages_are_survived() {
    let mut front_end = FrontEnd::start().await;
    send_frames(&mut front_end.shell, &[b"no delimiter"]).await;
    send_frames(&mut front_end.shell, &[b"<IDS|MSG>"]).await;
    send_frames(&mut front_end.shell, &[b"<IDS|MSG>", b"", b"{"]).await;
    front_end.assert_quiet().await;
    let unknown = front_end.send("fancy_message", json!({ "a": 1 })).await;
    assert_eq!(front_end.until_idle(&unknown).await, ["busy", "idle"]);
    // Nothing to run in it, but somebody waits for the reply.
    let empty = front_end.send("execute_request", json!({ "silent": false })).await;
    let lines = front_end.until_idle(&empty).await;
    assert!(
        lines[1].starts_with("error MalformedRequest: the content of execute_request is wrong: missing field `code`")
    );
    assert_eq!((lines.len(), &front_end.reply(&empty).await["ename"]), (3, &json!("MalformedRequest")));
    // Only the code is needed.
    let bare = front_end.send("execute_request", json!({ "code": "print on" })).await;
    assert_eq!(front_end.until_idle(&bare).await, ["busy", "input 1", "stdout: on", "idle"]);
    front_end.reply(&bare).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_no_unicode_is_answered() {
    let mut address = super::front_end::free_tcp().await;
    // Without a key nothing is signed, so that a test can send what no library would.
    address.key = String::new();
    let mut front_end = FrontEnd::start_at(address).await;
    for (number, code) in [&b"let \xff\xfe = 1;"[..], b"\\ud800"].iter().enumerate() {
        let id = format!("message-{number}");
        let header = json!({ "msg_id": id, "username": "u", "session": "s", "date": "2026-01-01T00:00:00Z",
            "msg_type": "execute_request", "version": "5.3" });
        let content = [b"{\"code\":\"", *code, b"\"}"].concat();
        send_frames(&mut front_end.shell, &[b"<IDS|MSG>", b"", header.to_string().as_bytes(), b"{}", b"{}", &content])
            .await;
        assert_eq!(front_end.until_idle(&id).await.len(), 3);
        assert_eq!(front_end.reply(&id).await["ename"], "MalformedRequest");
    }
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_on_iopub_harm_nobody() {
    let mut front_end = FrontEnd::start().await;
    let address = ("127.0.0.1", front_end.info.iopub_port);
    let mut browser = tokio::net::TcpStream::connect(address).await.expect("connected");
    browser.write_all(&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(4)).await.expect("sent");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), browser.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the stranger is parted with");
    // A second subscriber hears the same as the first.
    let mut second =
        jupyter_zmq_client::create_client_iopub_connection(&front_end.info, "", "second").await.expect("iopub");
    assert_eq!(receive(&mut second).await.msg_type(), "iopub_welcome");
    let id = front_end.send_cell("print both").await;
    let lines = front_end.until_idle(&id).await;
    for line in &lines {
        assert_eq!(receive(&mut second).await.line(), *line);
    }
    front_end.reply(&id).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_selects_what_is_heard() {
    let mut front_end = FrontEnd::start().await;
    let mut other =
        jupyter_zmq_client::create_client_iopub_connection(&front_end.info, "elsewhere", "other").await.expect("iopub");
    let welcome = receive(&mut other).await;
    assert_eq!(welcome.content, json!({ "subscription": "elsewhere" }));
    let id = front_end.send_cell("print x").await;
    front_end.until_idle(&id).await;
    front_end.reply(&id).await;
    let heard = tokio::time::timeout(Duration::from_millis(100), receive(&mut other)).await;
    assert!(heard.is_err(), "{heard:?}");
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_serve_as_addresses() {
    let directory = tempfile::tempdir().expect("a directory");
    let prefix = directory.path().join("kernel").display().to_string();
    let mut front_end = FrontEnd::start_at(info(Transport::IPC, prefix, &[1, 2, 3, 4, 5])).await;
    let id = front_end.send_cell("print over ipc").await;
    assert_eq!(front_end.until_idle(&id).await, ["busy", "input 1", "stdout: over ipc", "idle"]);
    front_end.reply(&id).await;
    front_end.heartbeat.single_heartbeat().await.expect("a beat");
    front_end.end().await;
    let left: Vec<_> = std::fs::read_dir(directory.path()).expect("readable").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_address_is_named() {
    let address = super::front_end::free_tcp().await;
    let _holder = tokio::net::TcpListener::bind(("127.0.0.1", address.iopub_port)).await.expect("bound");
    let double = std::sync::Arc::new(super::double::Double::default());
    let served = tokio::task::spawn_blocking(move || kernwerk_server::serve(&address, double)).await.expect("no panic");
    let error = served.expect_err("the port is taken").to_string();
    assert!(error.starts_with("the iopub channel cannot listen on tcp://127.0.0.1:"), "{error}");
}
