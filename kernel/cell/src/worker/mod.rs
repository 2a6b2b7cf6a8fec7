//! The worker: loads compiled cells and runs them, one after the other, on its main thread.

mod library;

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use kernwerk_wire::{Command, Happened};

use self::library::{Library, Support, Text};
use crate::home::{self, Home};
use crate::process;

/// How long what `print!` wrote without a line's end may wait to be seen.
const FLUSH_EVERY: Duration = Duration::from_millis(50);

/// The line to the supervisor. Panics of any thread are told on it.
static CONTROL: OnceLock<Mutex<UnixStream>> = OnceLock::new();

/// Runs cells as the supervisor asks, until it hangs up.
pub(crate) fn run(home: &Home) -> ! {
    process::die_with_parent();
    let code = match serve(home) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("the worker cannot go on: {error}");
            70
        }
    };
    // Destructors of thread-local and static values of cells may lie in code whose order of unloading nobody knows: leave without them.
    process::exit_now(code)
}

fn serve(home: &Home) -> io::Result<()> {
    let mut commands = take_control()?;
    CONTROL.get_or_init(|| Mutex::new(commands.try_clone().expect("a descriptor can be duplicated at the start")));
    home::restore_environment(home);
    let support = Support::load(&home.support).map_err(io::Error::other)?;
    support.listen(panicked);
    let flush = support.flush;
    std::thread::Builder::new().name("kernwerk-flush".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(FLUSH_EVERY);
            flush();
        }
    })?;
    while let Some(Command::Run { library, function }) = kernwerk_wire::read(&mut commands)? {
        let happened = match run_cell(&library, &function) {
            Ok(()) => Happened::Done,
            Err(reason) => Happened::Failed { reason },
        };
        flush();
        tell(&happened)?;
    }
    Ok(())
}

/// The supervisor's line is our standard input at first; cells get an empty one in its place.
fn take_control() -> io::Result<UnixStream> {
    let control = io::stdin().as_fd().try_clone_to_owned()?;
    let nothing = std::fs::File::open("/dev/null")?;
    process::replace_stdin(&nothing)?;
    Ok(UnixStream::from(control))
}

fn run_cell(library: &Path, function: &str) -> Result<(), String> {
    let library = Library::open(library)?;
    // Without a supervisor there is nobody left to tell.
    let _ = tell(&Happened::Loaded);
    library.call(function)
}

fn tell(happened: &Happened) -> io::Result<()> {
    let control = CONTROL.get().expect("set before any cell runs");
    let mut control = control.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    kernwerk_wire::write(&mut *control, happened)
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
