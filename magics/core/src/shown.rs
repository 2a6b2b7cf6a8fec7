//! What cells show as front ends keep it: with all of its forms, where [`crate::Captured`] keeps the most telling one.

use serde::{Deserialize, Serialize};

use crate::Channel;

/// One thing that a cell has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub channel: Channel,
    /// The same thing in several forms, from which a front end chooses.
    pub forms: Vec<ShownForm>,
    /// Changes from run to run, in whole or in part: never compared.
    pub volatile: bool,
}

/// A form of a [`Shown`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownForm {
    /// A file suffix that says what the bytes are, as in [`crate::Captured`]. Forms that only one program knows have its name before
    /// that, such as `plotly.v1.json`.
    pub format: String,
    pub bytes: Vec<u8>,
}

impl Shown {
    /// Text alone.
    pub fn text(channel: Channel, text: impl Into<String>) -> Self {
        let form = ShownForm { format: "txt".to_owned(), bytes: text.into().into_bytes() };
        Self { channel, forms: vec![form], volatile: false }
    }
}

/// A notebook as its file holds it: the cells of code, with what they showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredNotebook {
    /// What the cells are written in, in lower case, such as `rust` or `python`.
    pub language: String,
    /// The kernel that ran it, such as `kernwerk` or `python3`; none where the file does not say.
    pub kernel: Option<String>,
    /// The version of the language, such as `3.11.2`; none where the file does not say.
    pub language_version: Option<String>,
    pub cells: Vec<StoredCell>,
}

/// A cell of code in a [`StoredNotebook`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCell {
    pub source: String,
    /// What the front end shows in `In [n]`; none where the cell was not executed.
    pub execution_count: Option<u32>,
    /// In their order.
    pub shown: Vec<Shown>,
}
