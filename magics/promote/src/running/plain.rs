//! A value of Python as people and other programs read it. Runs compare values in a form of their own, in which a mark such as `{"!tuple": […]}`
//! tells apart what JSON does not; here the marks are gone. Numbers keep the digits that they were written with.

use std::collections::BTreeSet;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::numpy;

/// Deeper values are left as they are.
const DEEPEST: usize = 256;

/// A value without marks.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plain {
    Null,
    Boolean(bool),
    /// As JSON writes it.
    Number(String),
    /// `NaN` or `Infinity`, which JSON has not.
    NoNumber(String),
    Text(String),
    /// Bytes of Python: within other values as base64.
    Bytes(Vec<u8>),
    List(Vec<Self>),
    /// In the order of the keys.
    Object(Vec<(String, Self)>),
}

impl Plain {
    /// Reads the form that is compared; none where this is none.
    pub fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text.trim() };
        let value = reader.value(0)?;
        reader.rest.is_empty().then(|| value.opened())
    }

    /// Reads a value of Rust as `{:#?}` writes it, where that is a text, a number or a truth value; none where it is more.
    pub fn of_rust(text: &str) -> Option<Self> {
        match text {
            "true" => Some(Self::Boolean(true)),
            "false" => Some(Self::Boolean(false)),
            text if text.starts_with('"') => unescaped(text).map(Self::Text),
            text => match Reader::number(text)? {
                (number, "") => Some(Self::Number(number.to_owned())),
                _ => None,
            },
        }
    }

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

    /// The value with its marks replaced by what they stand for.
    fn opened(self) -> Self {
        match self {
            Self::List(items) => Self::List(items.into_iter().map(Self::opened).collect()),
            Self::Object(mut fields) if fields.len() == 1 && fields[0].0.starts_with('!') => {
                let (mark, value) = fields.remove(0);
                marked(&mark, value)
            }
            Self::Object(fields) => {
                Self::Object(fields.into_iter().map(|(key, value)| (key, value.opened())).collect())
            }
            single => single,
        }
    }

    /// As the key of an object: like Python's own writer of JSON where that has a way.
    fn key(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::NoNumber(word) => word.clone(),
            Self::List(items) => format!("({})", items.iter().map(Self::key).collect::<Vec<_>>().join(", ")),
            value => value.json().trim_end().to_owned(),
        }
    }
}

/// What a mark of `kernwerk/values.py` stands for.
fn marked(mark: &str, value: Plain) -> Plain {
    match (mark, value) {
        ("!tuple" | "!set" | "!frozenset", value @ Plain::List(_)) => value.opened(),
        ("!dict", Plain::List(pairs)) => dictionary(pairs),
        ("!bytes" | "!bytearray", Plain::Text(digits)) => match numpy::bytes(&digits) {
            Some(bytes) => Plain::Bytes(bytes),
            None => Plain::Text(digits),
        },
        ("!complex", Plain::List(parts)) => match &parts[..] {
            [Plain::Text(real), Plain::Text(imaginary)] => {
                let sign = if imaginary.starts_with('-') { "" } else { "+" };
                Plain::Text(format!("{real}{sign}{imaginary}j"))
            }
            _ => Plain::List(parts),
        },
        ("!range", Plain::List(parts)) => Plain::Text(format!("range{}", Plain::List(parts).key())),
        ("!timedelta", Plain::List(parts)) => duration(&parts).map_or(Plain::List(parts), Plain::Text),
        ("!Decimal", Plain::Text(digits)) => match Reader::number(&digits) {
            Some((number, "")) => Plain::Number(number.to_owned()),
            _ => Plain::Text(digits),
        },
        ("!numpy", Plain::List(parts)) => numpy::value(&parts).unwrap_or(Plain::List(parts)),
        // Dates and times are texts already.
        (_, value) => value.opened(),
    }
}

/// A dictionary whose keys are not all texts: an object all the same, unless two keys would read alike.
fn dictionary(pairs: Vec<Plain>) -> Plain {
    let mut fields = Vec::new();
    for pair in pairs {
        let Plain::List(mut parts) = pair.opened() else { continue };
        if let (Some(value), Some(key)) = (parts.pop(), parts.pop()) {
            fields.push((key, value));
        }
    }
    let keys: BTreeSet<String> = fields.iter().map(|(key, _)| key.key()).collect();
    match keys.len() == fields.len() {
        true => Plain::Object(fields.into_iter().map(|(key, value)| (key.key(), value)).collect()),
        false => Plain::List(fields.into_iter().map(|(key, value)| Plain::List(vec![key, value])).collect()),
    }
}

