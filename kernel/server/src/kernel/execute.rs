//! The thread on which cells run, one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use kernwerk_core::{Cancel, Problem};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::outputs::{CellKind, CellOutputs};
use super::router::malformed;
use super::{Kernel, Task, guarded, lock};
use crate::Error;
use crate::engine::{Cell, Failure};

/// How often a running cell's outputs are looked after.
const TICK: Duration = Duration::from_millis(10);
/// After a failed cell the kernel waits so long before it says so: what a front end had sent before it could know is then in
/// the queue, and is aborted.
const IN_FLIGHT: Duration = Duration::from_millis(50);

#[derive(Deserialize)]
struct ExecuteRequest {
    code: String,
    #[serde(default)]
    silent: bool,
    #[serde(default = "yes")]
    store_history: bool,
    #[serde(default)]
    user_expressions: Option<BTreeMap<String, String>>,
    #[serde(default = "yes")]
    allow_stdin: bool,
    #[serde(default = "yes")]
    stop_on_error: bool,
}

fn yes() -> bool {
    true
}

/// Starts the thread. It ends with the queue, or with the kernel; then the receiver hears of it.
pub(super) fn start(kernel: Arc<Kernel>, queue: Receiver<Task>) -> Result<oneshot::Receiver<()>, Error> {
    let (done, ended) = oneshot::channel();
    let run = move || {
        while let Ok(task) = queue.recv() {
            if kernel.over.load(Ordering::SeqCst) {
                break;
            }
            execute(&kernel, &task, &queue);
        }
        // Nobody may be waiting.
        let _ = done.send(());
    };
    std::thread::Builder::new().name("kernwerk-cells".to_owned()).spawn(run).map_err(Error::Start)?;
    Ok(ended)
}

fn execute(kernel: &Kernel, task: &Task, queue: &Receiver<Task>) {
    let header = &task.request.header;
    kernel.iopub.cell_begins(header);
    let failed = match task.request.parse::<ExecuteRequest>() {
        Ok(request) => run_and_reply(kernel, task, &request, queue),
        Err(reason) => {
            let failure = Problem::new("MalformedRequest", reason.clone()).into();
            kernel.iopub.publish(header, "error", error_content(&failure));
            task.reply(malformed(&reason));
            Vec::new()
        }
    };
    kernel.iopub.cell_ends(header);
    for aborted in failed {
        abort(kernel, &aborted);
    }
}

/// Runs the cell and replies; returns the requests to abort.
fn run_and_reply(kernel: &Kernel, task: &Task, request: &ExecuteRequest, queue: &Receiver<Task>) -> Vec<Task> {
    let stored = request.store_history && !request.silent;
    let execution_count = kernel.execution_count.load(Ordering::SeqCst).max(kernel.engine.counted()) + 1;
    if stored {
        kernel.execution_count.store(execution_count, Ordering::SeqCst);
        lock(&kernel.history).begin(execution_count, &request.code);
    }
    if !request.silent {
        let input = json!({ "code": request.code, "execution_count": execution_count });
        kernel.iopub.publish(&task.request.header, "execute_input", input);
    }
    let kind = CellKind { execution_count, silent: request.silent, allow_stdin: request.allow_stdin };
    let (result, shown) = run(kernel, task, &request.code, kind);
    if let Some(text) = shown
        && stored
    {
        lock(&kernel.history).set_output(&text);
    }
    let failure = match result {
        Ok(()) => {
            let values = user_expressions(kernel, request);
            task.reply(json!({
                "status": "ok",
                "execution_count": execution_count,
                "payload": [],
                "user_expressions": values,
            }));
            return Vec::new();
        }
        Err(failure) => failure,
    };
    if !request.silent {
        kernel.iopub.publish(&task.request.header, "error", error_content(&failure));
    }
    let aborted = if request.stop_on_error { take_queued(queue) } else { Vec::new() };
    let mut content = error_content(&failure);
    content["status"] = json!("error");
    content["execution_count"] = json!(execution_count);
    content["payload"] = json!([]);
    content["user_expressions"] = json!({});
    task.reply(content);
    aborted
}

/// Runs the cell while its outputs are looked after; returns also the text of its result.
fn run(kernel: &Kernel, task: &Task, code: &str, kind: CellKind) -> (Result<(), Failure>, Option<String>) {
    let cancel = Cancel::new();
    let outputs = Arc::new(CellOutputs::new(kernel, task.request.clone(), kind, cancel.clone()));
    let cell = Cell { code, execution_count: kind.execution_count, id: task.request.cell_id.as_deref() };
    *lock(&kernel.running) = Some(cancel.clone());
    let result =
        while_ticking(&outputs, || guarded(Err(broken()), || kernel.engine.run(cell, outputs.clone(), &cancel)));
    *lock(&kernel.running) = None;
    outputs.finish();
    (result, outputs.result())
}

/// Runs `work` while a thread publishes what the outputs hold back.
fn while_ticking(outputs: &CellOutputs, work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let (stop, stopped) = channel::<()>();
    let tick = move || {
        while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            outputs.tick();
        }
    };
    std::thread::scope(|scope| {
        let ticking = std::thread::Builder::new().name("kernwerk-outputs".to_owned()).spawn_scoped(scope, tick);
        let result = match ticking {
            Ok(_) => work(),
            Err(error) => Err(Problem::new("NoThread", format!("the cell cannot be run: {error}")).into()),
        };
        drop(stop);
        result
    })
}

/// The failure of a cell whose engine panicked.
fn broken() -> Failure {
    Problem::new("InternalError", "Kernwerk itself failed while it ran this cell")
        .with_hint("the kernel goes on; its log, in the terminal of Jupyter, says where it failed")
        .into()
}

fn user_expressions(kernel: &Kernel, request: &ExecuteRequest) -> Map<String, Value> {
    let evaluate = |expression: &str| guarded(Err(broken()), || kernel.engine.evaluate(expression));
    // An expression can be interrupted like a cell.
    *lock(&kernel.running) = Some(Cancel::new());
    let expressions = request.user_expressions.iter().flatten();
    let values = expressions
        .map(|(name, expression)| {
            let value = match evaluate(expression) {
                Ok(bundle) => json!({ "status": "ok", "data": bundle.to_json(), "metadata": {} }),
                Err(failure) => {
                    let mut content = error_content(&failure);
                    content["status"] = json!("error");
                    content
                }
            };
            (name.clone(), value)
        })
        .collect();
    *lock(&kernel.running) = None;
    values
}

fn error_content(failure: &Failure) -> Value {
    json!({ "ename": failure.name, "evalue": failure.message, "traceback": failure.traceback })
}

fn take_queued(queue: &Receiver<Task>) -> Vec<Task> {
    std::thread::sleep(IN_FLIGHT);
    queue.try_iter().collect()
}

fn abort(kernel: &Kernel, task: &Task) {
    kernel.iopub.busy(&task.request.header);
    task.reply(json!({
        "status": "aborted",
        "execution_count": kernel.execution_count.load(Ordering::SeqCst),
        "payload": [],
        "user_expressions": {},
    }));
    kernel.iopub.idle(&task.request.header);
}
