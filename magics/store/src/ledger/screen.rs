//! What keeps secrets out of the ledger. Nothing that people wrote, or that a program was told, is recorded before it was looked at here.
//!
//! What tells of something that happened is recorded with marks in place of secrets. What is looked up or run again later is refused: with a
//! mark in it it would be something else.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use super::Ledger;
use crate::Error;

/// Finds secrets in texts. Whoever knows what a secret looks like gives a ledger one.
pub trait Screen: Send + Sync {
    /// The text with a mark in place of each secret; none where it holds none.
    fn screened(&self, text: &str) -> Option<Screened>;
}

/// A text without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screened {
    pub text: String,
    /// What they were, in words that do not tell them.
    pub secrets: Vec<String>,
}

/// Shorter texts hold no secret that anybody would take for one.
const SHORTEST: usize = 8;

impl Ledger {
    /// Looks through all that is recorded from now on. The first screen that a ledger is given stays.
    pub fn screen_with(&self, screen: Box<dyn Screen>) {
        let _ = self.screen.set(screen);
    }

    fn screened(&self, text: &str) -> Option<Screened> {
        self.screen.get()?.screened(text)
    }

    /// A text as it may be recorded.
    pub fn masked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.screened(text).map_or(Cow::Borrowed(text), |screened| Cow::Owned(screened.text))
    }

    /// JSON as it may be recorded: the texts in it one by one, keys included.
    pub(super) fn masked_json(&self, value: &impl Serialize) -> Result<String, serde_json::Error> {
        let mut value = serde_json::to_value(value)?;
        // Nearly always there is nothing, and one look is enough to see it.
        if self.screened(&texts(&value)).is_some() {
            self.mask(&mut value);
        }
        Ok(value.to_string())
    }

    fn mask(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(screened) = self.screened(text) {
                    *text = screened.text;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask(item)),
            Value::Object(fields) => {
                let masked = std::mem::take(fields).into_iter().map(|(key, mut value)| {
                    self.mask(&mut value);
                    (self.masked(&key).into_owned(), value)
                });
                *fields = masked.collect();
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// That a name, a definition or what else is looked up or used again holds no secret; `what` says what it is.
    ///
    /// # Errors
    /// [`Error::HoldsSecret`].
    pub fn refuse_secrets(&self, what: &str, value: &Value) -> Result<(), Error> {
        let mut secrets = Vec::new();
        let mut each =
            |text: &str| secrets.extend(self.screened(text).map(|screened| screened.secrets).into_iter().flatten());
        visit(value, &mut each);
        secrets.sort();
        secrets.dedup();
        match secrets.is_empty() {
            true => Ok(()),
            false => Err(Error::HoldsSecret { what: self.masked(what).into_owned(), secrets }),
        }
    }
}

/// All texts that are long enough, a line each.
fn texts(value: &Value) -> String {
    let mut lines = String::new();
    visit(value, &mut |text| {
        if text.len() >= SHORTEST {
            lines.push_str(text);
            lines.push('\n');
        }
    });
    lines
}

fn visit(value: &Value, each: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(items) => items.iter().for_each(|item| visit(item, each)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            each(key);
            visit(value, each);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
