//! Comms: the kernel's side of the widgets that cells have shown, and what front ends say about them.
//!
//! A front end with ipywidgets draws a widget from its models. One without shows the fallback, which is why the fallback follows
//! the widget's state for as long as no front end has said that it draws it, and once more when its cell ends.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jupyter_protocol::Header;
use serde_json::{Map, Value, json};

use super::lock;
use super::message::Request;
use super::widgets::{CONTROL_TARGET, PROTOCOL, TARGET, VIEW, described, models};
use crate::engine::{Bundle, Widget, WidgetKind};
use crate::iopub::Iopub;

/// A widget's changes go out at most so often.
const PAUSE: Duration = Duration::from_millis(50);
/// A fallback is replaced at most so often.
const FALLBACK_PAUSE: Duration = Duration::from_millis(250);
/// Older widgets than so many are forgotten: they stay as they are in the notebook, and a reload shows their fallback.
const REMEMBERED: usize = 500;

/// The comms of this kernel.
pub(super) struct Comms {
    iopub: Iopub,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The models' states by comm.
    models: BTreeMap<String, Map<String, Value>>,
    widgets: BTreeMap<String, Shown>,
    /// The widgets' names, oldest first.
    order: VecDeque<String>,
    /// Comms that front ends have opened to ask for all widgets.
    controls: Vec<String>,
}

/// A widget that a cell has shown.
struct Shown {
    kind: WidgetKind,
    fallback: Bundle,
    /// What has changed and was not told yet.
    pending: Map<String, Value>,
    told: Instant,
    /// Whether the fallback has changed since it was published, and when that was.
    stale: bool,
    replaced: Instant,
    /// How many front ends draw it.
    views: u64,
}

impl Comms {
    pub fn new(iopub: Iopub) -> Self {
        Self { iopub, state: Mutex::default() }
    }

    /// Takes what a cell says of a widget. A new one is opened, and its display comes back to be published in its place; a
    /// known one is changed at the next [`Comms::tell_due`].
    pub fn show(&self, cell: &Header, widget: Widget) -> Option<Value> {
        let mut state = lock(&self.state);
        if let Some(shown) = state.widgets.get_mut(&widget.name) {
            shown.change(widget);
            return None;
        }
        let display = display(&widget.name, &widget.fallback);
        for model in models(&widget) {
            self.open(cell, &model.id, &model.state);
            state.models.insert(model.id, model.state);
        }
        let now = Instant::now();
        let shown = Shown {
            kind: widget.kind,
            fallback: widget.fallback,
            pending: Map::new(),
            told: now,
            stale: false,
            replaced: now,
            views: 0,
        };
        state.widgets.insert(widget.name.clone(), shown);
        state.remember(widget.name);
        Some(display)
    }

    /// Tells what has changed and has waited long enough; at the end of `cell`, everything.
    pub fn tell_due(&self, cell: &Header, at_end: bool) {
        let mut state = lock(&self.state);
        let now = Instant::now();
        let State { models, widgets, .. } = &mut *state;
        for (name, shown) in widgets {
            if !shown.pending.is_empty() && (at_end || now.duration_since(shown.told) >= PAUSE) {
                shown.told = now;
                let changes = std::mem::take(&mut shown.pending);
                if let Some(model) = models.get_mut(name) {
                    model.extend(changes.clone());
                    self.update(cell, name, &changes);
                }
            }
            let due = shown.views == 0 && now.duration_since(shown.replaced) >= FALLBACK_PAUSE;
            if shown.stale && (at_end || due) {
                shown.stale = false;
                shown.replaced = now;
                self.iopub.publish(cell, "update_display_data", display(name, &shown.fallback));
            }
        }
    }

    /// The value that a widget has now, also where a user changed it.
    pub fn value(&self, name: &str) -> Option<Value> {
        let state = lock(&self.state);
        let pending = state.widgets.get(name).and_then(|shown| shown.pending.get("value"));
        pending.or_else(|| state.models.get(name)?.get("value")).cloned()
    }

    /// The reply to `comm_info_request`: all comms, or those of one target.
    pub fn info(&self, target: Option<&str>) -> Value {
        let state = lock(&self.state);
        let models = state.models.keys().map(|id| (id, TARGET));
        let controls = state.controls.iter().map(|id| (id, CONTROL_TARGET));
        let comms: Map<String, Value> = models
            .chain(controls)
            .filter(|(_, of)| target.is_none_or(|target| target == *of))
            .map(|(id, of)| (id.clone(), json!({ "target_name": of })))
            .collect();
        json!({ "status": "ok", "comms": comms })
    }

