//! What the running cell shows, turned into messages as it comes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use kernwerk_core::{Cancel, Event, Problem};
use kernwerk_render::{Bar, Board};
use serde_json::{Value, json};

use super::comms::Comms;
use super::following::{self, Follower};
use super::progress;
use super::stdin::Stdin;
use super::stream::{Piece, Stream, StreamBuffer};
use crate::engine::{Bundle, Following, Outputs, Shown, Widget};
use crate::iopub::Iopub;
use crate::kernel::Kernel;
use crate::kernel::message::Request;

/// How the front end wants the cell run.
#[derive(Clone, Copy)]
pub(super) struct CellKind {
    pub execution_count: u32,
    /// Nothing is published.
    pub silent: bool,
    pub allow_stdin: bool,
}

/// The outputs of one cell.
pub(super) struct CellOutputs {
    iopub: Iopub,
    comms: Arc<Comms>,
    follower: Arc<Follower>,
    stdin: Stdin,
    request: Arc<Request>,
    cell: CellKind,
    cancel: Cancel,
    streams: Mutex<StreamBuffer>,
    /// Lines that wait to be printed: who tells them must not wait.
    notes: Mutex<Vec<String>>,
    progress: Mutex<Board>,
    /// Names the displays of this cell's progress.
    id: String,
    result: Mutex<Option<String>>,
}

impl CellOutputs {
    /// The outputs of `request`'s cell in `kernel`.
    pub fn new(kernel: &Kernel, request: Arc<Request>, cell: CellKind, cancel: Cancel) -> Self {
        Self {
            iopub: kernel.iopub.clone(),
            comms: kernel.comms.clone(),
            follower: kernel.follower.clone(),
            stdin: kernel.stdin.clone(),
            request,
            cell,
            cancel,
            streams: Mutex::default(),
            notes: Mutex::default(),
            progress: Mutex::default(),
            id: uuid::Uuid::new_v4().to_string(),
            result: Mutex::default(),
        }
    }

    /// Publishes what has waited long enough; called every few milliseconds while the cell runs.
    pub fn tick(&self) {
        let now = Instant::now();
        // The cell itself may hold the buffer while it waits for room; then there is nothing to hurry.
        if let Ok(mut streams) = self.streams.try_lock() {
            self.drive(&mut streams, |streams| streams.due(now).into_iter().collect());
        }
        let bars = lock(&self.progress).due(now);
        self.show_bars(bars);
        self.comms.tell_due(&self.request.header, false);
    }

    /// Publishes what is left, at the cell's end.
    pub fn finish(&self) {
        self.progress_ended();
        self.drive(&mut lock(&self.streams), StreamBuffer::finish);
        self.comms.tell_due(&self.request.header, true);
    }

    /// The text of the cell's result, if it had one.
    pub fn result(&self) -> Option<String> {
        lock(&self.result).take()
    }

    fn print(&self, stream: Stream, text: &str) {
        self.drive(&mut lock(&self.streams), |streams| streams.push(stream, text, Instant::now()));
    }

    /// Publishes something that is no text of a stream, after what was printed before it.
    fn publish_after_streams(&self, msg_type: &str, content: Value) {
        let mut streams = lock(&self.streams);
        self.drive(&mut streams, |streams| streams.flush().into_iter().collect());
        self.iopub.wait_for_room(&self.cancel);
        self.publish(msg_type, content);
    }

    /// Moves the notes into the buffer, lets `act` take from it, and publishes what is due. The buffer stays locked meanwhile,
    /// so that pieces go out in their order.
    fn drive(&self, streams: &mut StreamBuffer, act: impl FnOnce(&mut StreamBuffer) -> Vec<Piece>) {
        let notes = std::mem::take(&mut *lock(&self.notes));
        let mut pieces: Vec<Piece> =
            notes.iter().flat_map(|note| streams.push(Stream::Stderr, note, Instant::now())).collect();
        pieces.extend(act(streams));
        for (stream, text) in pieces {
            self.iopub.wait_for_room(&self.cancel);
            self.publish("stream", json!({ "name": stream.name(), "text": text }));
        }
    }

