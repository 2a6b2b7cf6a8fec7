//! What no honest front end does: frames of absurd lengths, copies of messages, nonsense in every place, replies that nobody
//! takes. The kernel goes on for all others.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::timeout;

use super::front_end::{FrontEnd, cell, free_tcp, raw_peer, receive, request, send_frames, signed_frames};

/// Longer than the kernel takes to part with a peer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The kernel runs cells, and beats.
async fn assert_alive(front_end: &mut FrontEnd) {
    front_end.heartbeat.single_heartbeat().await.expect("a beat");
    let id = front_end.send_cell("print alive").await;
    let lines = front_end.until_idle(&id).await;
    assert_eq!(lines[2..], ["stdout: alive", "idle"]);
    front_end.reply(&id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absurd_length_ends_its_sender_and_nobody_else() {
    let mut front_end = FrontEnd::start().await;
    let info = front_end.info.clone();
    let channels = [
        (info.shell_port, "DEALER"),
        (info.control_port, "DEALER"),
        (info.stdin_port, "DEALER"),
        (info.hb_port, "REQ"),
        (info.iopub_port, "SUB"),
    ];
    for (port, kind) in channels {
        for length in [u64::MAX, 1 << 62, 1 << 46, 1 << 33] {
            let mut peer = raw_peer(port, kind).await;
            peer.write_all(&[[2u8].as_slice(), &length.to_be_bytes(), b"and no more"].concat()).await.expect("sent");
            let mut rest = Vec::new();
            let read = timeout(PATIENCE, peer.read_to_end(&mut rest)).await;
            assert!(read.is_ok(), "a peer of port {port} that announces {length} bytes is not parted with");
        }
    }
    assert_alive(&mut front_end).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_message_is_dropped() {
    let mut front_end = FrontEnd::start().await;
    let message = request("execute_request", cell("print once"));
    let id = message.header.msg_id.clone();
    let frames = signed_frames(&front_end.shell, message).await;
    let frames: Vec<&[u8]> = frames.iter().map(AsRef::as_ref).collect();
    send_frames(&mut front_end.shell, &frames).await;
    assert_eq!(front_end.until_idle(&id).await, ["busy", "input 1", "stdout: once", "idle"]);
    front_end.reply(&id).await;
    // Again on the same channel, and on another one.
    send_frames(&mut front_end.shell, &frames).await;
    send_frames(&mut front_end.control, &frames).await;
    front_end.assert_quiet().await;
    assert_alive(&mut front_end).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_content_is_answered_in_words() {
    let mut front_end = FrontEnd::start().await;
    let wrong = [
        ("execute_request", json!({ "code": 5 })),
        ("execute_request", json!({ "code": null })),
        ("execute_request", json!({ "code": ["print never"] })),
        ("execute_request", json!({ "code": "print never", "silent": "no" })),
        ("execute_request", json!({ "code": "print never", "user_expressions": [1] })),
        ("complete_request", json!({ "code": "x", "cursor_pos": "one" })),
        ("complete_request", json!({ "code": "x", "cursor_pos": -1 })),
        ("complete_request", json!({ "cursor_pos": 1 })),
        ("inspect_request", json!({ "code": {}, "cursor_pos": 0 })),
        ("inspect_request", json!({ "code": "x", "cursor_pos": 1e300 })),
        ("is_complete_request", json!({ "code": 1 })),
        ("history_request", json!({ "hist_access_type": "all of it" })),
        ("history_request", json!({ "hist_access_type": "tail", "n": "many" })),
    ];
    for (msg_type, content) in wrong {
        let id = front_end.send(msg_type, content.clone()).await;
        let reply = front_end.reply(&id).await;
        assert_eq!(reply["ename"], "MalformedRequest", "{msg_type} {content}: {reply}");
        let lines = front_end.until_idle(&id).await;
        assert_eq!((lines[0].as_str(), lines.last().map(String::as_str)), ("busy", Some("idle")), "{lines:#?}");
    }
    // Beyond the end is the end.
    let id = front_end.send("complete_request", json!({ "code": "x", "cursor_pos": u64::MAX })).await;
    assert_eq!(front_end.reply(&id).await["cursor_start"], 0);
    front_end.until_idle(&id).await;
    assert_alive(&mut front_end).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_headers_are_dropped_and_incomplete_ones_are_read() {
    let mut address = free_tcp().await;
    address.key = String::new();
    let mut front_end = FrontEnd::start_at(address).await;
    let content = cell("print on").to_string();
    let broken: [&[u8]; 9] = [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b"{}",
        br#"{"msg_id":"1"}"#,
        br#"{"msg_id":1,"msg_type":"execute_request"}"#,
        b"\xff\xfe",
    ];
    for header in broken {
        send_frames(&mut front_end.shell, &[b"<IDS|MSG>", b"", header, b"{}", b"{}", content.as_bytes()]).await;
    }
    let header = br#"{"msg_id":"1","msg_type":"execute_request"}"#;
    for parent in [b"{".as_slice(), b"", b"\xff"] {
        send_frames(&mut front_end.shell, &[b"<IDS|MSG>", b"", header, parent, b"{}", content.as_bytes()]).await;
    }
    front_end.assert_quiet().await;
    // A date without a time zone, no session, no user: still a message.
    let header = br#"{"msg_id":"short","msg_type":"execute_request","date":"2026-01-01T00:00:00","version":5}"#;
    send_frames(&mut front_end.shell, &[b"<IDS|MSG>", b"", header, b"{}", b"{}", content.as_bytes()]).await;
    assert_eq!(front_end.until_idle("short").await, ["busy", "input 1", "stdout: on", "idle"]);
    front_end.reply("short").await;
    for (number, content) in ["[]", "7", "null", "\"print never\"", "[["].iter().enumerate() {
        let id = format!("content-{number}");
        let header = json!({ "msg_id": id, "msg_type": "execute_request" }).to_string();
        send_frames(&mut front_end.shell, &[b"<IDS|MSG>", b"", header.as_bytes(), b"{}", b"{}", content.as_bytes()])
            .await;
        assert_eq!(front_end.until_idle(&id).await.len(), 3);
        assert_eq!(front_end.reply(&id).await["ename"], "MalformedRequest");
    }
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_spoilt_messages_harm_nobody() {
    let mut address = free_tcp().await;
    address.key = String::new();
    let mut front_end = FrontEnd::start_at(address).await;
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let kinds =
        ["kernel_info_request", "complete_request", "history_request", "comm_open", "comm_msg", "comm_info_request"];
    for number in 0..3000 {
        let kind = kinds[dice.below(kinds.len())];
        let header = json!({ "msg_id": format!("spoilt-{number}"), "msg_type": kind, "username": "u", "session": "s",
            "date": "2026-01-01T00:00:00Z", "version": "5.3" });
        let content = json!({ "code": "let x = 1", "cursor_pos": 3, "comm_id": "c", "target_name": "jupyter.widget.control",
            "data": { "method": "request_states" }, "hist_access_type": "tail", "n": 3 });
        let mut frames: Vec<Vec<u8>> = vec![
            b"<IDS|MSG>".to_vec(),
            Vec::new(),
            header.to_string().into_bytes(),
            b"{}".to_vec(),
            b"{}".to_vec(),
            content.to_string().into_bytes(),
        ];
        dice.spoil(&mut frames);
        let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
        send_frames(&mut front_end.shell, &frames).await;
    }
    // Some of them were still right, and were answered: what counts is what comes after them.
    let id = front_end.send_cell("print alive").await;
    while front_end.published().await.line() != "stdout: alive" {}
    while receive(&mut front_end.shell).await.parent_id() != id {}
    assert_eq!(front_end.until_idle(&id).await, ["idle"]);
    front_end.end().await;
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    /// One to four mistakes: a byte changed, cut off or put in, a frame gone, twice there or in another place.
    fn spoil(&mut self, frames: &mut Vec<Vec<u8>>) {
        for _ in 0..=self.below(4) {
            let (frame, other) = (self.below(frames.len()), self.below(frames.len()));
            match self.below(6) {
                0 if frames.len() > 1 => drop(frames.remove(frame)),
                1 => frames.insert(other, frames[frame].clone()),
                2 => frames.swap(frame, other),
                3 => {
                    let length = self.below(frames[frame].len() + 1);
                    frames[frame].truncate(length);
                }
                4 => frames[frame].push(self.below(256) as u8),
                _ if frames[frame].is_empty() => frames[frame].extend(b"[[[["),
                _ => {
                    let at = self.below(frames[frame].len());
                    frames[frame][at] = self.below(256) as u8;
                }
            }
        }
    }
}

/// Sends as an unsigned kernel takes it.
async fn write_request(stream: &mut OwnedWriteHalf, id: &str, content: &str) -> std::io::Result<()> {
    let header = json!({ "msg_id": id, "msg_type": "execute_request" }).to_string();
    let frames = ["<IDS|MSG>", "", &header, "{}", "{}", content];
    for (index, frame) in frames.iter().enumerate() {
        // A long frame, and whether more follow.
        let flags = 2 | u8::from(index + 1 < frames.len());
        let length = (frame.len() as u64).to_be_bytes();
        stream.write_all(&[[flags].as_slice(), &length, frame.as_bytes()].concat()).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_end_that_takes_no_replies_is_parted_with_and_the_others_go_on() {
    let mut address = free_tcp().await;
    address.key = String::new();
    let mut front_end = FrontEnd::start_at(address).await;
    let (_unread, mut asleep) = raw_peer(front_end.info.shell_port, "DEALER").await.into_split();
    let mut sending = tokio::spawn(async move {
        // Each is answered with a mebibyte, of which it takes nothing.
        let expression = "x".repeat(1 << 20);
        let content = json!({ "code": "", "silent": true, "user_expressions": { "big": expression } }).to_string();
        while write_request(&mut asleep, "asleep", &content).await.is_ok() {}
    });
    loop {
        tokio::select! {
            ended = &mut sending => break ended.expect("no panic"),
            message = receive(&mut front_end.iopub) => assert_eq!(message.parent_id(), "asleep"),
        }
    }
    // What it had sent before the kernel hung up is dealt with in its turn.
    let id = front_end.send_cell("print alive").await;
    while front_end.published().await.line() != "stdout: alive" {}
    assert_eq!(front_end.until_idle(&id).await, ["idle"]);
    assert_eq!(front_end.reply(&id).await["status"], "ok");
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_socket_for_input_a_question_fails_at_once() {
    let mut front_end = FrontEnd::start().await;
    // As Zed does it: it says that input is welcome, and opens no socket for it.
    let session = uuid::Uuid::new_v4().to_string();
    let identity = jupyter_zmq_client::peer_identity_for_session(&session).expect("an identity");
    let mut zed = jupyter_zmq_client::create_client_shell_connection_with_identity(&front_end.info, &session, identity)
        .await
        .expect("shell");
    let mut content = cell("input name? ");
    content["allow_stdin"] = json!(true);
    let message = request("execute_request", content);
    let id = message.header.msg_id.clone();
    zed.send(message).await.expect("sent");
    let lines = front_end.until_idle(&id).await;
    assert_eq!(lines[2], "error NoInput: the front end has not connected for input from the user");
    assert_eq!(receive(&mut zed).await.content["status"], "error");
    assert_alive(&mut front_end).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_front_ends_of_one_name_get_their_own_replies() {
    let mut front_end = FrontEnd::start().await;
    let session = uuid::Uuid::new_v4().to_string();
    let identity = jupyter_zmq_client::peer_identity_for_session(&session).expect("an identity");
    let connect = || {
        jupyter_zmq_client::create_client_shell_connection_with_identity(&front_end.info, &session, identity.clone())
    };
    let mut clients = [connect().await.expect("shell"), connect().await.expect("shell")];
    let mut ids = Vec::new();
    for client in [0, 1, 0] {
        let message = request("kernel_info_request", json!({}));
        ids.push(message.header.msg_id.clone());
        clients[client].send(message).await.expect("sent");
    }
    for (client, asked) in [(0, 0), (0, 2), (1, 1)] {
        assert_eq!(receive(&mut clients[client]).await.parent_id(), ids[asked]);
    }
    for _ in 0..6 {
        let message = front_end.published().await;
        assert!(ids.iter().any(|id| id == message.parent_id()), "nobody asked for {message:?}");
    }
    front_end.end().await;
}
