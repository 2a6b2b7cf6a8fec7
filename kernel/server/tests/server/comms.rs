//! Comms: widgets of cells in front ends with and without ipywidgets.

use serde_json::{Value, json};

use super::front_end::{FrontEnd, Message};

/// Everything published up to the idle state of `id`.
async fn until_idle(front_end: &mut FrontEnd, id: &str) -> Vec<Message> {
    let mut messages = Vec::new();
    loop {
        let message = front_end.published().await;
        assert_eq!(message.parent_id(), id, "nobody asked for {message:?}");
        let is_last = message.line() == "idle";
        messages.push(message);
        if is_last {
            return messages;
        }
    }
}

fn lines(messages: &[Message]) -> Vec<String> {
    messages.iter().map(Message::line).collect()
}

async fn run(front_end: &mut FrontEnd, code: &str) -> Vec<Message> {
    let id = front_end.send_cell(code).await;
    let messages = until_idle(front_end, &id).await;
    front_end.reply(&id).await;
    messages
}

/// What a front end says on a comm, and what is published about it.
async fn say(front_end: &mut FrontEnd, comm: &str, data: Value) -> Vec<String> {
    let id = front_end.send("comm_msg", json!({ "comm_id": comm, "data": data })).await;
    lines(&until_idle(front_end, &id).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_widget_is_opened_shown_and_changed() {
    let mut front_end = FrontEnd::start().await;
    let messages =
        run(&mut front_end, "print above\nwidget bar progress 1\nwidget bar progress 4\nwidget bar progress 7").await;
    let wanted = [
        "busy",
        "input 1",
        "stdout: above",
        "comm_open jupyter.widget",
        "comm_open jupyter.widget",
        "comm_open jupyter.widget",
        "display_data: 1 of 10",
        r#"comm_msg "update" {"value":7.0,"max":10}"#,
        "update_display_data: 7 of 10",
        "idle",
    ];
    assert_eq!(lines(&messages), wanted);
    let [layout, style, bar] = [3, 4, 5].map(|index| &messages[index]);
    for opened in [layout, style, bar] {
        assert_eq!(opened.metadata, json!({ "version": "2.1.0" }));
        assert_eq!(opened.content["data"]["buffer_paths"], json!([]));
    }
    let state = &bar.content["data"]["state"];
    assert_eq!((&bar.content["comm_id"], &state["_model_name"]), (&json!("bar"), &json!("FloatProgressModel")));
    assert_eq!(state["layout"], format!("IPY_MODEL_{}", layout.content["comm_id"].as_str().expect("an id")));
    assert_eq!(state["style"], format!("IPY_MODEL_{}", style.content["comm_id"].as_str().expect("an id")));
    assert_eq!((&state["value"], &state["max"]), (&json!(1.0), &json!(10)));
    let view = json!({ "version_major": 2, "version_minor": 0, "model_id": "bar" });
    for index in [6, 8] {
        assert_eq!(messages[index].content["data"]["application/vnd.jupyter.widget-view+json"], view);
        assert_eq!(messages[index].content["transient"], json!({ "display_id": "bar" }));
    }
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_finds_the_widgets_as_they_are() {
    let mut front_end = FrontEnd::start().await;
    run(&mut front_end, "widget bar progress 1\nwidget bar progress 9\nwidget field text Hamburg").await;
    let open = json!({ "comm_id": "page", "target_name": "jupyter.widget.control", "data": {} });
    let id = front_end.send("comm_open", open).await;
    assert_eq!(front_end.until_idle(&id).await, ["busy", "idle"]);
    let id = front_end.send("comm_msg", json!({ "comm_id": "page", "data": { "method": "request_states" } })).await;
    let messages = until_idle(&mut front_end, &id).await;
    let data = &messages[1].content["data"];
    assert_eq!((&messages[1].content["comm_id"], &data["method"]), (&json!("page"), &json!("update_states")));
    let names: Vec<&String> = data["states"].as_object().expect("states").keys().collect();
    assert_eq!(names, ["bar", "bar-layout", "bar-style", "field", "field-layout", "field-style"]);
    let bar = &data["states"]["bar"];
    let said = (&bar["model_name"], &bar["model_module"], &bar["model_module_version"], &bar["state"]["value"]);
    assert_eq!(said, (&json!("FloatProgressModel"), &json!("@jupyter-widgets/controls"), &json!("2.0.0"), &json!(9.0)));
    // What the cell said of the model itself is not taken.
    assert_eq!(data["states"]["field"]["model_name"], "TextModel");
    // The other way, for older front ends.
    let id = front_end.send("comm_info_request", json!({ "target_name": "jupyter.widget" })).await;
    let comms = front_end.reply(&id).await["comms"].clone();
    assert_eq!(comms.as_object().expect("comms").len(), 6);
    assert_eq!(comms["bar"], json!({ "target_name": "jupyter.widget" }));
    front_end.until_idle(&id).await;
    let said = say(&mut front_end, "bar", json!({ "method": "request_state" })).await;
    assert!(said[1].starts_with("comm_msg \"update\"") && said[1].contains("\"value\":9.0"), "{said:?}");
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_reads_what_the_user_typed() {
    let mut front_end = FrontEnd::start().await;
    run(&mut front_end, "widget field text Hamburg").await;
    let changes = json!({ "value": "Kiel", "_model_name": "EvilModel", "_view_module": "elsewhere" });
    let said = say(&mut front_end, "field", json!({ "method": "update", "state": changes, "buffer_paths": [] })).await;
    assert_eq!(said, ["busy", r#"comm_msg "echo_update" {"value":"Kiel"}"#, "idle"]);
    let messages = run(&mut front_end, "value field").await;
    assert_eq!(lines(&messages)[2], "stdout: Kiel");
    // A change that the cell made a moment ago is not older than what it reads.
    let messages = run(&mut front_end, "widget field text Bremen\nvalue field").await;
    assert!(lines(&messages).contains(&"stdout: Bremen".to_owned()));
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fallback_follows_only_where_nobody_draws_the_widget() {
    let mut front_end = FrontEnd::start().await;
    let step = |value: u32| format!("widget bar progress {value}\nsleep 300\n");
    let updates = |messages: &[Message]| -> Vec<String> {
        lines(messages).into_iter().filter(|line| line.starts_with("update_display_data")).collect()
    };
    let messages = run(&mut front_end, &(1..=3).map(step).collect::<String>()).await;
    assert_eq!(updates(&messages), ["update_display_data: 2 of 10", "update_display_data: 3 of 10"]);
    // A front end draws it: from now on only the end of a cell is told, for the file.
    say(&mut front_end, "bar", json!({ "method": "update", "state": { "_view_count": 1 } })).await;
    let messages = run(&mut front_end, &(4..=6).map(step).collect::<String>()).await;
    assert_eq!(updates(&messages), ["update_display_data: 6 of 10"]);
    let changes = lines(&messages).iter().filter(|line| line.starts_with("comm_msg")).count();
    assert_eq!(changes, 3, "{:#?}", lines(&messages));
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_end_without_widgets_is_told_no_more_on_their_comms() {
    let mut front_end = FrontEnd::start().await;
    run(&mut front_end, "widget bar progress 1").await;
    for comm in ["bar-layout", "bar-style", "bar"] {
        let id = front_end.send("comm_close", json!({ "comm_id": comm, "data": {} })).await;
        assert_eq!(front_end.until_idle(&id).await, ["busy", "idle"]);
    }
    let messages = run(&mut front_end, "widget bar progress 2").await;
    assert_eq!(lines(&messages), ["busy", "input 2", "update_display_data: 2 of 10", "idle"]);
    let id = front_end.send("comm_info_request", json!({})).await;
    assert_eq!(front_end.reply(&id).await, json!({ "status": "ok", "comms": {} }));
    front_end.until_idle(&id).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_is_closed_or_ignored() {
    let mut front_end = FrontEnd::start().await;
    let id = front_end.send("comm_open", json!({ "comm_id": "c1", "target_name": "widget", "data": {} })).await;
    assert_eq!(front_end.until_idle(&id).await, ["busy", "comm_close c1", "idle"]);
    run(&mut front_end, "widget bar progress 1").await;
    for data in [
        json!(null),
        json!({}),
        json!({ "method": 7 }),
        json!({ "method": "update" }),
        json!({ "method": "update", "state": [1] }),
        json!({ "method": "update", "state": { "unheard_of": 1 } }),
        json!({ "method": "custom", "content": {} }),
    ] {
        assert_eq!(say(&mut front_end, "bar", data).await, ["busy", "idle"]);
    }
    assert_eq!(say(&mut front_end, "nobody", json!({ "method": "request_state" })).await, ["busy", "idle"]);
    for content in [json!({}), json!({ "comm_id": 7 }), json!({ "comm_id": null, "data": [] })] {
        for msg_type in ["comm_open", "comm_msg", "comm_close"] {
            let id = front_end.send(msg_type, content.clone()).await;
            assert_eq!(front_end.until_idle(&id).await, ["busy", "idle"]);
        }
    }
    // A silent cell opens nothing.
    let mut content = super::front_end::cell("widget other progress 1");
    content["silent"] = json!(true);
    let id = front_end.send("execute_request", content).await;
    assert_eq!(front_end.until_idle(&id).await, ["busy", "idle"]);
    front_end.reply(&id).await;
    front_end.end().await;
}
