//! Splits a cell into runs of Rust code and magics, in order.

use crate::lexer::{LineError, MagicLine};

/// A part of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Rust code; `line` is its first line in the cell, from 0.
    Code {
        text: String,
        line: usize,
    },
    Magic(MagicLine),
}

/// Splits `source` into its parts. A line is a magic when it begins with `%` and a letter, or `%%` and a letter, outside of
/// strings, comments and brackets of Rust: `% b` on a line of its own is a remainder. A `%%` magic takes all lines up to the
/// next `%%` line or the end of the cell; a `\` at the end of a `%` line joins the next one to it.
pub fn split(source: &str) -> Result<Vec<Segment>, LineError> {
    let lines: Vec<&str> = source.split('\n').collect();
    let mut segments = Vec::new();
    let mut code = CodeRun::default();
    let mut index = 0;
    while index < lines.len() {
        let line = lines[index];
        if !code.scanner.is_neutral() || !is_magic(line) {
            code.push(line, index);
            index += 1;
            continue;
        }
        code.finish(&mut segments);
        let (magic, next) = if line.trim_start().starts_with("%%") {
            read_body_magic(&lines, index)?
        } else {
            read_line_magic(&lines, index)?
        };
        segments.push(Segment::Magic(magic));
        index = next;
    }
    code.finish(&mut segments);
    Ok(segments)
}

fn is_magic(line: &str) -> bool {
    let line = line.trim_start();
    let rest = line.strip_prefix("%%").or_else(|| line.strip_prefix('%'));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}

fn read_line_magic(lines: &[&str], start: usize) -> Result<(MagicLine, usize), LineError> {
    let (text, next) = join(lines, start);
    Ok((MagicLine::read(&text, None, start)?, next))
}

fn read_body_magic(lines: &[&str], start: usize) -> Result<(MagicLine, usize), LineError> {
    let (text, first) = join(lines, start);
    let length = lines[first..].iter().take_while(|line| !(line.starts_with("%%") && is_magic(line))).count();
    let end = first + length;
    let body = lines[first..end].join("\n");
    Ok((MagicLine::read(&text, Some(body), start)?, end))
}

/// The line at `start` with those that a trailing `\` joins to it, and the index of the line after them.
fn join(lines: &[&str], start: usize) -> (String, usize) {
    let mut text = String::new();
    let mut index = start;
    while let Some(head) = lines[index].trim_end().strip_suffix('\\') {
        text.push_str(head);
        text.push(' ');
        index += 1;
        if index == lines.len() {
            return (text, index);
        }
    }
    text.push_str(lines[index]);
    (text, index + 1)
}

/// Consecutive lines of Rust code.
#[derive(Default)]
struct CodeRun {
    text: String,
    first: Option<usize>,
    scanner: Scanner,
}

impl CodeRun {
    fn push(&mut self, line: &str, index: usize) {
        if self.first.is_none() {
            self.first = Some(index);
        } else {
            self.text.push('\n');
        }
        self.text.push_str(line);
        self.scanner.line(line);
    }

    fn finish(&mut self, segments: &mut Vec<Segment>) {
        let run = std::mem::take(self);
        if let Some(line) = run.first
            && !run.text.trim().is_empty()
        {
            segments.push(Segment::Code { text: run.text, line });
        }
    }
}

/// Where in Rust's lexical structure the end of a line lies.
#[derive(Default)]
enum State {
    #[default]
    Plain,
    /// Inside `/* … */`, so deep.
    Comment(usize),
    /// Inside `"…"`.
    Text,
    /// Inside `r##"…"##`, with so many hashes.
    RawText(usize),
}

/// Follows Rust code line by line, just closely enough to know whether a line begins inside something.
#[derive(Default)]
struct Scanner {
    state: State,
    depth: usize,
}

impl Scanner {
    /// Whether the next line begins outside of strings, comments and brackets.
    fn is_neutral(&self) -> bool {
        self.depth == 0 && matches!(self.state, State::Plain)
    }

    fn line(&mut self, line: &str) {
        let mut rest = line;
        while !rest.is_empty() {
            rest = match self.state {
                State::Plain => self.plain(rest),
                State::Comment(depth) => self.comment(rest, depth),
                State::Text => self.text(rest),
                State::RawText(hashes) => self.raw_text(rest, hashes),
            };
        }
    }

