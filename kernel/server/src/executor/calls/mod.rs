//! Magics that Rust cells call: the socket over which they come, open to the calls of a cell while it runs.

mod caller;

use std::ffi::OsString;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kernwerk_core::Problem;
use kernwerk_wire::{Call, ENGINE_SOCKET, ENGINE_TOKEN, Given};
use tempfile::TempDir;

pub(super) use caller::{Caller, read};

/// Begins the names of the directories that hold sockets.
const PREFIX: &str = "kernwerk-calls-";
const SOCKET: &str = "socket";
/// Who has connected has said all within this time, or takes what it is told.
const PATIENCE: Duration = Duration::from_secs(5);

/// The socket of one kernel. Only its user can reach it, and only with the token is a call answered.
pub(super) struct Calls {
    /// None once it was taken away.
    directory: Mutex<Option<TempDir>>,
    token: String,
    door: Arc<Door>,
}

/// Where connections go.
#[derive(Default)]
struct Door {
    /// To the cell that runs; none between cells.
    cell: Mutex<Option<Sender<UnixStream>>>,
    closed: AtomicBool,
}

impl Calls {
    /// Makes the socket, and listens.
    ///
    /// # Errors
    /// There is no place for it, or no thread.
    pub fn listen() -> io::Result<Self> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        let private = Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(parent)?;
        let path = directory.path().join(SOCKET);
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        let door = Arc::new(Door::default());
        let token = uuid::Uuid::new_v4().simple().to_string();
        let behind = Arc::clone(&door);
        std::thread::Builder::new().name("kernwerk-calls".to_owned()).spawn(move || behind.admit(&listener))?;
        Ok(Self { directory: Mutex::new(Some(directory)), token, door })
    }

    /// What the processes that run cells must find in their environment.
    pub fn environment(&self) -> Vec<(String, OsString)> {
        let socket = self.directory().as_ref().map(|directory| directory.path().join(SOCKET).into_os_string());
        let token = OsString::from(&self.token);
        socket
            .map_or_else(Vec::new, |socket| vec![(ENGINE_SOCKET.to_owned(), socket), (ENGINE_TOKEN.to_owned(), token)])
    }

    /// Runs a cell, and answers what it calls meanwhile as `caller`, each call on a thread of its own. Returns when the cell has ended and
    /// every call with it. A cell that was not `alive` to its end waits for nothing: its calls are stopped.
    pub fn during<T>(&self, caller: &Caller<'_>, run: impl FnOnce() -> T, alive: impl FnOnce(&T) -> bool) -> T {
        let (sender, connections) = channel();
        std::thread::scope(|threads| {
            let open = Open::new(&self.door, sender);
            // Without a thread calls are not answered, which they are told when the cell ends.
            let _ = std::thread::Builder::new()
                .name("kernwerk-calls".to_owned())
                .spawn_scoped(threads, move || self.serve(caller, connections, threads));
            let result = run();
            drop(open);
            if !alive(&result) {
                caller.stop();
            }
            result
        })
    }

    fn serve<'scope>(
        &'scope self,
        caller: &'scope Caller<'scope>,
        connections: Receiver<UnixStream>,
        threads: &'scope std::thread::Scope<'scope, '_>,
    ) {
        for connection in connections {
            // Where there is no thread, the connection closes, and the cell's call fails.
            let _ = std::thread::Builder::new()
                .name("kernwerk-call".to_owned())
                .spawn_scoped(threads, move || converse(connection, |call| self.answer(caller, call)));
        }
    }

    fn answer(&self, caller: &Caller<'_>, call: Call) -> Result<Given, Problem> {
        // Digests are compared in a time that tells nothing.
        if blake3::hash(call.token.as_bytes()) != blake3::hash(self.token.as_bytes()) {
            return Err(Problem::new("WrongToken", "this process was not started by this kernel"));
        }
        let place = self.directory().as_ref().map(|directory| directory.path().to_owned());
        let closed = || Problem::new("NoCell", "the kernel is ending");
        caller.answer(call.wanted, &place.ok_or_else(closed)?)
    }

    /// Takes the socket away.
    pub fn close(&self) {
        let Some(directory) = self.directory().take() else { return };
        self.door.closed.store(true, Ordering::SeqCst);
        // The thread that listens wakes up, and ends.
        let _ = UnixStream::connect(directory.path().join(SOCKET));
    }

    fn directory(&self) -> MutexGuard<'_, Option<TempDir>> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.close();
    }
}

impl Door {
    /// Passes connections to the cell that runs, until the door is closed.
    fn admit(&self, listener: &UnixListener) {
        for connection in listener.incoming() {
            if self.closed.load(Ordering::SeqCst) {
                return;
            }
            match connection {
                Ok(connection) => self.pass(connection),
                // Such as too many open files, which passes.
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    fn pass(&self, connection: UnixStream) {
        let cell = self.cell().clone();
        let passed = match cell {
            Some(cell) => cell.send(connection).map_err(|unsent| unsent.0),
            None => Err(connection),
        };
        if let Err(connection) = passed {
            let _ = std::thread::Builder::new()
                .name("kernwerk-call".to_owned())
                .spawn(move || converse(connection, |_| Err(no_cell())));
        }
    }

    fn cell(&self) -> MutexGuard<'_, Option<Sender<UnixStream>>> {
        self.cell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_cell() -> Problem {
    Problem::new("NoCell", "no cell is running, so that there is none to record this call with")
        .with_hint("join threads that call magics before their cell ends")
}

/// The door is open to one cell for as long as this lives.
struct Open<'a>(&'a Door);

impl<'a> Open<'a> {
    fn new(door: &'a Door, cell: Sender<UnixStream>) -> Self {
        *door.cell() = Some(cell);
        Self(door)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.cell().take();
    }
}

/// Reads one call and answers it. Who breaks off, or says what is no call, gets no answer.
fn converse(mut connection: UnixStream, answer: impl FnOnce(Call) -> Result<Given, Problem>) {
    if connection.set_read_timeout(Some(PATIENCE)).and(connection.set_write_timeout(Some(PATIENCE))).is_err() {
        return;
    }
    let given = match kernwerk_wire::read(&mut connection) {
        Ok(Some(call)) => answer(call).unwrap_or_else(refused),
        Ok(None) => return,
        Err(error) => refused(Problem::new("BadCall", format!("this is no call: {error}"))),
    };
    // Who has gone needs no answer.
    let _ = kernwerk_wire::write(&mut connection, &given);
}

fn refused(problem: Problem) -> Given {
    Given::Refused { name: problem.name, message: problem.message, hint: problem.hint }
}

/// Removes what kernels that were killed have left: sockets where nobody listens.
fn sweep(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let refuses = |path: &Path| {
            UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        };
        if is_ours && refuses(&entry.path().join(SOCKET)) {
            // What is another user's stays.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
