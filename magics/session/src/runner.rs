//! Cells in a fresh process: starts `kernwerk run-cells`, or `python -m kernwerk.run_cells` for cells of Python, and speaks
//! JSON lines with it.

use std::io;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use kernwerk_cassette::{Mode, Proxy, Secret, Tape};
use kernwerk_core::{
    Cassette, CellOutcome, CellStatus, Environment, Exchanged, Network, ProgramTold, ProxyAddress, PythonTold,
    RunError, RunRequest, RunResult, Runner, RustTold, Unanswered, Work,
};
use serde::de::DeserializeOwned;

/// How often a run looks whether it was interrupted.
const POLL: Duration = Duration::from_millis(50);
/// How much of the process's own words an error quotes.
const QUOTED_BYTES: usize = 2_000;

/// The part of the program that becomes another program, without the network.
const CONFINED: &str = "confined";

/// Runs cells through the `kernwerk` program, and those of Python through an interpreter.
pub struct ProcessRunner {
    program: PathBuf,
    /// None is the Python beside the program, else the one on the PATH.
    python: Option<PathBuf>,
}

impl ProcessRunner {
    pub fn new(program: PathBuf, python: Option<PathBuf>) -> Self {
        Self { program, python }
    }

    fn start(&self, request: &RunRequest) -> Result<Talk, RunError> {
        let mut command = if request.python { self.confined_python(request)? } else { self.rust() };
        let line = serde_json::to_string(request).map_err(|error| RunError::Start(error.to_string()))?;
        Talk::start(command.current_dir(&request.directory), &line)
    }

    /// What runs cells of Rust. It finds the user's environment, for compiling; the cells themselves do not.
    fn rust(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("run-cells");
        command
    }

    /// A Python that finds around it what the request says.
    fn confined_python(&self, request: &RunRequest) -> Result<Command, RunError> {
        let home = request.lab.join(".kernwerk").join("home");
        std::fs::create_dir_all(&home).map_err(|error| RunError::Start(format!("{}: {error}", home.display())))?;
        let python = self.python();
        let is_free = request.surroundings.network && request.proxy.is_none();
        let mut command = Command::new(if is_free { python.get_program() } else { self.program.as_os_str() });
        if !is_free {
            command.arg(CONFINED).args(request.surroundings.network.then_some("--network"));
            if let Some(ProxyAddress { requests, authority, password, .. }) = &request.proxy {
                command.arg("--proxy").args([requests, authority]);
                // In a file, for everybody on the machine may read what a program was called with.
                command.args(password.iter().flat_map(|file| ["--password".as_ref(), file.as_os_str()]));
            }
            command.arg(python.get_program());
        }
        let environment = request.surroundings.environment(std::env::vars_os(), &home);
        command.args(python.get_args()).env_clear().envs(environment);
        Ok(command)
    }

    /// Whether the network can be kept away from the cells that `request` wants to run without it.
    fn network(&self, request: &RunRequest) -> Network {
        if request.surroundings.network {
            return Network::Open;
        }
        match Command::new(&self.program).arg(CONFINED).stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => Network::Off,
            Ok(output) => Network::Unenforced(describe(output.status, &String::from_utf8_lossy(&output.stderr))),
            Err(error) => Network::Unenforced(error.to_string()),
        }
    }

    /// A Python that runs cells. `-P` keeps files of the working directory from standing in for modules before any cell runs.
    fn python(&self) -> Command {
        let beside = |name: &str| self.program.parent().map(|home| home.join(name)).filter(|path| path.is_file());
        let python = self.python.clone().or_else(|| beside("python")).or_else(|| beside("python3"));
        let mut command = Command::new(python.unwrap_or_else(|| "python3".into()));
        command.args(["-P", "-m", "kernwerk.run_cells"]);
        command
    }
}

impl Runner for ProcessRunner {
    fn run(
        &self,
        request: &RunRequest,
        work: &Work,
        on_cell: &mut dyn FnMut(&CellOutcome),
    ) -> Result<RunResult, RunError> {
        let network = self.network(request);
        let mut request = request.clone();
        request.surroundings.network = network != Network::Off;
        let proxy = request.cassette.take().map(start_proxy).transpose().map_err(RunError::Start)?;
        request.proxy = proxy.as_ref().map(|proxy| ProxyAddress {
            requests: proxy.requests(),
            steps: proxy.steps(),
            authority: proxy.authority(),
            password: proxy.password(),
        });
        let talk = self.start(&request)?;
        let mut outcomes: Vec<CellOutcome> = Vec::new();
        let (mut python, mut rust, mut program) = (None, None, None);
        while let Some(line) = talk.line(work)? {
            // What is told of the whole run behind its cells is no outcome.
            let is_end = outcomes.len() == request.cells.len() || has_stopped(&request, &outcomes);
            if is_end && request.python {
                python = Some(read::<PythonTold>(&line).map_err(|reason| died(&outcomes, reason))?);
                continue;
            }
            if is_end && rust.is_none() {
                rust = Some(read::<RustTold>(&line).map_err(|reason| died(&outcomes, reason))?);
                continue;
            }
            if is_end && request.program.is_some() {
                program = Some(read::<ProgramTold>(&line).map_err(|reason| died(&outcomes, reason))?);
                continue;
            }
            match read::<CellOutcome>(&line) {
                Ok(outcome) => {
                    on_cell(&outcome);
                    outcomes.push(outcome);
                }
                Err(reason) => return Err(died(&outcomes, reason)),
            }
        }
        talk.end().map_err(|reason| died(&outcomes, reason))?;
        Ok(RunResult { outcomes, python, rust, program, network, exchanged: proxy.map(exchanged) })
    }

