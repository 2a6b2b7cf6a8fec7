//! YAML as a tree that knows its lines. Of YAML it takes what a suite needs: mappings, lists and scalars, in one document.

use kernwerk_core::name_hint;
use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::Error;

/// Deeper nesting than this means nothing in a suite.
const DEEPEST: usize = 8;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// From 1.
    pub line: usize,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Scalar {
        text: String,
        /// Without quotes, so that it may be a number.
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub name: String,
    pub line: usize,
}

/// Reads a text that holds one YAML document.
pub(super) fn parse(text: &str) -> Result<Node, Error> {
    let lines = text.lines().count().max(1);
    let mut events = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let hint = "the text is YAML: `key: value`, and what belongs to a key is indented below it".to_owned();
            // What is missing at the end is missing from the last line.
            Error::Suite { line: error.marker().line().min(lines), message: error.info().to_owned(), hint: Some(hint) }
        })?;
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            // The first begins the text that is read; another one begins a second text.
            Event::DocumentStart(_) if events.is_empty() => {}
            event => events.push((event, span)),
        }
    }
    let mut reader = Reader { events: events.into_iter().peekable() };
    let node = reader.node(0)?.ok_or_else(|| wrong(1, "there is nothing but comments"))?;
    match reader.events.next() {
        Some((_, span)) => Err(wrong(span.start.line(), "a second document begins here; a suite is one")),
        None => Ok(node),
    }
}

struct Reader<'a, I: Iterator<Item = (Event<'a>, Span)>> {
    events: std::iter::Peekable<I>,
}

impl<'a, I: Iterator<Item = (Event<'a>, Span)>> Reader<'a, I> {
    /// The next node; none at the end of the collection around it.
    fn node(&mut self, depth: usize) -> Result<Option<Node>, Error> {
        let Some((event, span)) = self.events.next() else {
            return Ok(None);
        };
        let line = span.start.line();
        if depth > DEEPEST {
            return Err(wrong(line, "this is nested too deeply"));
        }
        let (anchor, has_tag) = match &event {
            Event::Scalar(_, _, anchor, tag) | Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                (*anchor, tag.is_some())
            }
            Event::Alias(_) => (1, false),
            _ => (0, false),
        };
        if anchor != 0 || has_tag {
            return Err(wrong(line, "a suite has no anchors (`&`), aliases (`*`) and tags (`!`)"));
        }
        let value = match event {
            Event::Scalar(text, style, ..) => {
                Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain }
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                while let Some(item) = self.node(depth + 1)? {
                    items.push(item);
                }
                Value::List(items)
            }
            Event::MappingStart(..) => Value::Map(self.entries(depth)?),
            _ => return Ok(None),
        };
        Ok(Some(Node { line, value }))
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, Error> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        while let Some(key) = self.node(depth + 1)? {
            let Value::Scalar { text: name, .. } = key.value else {
                return Err(wrong(key.line, "a key is a word"));
            };
            let key = Key { name, line: key.line };
            if let Some((first, _)) = entries.iter().find(|(other, _)| other.name == key.name) {
                let message = format!("`{}` stands on line {} already", key.name, first.line);
                return Err(wrong(key.line, message));
            }
            let value = self.node(depth + 1)?.ok_or_else(|| wrong(key.line, "the value is missing"))?;
            entries.push((key, value));
        }
        Ok(entries)
    }
}

impl Node {
    /// The entries of a mapping, each to be taken by its key. `what` says what the mapping is, such as `a target`.
    pub(super) fn entries(self, what: &'static str) -> Result<Entries, Error> {
        match self.value {
            Value::Map(entries) => Ok(Entries { what, line: self.line, entries, asked: Vec::new() }),
            _ => Err(wrong(self.line, format!("{what} is a mapping, `key: value` line by line"))),
        }
    }

    /// The items of a list.
    pub(super) fn list(self, what: &str) -> Result<Vec<Node>, Error> {
        match self.value {
            Value::List(items) => Ok(items),
            _ => Err(wrong(self.line, format!("`{what}` is a list, such as [a, b]"))),
        }
    }

