//! Ctrl-C: the first asks the work to stop and take back what it began, the second ends the program.

use kernwerk_core::Cancel;

/// A flag that the interrupt signal raises.
pub fn cancel_on_interrupt() -> Cancel {
    let cancel = Cancel::new();
    let raised = cancel.clone();
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            return;
        };
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if raised.is_cancelled() {
                    std::process::exit(130);
                }
                raised.cancel();
            }
        });
    });
    cancel
}