    fn environment(&self, packages: &[&str], work: &Work) -> Result<Environment, RunError> {
        let mut command = self.python();
        command.arg("--environment").args(packages);
        let talk = Talk::start(&mut command, "")?;
        let mut found = None;
        while let Some(line) = talk.line(work)? {
            found = Some(read(&line).map_err(RunError::Start)?);
        }
        let name = command.get_program().to_string_lossy().into_owned();
        talk.end().map_err(|reason| RunError::Start(format!("{name}: {reason}")))?;
        found.ok_or_else(|| RunError::Start(format!("{name} does not say what it is")))
    }
}

/// A proxy that records or plays what cells say over HTTP.
fn start_proxy(cassette: Cassette) -> Result<Proxy, String> {
    let mode = match cassette {
        Cassette::Record { secrets, ignored_headers } => {
            let secret = |(placeholder, value)| Secret { value, placeholder };
            Mode::Record { secrets: secrets.into_iter().map(secret).collect(), ignored_headers }
        }
        Cassette::Play { tape } => Mode::Play(Tape::read(&tape).map_err(|error| format!("its cassette: {error}"))?),
    };
    let no_proxy = |error: io::Error| format!("there is no proxy between cells and network: {error}");
    Proxy::start(mode).map_err(no_proxy)
}

fn exchanged(proxy: Proxy) -> Exchanged {
    let told = proxy.end();
    Exchanged {
        exchanges: told.tape.as_ref().map_or(0, |tape| tape.exchanges.len()),
        tape: told.tape.map(|tape| tape.write()),
        steps: told.steps,
        unanswered: told.unanswered.into_iter().map(unanswered).collect(),
        leaks: told.leaks,
    }
}

fn unanswered(asked: kernwerk_cassette::Unanswered) -> Unanswered {
    let kernwerk_cassette::Unanswered { step, words, headers } = asked;
    Unanswered { cell: step, words, headers }
}

/// A process that was told its task and answers in lines. It does not outlive this.
struct Talk {
    process: Reaped,
    lines: Receiver<String>,
    words: Receiver<String>,
}

impl Talk {
    fn start(command: &mut Command, line: &str) -> Result<Self, RunError> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| RunError::Start(format!("{}: {error}", command.get_program().to_string_lossy())))?;
        let mut stdin = child.stdin.take().expect("standard input is piped");
        // Where the process is gone already, its end says more than the broken pipe.
        let _ = writeln!(stdin, "{line}");
        let lines = lines_of(child.stdout.take().expect("standard output is piped"));
        let words = text_of(child.stderr.take().expect("standard error is piped"));
        Ok(Self { process: Reaped(child), lines, words })
    }

    /// The next line; none when there will be no more.
    fn line(&self, work: &Work) -> Result<Option<String>, RunError> {
        loop {
            work.check()?;
            match self.lines.recv_timeout(POLL) {
                Ok(line) => return Ok(Some(line)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        }
    }

    /// Waits for the end; the error says in words how it ended where it did not end well.
    fn end(mut self) -> Result<(), String> {
        let status = self.process.0.wait().map_err(|error| error.to_string())?;
        if status.success() {
            return Ok(());
        }
        Err(describe(status, &self.words.recv().unwrap_or_default()))
    }
}

fn read<T: DeserializeOwned>(line: &str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| format!("it answered what nobody asked for ({error})"))
}

/// A child that does not outlive its run, however the run ends.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            // Its own children end with it: they watch the pipe to their parent.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Whether the last cell failed that ran, and may not: the run goes no further.
fn has_stopped(request: &RunRequest, outcomes: &[CellOutcome]) -> bool {
    let last = outcomes.len().checked_sub(1).and_then(|last| Some((outcomes.get(last)?, request.cells.get(last)?)));
    last.is_some_and(|(outcome, cell)| outcome.status != CellStatus::Ok && !cell.may_fail)
}

fn died(outcomes: &[CellOutcome], reason: String) -> RunError {
    RunError::Died { ordinal: outcomes.last().map_or(0, |last| last.ordinal) + 1, reason }
}

fn describe(status: ExitStatus, words: &str) -> String {
    let from = words.ceil_char_boundary(words.len().saturating_sub(QUOTED_BYTES));
    let words = words[from..].trim();
    if words.is_empty() { status.to_string() } else { format!("{status}: {words}") }
}

fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Everything `stream` says, at its end; read all along, so that the process never waits for a reader.
fn text_of(mut stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}
