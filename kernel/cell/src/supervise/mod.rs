//! The supervisor: stands between evcxr and the worker. evcxr sees of a cell only what it must; everything that a cell writes goes to the cell
//! host directly, as it comes.
//!
//! It has one thread and reads no faster than the cell host takes: a cell that prints without end waits for its reader.

mod stream;
mod text;

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use kernwerk_wire::{Answer, Command as WorkerCommand, Happened, Report};

use self::stream::{Piece, Splitter};
use self::text::Decoder;
use crate::home::{Home, ROLE};
use crate::process;

/// How long, in milliseconds, output may wait for more that would decide what it is.
const SETTLE: i32 = 20;
/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;
/// The role of the worker, in [`ROLE`].
pub(crate) const WORKER: &str = "worker";

/// Serves evcxr until it hangs up or the worker dies.
pub(crate) fn run(home: &Home) -> ! {
    process::die_with_parent();
    let code = match Supervisor::start(home).and_then(Supervisor::serve) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("the supervisor cannot go on: {error}");
            70
        }
    };
    std::process::exit(code)
}

struct Supervisor<'a> {
    home: &'a Home,
    host: UnixStream,
    worker: Child,
    control: UnixStream,
    /// None once a cell has closed it.
    output: Option<ChildStdout>,
    errors: Option<ChildStderr>,
    splitter: Splitter,
    error_decoder: Decoder,
    /// What evcxr has sent and is no whole line yet.
    line: Vec<u8>,
    cell: Cell,
}

/// What is known of the cell that runs.
#[derive(Default)]
struct Cell {
    /// The last panic on the cells' thread. Whether it was caught is seen later.
    panic: Option<Happened>,
    panicked: bool,
    error_occurred: bool,
    changed: Vec<String>,
}

impl<'a> Supervisor<'a> {
    fn start(home: &'a Home) -> io::Result<Self> {
        let mut host = UnixStream::connect(home.socket())?;
        let (control, theirs) = UnixStream::pair()?;
        let mut worker = Command::new(&home.program)
            .env_remove("EVCXR_IS_RUNTIME")
            .env(ROLE, WORKER)
            .current_dir(&home.directory)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let (output, errors) = (worker.stdout.take(), worker.stderr.take());
        kernwerk_wire::write(&mut host, &Report::Ready { supervisor: std::process::id(), worker: worker.id() })?;
        Ok(Self {
            home,
            host,
            worker,
            control,
            output,
            errors,
            splitter: Splitter::default(),
            error_decoder: Decoder::default(),
            line: Vec::new(),
            cell: Cell::default(),
        })
    }

    fn serve(mut self) -> io::Result<()> {
        let evcxr = io::stdin().as_fd().try_clone_to_owned()?;
        loop {
            let patience = if self.splitter.waits() { SETTLE } else { -1 };
            let (output, errors) = (self.output.as_ref().map(AsFd::as_fd), self.errors.as_ref().map(AsFd::as_fd));
            let ready =
                process::wait_readable([Some(evcxr.as_fd()), Some(self.control.as_fd()), output, errors], patience)?;
            let [commanded, happened, written, complained] = ready;
            if ready == [false; 4] {
                let pieces = self.splitter.settle();
                self.report(pieces)?;
            }
            if written {
                self.read_output(CHUNK)?;
            }
            if complained {
                self.read_errors(CHUNK)?;
            }
            if happened && !self.hear()? {
                return self.bury();
            }
            if commanded && !self.take_commands(&mut std::fs::File::from(evcxr.try_clone()?))? {
                process::kill_group(self.worker.id());
                self.worker.wait()?;
                return Ok(());
            }
        }
    }

