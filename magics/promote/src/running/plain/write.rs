//! Writing values: as JSON that any reader takes, and as texts of their own.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Plain;

impl Plain {
    /// The value as JSON that any reader takes, with a line end. What is no number is null there.
    pub fn json(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0);
        text.push('\n');
        text
    }

    /// The value as a line or a text of its own: texts and numbers as they are, all else as JSON.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::NoNumber(word) => format!("{word}\n"),
            value => value.json(),
        }
    }

    fn write(&self, out: &mut String, depth: usize) {
        match self {
            Self::Null | Self::NoNumber(_) => out.push_str("null"),
            Self::Boolean(value) => _ = write!(out, "{value}"),
            Self::Number(digits) => out.push_str(digits),
            Self::Text(text) => out.push_str(&quoted(text)),
            Self::Bytes(bytes) => out.push_str(&quoted(&STANDARD.encode(bytes))),
            Self::List(items) if items.is_empty() => out.push_str("[]"),
            // A row of numbers or words is a line.
            Self::List(items) if items.iter().all(Self::is_single) => {
                out.push('[');
                for (place, item) in items.iter().enumerate() {
                    out.push_str(if place > 0 { ", " } else { "" });
                    item.write(out, depth);
                }
                out.push(']');
            }
            Self::List(items) => {
                let items = items.iter().map(|item| (None, item));
                lines(out, depth, ('[', ']'), items);
            }
            Self::Object(fields) if fields.is_empty() => out.push_str("{}"),
            Self::Object(fields) => {
                let fields = fields.iter().map(|(key, value)| (Some(key.as_str()), value));
                lines(out, depth, ('{', '}'), fields);
            }
        }
    }

    fn is_single(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Object(_))
    }
}

fn lines<'a>(
    out: &mut String,
    depth: usize,
    (open, close): (char, char),
    items: impl Iterator<Item = (Option<&'a str>, &'a Plain)>,
) {
    out.push(open);
    for (place, (key, value)) in items.enumerate() {
        out.push_str(if place > 0 { ",\n" } else { "\n" });
        out.push_str(&"  ".repeat(depth + 1));
        if let Some(key) = key {
            out.push_str(&quoted(key));
            out.push_str(": ");
        }
        value.write(out, depth + 1);
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push(close);
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text serialises")
}
