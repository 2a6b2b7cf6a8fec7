//! Listening where a connection file says: on a port, or on a file.

use std::future::Future;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use jupyter_protocol::ConnectionInfo;
use jupyter_protocol::connection_info::Transport;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

/// After a failed accept (no more file descriptors), so that the failure does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A connection to a peer, whatever the transport.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// Listens for the channel with this port on the current runtime from now on, and calls `serve` with each peer that connects.
///
/// # Errors
/// The address is taken, or cannot be listened on.
pub(crate) async fn listen_at<F, S>(info: &ConnectionInfo, port: u16, serve: F) -> io::Result<()>
where
    F: Fn(Box<dyn Stream>) -> S + Send + Sync + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    match info.transport {
        Transport::TCP => {
            let host = if info.ip == "*" { "0.0.0.0" } else { &info.ip };
            let listener = TcpListener::bind((host, port)).await?;
            tokio::spawn(async move {
                loop {
                    match listener.accept().await {
                        Ok((stream, _)) => {
                            // Latency counts here, and a socket that refuses the option still works.
                            let _ = stream.set_nodelay(true);
                            tokio::spawn(serve(Box::new(stream)));
                        }
                        Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                    }
                }
            });
        }
        Transport::IPC => {
            let listener = bind_file(Path::new(&format!("{}-{port}", info.ip)))?;
            tokio::spawn(async move {
                loop {
                    match listener.accept().await {
                        Ok((stream, _)) => drop(tokio::spawn(serve(Box::new(stream)))),
                        Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                    }
                }
            });
        }
    }
    Ok(())
}

/// Listens on a file that only this user may connect to. A file that a killed kernel left behind makes way: Jupyter starts the
/// next one at the same address.
fn bind_file(path: &Path) -> io::Result<UnixListener> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_killed_kernel_left_makes_way_and_a_living_one_does_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("channel-1");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
        assert!(path.exists(), "a listener that ends leaves its file");
        let _living = bind_file(&path).expect("the file makes way");
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(bind_file(&path).expect_err("taken").kind(), io::ErrorKind::AddrInUse);
        let file = directory.path().join("file-1");
        std::fs::write(&file, "no socket").expect("written");
        assert!(bind_file(&file).is_err());
        assert_eq!(std::fs::read_to_string(&file).expect("kept"), "no socket");
    }
}
