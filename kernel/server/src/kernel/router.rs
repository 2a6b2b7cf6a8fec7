//! Where each request goes: answered at once, to the thread of questions, or to the queue of cells.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::history::HistoryRequest;
use super::info::kernel_info;
use super::sockets::Channel;
use super::{Kernel, Task, lock};
use crate::log::log;

#[derive(Deserialize)]
struct ShutdownRequest {
    #[serde(default)]
    restart: bool,
}

/// Takes a request on. Never waits: it is called from the task that reads the channel.
pub(super) fn route(channel: Channel, task: Task, kernel: &Arc<Kernel>) {
    match task.request.msg_type() {
        // A channel's queue ends only with the kernel.
        "execute_request" if channel == Channel::Shell => drop(lock(&kernel.cells).send(task)),
        "complete_request" | "inspect_request" | "is_complete_request" => drop(lock(&kernel.questions).send(task)),
        "interrupt_request" => interrupt(task, kernel),
        "shutdown_request" => shutdown(&task, kernel),
        _ => answer(channel, &task, kernel),
    }
}

fn answer(channel: Channel, task: &Task, kernel: &Kernel) {
    let header = &task.request.header;
    kernel.iopub.busy(header);
    match task.request.msg_type() {
        "kernel_info_request" => task.reply(kernel_info()),
        "connect_request" => task.reply(kernel.ports.clone()),
        "comm_info_request" => {
            let target = task.request.field("target_name").and_then(Value::as_str);
            task.reply(kernel.comms.info(target));
        }
        "history_request" => history(task, kernel),
        "comm_open" => kernel.comms.opened(&task.request),
        "comm_msg" => kernel.comms.said(&task.request),
        "comm_close" => kernel.comms.closed(&task.request),
        other => refuse(other, channel, task),
    }
    kernel.iopub.idle(header);
}

fn history(task: &Task, kernel: &Kernel) {
    match task.request.parse::<HistoryRequest>() {
        Ok(request) => task.reply(lock(&kernel.history).reply(&request)),
        Err(reason) => task.reply(malformed(&reason)),
    }
}

/// Somebody waits for the reply to a request, also to one that this kernel does not know.
fn refuse(msg_type: &str, channel: Channel, task: &Task) {
    log(format!("kernwerk: a message of type {msg_type} on the {} channel was refused", channel.name()));
    let Some(asked) = msg_type.strip_suffix("_request") else { return };
    let (name, reason) = match asked {
        "create_subshell" | "delete_subshell" | "list_subshell" => {
            ("NoSubshells", "this kernel has no subshells: its cells run one after the other".to_owned())
        }
        "debug" => ("NoDebugger", "this kernel has no debugger".to_owned()),
        "execute" => ("WrongChannel", "cells are run on the shell channel".to_owned()),
        _ => ("UnknownRequest", format!("this kernel does not know a {msg_type}")),
    };
    task.reply(json!({ "status": "error", "ename": name, "evalue": reason, "traceback": [reason] }));
}

fn interrupt(task: Task, kernel: &Arc<Kernel>) {
    let kernel = kernel.clone();
    // Stopping may take a while, and this channel must go on answering.
    tokio::task::spawn_blocking(move || {
        kernel.iopub.busy(&task.request.header);
        kernel.interrupt();
        task.reply(json!({ "status": "ok" }));
        kernel.iopub.idle(&task.request.header);
    });
}

fn shutdown(task: &Task, kernel: &Kernel) {
    let restart = task.request.parse::<ShutdownRequest>().is_ok_and(|request| request.restart);
    kernel.iopub.busy(&task.request.header);
    task.reply(json!({ "status": "ok", "restart": restart }));
    kernel.iopub.idle(&task.request.header);
    kernel.begin_end(restart);
}

/// The reply to a request whose content cannot be read.
pub(super) fn malformed(reason: &str) -> Value {
    json!({ "status": "error", "ename": "MalformedRequest", "evalue": reason, "traceback": [reason] })
}
