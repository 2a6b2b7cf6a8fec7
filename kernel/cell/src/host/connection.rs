//! One cell host that runs: its process, the line to it, and what comes back.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kernwerk_wire::{Event, Question, Request, Response};

use super::HostConfig;
use crate::error::Error;
use crate::process;

/// Events that wait at most; beyond that the cell host waits, and so does the cell.
const WAITING: usize = 16;
/// How long a cell host may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of its complaints that are kept.
const KEPT: usize = 4 << 10;
/// What would make the process take itself for something else.
const MISLEADING: &[&str] = &[
    "EVCXR_IS_RUNTIME",
    "EVCXR_RUSTC_WRAPPER",
    "KERNWERK_CELL_HOME",
    "KERNWERK_CELL_ROLE",
    "KERNWERK_CELL_RECORD",
    kernwerk_wire::ENGINE_SOCKET,
    kernwerk_wire::ENGINE_TOKEN,
];

/// A cell host.
pub(super) struct Connection {
    child: Child,
    pub(super) line: Line,
    events: Receiver<Event>,
    complaints: JoinHandle<String>,
}

/// The way to a cell host; clones are the same way. The host ends when the last is gone or [`Line::hang_up`] was called.
#[derive(Clone, Debug)]
pub(super) struct Line {
    input: Arc<Mutex<Option<ChildStdin>>>,
    asked: Arc<Mutex<Asked>>,
}

/// Who waits for an answer.
#[derive(Debug, Default)]
struct Asked {
    last: u64,
    waiting: BTreeMap<u64, Sender<Option<Response>>>,
    /// The host is gone: nobody is answered any more.
    over: bool,
}

impl Line {
    fn new(input: ChildStdin) -> Self {
        Self { input: Arc::new(Mutex::new(Some(input))), asked: Arc::default() }
    }

    pub(super) fn send(&self, request: &Request) -> io::Result<()> {
        let mut line = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        match line.as_mut() {
            Some(line) => kernwerk_wire::write(line, request),
            None => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
        }
    }

    /// Asks about the code, and waits for the answer, no longer than `patience` where there is one. The answer may be that nothing can be said
    /// now, or in time. None when the host is gone.
    pub(super) fn ask(&self, question: Question, patience: Option<Duration>) -> Option<Option<Response>> {
        let (sender, answer) = mpsc::channel();
        let id = {
            let mut asked = self.asked();
            if asked.over {
                return None;
            }
            asked.last += 1;
            let id = asked.last;
            asked.waiting.insert(id, sender);
            id
        };
        self.send(&Request::Ask { id, question }).ok()?;
        let Some(patience) = patience else { return answer.recv().ok() };
        match answer.recv_timeout(patience) {
            Ok(response) => Some(response),
            Err(RecvTimeoutError::Timeout) => Some(None),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    fn answered(&self, id: u64, response: Option<Response>) {
        if let Some(waiting) = self.asked().waiting.remove(&id) {
            // Whoever asked may have gone.
            let _ = waiting.send(response);
        }
    }

    /// Nobody answers any more.
    fn break_off(&self) {
        let mut asked = self.asked();
        asked.over = true;
        asked.waiting.clear();
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn hang_up(&self) {
        self.input.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Connection {
    pub(super) fn start(config: &HostConfig) -> Result<Self, Error> {
        let mut command = Command::new(&config.program);
        for name in MISLEADING {
            command.env_remove(name);
        }
        command.envs(config.environment.iter().map(|(name, value)| (name, value)));
        // In a group of its own: an interrupt that a terminal or a front end sends to the kernel's group is the kernel's to deal with.
        command.arg("cell-host").process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| Error::Start(error.to_string()))?;
        let (Some(input), Some(mut output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Error::Start("it has no input or output".to_owned()));
        };
        let (sender, events) = mpsc::sync_channel(WAITING);
        let line = Line::new(input);
        let asked = line.clone();
        std::thread::spawn(move || {
            while let Ok(Some(event)) = kernwerk_wire::read(&mut output) {
                let taken = match event {
                    Event::Answered { id, response } => {
                        asked.answered(id, response);
                        true
                    }
                    event => sender.send(event).is_ok(),
                };
                if !taken {
                    break;
                }
            }
            asked.break_off();
        });
        let complaints = std::thread::spawn(move || last_words(errors));
        Ok(Self { child, line, events, complaints })
    }

    /// The next event; none when the host has ended.
    pub(super) fn next(&mut self) -> Option<Event> {
        self.events.recv().ok()
    }

    /// Ends the host if it has not ended yet, and says how it ended.
    pub(super) fn end(mut self) -> String {
        self.line.hang_up();
        let deadline = Instant::now() + PATIENCE;
        // Take what it still wants to say, so that it does not wait for us.
        while Instant::now() < deadline && self.events.recv_timeout(PATIENCE).is_ok() {}
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        process::kill_group(self.child.id());
        let end = self.child.wait().map_or_else(|error| error.to_string(), process::describe_end);
        let words =
            if self.complaints.is_finished() { self.complaints.join().unwrap_or_default() } else { String::new() };
        let words = words.trim();
        if words.is_empty() { format!("it {end}") } else { format!("it {end}: {words}") }
    }
}

/// The end of what a process complains of.
fn last_words(mut errors: ChildStderr) -> String {
    let mut kept = Vec::new();
    let mut bytes = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut bytes) {
        kept.extend_from_slice(&bytes[..count]);
        if kept.len() > 2 * KEPT {
            kept.drain(..kept.len() - KEPT);
        }
    }
    String::from_utf8_lossy(&kept[kept.len().saturating_sub(KEPT)..]).into_owned()
}
