//! Cells: their outputs in order, their replies, the abort of the queue, and what the protocol lets a front end ask for.

use std::time::{Duration, Instant};

use serde_json::json;

use super::front_end::{FrontEnd, cell, receive};

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_shows_what_it_does_in_order() {
    let mut front_end = FrontEnd::start().await;
    let id = front_end.send_cell("print one \nprint two\neprint warn\ndisplay chart\nprint three\nresult 42").await;
    assert_eq!(
        front_end.until_idle(&id).await,
        [
            "busy",
            "input 1",
            "stdout: one two",
            "stderr: warn",
            "display_data: chart",
            "stdout: three",
            "result 1: 42",
            "idle"
        ]
    );
    let reply = front_end.reply(&id).await;
    assert_eq!(reply, json!({ "status": "ok", "execution_count": 1, "payload": [], "user_expressions": {} }));
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_cell_aborts_what_was_queued_behind_it() {
    let mut front_end = FrontEnd::start().await;
    let a = front_end.send_cell("print before\nfail it broke\nprint never").await;
    let b = front_end.send_cell("print never").await;
    let c = front_end.send_cell("print never").await;
    assert_eq!(
        front_end.until_idle_among(&[("a", &a), ("b", &b), ("c", &c)]).await,
        [
            "a busy",
            "a input 1",
            "a stdout: before",
            "a error Wrong: it broke",
            "a idle",
            "b busy",
            "b idle",
            "c busy",
            "c idle"
        ]
    );
    let reply = front_end.reply(&a).await;
    assert_eq!(
        (&reply["status"], &reply["ename"], &reply["evalue"]),
        (&json!("error"), &json!("Wrong"), &json!("it broke"))
    );
    let traceback = reply["traceback"].as_array().expect("lines");
    assert!(traceback[1].as_str().is_some_and(|line| line.contains("hint") && line.ends_with("do it right")));
    for aborted in [&b, &c] {
        assert_eq!(front_end.reply(aborted).await["status"], "aborted");
    }
    // The queue is open again.
    let d = front_end.send_cell("print on").await;
    assert_eq!(front_end.until_idle(&d).await, ["busy", "input 2", "stdout: on", "idle"]);
    assert_eq!(front_end.reply(&d).await["execution_count"], 2);
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_sent_before_the_failure_was_known_is_aborted() {
    let mut front_end = FrontEnd::start().await;
    let a = front_end.send_cell("fail it broke").await;
    for wanted in ["busy", "input 1", "error Wrong: it broke"] {
        assert_eq!(front_end.published().await.line(), wanted);
    }
    // The reply is not there yet.
    let b = front_end.send_cell("print never").await;
    assert_eq!(front_end.until_idle_among(&[("a", &a), ("b", &b)]).await, ["a idle", "b busy", "b idle"]);
    assert_eq!(front_end.reply(&a).await["status"], "error");
    assert_eq!(front_end.reply(&b).await["status"], "aborted");
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_stop_on_error_the_queue_goes_on() {
    let mut front_end = FrontEnd::start().await;
    let mut content = cell("fail it broke");
    content["stop_on_error"] = json!(false);
    let a = front_end.send("execute_request", content).await;
    let b = front_end.send_cell("print on").await;
    let lines = front_end.until_idle_among(&[("a", &a), ("b", &b)]).await;
    assert_eq!(lines[2..], ["a error Wrong: it broke", "a idle", "b busy", "b input 2", "b stdout: on", "b idle"]);
    assert_eq!(front_end.reply(&a).await["status"], "error");
    assert_eq!(front_end.reply(&b).await["status"], "ok");
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_cell_publishes_states_alone_and_does_not_count() {
    let mut front_end = FrontEnd::start().await;
    let mut content = cell("print x\ndisplay y\nresult z");
    content["silent"] = json!(true);
    let silent = front_end.send("execute_request", content).await;
    assert_eq!(front_end.until_idle(&silent).await, ["busy", "idle"]);
    assert_eq!(front_end.reply(&silent).await["status"], "ok");
    let mut content = cell("print kept out");
    content["store_history"] = json!(false);
    let unstored = front_end.send("execute_request", content).await;
    assert_eq!(front_end.until_idle(&unstored).await, ["busy", "input 1", "stdout: kept out", "idle"]);
    front_end.reply(&unstored).await;
    let counted = front_end.send_cell("result 1").await;
    assert_eq!(front_end.until_idle(&counted).await, ["busy", "input 1", "result 1: 1", "idle"]);
    assert_eq!(front_end.reply(&counted).await["execution_count"], 1);
    let history = front_end
        .send("history_request", json!({ "hist_access_type": "tail", "n": 5, "output": true, "raw": true }))
        .await;
    assert_eq!(front_end.reply(&history).await["history"], json!([[1, 1, ["result 1", "1"]]]));
    assert_eq!(front_end.until_idle(&history).await, ["busy", "idle"]);
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn user_expressions_are_answered_one_by_one() {
    let mut front_end = FrontEnd::start().await;
    let mut content = cell("print x");
    content["user_expressions"] = json!({ "good": "abc", "bad": "wrong" });
    let id = front_end.send("execute_request", content).await;
    front_end.until_idle(&id).await;
    let values = front_end.reply(&id).await["user_expressions"].clone();
    assert_eq!(values["good"], json!({ "status": "ok", "data": { "text/plain": "ABC" }, "metadata": {} }));
    assert_eq!((&values["bad"]["status"], &values["bad"]["ename"]), (&json!("error"), &json!("Wrong")));
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_stops_the_cell_and_nothing_else() {
    let mut front_end = FrontEnd::start().await;
    let a = front_end.send_cell("print on\nsleep 20000").await;
    let b = front_end.send_cell("print never").await;
    for wanted in ["busy", "input 1", "stdout: on"] {
        assert_eq!(front_end.published().await.line(), wanted);
    }
    let interrupt = front_end.send_control("interrupt_request", json!({})).await;
    assert_eq!(front_end.control_reply(&interrupt).await, json!({ "status": "ok" }));
    let mut lines = front_end.until_idle_among(&[("i", &interrupt), ("a", &a), ("b", &b)]).await;
    // The two threads may overtake each other, but what belongs to one request keeps its order.
    lines.retain(|line| line != "a busy");
    lines.sort_by_key(|line| line.starts_with('i'));
    let wanted = ["a error Interrupted: interrupted", "a idle", "b busy", "b idle", "i busy", "i idle"];
    assert_eq!(lines, wanted);
    assert_eq!(front_end.reply(&a).await["ename"], "Interrupted");
    assert_eq!(front_end.reply(&b).await["status"], "aborted");
    assert_eq!(*front_end.engine.calls.lock().expect("calls"), ["interrupt"]);
    // An interrupt while nothing runs must not hit the next cell.
    let idle = front_end.send_control("interrupt_request", json!({})).await;
    front_end.control_reply(&idle).await;
    assert_eq!(front_end.until_idle(&idle).await, ["busy", "idle"]);
    assert_eq!(front_end.engine.calls.lock().expect("calls").len(), 1);
    let c = front_end.send_cell("sleep 30\nprint on").await;
    assert_eq!(front_end.until_idle(&c).await, ["busy", "input 2", "stdout: on", "idle"]);
    front_end.reply(&c).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_goes_to_who_asked_and_its_answer_comes_back() {
    let mut front_end = FrontEnd::start().await;
    let mut content = cell("print so:\ninput name? \nprint .");
    content["allow_stdin"] = json!(true);
    let id = front_end.send("execute_request", content).await;
    let prompt = receive(&mut front_end.stdin).await;
    assert_eq!((prompt.msg_type(), prompt.parent_id()), ("input_request", id.as_str()));
    assert_eq!(prompt.content, json!({ "prompt": "name? ", "password": false }));
    // Heartbeats are answered during the prompt.
    front_end.heartbeat.single_heartbeat().await.expect("a beat");
    let answer = super::front_end::request("input_reply", json!({ "status": "ok", "value": "Ada" }));
    front_end.stdin.send(answer).await.expect("sent");
    assert_eq!(front_end.until_idle(&id).await, ["busy", "input 1", "stdout: so:[Ada].", "idle"]);
    front_end.reply(&id).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_never_waits_where_nobody_can_answer() {
    let mut front_end = FrontEnd::start().await;
    let id = front_end.send_cell("input name?").await;
    let lines = front_end.until_idle(&id).await;
    assert_eq!(lines[2], "error NoInput: the front end takes no input from the user");
    front_end.reply(&id).await;
    // An interrupt ends a prompt that nobody answers.
    let mut content = cell("input name?");
    content["allow_stdin"] = json!(true);
    let id = front_end.send("execute_request", content).await;
    receive(&mut front_end.stdin).await;
    let interrupt = front_end.send_control("interrupt_request", json!({})).await;
    front_end.control_reply(&interrupt).await;
    let lines = front_end.until_idle_among(&[("i", &interrupt), ("a", &id)]).await;
    assert!(lines.contains(&"a error Interrupted: interrupted".to_owned()), "{lines:#?}");
    front_end.reply(&id).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_the_engine_is_an_error_of_the_cell() {
    let mut front_end = FrontEnd::start().await;
    let id = front_end.send_cell("print x\npanic").await;
    let lines = front_end.until_idle(&id).await;
    assert_eq!(lines[2], "stdout: x");
    assert!(lines[3].starts_with("error InternalError: "), "{lines:#?}");
    front_end.reply(&id).await;
    let next = front_end.send_cell("print on").await;
    assert_eq!(front_end.until_idle(&next).await, ["busy", "input 2", "stdout: on", "idle"]);
    front_end.reply(&next).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_quick_cells_lose_nothing() {
    let mut front_end = FrontEnd::start().await;
    let began = Instant::now();
    let mut ids = Vec::new();
    for number in 1..=1000 {
        ids.push(front_end.send_cell(&format!("print {number}\nresult {number}")).await);
    }
    for (index, id) in ids.iter().enumerate() {
        let number = index + 1;
        let wanted = [
            "busy".to_owned(),
            format!("input {number}"),
            format!("stdout: {number}"),
            format!("result {number}: {number}"),
            "idle".to_owned(),
        ];
        assert_eq!(front_end.until_idle(id).await, wanted);
        assert_eq!(front_end.reply(id).await["execution_count"], number);
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    front_end.end().await;
}
