//! What is answered whatever a cell does: information, completion, heartbeat, restart.

use std::time::{Duration, Instant};

use serde_json::json;

use super::front_end::FrontEnd;

#[tokio::test(flavor = "multi_thread")]
async fn the_kernel_says_what_it_is() {
    let mut front_end = FrontEnd::start().await;
    let id = front_end.send("kernel_info_request", json!({})).await;
    let info = front_end.reply(&id).await;
    assert_eq!(info["status"], "ok");
    assert_eq!(info["implementation"], "kernwerk");
    let language = &info["language_info"];
    for (name, value) in
        [("name", "rust"), ("file_extension", ".rs"), ("mimetype", "text/rust"), ("pygments_lexer", "rust")]
    {
        assert_eq!(language[name], value);
    }
    assert_eq!(language["codemirror_mode"], json!({ "name": "kernwerk", "mime": "text/x-rustsrc" }));
    assert_eq!(front_end.until_idle(&id).await, ["busy", "idle"]);
    let id = front_end.send_control("kernel_info_request", json!({})).await;
    assert_eq!(front_end.control_reply(&id).await["protocol_version"], "5.5");
    assert_eq!(front_end.until_idle(&id).await, ["busy", "idle"]);
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_cell_keeps_nobody_waiting() {
    let mut front_end = FrontEnd::start().await;
    let a = front_end.send_cell("sleep 1500").await;
    for wanted in ["busy", "input 1"] {
        assert_eq!(front_end.published().await.line(), wanted);
    }
    let began = Instant::now();
    front_end.heartbeat.single_heartbeat().await.expect("a beat");
    let info = front_end.send_control("kernel_info_request", json!({})).await;
    front_end.control_reply(&info).await;
    // Front ends show the last state they heard of, so they are told again that the cell runs.
    let mut lines = front_end.until_idle_among(&[("a", &a), ("k", &info)]).await;
    let complete = front_end.send("complete_request", json!({ "code": "let x = 😀.ab", "cursor_pos": 12 })).await;
    let reply = front_end.reply(&complete).await;
    assert_eq!((&reply["cursor_start"], &reply["cursor_end"]), (&json!(8), &json!(12)));
    let described = json!([{ "text": "match", "type": "keyword", "signature": "", "start": 8, "end": 12 }]);
    assert_eq!(reply["metadata"]["_jupyter_types_experimental"], described);
    assert!(began.elapsed() < Duration::from_millis(1000), "{:?}", began.elapsed());
    lines.extend(front_end.until_idle_among(&[("c", &complete), ("a", &a)]).await);
    assert_eq!(lines, ["k busy", "k idle", "a busy", "c busy", "c idle", "a busy", "a idle"]);
    front_end.reply(&a).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_about_code_are_answered() {
    let mut front_end = FrontEnd::start().await;
    for (code, wanted) in [
        ("1", json!({ "status": "complete" })),
        ("{", json!({ "status": "incomplete", "indent": "    " })),
        ("}", json!({ "status": "invalid" })),
    ] {
        let id = front_end.send("is_complete_request", json!({ "code": code })).await;
        assert_eq!(front_end.reply(&id).await, wanted);
        assert_eq!(front_end.until_idle(&id).await, ["busy", "idle"]);
    }
    for (code, found) in [("map", true), ("", false)] {
        let id = front_end.send("inspect_request", json!({ "code": code, "cursor_pos": 1, "detail_level": 0 })).await;
        let reply = front_end.reply(&id).await;
        assert_eq!(reply["found"], found);
        assert_eq!(reply["data"]["text/plain"].is_string(), found);
        assert_eq!(front_end.until_idle(&id).await, ["busy", "idle"]);
    }
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_kernel_does_not_do_is_refused_in_words() {
    let mut front_end = FrontEnd::start().await;
    for (msg_type, name) in [
        ("create_subshell_request", "NoSubshells"),
        ("list_subshell_request", "NoSubshells"),
        ("debug_request", "NoDebugger"),
        ("execute_request", "WrongChannel"),
        ("fancy_request", "UnknownRequest"),
    ] {
        let id = front_end.send_control(msg_type, json!({ "code": "print never" })).await;
        let reply = front_end.control_reply(&id).await;
        assert_eq!((&reply["status"], &reply["ename"]), (&json!("error"), &json!(name)), "{msg_type}");
        assert_eq!(front_end.until_idle(&id).await, ["busy", "idle"]);
    }
    let id = front_end.send("connect_request", json!({})).await;
    assert_eq!(front_end.reply(&id).await["shell_port"], front_end.info.shell_port);
    assert_eq!(front_end.until_idle(&id).await, ["busy", "idle"]);
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_announced_and_stops_the_running_cell() {
    let mut front_end = FrontEnd::start().await;
    let a = front_end.send_cell("sleep 20000").await;
    for wanted in ["busy", "input 1"] {
        assert_eq!(front_end.published().await.line(), wanted);
    }
    let began = Instant::now();
    let id = front_end.send_control("shutdown_request", json!({ "restart": true })).await;
    assert_eq!(front_end.control_reply(&id).await, json!({ "status": "ok", "restart": true }));
    let mut lines = front_end.until_idle_among(&[("s", &id), ("a", &a)]).await;
    lines.retain(|line| line != "a busy");
    assert_eq!(lines, ["s busy", "s idle", "a error Interrupted: interrupted", "a idle"]);
    assert_eq!(front_end.published().await.line(), "shutdown restart=true");
    front_end.join().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let mut calls = front_end.engine.calls.lock().expect("calls").clone();
    calls.dedup();
    assert_eq!(calls, ["interrupt", "shutdown"]);
}
