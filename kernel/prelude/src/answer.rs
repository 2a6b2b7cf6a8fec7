//! Magics in Rust code, and what they answer.

use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use crate::display::{VOLATILE, display};
use crate::engine::ask;
use crate::frame::{AsFrame, Frames};
use crate::json::Json;
use crate::problem::Problem;

/// Runs a magic: its line, with or without the percent sign, and the lines of its body below it.
///
/// # Errors
/// What the magic reports.
pub fn magic(text: &str) -> Result<Answer, Problem> {
    Answer::of(text)
}

/// What a magic answered.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer<As = AsFrame> {
    text: String,
    html: String,
    verdict: String,
    /// It changes from run to run.
    volatile: bool,
    /// The Arrow file that holds its rows.
    frame: Option<PathBuf>,
    kind: PhantomData<fn() -> As>,
}

impl<As: Frames> Answer<As> {
    /// Runs a magic; see [`magic()`].
    ///
    /// # Errors
    /// What the magic reports.
    pub fn of(text: &str) -> Result<Self, Problem> {
        let answer = ask(&[("wanted", "magic"), ("text", text)])?;
        let text = |name: &str| answer.text(name).unwrap_or_default().to_owned();
        Ok(Self {
            text: text("text"),
            html: text("html"),
            verdict: text("verdict"),
            volatile: answer.get("volatile") == Some(&Json::Word("true".to_owned())),
            frame: answer.text("frame").map(PathBuf::from),
            kind: PhantomData,
        })
    }

    /// The answer in words, as a terminal shows it. Of a long table it has head and tail.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The answer as a notebook shows it.
    pub fn html(&self) -> &str {
        &self.html
    }

    /// Whether a magic that judges, such as `eval gate`, found that what it judged holds. True for all others.
    pub fn passed(&self) -> bool {
        self.verdict == "passed"
    }

    /// All rows of the answer.
    ///
    /// # Errors
    /// The magic gives no table, or its file cannot be read.
    pub fn frame(&self) -> Result<As::Frame, Problem> {
        let path = self.frame.as_ref().ok_or_else(|| {
            Problem::new("NoTable", "this magic answers without a table").with_hint("`.text()` has its words")
        })?;
        open::<As>(path)
    }

    /// Shows the answer.
    pub fn evcxr_display(&self) {
        let mut forms = vec![("text/html", self.html.as_str()), ("text/plain", self.text.as_str())];
        if self.volatile {
            forms.push((VOLATILE, ""));
        }
        display(&forms);
    }
}

/// Opens the frame that the engine left in a file.
pub(crate) fn open<As: Frames>(path: &Path) -> Result<As::Frame, Problem> {
    As::open(path).map_err(|error| {
        Problem::new("FrameGone", format!("the frame in {} cannot be read: {error}", path.display()))
            .with_hint("run the magic again")
    })
}

impl<As> fmt::Display for Answer<As> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// As [`fmt::Display`]: an answer is words, and they are for people.
impl<As> fmt::Debug for Answer<As> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
