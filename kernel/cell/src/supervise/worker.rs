//! The worker as the supervisor sees it: a process, what it writes, and the snapshot that may take its place.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kernwerk_wire::{Command as WorkerCommand, Happened, Snapshot, Spilled};

use crate::home::{Home, ROLE};
use crate::process;

/// The role of the worker, in [`ROLE`].
pub(crate) const WORKER: &str = "worker";
/// A snapshot gets so long to come to us once it is made, and to become the worker. Both take a millisecond.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes that a dead worker sent, and that are no whole message, are waited for no longer.
const REST: Duration = Duration::from_millis(50);

/// The process that runs cells.
pub(super) struct Worker {
    pub(super) process: u32,
    /// Can be read from when the process has ended; none where the system has no such thing.
    end: Option<OwnedFd>,
    control: UnixStream,
    /// None once a cell has closed it.
    pub(super) output: Option<File>,
    pub(super) errors: Option<File>,
    snapshot: Option<Waiting>,
}

/// A snapshot that sleeps.
struct Waiting {
    process: u32,
    whole: bool,
    /// It ends when this is dropped.
    line: UnixStream,
}

impl Worker {
    pub(super) fn start(home: &Home) -> io::Result<Self> {
        let (control, theirs) = UnixStream::pair()?;
        let mut child = Command::new(&home.program)
            .env_remove("EVCXR_IS_RUNTIME")
            .env(ROLE, WORKER)
            .current_dir(&home.directory)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let output = child.stdout.take().map(|output| File::from(OwnedFd::from(output)));
        let errors = child.stderr.take().map(|errors| File::from(OwnedFd::from(errors)));
        let process = child.id();
        Ok(Self { process, end: process::watch(process), control, output, errors, snapshot: None })
    }

    /// What there is to wait for: a message, output, complaints, the end.
    pub(super) fn descriptors(&self) -> [Option<BorrowedFd<'_>>; 4] {
        [
            Some(self.control.as_fd()),
            self.output.as_ref().map(AsFd::as_fd),
            self.errors.as_ref().map(AsFd::as_fd),
            self.end.as_ref().map(AsFd::as_fd),
        ]
    }

    pub(super) fn command(&mut self, command: &WorkerCommand) -> io::Result<()> {
        kernwerk_wire::write(&mut self.control, command)
    }

    /// The next message; none when the worker is dead. A frame that is cut off means the same: it died while it wrote.
    pub(super) fn hear(&mut self) -> Option<Happened> {
        kernwerk_wire::read(&mut self.control).ok().flatten()
    }

    /// The next of the messages that a worker, which is dead by now, sent before.
    pub(super) fn hear_rest(&mut self) -> Option<Happened> {
        let waits = process::wait_readable([Some(self.control.as_fd())], 0).is_ok_and(|[waits]| waits);
        // Its snapshot holds the other end, so that the end of the line is never seen.
        if waits && self.control.set_read_timeout(Some(REST)).is_ok() { self.hear() } else { None }
    }

    /// Lets go of the last snapshot, and takes on the one that was made since.
    pub(super) fn take_on(&mut self, snapshot: &Snapshot, listener: &UnixListener) {
        self.snapshot = match *snapshot {
            Snapshot::Taken { process, whole } => meet(listener, process).map(|line| Waiting { process, whole, line }),
            Snapshot::NoMemory { .. } | Snapshot::Refused { .. } => None,
        };
    }

    /// Kills what is left of it and its children, and says how it ended.
    pub(super) fn bury(&self) -> String {
        // Who is dying already dies of its own cause.
        process::kill_group(self.process);
        process::wait(self.process).map_or_else(|| "ended".to_owned(), process::describe_end)
    }

    /// After its death: has the snapshot write variables down, if there is one. The names of those that were written.
    pub(super) fn spill(&mut self, variables: Vec<Spilled>) -> Vec<String> {
        let Some(mut snapshot) = self.snapshot.take() else { return Vec::new() };
        let asked = snapshot.line.set_read_timeout(None);
        let asked = asked.and_then(|()| kernwerk_wire::write(&mut snapshot.line, &WorkerCommand::Spill { variables }));
        let told = asked.and_then(|()| kernwerk_wire::read(&mut snapshot.line));
        process::kill_group(snapshot.process);
        match told {
            Ok(Some(Happened::Spilled { names })) => names,
            _ => Vec::new(),
        }
    }