    fn plain<'a>(&mut self, rest: &'a str) -> &'a str {
        if rest.starts_with("//") {
            return "";
        }
        if let Some(after) = rest.strip_prefix("/*") {
            self.state = State::Comment(1);
            return after;
        }
        if let Some((hashes, after)) = raw_text_start(rest) {
            self.state = State::RawText(hashes);
            return after;
        }
        let mut characters = rest.chars();
        match characters.next() {
            Some('"') => self.state = State::Text,
            Some('\'') => return after_quote(characters.as_str()),
            Some('(' | '[' | '{') => self.depth += 1,
            Some(')' | ']' | '}') => self.depth = self.depth.saturating_sub(1),
            // A whole word at once, so that the `r` of `bar"` starts no raw string.
            Some(c) if c.is_alphanumeric() || c == '_' => {
                return characters.as_str().trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
            }
            _ => {}
        }
        characters.as_str()
    }

    fn comment<'a>(&mut self, rest: &'a str, depth: usize) -> &'a str {
        if let Some(after) = rest.strip_prefix("/*") {
            self.state = State::Comment(depth + 1);
            return after;
        }
        if let Some(after) = rest.strip_prefix("*/") {
            self.state = if depth == 1 { State::Plain } else { State::Comment(depth - 1) };
            return after;
        }
        skip(rest, 1)
    }

    fn text<'a>(&mut self, rest: &'a str) -> &'a str {
        if rest.starts_with('\\') {
            return skip(rest, 2);
        }
        if rest.starts_with('"') {
            self.state = State::Plain;
        }
        skip(rest, 1)
    }

    fn raw_text<'a>(&mut self, rest: &'a str, hashes: usize) -> &'a str {
        if let Some(after) = rest.strip_prefix('"')
            && after.bytes().take_while(|byte| *byte == b'#').count() >= hashes
        {
            self.state = State::Plain;
            return &after[hashes..];
        }
        skip(rest, 1)
    }
}

fn skip(text: &str, characters: usize) -> &str {
    let mut iterator = text.chars();
    for _ in 0..characters {
        iterator.next();
    }
    iterator.as_str()
}

/// The hashes of a raw string that begins here, and what follows its opening quote.
fn raw_text_start(rest: &str) -> Option<(usize, &str)> {
    let after = rest.strip_prefix("br").or_else(|| rest.strip_prefix("cr")).or_else(|| rest.strip_prefix('r'))?;
    let hashes = after.bytes().take_while(|byte| *byte == b'#').count();
    after[hashes..].strip_prefix('"').map(|text| (hashes, text))
}

/// Skips a character literal; a lifetime has no closing quote and is left to be read as a word.
fn after_quote(rest: &str) -> &str {
    if let Some(escaped) = rest.strip_prefix('\\') {
        let after = skip(escaped, 1);
        return after.find('\'').map_or(after, |end| &after[end + 1..]);
    }
    let after = skip(rest, 1);
    after.strip_prefix('\'').unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(source: &str) -> Vec<String> {
        split(source)
            .expect("the cell splits")
            .into_iter()
            .map(|segment| match segment {
                Segment::Code { text, line } => format!("{line} code {}", text.replace('\n', "⏎")),
                Segment::Magic(magic) => {
                    let body = magic.body.map(|body| format!(" | {}", body.replace('\n', "⏎")));
                    format!("{} {} {}{}", magic.line, magic.magic, magic.words.join(" "), body.unwrap_or_default())
                }
            })
            .collect()
    }

    #[test]
    fn magics_and_code_keep_their_order() {
        assert_eq!(
            shape(
                "%lab status\nlet x = 1;\nx\n\n%feature list\n%%feature define v --ttl 1h\nselect 1\n  %x\n%%feature sql\nselect 2"
            ),
            [
                "0 lab status",
                "1 code let x = 1;⏎x⏎",
                "4 feature list",
                "5 feature define v --ttl 1h | select 1⏎  %x",
                "8 feature sql | select 2",
            ]
        );
    }

    #[test]
    fn a_percent_inside_rust_is_rust() {
        for code in [
            "let x = 7\n  % 4;",
            "let s = \"\n%lab status\n\";",
            "let s = r#\"\n%lab \" status\n\"#;",
            "/* a /* b */\n%lab status\n*/",
            "let v = vec![\n%lab\n];",
            "let c = '\"'; let l: &'static str = \"a\n%lab\";",
        ] {
            assert_eq!(shape(code).len(), 1, "{code}");
        }
        assert_eq!(shape("let c = '{'; // {\n%lab status").len(), 2);
        assert_eq!(shape("fn f<'a>(x: &'a str) {}\n%lab status").len(), 2);
    }

    #[test]
    fn a_backslash_joins_lines() {
        assert_eq!(
            shape("%feature training rides \\\n  --features a\n1"),
            ["0 feature training rides --features a", "2 code 1"]
        );
    }
}
