//! The supervisor: stands between evcxr and the worker. evcxr sees of a cell only what it must; everything that a cell writes goes to the cell
//! host directly, as it comes.
//!
//! It has one thread and reads no faster than the cell host takes: a cell that prints without end waits for its reader.
//!
//! When the worker dies its snapshot takes its place, or writes down what variables it can for a fresh one. evcxr, which would start anew with
//! nothing, never hears of it: to evcxr the cell has merely failed.

mod stream;
mod text;
mod variables;
mod worker;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use kernwerk_wire::{Answer, Command as WorkerCommand, Happened, Kept, Report, Snapshot};

use self::stream::{Piece, Splitter};
use self::text::Decoder;
use self::variables::Variables;
pub(crate) use self::worker::WORKER;
use self::worker::Worker;
use crate::build;
use crate::home::Home;
use crate::process;

/// How long, in milliseconds, output may wait for more that would decide what it is.
const SETTLE: i32 = 20;
/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;
/// A line that is no UTF-8: for evcxr the cell has failed, of which nothing is to be kept, and everything else stays as it is.
const FAILED: &[u8] = b"\xff\n";

/// Serves evcxr until it hangs up, or until the worker dies and nothing can take its place.
pub(crate) fn run(home: &Home) -> ! {
    process::die_with_parent();
    process::adopt_orphans();
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
    /// Where snapshots of the worker report.
    snapshots: UnixListener,
    worker: Worker,
    splitter: Splitter,
    error_decoder: Decoder,
    /// What evcxr has sent and is no whole line yet.
    line: Vec<u8>,
    cell: Cell,
    variables: Variables,
    /// The user knows that there is no snapshot, for want of memory.
    memory_told: bool,
}

/// What is known of the cell that runs.
#[derive(Default)]
struct Cell {
    /// What runs, and the variables that it lists; none between cells.
    runs: Option<(PathBuf, build::Variables)>,
    /// The last panic on the cells' thread. Whether it was caught is seen later.
    panic: Option<Happened>,
    panicked: bool,
    error_occurred: bool,
    changed: Vec<String>,
}

impl<'a> Supervisor<'a> {
    fn start(home: &'a Home) -> io::Result<Self> {
        let mut host = UnixStream::connect(home.socket())?;
        // A supervisor before this one may have left it.
        let _ = std::fs::remove_file(home.snapshots());
        let snapshots = UnixListener::bind(home.snapshots())?;
        let worker = Worker::start(home)?;
        kernwerk_wire::write(&mut host, &Report::Ready { supervisor: std::process::id(), worker: worker.process })?;
        Ok(Self {
            home,
            host,
            snapshots,
            worker,
            splitter: Splitter::default(),
            error_decoder: Decoder::default(),
            line: Vec::new(),
            cell: Cell::default(),
            variables: Variables::default(),
            memory_told: false,
        })
    }