    /// Has a fresh worker read variables. The names of those that could be.
    pub(super) fn restore(&mut self, variables: Vec<Spilled>, listener: &UnixListener) -> io::Result<Vec<String>> {
        self.command(&WorkerCommand::Restore { variables })?;
        match self.hear() {
            Some(Happened::Restored { names, snapshot }) => {
                self.take_on(&snapshot, listener);
                Ok(names)
            }
            _ => Err(io::Error::other("the new worker could not read the variables")),
        }
    }

    /// After its death: has the snapshot become the worker. None where it cannot; then it may still write variables down.
    ///
    /// # Errors
    ///
    /// Why the snapshot went down over it. It has left another one behind for writing down.
    pub(super) fn succeed(&mut self, listener: &UnixListener) -> Result<Option<(Self, Snapshot)>, String> {
        let Some(mut waiting) = self.snapshot.take_if(|snapshot| snapshot.whole) else { return Ok(None) };
        drop_unmet(listener);
        match take_over(&mut waiting) {
            Ok(snapshot) => {
                let mut worker = Self {
                    process: waiting.process,
                    end: process::watch(waiting.process),
                    control: waiting.line,
                    output: self.output.take(),
                    errors: self.errors.take(),
                    snapshot: None,
                };
                worker.take_on(&snapshot, listener);
                Ok(Some((worker, snapshot)))
            }
            Err(error) => {
                process::kill_group(waiting.process);
                let ended = process::wait(waiting.process).map(process::describe_end);
                self.snapshot = accept(listener, REST).map(|(process, line)| Waiting { process, whole: false, line });
                Err(ended.map_or_else(|| error.to_string(), |ended| format!("{error}: it {ended}")))
            }
        }
    }
}

fn take_over(waiting: &mut Waiting) -> io::Result<Snapshot> {
    waiting.line.set_read_timeout(Some(PATIENCE))?;
    kernwerk_wire::write(&mut waiting.line, &WorkerCommand::TakeOver)?;
    loop {
        match kernwerk_wire::read(&mut waiting.line)? {
            Some(Happened::TookOver { snapshot }) => {
                waiting.line.set_read_timeout(None)?;
                return Ok(snapshot);
            }
            // A thread of the pools is no reason to give up.
            Some(Happened::Panic { .. }) => {}
            _ => return Err(io::Error::other("the snapshot has not become the worker")),
        }
    }
}

/// The line to a snapshot of this process id. One that comes later than that is none of ours any more.
fn meet(listener: &UnixListener, process: u32) -> Option<UnixStream> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (found, line) = accept(listener, deadline.saturating_duration_since(Instant::now()))?;
        if found == process {
            return Some(line);
        }
    }
}

/// The next snapshot that reports within such a time, by its process id, and the line to it. Those that are dead by then are passed over.
fn accept(listener: &UnixListener, patience: Duration) -> Option<(u32, UnixStream)> {
    let deadline = Instant::now() + patience;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = i32::try_from(left.as_millis()).unwrap_or(i32::MAX);
        if process::wait_readable([Some(listener.as_fd())], left).ok()? != [true] {
            return None;
        }
        let (mut line, _) = listener.accept().ok()?;
        line.set_read_timeout(Some(PATIENCE)).ok()?;
        if let Ok(Some(Happened::Waiting { process })) = kernwerk_wire::read(&mut line) {
            line.set_read_timeout(None).ok()?;
            return Some((process, line));
        }
    }
}

/// Snapshots of which a dead worker did not get to tell.
fn drop_unmet(listener: &UnixListener) {
    while process::wait_readable([Some(listener.as_fd())], 0).is_ok_and(|[waits]| waits) {
        drop(listener.accept());
    }
}
