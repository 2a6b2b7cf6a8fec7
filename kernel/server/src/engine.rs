//! The seam between the protocol and whoever runs cells: what the Jupyter side asks, in plain data.

use std::sync::Arc;

use kernwerk_core::{Cancel, Event, Problem};
use serde::Deserialize;
use serde_json::{Map, Value};

/// One thing to show in several representations: pairs of a MIME type and its text (base64 for binary ones).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle(pub Vec<(String, String)>);

impl Bundle {
    /// A bundle of plain text alone.
    pub fn plain(text: impl Into<String>) -> Self {
        Self(vec![("text/plain".to_owned(), text.into())])
    }

    /// The representation of type `mime`.
    pub fn get(&self, mime: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == mime).map(|(_, text)| text.as_str())
    }

    /// The `data` of a Jupyter message. JSON representations become JSON values; what does not parse stays text.
    pub fn to_json(&self) -> Value {
        let mut data = Map::new();
        for (mime, text) in &self.0 {
            let is_json = mime == "application/json" || mime.ends_with("+json");
            let parsed = is_json.then(|| serde_json::from_str(text).ok()).flatten();
            data.insert(mime.clone(), parsed.unwrap_or_else(|| Value::String(text.clone())));
        }
        Value::Object(data)
    }
}

/// What a cell shows while it runs, in the order in which it shows it.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    Stdout(String),
    Stderr(String),
    /// `display_id` names the display, so that it can be updated later.
    Display {
        bundle: Bundle,
        display_id: Option<String>,
    },
    /// Replaces the display of that id wherever it stands.
    UpdateDisplay {
        bundle: Bundle,
        display_id: String,
    },
    /// The value of the cell's trailing expression.
    Result(Bundle),
    /// Clears what the cell has shown; `wait` until the next output comes.
    Clear {
        wait: bool,
    },
    /// Shows a widget, or changes one that was shown.
    Widget(Widget),
}

/// A widget of ipywidgets, for front ends that have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Widget {
    /// Unique in the kernel; the first that is heard of it shows it.
    pub name: String,
    pub kind: WidgetKind,
    /// What is set, by ipywidgets' names, such as `value`, `max`, `description`.
    pub state: Map<String, Value>,
    /// What stands in its place where there is no ipywidgets.
    pub fallback: Bundle,
}

/// The kinds of widgets that cells can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WidgetKind {
    Progress,
    Label,
    Html,
    /// A line that the user can edit.
    Text,
}

/// Gives what is to be shown now; asked every second or so.
pub type Following = Box<dyn Fn() -> Result<Bundle, Problem> + Send>;

/// Takes what a running cell shows.
pub trait Outputs: Send + Sync {
    /// Shows something. May wait while the front ends have more than they can take.
    fn show(&self, shown: Shown);

    /// Shows what would be otherwise in another run; front ends keep that it is so.
    fn show_volatile(&self, shown: Shown) {
        self.show(shown);
    }

    /// Takes progress and notes. Never waits: it is called from inner loops.
    fn event(&self, event: Event);

    /// The work whose progress was told has ended; its displays get their last state.
    fn progress_ended(&self);

    /// Asks the user for a line.
    ///
    /// # Errors
    /// The front end takes no input, or the cell was interrupted meanwhile.
    fn input(&self, prompt: &str, password: bool) -> Result<String, Problem>;

    /// Shows `first`, and from now on, also after the cell, what `answer` gives in its place. Ends what was followed before.
    fn follow(&self, first: Bundle, answer: Following);

    /// Ends what is followed.
    fn end_following(&self);

    /// The value of a widget as the user left it; none where the widget is not known, or nobody can change it.
    fn widget_value(&self, name: &str) -> Option<Value>;
}

/// Nobody watches a cell that runs again: what it shows is kept by whoever runs it, or was shown before.
pub(crate) struct Unseen {
    /// Where notes go.
    pub note: fn(String),
}

impl Outputs for Unseen {
    fn show(&self, _shown: Shown) {}

    fn event(&self, event: Event) {
        if let Event::Note(line) = event {
            (self.note)(line);
        }
    }

    fn progress_ended(&self) {}

    fn input(&self, _prompt: &str, _password: bool) -> Result<String, Problem> {
        Err(Problem::new("NoInput", "a cell that runs again cannot ask the user for input")
            .with_hint("give the value in the cell, or as a parameter"))
    }

    fn follow(&self, _first: Bundle, _answer: Following) {}

    fn end_following(&self) {}

    fn widget_value(&self, _name: &str) -> Option<Value> {
        None
    }
}

/// A cell to run.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    pub code: &'a str,
    /// What the front end shows in `In [n]`.
    pub execution_count: u32,
    /// The front end's identity of the cell, which stays when it is edited and run again.
    pub id: Option<&'a str>,
}

/// A cell that failed, as a front end shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A stable name such as `CompileError`.
    pub name: String,
    /// What was wrong, without colours.
    pub message: String,
    /// Lines to show, with ANSI colours where they help.
    pub traceback: Vec<String>,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let mut traceback = vec![format!("\u{1b}[31m{}\u{1b}[0m: {}", problem.name, problem.message)];
        if let Some(hint) = &problem.hint {
            traceback.push(format!("\u{1b}[1mhint\u{1b}[0m: {hint}"));
        }
        Self { name: problem.name, message: problem.message, traceback }
    }
}

/// What may stand in place of the text from `start` to `end` (byte offsets).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    pub start: usize,
    pub end: usize,
    pub matches: Vec<Candidate>,
}

/// One way to complete a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub text: String,
    /// What it is, in one word that front ends show or have an icon for: `function`, `class`, `magic`, `table`, …
    pub kind: String,
    /// A function's parentheses and what stands in them, where known.
    pub signature: Option<String>,
}

/// Whether a front end's Enter key should run the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completeness {
    Complete,
    /// More lines are needed; the next one begins with `indent`.
    Incomplete {
        indent: String,
    },
    Invalid,
}

/// Runs cells. The methods are called from several threads; only `run` and `evaluate` are called one at a time.
pub trait Engine: Send + Sync {
    /// Runs a cell to its end. Work in it stops when `cancel` is raised.
    ///
    /// # Errors
    /// The cell failed or was interrupted.
    fn run(&self, cell: Cell<'_>, outputs: Arc<dyn Outputs>, cancel: &Cancel) -> Result<(), Failure>;

    /// The next cell is counted from here where that is further than the last one's count.
    fn counted(&self) -> u32 {
        0
    }

    /// The value of an expression, for `user_expressions`.
    ///
    /// # Errors
    /// It does not compile, fails, or has no value.
    fn evaluate(&self, expression: &str) -> Result<Bundle, Failure>;

    /// The running cell's `cancel` was just raised: stops what does not look at it.
    fn interrupt(&self);

    /// Completes `code` at `cursor` (a byte offset).
    fn complete(&self, code: &str, cursor: usize) -> Completions;

    /// Describes what stands at `cursor` (a byte offset); level 1 asks for more than level 0.
    fn inspect(&self, code: &str, cursor: usize, detail_level: u32) -> Option<Bundle>;

    fn is_complete(&self, code: &str) -> Completeness;

    /// Ends every process that the engine started. A running cell is lost.
    fn shutdown(&self);
}
