//! Passes on what a cell shows, and keeps it for the record of cells.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernwerk_core::{Captured, Channel, Event, Events, Output, Problem};
use kernwerk_render::Captures;
use kernwerk_session::Live;

use crate::engine::{Bundle, Failure, Outputs, Shown};

/// The outputs of one running cell.
pub(super) struct Recorder {
    outputs: Arc<dyn Outputs>,
    captures: Mutex<Captures>,
}

impl Recorder {
    /// With `keeps_shown` all forms of what the cell shows are kept.
    pub fn new(outputs: Arc<dyn Outputs>, keeps_shown: bool) -> Arc<Self> {
        Arc::new(Self { outputs, captures: Mutex::new(Captures::new(keeps_shown)) })
    }

    /// Shows what a Rust cell shows; what is `volatile` changes from run to run and is never compared.
    pub fn show(&self, shown: Shown, volatile: bool) {
        self.keep(&shown, volatile);
        self.pass_on(shown, volatile);
    }

    /// Shows what a magic answered, as text and as HTML.
    pub fn show_output(&self, output: &Output) {
        self.captures().output(output);
        self.pass_on(Shown::Display { bundle: bundle(output), display_id: None }, output.is_volatile());
    }

    fn pass_on(&self, shown: Shown, volatile: bool) {
        if volatile { self.outputs.show_volatile(shown) } else { self.outputs.show(shown) }
    }

    /// Shows what a magic answered, and does what it says of the answer's life.
    pub fn show_live(&self, output: &Output, live: Live) {
        match live {
            Live::End => {
                self.outputs.end_following();
                self.show_output(output);
            }
            Live::Follow(answer) => {
                self.captures().output(output);
                self.outputs.follow(bundle(output), Box::new(move || answer().map(|output| bundle(&output))));
            }
        }
    }

    /// The failure is shown by whoever asked for the cell; here it is kept.
    pub fn failed(&self, failure: &Failure) {
        self.captures().error(&failure.name, &failure.message);
    }

    pub fn note(&self, line: String) {
        self.outputs.event(Event::Note(line));
    }

    pub fn progress_ended(&self) {
        self.outputs.progress_ended();
    }

    pub fn input(&self, prompt: &str, password: bool) -> Result<String, Problem> {
        self.outputs.input(prompt, password)
    }

    pub fn widget_value(&self, name: &str) -> Option<serde_json::Value> {
        self.outputs.widget_value(name)
    }

    /// What was kept: for the record, and, where that is wanted, in all forms.
    pub fn take(&self) -> (Vec<Captured>, Vec<kernwerk_core::Shown>) {
        std::mem::take(&mut *self.captures()).finish_all()
    }

    fn keep(&self, shown: &Shown, volatile: bool) {
        let mut captures = self.captures();
        match shown {
            Shown::Stdout(text) => captures.stdout(text),
            Shown::Stderr(text) => captures.stderr(text),
            Shown::Display { bundle, display_id } if volatile => {
                captures.volatile(Channel::Display, display_id.clone(), &bundle.0);
            }
            Shown::Result(bundle) if volatile => captures.volatile(Channel::Result, None, &bundle.0),
            Shown::Display { bundle, display_id } => captures.bundle(Channel::Display, display_id.clone(), &bundle.0),
            Shown::UpdateDisplay { bundle, display_id } => captures.update(display_id, &bundle.0),
            Shown::Result(bundle) => captures.bundle(Channel::Result, None, &bundle.0),
            Shown::Clear { .. } => captures.clear(),
            Shown::Widget(widget) => captures.widget(&widget.name, &widget.fallback.0),
        }
    }

    fn captures(&self) -> MutexGuard<'_, Captures> {
        self.captures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bundle(output: &Output) -> Bundle {
    Bundle(vec![
        ("text/plain".to_owned(), kernwerk_render::text(output)),
        ("text/html".to_owned(), kernwerk_render::html(output)),
    ])
}

impl Events for Recorder {
    /// Progress and notes are shown and never compared.
    fn emit(&self, event: Event) {
        self.outputs.event(event);
    }
}