    fn serve(mut self) -> io::Result<()> {
        let evcxr = io::stdin().as_fd().try_clone_to_owned()?;
        loop {
            let patience = if self.splitter.waits() { SETTLE } else { -1 };
            let [control, output, errors, end] = self.worker.descriptors();
            let ready = process::wait_readable([Some(evcxr.as_fd()), control, output, errors, end], patience)?;
            let [commanded, happened, written, complained, ended] = ready;
            if ready == [false; 5] {
                let pieces = self.splitter.settle();
                self.report(pieces)?;
            }
            if written {
                self.read_output(CHUNK)?;
            }
            if complained {
                self.read_errors(CHUNK)?;
            }
            let alive = !happened || ended || self.hear()?;
            if (ended || !alive) && !self.replace()? {
                return Ok(());
            }
            if commanded && !self.take_commands(&mut File::from(evcxr.try_clone()?))? {
                self.worker.bury();
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

    /// Begins to run a cell: `LOAD_AND_RUN library function`. The function has one name in all cells.
    fn begin(&mut self, line: &str) -> io::Result<()> {
        let words = line.strip_prefix("LOAD_AND_RUN ").and_then(|words| words.rsplit_once(' '));
        let Some((library, _)) = words else {
            return Err(io::Error::other(format!("evcxr says `{line}`, which is not understood")));
        };
        self.cell = Cell::default();
        if self.home.stop_mark().exists() {
            // Interrupted before it began. To evcxr it panicked at once, so that it counts on nothing new.
            self.cell.panicked = true;
            return self.end();
        }
        let gone = self.variables.take_gone();
        if !gone.is_empty() {
            // evcxr takes it that their types have changed, compiles the cell without them, and comes again.
            self.cell.changed = gone;
            return self.answer();
        }
        let library = PathBuf::from(library);
        let listed = build::Variables::read(&self.home.package().join(build::OUT)).unwrap_or_default();
        self.cell.runs = Some((library.clone(), listed));
        self.tell(&Report::Running)?;
        // Should the worker be dead, that is seen where its end is waited for.
        let _ = self.worker.command(&WorkerCommand::Run { library, function: build::ENTRY.to_owned() });
        Ok(())
    }

    /// Reads one message of the worker's; false when there will be no more.
    fn hear(&mut self) -> io::Result<bool> {
        match self.worker.hear() {
            Some(happened) => self.note(happened),
            None => Ok(false),
        }
    }

    /// Takes what the worker tells; false when it is of no use any more.
    fn note(&mut self, happened: Happened) -> io::Result<bool> {
        match happened {
            Happened::Loaded => self.tell(&Report::Loaded)?,
            Happened::Done { snapshot } => {
                self.worker.take_on(&snapshot, &self.snapshots);
                self.end()?;
                self.tell_memory(&snapshot)?;
                process::clear_away_ended(self.worker.process);
            }
            Happened::Failed { reason } => {
                self.tell(&Report::Stderr(format!("the compiled cell could not be loaded: {reason}\n")))?;
                return Ok(false);
            }
            Happened::Panic { message, file, line, column, thread: Some(thread) } => {
                self.tell(&Report::Stderr(format!(
                    "thread '{thread}' panicked at {file}:{line}:{column}:\n{message}\n"
                )))?;
            }
            panic @ Happened::Panic { .. } => {
                // Were it the end of the cell, there would be no further one: the earlier was caught.
                let earlier = self.cell.panic.replace(panic);
                self.tell_caught(earlier)?;
            }
            // Answers to what is asked elsewhere.
            Happened::Waiting { .. }
            | Happened::TookOver { .. }
            | Happened::Spilled { .. }
            | Happened::Restored { .. } => {}
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
        if let Some((library, listed)) = self.cell.runs.take()
            && self.cell.changed.is_empty()
        {
            self.variables.ran(&library, &listed, self.cell.panicked || self.cell.error_occurred);
        }
        self.answer()
    }

    /// Tells evcxr how the cell has ended.
    fn answer(&mut self) -> io::Result<()> {
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

    /// The worker is dead, or as good as. Puts another in its place and says what has become of the cell; false where there can be none.
    fn replace(&mut self) -> io::Result<bool> {
        while let Some(happened) = self.worker.hear_rest() {
            self.note(happened)?;
        }
        self.drain()?;
        let reason = self.worker.bury();
        let cell = std::mem::take(&mut self.cell);
        self.tell_caught(cell.panic)?;
        let succeeded = self.worker.succeed(&self.snapshots).or_else(|problem| {
            self.tell(&Report::Note(format!(
                "the copy of the cells' process could not go on in its place ({problem})"
            )))?;
            io::Result::Ok(None)
        })?;
        let kept = match succeeded {
            Some((worker, snapshot)) => {
                self.worker = worker;
                self.tell_memory(&snapshot)?;
                Kept::All
            }
            None => match self.begin_anew() {
                Ok(kept) => kept,
                Err(_) => {
                    self.tell(&Report::Died { reason })?;
                    self.wait_seen()?;
                    return Ok(false);
                }
            },
        };
        let (supervisor, worker) = (std::process::id(), self.worker.process);
        let in_cell = cell.runs.is_some();
        self.tell(&Report::Replaced { supervisor, worker, in_cell, reason, kept })?;
        self.wait_seen()?;
        if in_cell {
            let mut evcxr = io::stdout().lock();
            evcxr.write_all(FAILED)?;
            evcxr.flush()?;
        }
        Ok(true)
    }

    /// Starts a fresh worker, and moves what variables can be moved to it.
    fn begin_anew(&mut self) -> io::Result<Kept> {
        let directory = self.home.spilled();
        std::fs::create_dir_all(&directory)?;
        let mut variables = self.variables.to_move(&directory);
        let written = self.worker.spill(variables.clone());
        variables.retain(|variable| written.contains(&variable.name));
        self.worker = Worker::start(self.home)?;
        let kept = self.worker.restore(variables, &self.snapshots)?;
        // What was mapped stays readable.
        let _ = std::fs::remove_dir_all(&directory);
        let gone = self.variables.keep(&kept);
        Ok(if gone.is_empty() { Kept::All } else { Kept::Some { kept, gone } })
    }

    /// Says, once, that there is no snapshot because there is not enough memory for it.
    fn tell_memory(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let Snapshot::NoMemory { wanted, available } = snapshot else {
            self.memory_told = false;
            return Ok(());
        };
        if std::mem::replace(&mut self.memory_told, true) {
            return Ok(());
        }
        let gigabytes = |bytes: &u64| *bytes as f64 / f64::from(1 << 30);
        self.tell(&Report::Note(format!(
            "the variables take {:.1} GiB, and {:.1} GiB of memory are free: should the next cells be interrupted or crash, the variables are lost",
            gigabytes(wanted),
            gigabytes(available)
        )))
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
        let written = self.worker.output.as_ref().map_or(0, |output| process::waiting(output.as_fd()));
        let complained = self.worker.errors.as_ref().map_or(0, |errors| process::waiting(errors.as_fd()));
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
        let Some(output) = &mut self.worker.output else { return Ok(()) };
        let mut bytes = vec![0; most];
        let count = output.read(&mut bytes)?;
        if count == 0 {
            self.worker.output = None;
        }
        let pieces = self.splitter.feed(&bytes[..count]);
        self.report(pieces)
    }

    fn read_errors(&mut self, most: usize) -> io::Result<()> {
        let Some(errors) = &mut self.worker.errors else { return Ok(()) };
        let mut bytes = vec![0; most];
        let count = errors.read(&mut bytes)?;
        if count == 0 {
            self.worker.errors = None;
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
                Piece::TypeChanged(variable) => {
                    // A run that has no such variable says nothing of it: a note is not compared.
                    self.tell(&Report::Note(format!(
                        "the variable {variable} is lost, for its type was defined anew: run the cell again that makes it"
                    )))?;
                    self.cell.changed.push(variable);
                }
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
