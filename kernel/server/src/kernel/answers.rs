//! Completion, inspection and is_complete: answered on a thread of their own, also while a cell runs.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use serde::Deserialize;
use serde_json::{Value, json};

use super::router::malformed;
use super::{Kernel, Task, cursor, guarded};
use crate::Error;
use crate::engine::{Candidate, Completeness};

#[derive(Deserialize)]
struct CodeAtCursor {
    code: String,
    cursor_pos: Option<usize>,
    #[serde(default)]
    detail_level: u32,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

/// Starts the thread; it ends with the queue.
pub(super) fn start(kernel: Arc<Kernel>, queue: Receiver<Task>) -> Result<(), Error> {
    let run = move || {
        while let Ok(task) = queue.recv() {
            kernel.iopub.busy(&task.request.header);
            let content = answer(&task, &kernel).unwrap_or_else(|reason| malformed(&reason));
            task.reply(content);
            kernel.iopub.idle(&task.request.header);
        }
    };
    let thread = std::thread::Builder::new().name("kernwerk-answers".to_owned()).spawn(run);
    thread.map(drop).map_err(|error: io::Error| Error::Start(error))
}

fn answer(task: &Task, kernel: &Kernel) -> Result<Value, String> {
    match task.request.msg_type() {
        "complete_request" => task.request.parse().map(|request| complete(&request, kernel)),
        "inspect_request" => task.request.parse().map(|request| inspect(&request, kernel)),
        _ => task.request.parse().map(|request| is_complete(&request, kernel)),
    }
}

fn complete(request: &CodeAtCursor, kernel: &Kernel) -> Value {
    let at = request.cursor();
    let found = guarded(Default::default(), || kernel.engine.complete(&request.code, at));
    let start = cursor::to_characters(&request.code, found.start);
    let end = cursor::to_characters(&request.code, found.end);
    let described = |candidate: &Candidate| {
        json!({
            "text": candidate.text,
            "type": candidate.kind,
            "signature": candidate.signature.as_deref().unwrap_or_default(),
            "start": start,
            "end": end,
        })
    };
    json!({
        "status": "ok",
        "matches": found.matches.iter().map(|candidate| candidate.text.as_str()).collect::<Vec<_>>(),
        "cursor_start": start,
        "cursor_end": end,
        // JupyterLab's completer shows the kinds; it asks for them by this name.
        "metadata": { "_jupyter_types_experimental": found.matches.iter().map(described).collect::<Vec<_>>() },
    })
}

fn inspect(request: &CodeAtCursor, kernel: &Kernel) -> Value {
    let found = guarded(None, || kernel.engine.inspect(&request.code, request.cursor(), request.detail_level));
    let data = found.as_ref().map_or_else(|| json!({}), |bundle| bundle.to_json());
    json!({ "status": "ok", "found": found.is_some(), "data": data, "metadata": {} })
}

fn is_complete(request: &Code, kernel: &Kernel) -> Value {
    match guarded(Completeness::Complete, || kernel.engine.is_complete(&request.code)) {
        Completeness::Complete => json!({ "status": "complete" }),
        Completeness::Incomplete { indent } => json!({ "status": "incomplete", "indent": indent }),
        Completeness::Invalid => json!({ "status": "invalid" }),
    }
}

impl CodeAtCursor {
    /// The cursor as a byte offset; at the end where the front end does not say.
    fn cursor(&self) -> usize {
        self.cursor_pos.map_or(self.code.len(), |position| cursor::to_bytes(&self.code, position))
    }
}
