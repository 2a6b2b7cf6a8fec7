//! In which step the programs are: told by whoever runs them, over a socket of its own, before the step begins.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

/// Tells the proxy that listens for steps at `socket` that what is asked from now on belongs to `step`. Once this returns, it knows.
///
/// # Errors
/// Nobody listens there.
pub fn enter_step(socket: &Path, step: u32) -> io::Result<()> {
    let mut line = UnixStream::connect(socket)?;
    line.write_all(&step.to_le_bytes())?;
    let mut known = [0];
    line.read_exact(&mut known)
}

/// Listens for steps.
pub(crate) async fn follow(listener: UnixListener, step: Arc<AtomicU32>) {
    loop {
        let Ok((mut line, _)) = listener.accept().await else { continue };
        let mut bytes = [0; 4];
        if line.read_exact(&mut bytes).await.is_ok() {
            step.store(u32::from_le_bytes(bytes), Ordering::SeqCst);
            // Who told may be gone; the step has begun all the same.
            let _ = line.write_all(&[1]).await;
        }
    }
}
