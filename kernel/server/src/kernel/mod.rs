//! The Jupyter kernel: channels, requests, and the thread that runs cells.
//!
//! ZeroMQ and the heartbeat live on a runtime of their own, so that they answer whatever a cell does. Cells run one after the
//! other on the engine's thread; completion and its like have a thread of their own, so that they are answered meanwhile.

mod answers;
mod comms;
mod cursor;
mod execute;
mod following;
mod history;
mod info;
pub(crate) mod message;
mod outputs;
mod progress;
mod router;
mod signals;
mod signatures;
mod sockets;
mod stdin;
mod stream;
mod widgets;

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jupyter_protocol::ConnectionInfo;
use jupyter_protocol::JupyterMessage;
use kernwerk_core::Cancel;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::Error;
use crate::engine::Engine;
use crate::iopub::Iopub;
use comms::Comms;
use following::Follower;
use history::History;
use message::Request;
use sockets::Sockets;
use stdin::Stdin;

/// A running cell gets so long to notice that the kernel ends.
const GRACE: Duration = Duration::from_secs(2);
/// Front ends get so long to take the last messages.
const DRAIN: Duration = Duration::from_secs(1);
/// Replies leave through queues that cannot be asked whether they are empty.
const LAST_REPLIES: Duration = Duration::from_millis(50);

/// Reads the connection file that Jupyter wrote.
///
/// # Errors
/// It cannot be read, or asks for what this kernel does not know.
pub fn read_connection_file(path: &Path) -> Result<ConnectionInfo, Error> {
    let unreadable = |reason: String| Error::ConnectionFile { path: path.to_owned(), reason };
    let text = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let file: Value = serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
    if file.get("curve_secretkey").is_some_and(|key| !key.is_null()) {
        return Err(Error::Encryption);
    }
    let info: ConnectionInfo = serde_json::from_value(file).map_err(|error| unreadable(error.to_string()))?;
    if info.key.is_empty() || info.signature_scheme == "hmac-sha256" {
        Ok(info)
    } else {
        Err(Error::SignatureScheme(info.signature_scheme))
    }
}

/// Serves the kernel's channels until a front end asks it to end, a signal does, or its parent dies. A cell that does not stop
/// is left behind on its thread: the caller should end the process soon.
///
/// # Errors
/// The channels cannot be opened.
pub fn serve(info: &ConnectionInfo, engine: Arc<dyn Engine>) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("kernwerk-wire")
        .enable_all()
        .build()
        .map_err(Error::Start)?;
    let result = runtime.block_on(serve_channels(info, engine));
    // Tasks of this runtime wait for messages that will not come.
    runtime.shutdown_background();
    result
}

async fn serve_channels(info: &ConnectionInfo, engine: Arc<dyn Engine>) -> Result<(), Error> {
    let sockets = Sockets::bind(info).await?;
    let (ending, mut ended) = watch::channel(None);
    let (cells, cell_queue) = channel();
    let (questions, question_queue) = channel();
    let kernel = Arc::new(Kernel {
        engine,
        iopub: sockets.iopub.clone(),
        comms: Arc::new(Comms::new(sockets.iopub.clone())),
        follower: Arc::default(),
        stdin: sockets.stdin.clone(),
        ports: info::ports(info),
        history: Mutex::default(),
        execution_count: AtomicU32::new(0),
        running: Mutex::default(),
        cells: Mutex::new(cells),
        questions: Mutex::new(questions),
        ending,
        over: AtomicBool::new(false),
    });
    kernel.iopub.publish_state("starting");
    let cells_done = execute::start(kernel.clone(), cell_queue)?;
    answers::start(kernel.clone(), question_queue)?;
    sockets.serve(&kernel);
    signals::watch(&kernel);
    // The sender lives in the kernel, which this function holds.
    let _ = ended.wait_for(Option::is_some).await;
    let restart = ended.borrow().is_some_and(|restart| restart);
    kernel.end(restart, cells_done).await;
    sockets::remove_files(info);
    Ok(())
}

/// A request and the way of its reply.
pub(crate) struct Task {
    pub request: Arc<Request>,
    pub replies: UnboundedSender<JupyterMessage>,
}

impl Task {
    pub fn reply(&self, content: Value) {
        // Without a receiver the kernel is ending.
        let _ = self.replies.send(self.request.reply(content));
    }
}

/// What the threads and tasks of the kernel share.
pub(crate) struct Kernel {
    engine: Arc<dyn Engine>,
    iopub: Iopub,
    comms: Arc<Comms>,
    follower: Arc<Follower>,
    stdin: Stdin,
    /// The answer to `connect_request`.
    ports: Value,
    history: Mutex<History>,
    execution_count: AtomicU32,
    /// Raised to stop the running cell; none while no cell runs.
    running: Mutex<Option<Cancel>>,
    cells: Mutex<Sender<Task>>,
    questions: Mutex<Sender<Task>>,
    /// Whether to restart, once the kernel is to end.
    ending: watch::Sender<Option<bool>>,
    /// The kernel is ending: no cell begins any more.
    over: AtomicBool,
}

impl Kernel {
    /// Stops the running cell, if any; the kernel and its variables stay.
    pub fn interrupt(&self) {
        let Some(cancel) = lock(&self.running).clone() else { return };
        cancel.cancel();
        guarded((), || self.engine.interrupt());
    }

    /// Asks the kernel to end.
    pub fn begin_end(&self, restart: bool) {
        self.over.store(true, Ordering::SeqCst);
        self.ending.send_if_modified(|ending| {
            let first = ending.is_none();
            ending.get_or_insert(restart);
            first
        });
    }

    async fn end(self: &Arc<Self>, restart: bool, cells_done: tokio::sync::oneshot::Receiver<()>) {
        let kernel = self.clone();
        let stopping = tokio::task::spawn_blocking(move || {
            kernel.interrupt();
            guarded((), || kernel.engine.shutdown());
        });
        // The engine's thread ends after its cell; both together get the time.
        *lock(&self.cells) = channel().0;
        let _ = tokio::time::timeout(GRACE, async { (stopping.await, cells_done.await) }).await;
        self.follower.end();
        self.iopub.publish_shutdown(json!({ "status": "ok", "restart": restart }));
        let iopub = self.iopub.clone();
        let _ = tokio::task::spawn_blocking(move || iopub.drain(DRAIN)).await;
        tokio::time::sleep(LAST_REPLIES).await;
    }
}

/// Runs `action`; a panic in it is logged and gives `fallback` instead of ending a thread that others wait for.
fn guarded<T>(fallback: T, action: impl FnOnce() -> T) -> T {
    std::panic::catch_unwind(AssertUnwindSafe(action)).unwrap_or(fallback)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_file_that_asks_for_what_is_not_there_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("kernel.json");
        let mut file = json!({ "ip": "127.0.0.1", "transport": "tcp", "shell_port": 1, "iopub_port": 2, "stdin_port": 3,
            "control_port": 4, "hb_port": 5, "key": "k", "signature_scheme": "hmac-sha256" });
        let read = |file: &Value| {
            std::fs::write(&path, file.to_string()).expect("written");
            read_connection_file(&path)
        };
        assert_eq!(read(&file).expect("a right one").hb_port, 5);
        file["signature_scheme"] = json!("hmac-md5");
        assert!(matches!(read(&file), Err(Error::SignatureScheme(_))));
        file["curve_secretkey"] = json!("a key");
        assert!(matches!(read(&file), Err(Error::Encryption)));
        assert!(matches!(read(&json!({ "ip": 7 })), Err(Error::ConnectionFile { .. })));
    }
}
