//! The notebook's lab, as Rust cells see it.

use std::marker::PhantomData;
use std::path::PathBuf;

use crate::answer::open;
use crate::engine::ask;
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
