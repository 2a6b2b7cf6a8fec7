//! Cells in a fresh process: starts `kernwerk run-cells`, or `python -m kernwerk.run_cells` for cells of Python, and speaks
//! JSON lines with it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use kernwerk_core::{
    CellOutcome, Environment, ProgramTold, PythonRun, PythonTold, RunError, RunRequest, RunResult, Runner, Work,
};
use serde::de::DeserializeOwned;

/// How often a run looks whether it was interrupted.
const POLL: Duration = Duration::from_millis(50);
/// How much of the process's own words an error quotes.
const QUOTED_BYTES: usize = 2_000;

/// What is the same for every run of Python, wherever it runs: hashes of texts decide the order of sets, and the time zone
/// and the locale how moments and numbers are written.
const PYTHON_PINS: [(&str, &str); 4] =
    [("PYTHONHASHSEED", "0"), ("PYTHONUTF8", "1"), ("TZ", "UTC"), ("LC_ALL", "C.UTF-8")];
/// Where numerical libraries look for how many threads they may use, on which the last digits of sums depend.
const THREAD_VARIABLES: [&str; 5] =
    ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "POLARS_MAX_THREADS"];

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
        let mut command = match &request.python {
            None => {
                let mut command = Command::new(&self.program);
                command.arg("run-cells");
                command
            }
            Some(run) => self.python(run),
        };
        let line = serde_json::to_string(request).map_err(|error| RunError::Start(error.to_string()))?;
        Talk::start(command.current_dir(&request.directory), &line)
    }

    /// A Python that runs cells. `-P` keeps files of the working directory from standing in for modules before any cell runs.
    fn python(&self, run: &PythonRun) -> Command {
        let beside = |name: &str| self.program.parent().map(|home| home.join(name)).filter(|path| path.is_file());
        let python = self.python.clone().or_else(|| beside("python")).or_else(|| beside("python3"));
        let mut command = Command::new(python.unwrap_or_else(|| "python3".into()));
        command.args(["-P", "-m", "kernwerk.run_cells"]).envs(PYTHON_PINS);
        command.envs(THREAD_VARIABLES.map(|variable| (variable, run.threads.to_string())));
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
        let talk = self.start(request)?;
        let mut outcomes: Vec<CellOutcome> = Vec::new();
        let (mut python, mut program) = (None, None);
        while let Some(line) = talk.line(work)? {
            // The last line of a run of Python, or of one that makes a program, is no outcome.
            let is_end = outcomes.len() == request.cells.len();
            if is_end && request.python.is_some() {
                python = Some(read::<PythonTold>(&line).map_err(|reason| died(&outcomes, reason))?);
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
        Ok(RunResult { outcomes, python, program })
    }

    fn environment(&self, packages: &[&str], work: &Work) -> Result<Environment, RunError> {
        let mut command = self.python(&PythonRun { threads: 1 });
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