    /// A text that is not empty.
    pub(super) fn text(self, what: &str) -> Result<String, Error> {
        match self.value {
            Value::Scalar { text, .. } if !text.trim().is_empty() => Ok(text),
            Value::Scalar { .. } => Err(wrong(self.line, format!("`{what}` has no value"))),
            _ => Err(wrong(self.line, format!("`{what}` is one word"))),
        }
    }

    /// A number; `range` says in words which are meant.
    pub(super) fn number<T: std::str::FromStr>(
        self,
        what: &str,
        range: &str,
        is_good: impl Fn(&T) -> bool,
    ) -> Result<T, Error> {
        let line = self.line;
        let text = match &self.value {
            Value::Scalar { text, plain: true } => Some(text),
            _ => None,
        };
        let number = text.and_then(|text| text.parse().ok()).filter(is_good);
        number.ok_or_else(|| wrong(line, format!("`{what}` is {range}")))
    }
}

/// The entries of a mapping while they are taken out.
pub(super) struct Entries {
    what: &'static str,
    pub line: usize,
    entries: Vec<(Key, Node)>,
    asked: Vec<&'static str>,
}

impl Entries {
    /// The value of a key, if the mapping has it.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Node> {
        self.asked.push(key);
        let place = self.entries.iter().position(|(other, _)| other.name == key)?;
        Some(self.entries.remove(place).1)
    }

    /// All entries that are left.
    pub(super) fn rest(self) -> Vec<(Key, Node)> {
        self.entries
    }

    /// Fails when there are keys that nobody asked for.
    pub(super) fn end(self) -> Result<(), Error> {
        let Some((key, _)) = self.entries.first() else {
            return Ok(());
        };
        let hint = name_hint(&key.name, "its keys are", self.asked.iter().copied());
        let message = format!("`{}` is no key of {}", key.name, self.what);
        Err(Error::Suite { line: key.line, message, hint })
    }
}

pub(super) fn wrong(line: usize, message: impl Into<String>) -> Error {
    Error::Suite { line, message: message.into(), hint: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text).expect_err("no suite").to_string()
    }

    #[test]
    fn lines_are_kept() {
        let node = parse("# a comment\na: 1\nb:\n  - \"2\"\n  - {c: d}\n").expect("YAML");
        let scalar = |line, text: &str, plain| Node { line, value: Value::Scalar { text: text.to_owned(), plain } };
        let key = |line, name: &str| Key { name: name.to_owned(), line };
        let inner = Node { line: 5, value: Value::Map(vec![(key(5, "c"), scalar(5, "d", true))]) };
        let list = Node { line: 4, value: Value::List(vec![scalar(4, "2", false), inner]) };
        let entries = vec![(key(2, "a"), scalar(2, "1", true)), (key(3, "b"), list)];
        assert_eq!(node, Node { line: 2, value: Value::Map(entries) });
    }

    #[test]
    fn what_a_suite_does_not_have_is_refused_with_its_line() {
        assert_eq!(error("a: 1\nb: 2\na: 3"), "line 3: `a` stands on line 1 already");
        assert_eq!(error("a: &x 1\nb: *x"), "line 1: a suite has no anchors (`&`), aliases (`*`) and tags (`!`)");
        assert_eq!(error("a: !!int 1"), "line 1: a suite has no anchors (`&`), aliases (`*`) and tags (`!`)");
        assert_eq!(error("a: 1\n---\nb: 2"), "line 2: a second document begins here; a suite is one");
        assert_eq!(error("[a]: 1"), "line 1: a key is a word");
        assert_eq!(error("# nothing\n"), "line 1: there is nothing but comments");
        assert!(error(&"[".repeat(100)).starts_with("line 1: "));
        assert!(error(&format!("a: {}{}", "[".repeat(20), "]".repeat(20))).contains("nested too deeply"));
        assert!(error("a: 1\n b: 2").starts_with("line 2: "));
        assert!(error("a: \"open").starts_with("line 1: "));
        assert!(error("a: 1\nb").starts_with("line 2: "));
    }
}
