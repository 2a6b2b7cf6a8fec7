//! Reading values: JSON as Python writes it, and what `Debug` of Rust writes of a text.

use super::Plain;

/// Deeper values are left as they are.
const DEEPEST: usize = 256;

/// Reads JSON as Python writes it: numbers stay as they are written, and `NaN` and `Infinity` are read, too.
pub(super) struct Reader<'a> {
    pub rest: &'a str,
}

impl<'a> Reader<'a> {
    pub fn value(&mut self, depth: usize) -> Option<Plain> {
        if depth > DEEPEST {
            return None;
        }
        for (word, value) in [
            ("null", Plain::Null),
            ("true", Plain::Boolean(true)),
            ("false", Plain::Boolean(false)),
            ("NaN", Plain::NoNumber("NaN".to_owned())),
            ("Infinity", Plain::NoNumber("Infinity".to_owned())),
            ("-Infinity", Plain::NoNumber("-Infinity".to_owned())),
        ] {
            if self.take(word) {
                return Some(value);
            }
        }
        match self.rest.chars().next()? {
            '"' => self.text().map(Plain::Text),
            '[' => self.items('[', ']', |reader| reader.value(depth + 1)).map(Plain::List),
            '{' => {
                let field = |reader: &mut Self| {
                    let key = reader.text()?;
                    reader.space();
                    let value = if reader.take(":") { reader.spaced(depth + 1) } else { None };
                    Some((key, value?))
                };
                self.items('{', '}', field).map(Plain::Object)
            }
            _ => {
                let (number, rest) = Self::number(self.rest)?;
                self.rest = rest;
                Some(Plain::Number(number.to_owned()))
            }
        }
    }

    fn spaced(&mut self, depth: usize) -> Option<Plain> {
        self.space();
        self.value(depth)
    }

    fn items<T>(&mut self, open: char, close: char, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.rest = self.rest.strip_prefix(open)?;
        let mut items = Vec::new();
        loop {
            self.space();
            if let Some(rest) = self.rest.strip_prefix(close) {
                self.rest = rest;
                return Some(items);
            }
            if !items.is_empty() {
                self.rest = self.rest.strip_prefix(',')?;
                self.space();
            }
            items.push(item(self)?);
        }
    }

    fn text(&mut self) -> Option<String> {
        let inner = self.rest.strip_prefix('"')?;
        let mut escaped = false;
        let end = inner.bytes().position(|byte| match byte {
            b'\\' if !escaped => {
                escaped = true;
                false
            }
            b'"' if !escaped => true,
            _ => {
                escaped = false;
                false
            }
        })?;
        let (text, rest) = self.rest.split_at(end + 2);
        self.rest = rest;
        serde_json::from_str(text).ok()
    }

    /// The number that begins the text, and what is behind it.
    pub fn number(text: &str) -> Option<(&str, &str)> {
        let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
        let (number, rest) = text.split_at(end);
        serde_json::from_str::<serde_json::Number>(number).ok()?;
        Some((number, rest))
    }

    fn take(&mut self, word: &str) -> bool {
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

/// The text in a literal of Rust as `Debug` writes it; none where this is not one literal.
pub(super) fn unescaped(literal: &str) -> Option<String> {
    let mut characters = literal.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut text = String::new();
    while let Some(character) = characters.next() {
        match character {
            '"' => return None,
            '\\' => text.push(match characters.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '0' => '\0',
                'u' => {
                    let digits: String = characters.by_ref().skip(1).take_while(|digit| *digit != '}').collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
                }
                same => same,
            }),
            same => text.push(same),
        }
    }
    Some(text)
}
