//! The worker: loads compiled cells and runs them, one after the other, on its main thread. After each cell it leaves a copy of itself behind,
//! which takes its place should a later cell take it down.

mod flush;
mod inside;
mod library;
mod pools;
mod snapshot;

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kernwerk_wire::{Command, Happened, Snapshot};

use self::flush::Flusher;
use self::library::{Library, Support, Text};
use self::pools::Pools;
use self::snapshot::{Fork, Snapshots};
use crate::confine::confine;
use crate::home::{self, Home};
use crate::process;

/// The line to the supervisor. Panics of any thread are told on it.
static CONTROL: Mutex<Option<UnixStream>> = Mutex::new(None);

/// Runs cells as the supervisor asks, until it hangs up.
pub(crate) fn run(home: &Home) -> ! {
    process::die_with_parent();
    let code = match Worker::start(home).and_then(Worker::serve) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("the worker cannot go on: {error}");
            70
        }
    };
    // Destructors of thread-local and static values of cells may lie in code whose order of unloading nobody knows: leave without them.
    process::exit_now(code)
}

struct Worker {
    commands: UnixStream,
    flusher: Flusher,
    /// All that were ever opened; none is closed.
    libraries: Vec<Library>,
    pools: Pools,
    snapshots: Snapshots,
}

impl Worker {
    fn start(home: &Home) -> io::Result<Self> {
        let commands = take_control()?;
        *control() = Some(commands.try_clone()?);
        home::restore_environment(home);
        home.confinement.as_ref().map_or(Ok(()), confine)?;
        let support = Support::load(&home.support).map_err(io::Error::other)?;
        support.listen(panicked);
        let flusher = Flusher::start(support.flush)?;
        let snapshots = Snapshots::new(home, inside::pipes());
        Ok(Self { commands, flusher, libraries: Vec::new(), pools: Pools::default(), snapshots })
    }

    fn serve(mut self) -> io::Result<()> {
        while let Some(command) = kernwerk_wire::read(&mut self.commands)? {
            match command {
                Command::Run { library, function } => match self.run_cell(&library, &function) {
                    Ok(()) => {
                        self.flusher.flush();
                        self.done(|snapshot| Happened::Done { snapshot })?;
                    }
                    Err(reason) => tell(&Happened::Failed { reason })?,
                },
                Command::Restore { variables } => {
                    let names = library::restore(&variables, &mut self.libraries, &mut self.pools);
                    self.done(|snapshot| Happened::Restored { names, snapshot })?;
                }
                Command::TakeOver | Command::Spill { .. } => {
                    return Err(io::Error::other("the supervisor took the worker for a snapshot"));
                }
            }
        }
        Ok(())
    }

    fn run_cell(&mut self, library: &Path, function: &str) -> Result<(), String> {
        let library = Library::open(library)?;
        self.pools.begin(&library);
        // Without a supervisor there is nobody left to tell.
        let _ = tell(&Happened::Loaded);
        let ran = library.call(function);
        self.libraries.push(library);
        ran
    }

    /// Leaves a copy behind and tells of it. The copy returns from here as well, once it is the worker.
    fn done(&mut self, happened: impl FnOnce(Snapshot) -> Happened) -> io::Result<()> {
        if let Some(snapshot) = self.copy()? {
            return tell(&happened(snapshot));
        }
        // The next copy is made before anything begins anew in this one: should that fail, it still has the variables.
        let snapshot = loop {
            if let Some(snapshot) = self.copy()? {
                break snapshot;
            }
        };
        self.flusher = self.flusher.restart()?;
        self.pools.renew();
        tell(&Happened::TookOver { snapshot })
    }

    /// Makes a copy: what there is to tell of it, or nothing in the copy itself, once it is the worker.
    fn copy(&mut self) -> io::Result<Option<Snapshot>> {
        match self.snapshots.take(&self.flusher, &self.pools, &self.libraries) {
            Fork::Worker(snapshot) => Ok(Some(snapshot)),
            Fork::TookOver(line) => {
                self.commands = line.try_clone()?;
                *control() = Some(line);
                self.snapshots.expect(inside::pipes());
                Ok(None)
            }
        }
    }
}

/// The supervisor's line is our standard input at first; cells get an empty one in its place.
fn take_control() -> io::Result<UnixStream> {
    let control = io::stdin().as_fd().try_clone_to_owned()?;
    let nothing = std::fs::File::open("/dev/null")?;
    process::replace_stdin(&nothing)?;
    Ok(UnixStream::from(control))
}

fn control() -> MutexGuard<'static, Option<UnixStream>> {
    CONTROL.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tell(happened: &Happened) -> io::Result<()> {
    match control().as_mut() {
        Some(control) => kernwerk_wire::write(control, happened),
        None => Err(io::Error::from(io::ErrorKind::NotConnected)),
    }
}

extern "C" fn panicked(message: Text, file: Text, line: u32, column: u32, elsewhere: bool, thread: Text) {
    let happened = Happened::Panic {
        message: message.to_string(),
        file: file.to_string(),
        line,
        column,
        thread: elsewhere.then(|| thread.to_string()),
    };
    // Without a supervisor there is nobody left to tell.
    let _ = tell(&happened);
}
