//! Snapshots: copies of the worker, made by fork, that sleep until the worker is dead. Memory is copied only where it is changed.
//!
//! A copy has one thread. Where the worker had no others that matter, it takes the worker's place, with every variable; else it writes down the
//! variables that can be.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::TryLockError;

use kernwerk_wire::{Command, Happened, Snapshot};

use super::flush::Flusher;
use super::library::{self, Library};
use super::pools::Pools;
use super::{CONTROL, inside};
use crate::home::Home;
use crate::process;

/// Makes snapshots of this process.
pub(super) struct Snapshots {
    /// Where the supervisor waits for them.
    socket: PathBuf,
    /// Pipes and sockets that are not the cells': what a worker has when no cell has run in it.
    ours: Vec<i32>,
    /// Those that were made and have not been waited for.
    children: Vec<u32>,
}

/// On which side of the copying one is.
pub(super) enum Fork {
    /// This is still the worker.
    Worker(Snapshot),
    /// This is the copy, and by now the worker; the line leads to the supervisor.
    TookOver(UnixStream),
}

impl Snapshots {
    pub(super) fn new(home: &Home, ours: Vec<i32>) -> Self {
        Self { socket: home.snapshots(), ours, children: Vec::new() }
    }

    /// Says anew which pipes and sockets are not the cells'.
    pub(super) fn expect(&mut self, ours: Vec<i32>) {
        self.ours = ours;
    }

    /// Makes a copy. Returns in the worker at once, and in the copy when it has become the worker.
    pub(super) fn take(&mut self, flusher: &Flusher, pools: &Pools, libraries: &[Library]) -> Fork {
        // The one before ends when the supervisor lets go of it, which is about now.
        self.children.retain(|process| !process::is_over(*process));
        if process::watch(std::process::id()).is_none() {
            return Fork::Worker(Snapshot::Refused {
                reason: "this system cannot tell when a process dies".to_owned(),
            });
        }
        if let Some((wanted, available)) = inside::memory()
            && wanted > available
        {
            return Fork::Worker(Snapshot::NoMemory { wanted, available });
        }
        if inside::only_pools(&pools.threads) {
            pools.end();
        }
        let mut pipes = inside::pipes();
        pipes.retain(|pipe| !self.ours.contains(pipe) && !pools.descriptors.contains(pipe));
        let whole = pipes.is_empty() && inside::can_be_copied(&pools.threads);
        let paused = flusher.pause();
        // SAFETY: of the other threads the flusher holds no lock, and no other one is needed in the copy (`whole`), or the copy only writes
        // variables down, which takes no lock of theirs; the allocator prepares itself for a fork.
        let process = unsafe { libc::fork() };
        drop(paused);
        match u32::try_from(process) {
            Ok(0) => self.wait(&pipes, libraries),
            Ok(process) => {
                process::lead_group_of(process);
                self.children.push(process);
                Fork::Worker(Snapshot::Taken { process, whole })
            }
            Err(_) => Fork::Worker(Snapshot::Refused { reason: io::Error::last_os_error().to_string() }),
        }
    }

    /// The life of a copy, until it becomes the worker.
    fn wait(&mut self, pipes: &[i32], libraries: &[Library]) -> Fork {
        process::lead_group();
        self.children.clear();
        pipes.iter().for_each(|pipe| process::close(*pipe));
        let Ok(mut line) = self.report() else { process::exit_now(0) };
        loop {
            match kernwerk_wire::read(&mut line) {
                Ok(Some(Command::TakeOver)) => {
                    process::die_with_parent();
                    return Fork::TookOver(line);
                }
                Ok(Some(Command::Spill { variables })) => {
                    let names = library::spill(&variables, libraries);
                    // Who asked has gone: nobody needs the files.
                    let _ = kernwerk_wire::write(&mut line, &Happened::Spilled { names });
                }
                // The supervisor has a newer one, or is gone itself.
                _ => process::exit_now(0),
            }
        }
    }

    /// Lets go of the worker's line, and goes to where the supervisor waits for snapshots.
    fn report(&self) -> io::Result<UnixStream> {
        let mut line = UnixStream::connect(&self.socket)?;
        let told = match CONTROL.try_lock() {
            Ok(mut control) => control.take(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().take(),
            // A thread that is not here was just telling of its panic.
            Err(TryLockError::WouldBlock) => return Err(io::Error::from(io::ErrorKind::WouldBlock)),
        };
        drop(told);
        kernwerk_wire::write(&mut line, &Happened::Waiting { process: std::process::id() })?;
        Ok(line)
    }
}
