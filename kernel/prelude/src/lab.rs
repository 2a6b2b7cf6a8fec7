//! The notebook's lab, as Rust cells see it.

use std::marker::PhantomData;
use std::path::PathBuf;

use crate::answer::open;
use crate::engine::{ask, scratch};
use crate::frame::{AsFrame, Frames};
use crate::json::Json;
use crate::problem::Problem;

/// The notebook's lab.
pub fn lab() -> Lab {
    Lab::default()
}

/// The notebook's lab. What a cell reads of it is recorded with the cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lab<As = AsFrame>(PhantomData<fn() -> As>);

impl<As> Default for Lab<As> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<As: Frames> Lab<As> {
    /// The rows of a table or feature view, at its current version.
    ///
    /// # Errors
    /// There is no lab or no such table, or it cannot be read.
    pub fn table(&self, name: &str) -> Result<As::Frame, Problem> {
        let answer = ask(&[("wanted", "table"), ("name", name)])?;
        open::<As>(&path_of(&answer)?)
    }

    /// Gives a frame a name that magics know, as `-> name` does with what a magic gives: `magic!("feature training spine …")` then finds it.
    ///
    /// # Errors
    /// It cannot be a name, or the frame cannot be handed over.
    pub fn give(&self, name: &str, frame: &As::Frame) -> Result<(), Problem> {
        let scratch = scratch()?;
        let given = As::file(frame, &scratch)
            .map_err(|error| Problem::new("FrameNotWritten", format!("the frame cannot be handed over: {error}")))
            .and_then(|file| ask(&[("wanted", "give"), ("name", name), ("path", &file.to_string_lossy())]));
        // The engine has read it; where there is none, the frame was in a file of its own.
        let _ = std::fs::remove_file(&scratch);
        given.map(drop)
    }

    /// The names of the lab's tables.
    ///
    /// # Errors
    /// There is no lab.
    pub fn tables(&self) -> Result<Vec<String>, Problem> {
        let answer = ask(&[("wanted", "tables")])?;
        let Some(Json::List(names)) = answer.get("names") else { return Err(not_understood()) };
        let text = |name: &Json| match name {
            Json::Text(text) => Ok(text.clone()),
            _ => Err(not_understood()),
        };
        names.iter().map(text).collect()
    }

    /// The directory that holds `kernwerk.toml`.
    ///
    /// # Errors
    /// There is no lab.
    pub fn path(&self) -> Result<PathBuf, Problem> {
        path_of(&ask(&[("wanted", "lab")])?)
    }
}

fn path_of(answer: &Json) -> Result<PathBuf, Problem> {
    answer.text("path").map(PathBuf::from).ok_or_else(not_understood)
}

fn not_understood() -> Problem {
    Problem::new("EngineGone", "the kernel's engine gave an answer to something else").with_hint("restart the kernel")
}