    /// A front end opens a comm. One to a target that nobody knows is closed at once, as the protocol wants it.
    pub fn opened(&self, request: &Request) {
        let Some(id) = comm_id(request) else { return };
        if request.field("target_name").and_then(Value::as_str) == Some(CONTROL_TARGET) {
            let mut state = lock(&self.state);
            state.controls.push(id);
            if state.controls.len() > REMEMBERED {
                state.controls.remove(0);
            }
        } else {
            self.iopub.publish(&request.header, "comm_close", json!({ "comm_id": id, "data": {} }));
        }
    }

    /// A front end closes a comm: the user removed the widget, or nothing there knows what to do with it.
    pub fn closed(&self, request: &Request) {
        let Some(id) = comm_id(request) else { return };
        let mut state = lock(&self.state);
        state.controls.retain(|control| *control != id);
        state.models.remove(&id);
    }

    /// A front end says something on a comm. What is on none, or is no message of widgets, is nobody's.
    pub fn said(&self, request: &Request) {
        let Some(id) = comm_id(request) else { return };
        let data = request.field("data");
        let method = data.and_then(|data| data.get("method")).and_then(Value::as_str);
        let mut state = lock(&self.state);
        if state.controls.contains(&id) {
            if method == Some("request_states") {
                let states: Map<String, Value> =
                    state.models.iter().map(|(id, model)| (id.clone(), described(model))).collect();
                let data = json!({ "method": "update_states", "states": states, "buffer_paths": [] });
                self.say(&request.header, &id, data);
            }
            return;
        }
        match (method, data.and_then(|data| data.get("state")).and_then(Value::as_object)) {
            (Some("request_state"), _) => {
                if let Some(model) = state.models.get(&id) {
                    self.update(&request.header, &id, model);
                }
            }
            (Some("update"), Some(changes)) => {
                let changes = state.changed_by_front_end(&id, changes);
                if !changes.is_empty() {
                    let data = json!({ "method": "echo_update", "state": changes, "buffer_paths": [] });
                    self.say(&request.header, &id, data);
                }
            }
            _ => {}
        }
    }

    fn open(&self, parent: &Header, id: &str, state: &Map<String, Value>) {
        let data = json!({ "state": state, "buffer_paths": [] });
        let content = json!({ "comm_id": id, "target_name": TARGET, "data": data });
        self.iopub.publish_with(parent, "comm_open", content, json!({ "version": PROTOCOL }));
    }

    fn update(&self, parent: &Header, id: &str, state: &Map<String, Value>) {
        self.say(parent, id, json!({ "method": "update", "state": state, "buffer_paths": [] }));
    }

    fn say(&self, parent: &Header, id: &str, data: Value) {
        self.iopub.publish(parent, "comm_msg", json!({ "comm_id": id, "data": data }));
    }
}

impl State {
    fn remember(&mut self, name: String) {
        self.order.push_back(name);
        while self.order.len() > REMEMBERED {
            let Some(oldest) = self.order.pop_front() else { return };
            self.widgets.remove(&oldest);
            self.models
                .retain(|id, _| id.strip_prefix(&oldest).is_none_or(|rest| !matches!(rest, "" | "-layout" | "-style")));
        }
    }

    /// Takes over what a front end may change; gives it back.
    fn changed_by_front_end(&mut self, id: &str, changes: &Map<String, Value>) -> Map<String, Value> {
        let (Some(shown), Some(model)) = (self.widgets.get_mut(id), self.models.get_mut(id)) else {
            return Map::new();
        };
        let changes = shown.kind.settable(changes);
        if let Some(views) = changes.get("_view_count").and_then(Value::as_u64) {
            shown.views = views;
        }
        if let Some(value) = changes.get("value").filter(|_| shown.kind == WidgetKind::Text) {
            shown.pending.remove("value");
            shown.fallback = Bundle::plain(value.as_str().unwrap_or_default());
        }
        model.extend(changes.clone());
        changes
    }
}

impl Shown {
    fn change(&mut self, widget: Widget) {
        self.pending.extend(self.kind.settable(&widget.state));
        self.stale |= self.fallback != widget.fallback;
        self.fallback = widget.fallback;
    }
}

/// The content of a widget's display: its view, and what stands there without ipywidgets.
fn display(name: &str, fallback: &Bundle) -> Value {
    let mut data = fallback.to_json();
    data[VIEW] = json!({ "version_major": 2, "version_minor": 0, "model_id": name });
    json!({ "data": data, "metadata": super::outputs::volatile(), "transient": { "display_id": name } })
}

fn comm_id(request: &Request) -> Option<String> {
    request.field("comm_id")?.as_str().map(str::to_owned)
}