    fn show_bars(&self, bars: Vec<Bar>) {
        for bar in bars {
            let (msg_type, content) = progress::message(&self.id, bar);
            self.publish(msg_type, content);
        }
    }

    fn show_widget(&self, widget: Widget) {
        if self.cell.silent {
            return;
        }
        // What was printed before a widget stands above it.
        let mut streams = lock(&self.streams);
        self.drive(&mut streams, |streams| streams.flush().into_iter().collect());
        if let Some(display) = self.comms.show(&self.request.header, widget) {
            self.iopub.wait_for_room(&self.cancel);
            self.publish("display_data", display);
        }
    }

    fn publish(&self, msg_type: &str, content: Value) {
        if !self.cell.silent {
            self.iopub.publish(&self.request.header, msg_type, content);
        }
    }

    fn publish_shown(&self, shown: Shown, metadata: Value) {
        match shown {
            Shown::Stdout(text) => self.print(Stream::Stdout, &text),
            Shown::Stderr(text) => self.print(Stream::Stderr, &text),
            Shown::Display { bundle, display_id } => {
                self.publish_after_streams("display_data", display(&bundle, display_id.as_deref(), metadata));
            }
            Shown::UpdateDisplay { bundle, display_id } => {
                self.publish_after_streams("update_display_data", display(&bundle, Some(&display_id), metadata));
            }
            Shown::Result(bundle) => {
                *lock(&self.result) = bundle.get("text/plain").map(str::to_owned);
                let content = json!({ "execution_count": self.cell.execution_count, "data": bundle.to_json(), "metadata": metadata });
                self.publish_after_streams("execute_result", content);
            }
            Shown::Clear { wait } => self.publish_after_streams("clear_output", json!({ "wait": wait })),
            Shown::Widget(widget) => self.show_widget(widget),
        }
    }
}

impl Outputs for CellOutputs {
    fn show(&self, shown: Shown) {
        self.publish_shown(shown, json!({}));
    }

    fn show_volatile(&self, shown: Shown) {
        self.publish_shown(shown, volatile());
    }

    fn event(&self, event: Event) {
        match event {
            Event::Progress { task, done, total, unit } => {
                lock(&self.progress).tell(&task, done, total, unit, Instant::now());
            }
            Event::Note(line) => lock(&self.notes).push(format!("{line}\n")),
        }
    }

    fn progress_ended(&self) {
        let bars = lock(&self.progress).finish(Instant::now());
        self.show_bars(bars);
    }

    fn input(&self, prompt: &str, password: bool) -> Result<String, Problem> {
        if !self.cell.allow_stdin {
            return Err(Problem::new("NoInput", "the front end takes no input from the user")
                .with_hint("run the cell in JupyterLab or in a console, or give the value in the cell"));
        }
        self.drive(&mut lock(&self.streams), |streams| streams.flush().into_iter().collect());
        self.stdin.ask(&self.request, prompt, password, &self.cancel)
    }

    fn follow(&self, first: Bundle, answer: Following) {
        if self.cell.silent {
            return;
        }
        let id = uuid::Uuid::new_v4().to_string();
        self.publish_after_streams("display_data", following::content(&first, &id));
        self.follower.follow(self.iopub.clone(), self.request.header.clone(), id, first, answer);
    }

    fn end_following(&self) {
        self.follower.end();
    }

    fn widget_value(&self, name: &str) -> Option<Value> {
        self.comms.value(name)
    }
}

fn display(bundle: &Bundle, display_id: Option<&str>, metadata: Value) -> Value {
    let transient = display_id.map_or_else(|| json!({}), |id| json!({ "display_id": id }));
    json!({ "data": bundle.to_json(), "metadata": metadata, "transient": transient })
}

/// The metadata of an output that would be otherwise in another run: it stays in the notebook's file, for whoever replays that.
pub(super) fn volatile() -> Value {
    json!({ kernwerk_render::VOLATILE.0: { kernwerk_render::VOLATILE.1: true } })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
