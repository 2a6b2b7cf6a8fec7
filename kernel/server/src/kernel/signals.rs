//! What the operating system tells the kernel: interrupts, requests to end, and the death of its parent.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Kernel;
use crate::log::log;

/// How often the kernel looks whether its parent is still there.
const PARENT_INTERVAL: Duration = Duration::from_secs(1);
/// Jupyter says with this variable that the kernel belongs to its process.
const PARENT_VARIABLE: &str = "JPY_PARENT_PID";

/// Begins to listen on the current runtime.
pub(super) fn watch(kernel: &Arc<Kernel>) {
    on_signal(kernel, SignalKind::interrupt(), |kernel| {
        // Stopping may take a while; the next signal is to be heard meanwhile.
        tokio::task::spawn_blocking(move || kernel.interrupt());
    });
    on_signal(kernel, SignalKind::terminate(), |kernel| kernel.begin_end(false));
    on_signal(kernel, SignalKind::hangup(), |kernel| kernel.begin_end(false));
    if std::env::var_os(PARENT_VARIABLE).is_some() {
        tokio::spawn(end_with_parent(kernel.clone()));
    }
}

fn on_signal(kernel: &Arc<Kernel>, kind: SignalKind, act: impl Fn(Arc<Kernel>) + Send + 'static) {
    let kernel = kernel.clone();
    match signal(kind) {
        Ok(signals) => drop(tokio::spawn(act_on_each(signals, kernel, act))),
        Err(error) => log(format!("kernwerk: signal {} will not be heard: {error}", kind.as_raw_value())),
    }
}

async fn act_on_each(mut signals: Signal, kernel: Arc<Kernel>, act: impl Fn(Arc<Kernel>)) {
    while signals.recv().await.is_some() {
        act(kernel.clone());
    }
}

/// An orphan gets a new parent: then nobody can reach the kernel any more.
async fn end_with_parent(kernel: Arc<Kernel>) {
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        tokio::time::sleep(PARENT_INTERVAL).await;
    }
    log("kernwerk: the process that started this kernel is gone, so the kernel ends");
    kernel.begin_end(false);
}
