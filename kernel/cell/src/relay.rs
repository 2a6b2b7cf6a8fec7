//! The relay: a process beside that of the cells, within the same network, that hands their requests to the proxy outside. Clients of HTTP know
//! proxies by host and port, and where there is no network a Unix socket is the only way out. Where there is one, as while a cassette is recorded, the
//! port is open to every process of the machine: then the proxy asks for a password, which stands in the address that the cells find.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use kernwerk_core::Surroundings;
use kernwerk_wire::Proxy;

use crate::process;

/// The port, where it is free, as it always is in a network of one's own: what cells tell of it is the same in each run.
const PORT: u16 = 3128;
/// How often the relay looks whether it is still needed, where the system cannot tell it.
const LOOK: Duration = Duration::from_millis(500);

/// Starts a relay to the proxy, which ends when the process `lives_with` does; gives the variables of the environment by which clients find
/// it. To be called while there is one thread.
///
/// # Errors
/// The system has no port or no process for it.
pub fn relay(proxy: &Proxy, lives_with: u32) -> io::Result<BTreeMap<String, OsString>> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let port = listener.local_addr()?.port();
    let password = proxy.password.as_ref().map(std::fs::read_to_string).transpose()?;
    // SAFETY: there is one thread, so the copy finds no lock taken.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => run(&listener, proxy.socket.clone(), lives_with),
        between => _ = process::wait(between.unsigned_abs()),
    }
    Ok(Surroundings::by_proxy(port, password.as_deref(), &proxy.authority))
}

/// The life of the process between: it leaves a child to whoever takes in orphans, so that it is no child of the cells', and is gone.
fn run(listener: &TcpListener, socket: PathBuf, lives_with: u32) -> ! {
    // SAFETY: there is one thread. A new session keeps signals for the cells' group away.
    let is_relay = unsafe { libc::setsid() != -1 && libc::fork() == 0 };
    if is_relay && let_go_of_all_but(listener.as_fd()).is_ok() {
        let listening = listener.try_clone();
        if let Ok(listening) = listening
            && thread::Builder::new().spawn(move || serve(&listening, &socket)).is_ok()
        {
            wait_for_end(lives_with);
        }
    }
    process::exit_now(0)
}

/// Closes what belongs to the cells: who waits for the end of a pipe of theirs is not to wait for the relay.
fn let_go_of_all_but(kept: BorrowedFd<'_>) -> io::Result<()> {
    let nothing = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    process::replace_stdin(&nothing)?;
    process::replace_stdout(nothing.as_fd())?;
    process::replace_stderr(nothing.as_fd())?;
    drop(nothing);
    // The list is closed before anything in it is.
    let open = std::fs::read_dir("/proc/self/fd").or_else(|_| std::fs::read_dir("/dev/fd"))?.flatten();
    let numbers: Vec<i32> = open.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.into_iter().filter(|number| *number > 2 && *number != kept.as_raw_fd()).for_each(process::close);
    Ok(())
}

fn wait_for_end(process: u32) {
    match process::watch(process) {
        Some(end) => _ = process::wait_readable([Some(end.as_fd())], -1),
        None => {
            while process::is_there(process) {
                thread::sleep(LOOK);
            }
        }
    }
}

fn serve(listener: &TcpListener, socket: &Path) {
    for client in listener.incoming() {
        let socket = socket.to_owned();
        match client {
            // Where there is no thread for it the client sees its connection end, and may try again.
            Ok(client) => _ = thread::Builder::new().spawn(move || carry(client, &socket)),
            // Out of descriptors, say.
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Carries bytes both ways until both sides have ended.
fn carry(client: TcpStream, socket: &Path) {
    let Ok(proxy) = UnixStream::connect(socket) else { return };
    let (Ok(from_client), Ok(to_proxy)) = (client.try_clone(), proxy.try_clone()) else { return };
    // Requests are small, and their clients wait for answers.
    let _ = client.set_nodelay(true);
    let there = thread::Builder::new().spawn(move || {
        let _ = io::copy(&mut &from_client, &mut &to_proxy);
        let _ = to_proxy.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut &proxy, &mut &client);
    let _ = client.shutdown(Shutdown::Write);
    if let Ok(there) = there {
        let _ = there.join();
    }
}