/// Days, seconds and microseconds as a duration of ISO 8601.
fn duration(parts: &[Plain]) -> Option<String> {
    let whole = |part: &Plain| match part {
        Plain::Number(digits) => digits.parse::<i128>().ok(),
        _ => None,
    };
    let [days, seconds, microseconds] = parts else { return None };
    let total = (whole(days)? * 86_400 + whole(seconds)?) * 1_000_000 + whole(microseconds)?;
    let (sign, total) = (if total < 0 { "-" } else { "" }, total.abs());
    let (days, rest) = (total / 86_400_000_000, total % 86_400_000_000);
    let (seconds, fraction) = (rest / 1_000_000, format!("{:06}", rest % 1_000_000));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}P{days}DT{seconds}{point}{fraction}S"))
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

/// The text in a literal of Rust as `Debug` writes it; none where this is not one literal.
fn unescaped(literal: &str) -> Option<String> {
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

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text serialises")
}

/// Reads JSON as Python writes it: numbers stay as they are written, and `NaN` and `Infinity` are read, too.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Option<Plain> {
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
    fn number(text: &str) -> Option<(&str, &str)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        Plain::read(text).expect(text).json().trim_end().to_owned()
    }

    #[test]
    fn marks_become_what_they_stand_for() {
        for (compared, plain) in [
            ("11.125", "11.125"),
            ("{\"!tuple\": [1, {\"!tuple\": []}]}", "[\n  1,\n  []\n]"),
            ("{\"!set\": [1, 2]}", "[1, 2]"),
            (
                "{\"!dict\": [[1, \"a\"], [{\"!tuple\": [1, \"b\"]}, null]]}",
                "{\n  \"1\": \"a\",\n  \"(1, b)\": null\n}",
            ),
            // As texts they would be one key.
            ("{\"!dict\": [[1, \"a\"], [\"1\", \"b\"]]}", "[\n  [1, \"a\"],\n  [\"1\", \"b\"]\n]"),
            ("{\"!date\": \"2026-01-31\"}", "\"2026-01-31\""),
            ("{\"!bytes\": \"00ff\"}", "\"AP8=\""),
            ("{\"!complex\": [\"1.0\", \"-2.0\"]}", "\"1.0-2.0j\""),
            ("{\"!range\": [0, 10, 2]}", "\"range(0, 10, 2)\""),
            ("{\"!timedelta\": [-1, 86399, 500000]}", "\"-P0DT0.5S\""),
            ("{\"!timedelta\": [2, 5, 0]}", "\"P2DT5S\""),
            ("{\"!Decimal\": \"1.10\"}", "1.10"),
            ("{\"!Decimal\": \"NaN\"}", "\"NaN\""),
            ("{\"!numpy\": [\"<f8\", [], \"000000000000f83f\"]}", "1.5"),
            ("{\"!numpy\": [\"<i4\", [2, 1], \"0100000002000000\"]}", "[\n  [1],\n  [2]\n]"),
            ("{\"a\": {\"!set\": []}, \"b\": 1}", "{\n  \"a\": [],\n  \"b\": 1\n}"),
        ] {
            assert_eq!(json(compared), plain, "{compared}");
        }
    }

    #[test]
    fn numbers_keep_their_digits_and_what_is_none_is_null() {
        for digits in ["1000000000000000000000000000000", "0.1", "1e-07", "-0.0", "2.2250738585072014e-308"] {
            assert_eq!(json(digits), digits);
        }
        assert_eq!(json("[NaN, -Infinity]"), "[null, null]");
        assert_eq!(Plain::read("NaN").map(|value| value.text()).as_deref(), Some("NaN\n"));
    }

    #[test]
    fn texts_and_numbers_of_rust_are_read() {
        for text in ["", "plain", "say \"hi\"\n\t\\", "é\u{1}\u{1F600}'", "\0"] {
            assert_eq!(Plain::of_rust(&format!("{text:#?}")), Some(Plain::Text(text.to_owned())), "{text:?}");
        }
        assert_eq!(Plain::of_rust("1.5"), Some(Plain::Number("1.5".to_owned())));
        for more in ["Point { x: 1 }", "\"a\": \"b\"", "NaN", "[1]", "\"", "1 bytes"] {
            assert_eq!(Plain::of_rust(more), None, "{more}");
        }
    }

    #[test]
    fn texts_are_themselves() {
        let text = |text: &str| Plain::read(text).map(|value| value.text());
        assert_eq!(text("\"say \\\"hi\\\"\\n\"\n").as_deref(), Some("say \"hi\"\n"));
        assert_eq!(text("\"back\\\\\"").as_deref(), Some("back\\"));
        for wrong in ["", "\"open", "[1", "[1 2]", "{\"a\" 1}", "1 2", "nul", "{1: 2}"] {
            assert_eq!(Plain::read(wrong), None, "{wrong}");
        }
        assert_eq!(Plain::read(&"[".repeat(100_000)), None);
    }
}