    /// Reads evcxr's commands; false when it has hung up.
    fn take_commands(&mut self, evcxr: &mut std::fs::File) -> io::Result<bool> {
        let mut bytes = [0; 4096];
        let count = evcxr.read(&mut bytes)?;
        self.line.extend_from_slice(&bytes[..count]);
        while let Some(end) = self.line.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            self.begin(&String::from_utf8_lossy(&line[..end]))?;
        }
        Ok(count > 0)
    }

    /// Begins to run a cell: `LOAD_AND_RUN library function`.
    fn begin(&mut self, line: &str) -> io::Result<()> {
        let words = line.strip_prefix("LOAD_AND_RUN ").and_then(|words| words.rsplit_once(' '));
        let Some((library, function)) = words else {
            return Err(io::Error::other(format!("evcxr says `{line}`, which is not understood")));
        };
        self.cell = Cell::default();
        if self.home.stop_mark().exists() {
            // Interrupted before it began. To evcxr it panicked at once, so that it counts on nothing new.
            self.cell.panicked = true;
            return self.end();
        }
        self.tell(&Report::Running)?;
        let command = WorkerCommand::Run { library: library.into(), function: function.to_owned() };
        kernwerk_wire::write(&mut self.control, &command)
    }

    /// Reads one message of the worker's; false when there will be no more.
    fn hear(&mut self) -> io::Result<bool> {
        match kernwerk_wire::read(&mut self.control) {
            Ok(Some(Happened::Loaded)) => self.tell(&Report::Loaded)?,
            Ok(Some(Happened::Done)) => self.end()?,
            Ok(Some(Happened::Failed { reason })) => {
                self.tell(&Report::Stderr(format!("the compiled cell could not be loaded: {reason}\n")))?;
                return Ok(false);
            }
            Ok(Some(Happened::Panic { message, file, line, column, thread: Some(thread) })) => {
                self.tell(&Report::Stderr(format!(
                    "thread '{thread}' panicked at {file}:{line}:{column}:\n{message}\n"
                )))?;
            }
            Ok(Some(panic @ Happened::Panic { .. })) => {
                // Were it the end of the cell, there would be no further one: the earlier was caught.
                let earlier = self.cell.panic.replace(panic);
                self.tell_caught(earlier)?;
            }
            // A frame that is cut off means the same as none: the worker died while it wrote.
            Ok(None) | Err(_) => return Ok(false),
        }
        Ok(true)
    }

    /// The cell's code has returned.
    fn end(&mut self) -> io::Result<()> {
        self.drain()?;
        let panic = self.cell.panic.take();
        if self.cell.panicked {
            let (message, file, line) = match panic {
                Some(Happened::Panic { message, file, line, .. }) => (message, file, line),
                _ => ("the cell panicked without a message".to_owned(), String::new(), 0),
            };
            self.tell(&Report::Panicked { message, file, line })?;
        } else {
            self.tell_caught(panic)?;
        }
        self.tell(&Report::Done)?;
        self.wait_seen()?;
        let cell = std::mem::take(&mut self.cell);
        let mut evcxr = io::stdout().lock();
        for variable in cell.changed {
            writeln!(evcxr, "EVCXR_VARIABLE_CHANGED_TYPE:{variable}")?;
        }
        if cell.error_occurred {
            writeln!(evcxr, "EVCXR_ERROR_OCCURRED")?;
        }
        if cell.panicked {
            writeln!(evcxr, "EVCXR_PANIC_NOTIFICATION")?;
        }
        writeln!(evcxr, "EVCXR_EXECUTION_COMPLETE")?;
        evcxr.flush()
    }

    /// The worker is dead, or as good as: says why, and goes as well, so that evcxr starts anew.
    fn bury(&mut self) -> io::Result<()> {
        self.drain()?;
        // Who is dying already dies of its own cause.
        process::kill_group(self.worker.id());
        let reason = process::describe_end(self.worker.wait()?);
        let panic = self.cell.panic.take();
        self.tell_caught(panic)?;
        self.tell(&Report::Died { reason })?;
        self.wait_seen()
    }

    /// A panic that did not end the cell stands on the standard error, as it does anywhere.
    fn tell_caught(&mut self, panic: Option<Happened>) -> io::Result<()> {
        if let Some(Happened::Panic { message, file, line, column, .. }) = panic {
            self.tell(&Report::Stderr(format!("panicked at {file}:{line}:{column}:\n{message}\n")))?;
        }
        Ok(())
    }

    /// Reports everything that has been written so far. Other processes may still hold the pipes: what is there now, and no more.
    fn drain(&mut self) -> io::Result<()> {
        let written = self.output.as_ref().map_or(0, |output| process::waiting(output.as_fd()));
        let complained = self.errors.as_ref().map_or(0, |errors| process::waiting(errors.as_fd()));
        if written > 0 {
            self.read_output(written)?;
        }
        if complained > 0 {
            self.read_errors(complained)?;
        }
        let pieces = self.splitter.finish();
        self.report(pieces)?;
        let rest = self.error_decoder.finish();
        if rest.is_empty() { Ok(()) } else { self.tell(&Report::Stderr(rest)) }
    }

    fn read_output(&mut self, most: usize) -> io::Result<()> {
        let Some(output) = &mut self.output else { return Ok(()) };
        let mut bytes = vec![0; most];
        let count = output.read(&mut bytes)?;
        if count == 0 {
            self.output = None;
        }
        let pieces = self.splitter.feed(&bytes[..count]);
        self.report(pieces)
    }

    fn read_errors(&mut self, most: usize) -> io::Result<()> {
        let Some(errors) = &mut self.errors else { return Ok(()) };
        let mut bytes = vec![0; most];
        let count = errors.read(&mut bytes)?;
        if count == 0 {
            self.errors = None;
        }
        let text = self.error_decoder.decode(&bytes[..count]);
        if text.is_empty() { Ok(()) } else { self.tell(&Report::Stderr(text)) }
    }

    fn report(&mut self, pieces: Vec<Piece>) -> io::Result<()> {
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.tell(&Report::Stdout(text))?,
                Piece::Display(bundle) => self.tell(&Report::Display(bundle))?,
                Piece::Trailing => self.tell(&Report::Trailing)?,
                Piece::Failed(message) => self.tell(&Report::Failed { message })?,
                Piece::Input { prompt, password } => self.ask(prompt, password)?,
                Piece::Panicked => self.cell.panicked = true,
                Piece::ErrorOccurred => self.cell.error_occurred = true,
                Piece::TypeChanged(variable) => self.cell.changed.push(variable),
            }
        }
        Ok(())
    }

    /// Passes a question on, and the answer back through a file that the cell looks for.
    fn ask(&mut self, prompt: String, password: bool) -> io::Result<()> {
        self.tell(&Report::Input { prompt, password })?;
        let answer = match kernwerk_wire::read(&mut self.host)? {
            Some(Answer::Input(Some(text))) => format!("+{text}"),
            Some(Answer::Input(None)) => "-".to_owned(),
            Some(Answer::Seen) | None => return Err(io::Error::other("the cell host has gone")),
        };
        let file = self.home.answer();
        let scratch = file.with_extension("new");
        std::fs::write(&scratch, answer)?;
        std::fs::rename(scratch, file)
    }

    fn tell(&mut self, report: &Report) -> io::Result<()> {
        kernwerk_wire::write(&mut self.host, report)
    }

    fn wait_seen(&mut self) -> io::Result<()> {
        match kernwerk_wire::read(&mut self.host)? {
            Some(Answer::Seen) => Ok(()),
            Some(Answer::Input(_)) | None => Err(io::Error::other("the cell host has gone")),
        }
    }
}
