//! Cells in a fresh process: starts `kernwerk run-cells` and speaks JSON lines with it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use kernwerk_core::{CellOutcome, RunError, RunRequest, Runner, Work};

/// How often a run looks whether it was interrupted.
const POLL: Duration = Duration::from_millis(50);
/// How much of the process's own words an error quotes.
const QUOTED_BYTES: usize = 2_000;

/// Runs cells through the `kernwerk` program.
pub struct ProcessRunner {
    program: PathBuf,
}

impl ProcessRunner {
    pub fn new(program: PathBuf) -> Self {
        Self { program }
    }

    fn start(&self, request: &RunRequest) -> Result<Child, RunError> {
        let mut child = Command::new(&self.program)
            .arg("run-cells")
            .current_dir(&request.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| RunError::Start(format!("{}: {error}", self.program.display())))?;
        let line = serde_json::to_string(request).map_err(|error| RunError::Start(error.to_string()))?;
        let mut stdin = child.stdin.take().expect("standard input is piped");
        // Where the process is gone already, its end says more than the broken pipe.
        let _ = writeln!(stdin, "{line}");
        Ok(child)
    }
}

impl Runner for ProcessRunner {
    fn run(
        &self,
        request: &RunRequest,
        work: &Work,
        on_cell: &mut dyn FnMut(&CellOutcome),
    ) -> Result<Vec<CellOutcome>, RunError> {
        let mut process = Reaped(self.start(request)?);
        let lines = lines_of(process.0.stdout.take().expect("standard output is piped"));
        let words = text_of(process.0.stderr.take().expect("standard error is piped"));
        let mut outcomes = Vec::new();
        loop {
            work.check()?;
            match lines.recv_timeout(POLL) {
                Ok(line) => {
                    let outcome: CellOutcome = serde_json::from_str(&line)
                        .map_err(|error| died(&outcomes, format!("it answered what is no outcome ({error})")))?;
                    on_cell(&outcome);
                    outcomes.push(outcome);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = process.0.wait().map_err(|error| died(&outcomes, error.to_string()))?;
        if status.success() {
            Ok(outcomes)
        } else {
            let words = words.recv().unwrap_or_default();
            Err(died(&outcomes, describe(status, &words)))
        }
    }
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
