//! Reads one magic line into words: quotes, escapes, and the `-> name` at its end.

use kernwerk_core::Problem;

/// A magic as it stands in a cell, with its words and, for `%%`, its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MagicLine {
    /// Such as `feature`, without the percent signs.
    pub magic: String,
    /// What follows the magic's name, quotes resolved.
    pub words: Vec<String>,
    /// The same words as they were written, with their quotes.
    pub written: Vec<String>,
    /// The variable after `->`.
    pub bind: Option<String>,
    /// The lines below a `%%magic`; none for `%magic`.
    pub body: Option<String>,
    /// Line in the cell, from 0.
    pub line: usize,
    /// The line as written, without the body.
    pub text: String,
}

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {}: {message}", line + 1)]
pub struct LineError {
    /// Line in the cell, from 0.
    pub line: usize,
    pub message: String,
    pub hint: String,
}

impl From<LineError> for Problem {
    fn from(error: LineError) -> Self {
        Problem::new("MagicSyntax", error.to_string()).with_hint(error.hint)
    }
}

/// One word, and as it was written: a quoted `->` is not an arrow.
#[derive(Default)]
struct Word {
    text: String,
    written: String,
}

impl MagicLine {
    /// Reads `text`, which starts with `%` or `%%` and may span several joined lines.
    pub fn read(text: &str, body: Option<String>, line: usize) -> Result<Self, LineError> {
        let rest = text.trim_start().trim_start_matches('%');
        let mut words = words(rest, line)?;
        let bind = take_binding(&mut words, line)?;
        let mut words = words.into_iter();
        let magic = words.next().map(|word| word.text).ok_or_else(|| LineError {
            line,
            message: "a magic's name is missing after `%`".to_owned(),
            hint: "write a magic such as `%feature list`, or `%lab status` to see where you are".to_owned(),
        })?;
        let (words, written) = words.map(|word| (word.text, word.written)).unzip();
        Ok(Self { magic, words, written, bind, body, line, text: text.trim().to_owned() })
    }
}

/// Splits at blanks; `"…"` and `'…'` hold blanks together; `\"` and `\\` count inside double quotes.
fn words(text: &str, line: usize) -> Result<Vec<Word>, LineError> {
    let mut words = Vec::new();
    let mut characters = text.chars().peekable();
    loop {
        while characters.next_if(|c| c.is_whitespace()).is_some() {}
        if characters.peek().is_none() {
            return Ok(words);
        }
        let mut word = Word::default();
        while let Some(character) = characters.next_if(|c| !c.is_whitespace()) {
            word.written.push(character);
            match character {
                '"' | '\'' => {
                    let mut characters = characters.by_ref().inspect(|character| word.written.push(*character));
                    quoted(character, &mut characters, &mut word.text, line)?;
                }
                other => word.text.push(other),
            }
        }
        words.push(word);
    }
}

fn quoted(
    quote: char,
    characters: &mut impl Iterator<Item = char>,
    into: &mut String,
    line: usize,
) -> Result<(), LineError> {
    while let Some(character) = characters.next() {
        match character {
            '\\' if quote == '"' => match characters.next() {
                Some(escaped @ ('"' | '\\')) => into.push(escaped),
                Some(other) => into.extend(['\\', other]),
                None => break,
            },
            character if character == quote => return Ok(()),
            other => into.push(other),
        }
    }
    Err(LineError {
        line,
        message: format!("the quote {quote} is never closed"),
        hint: format!("put a closing {quote} where the text ends"),
    })
}

fn take_binding(words: &mut Vec<Word>, line: usize) -> Result<Option<String>, LineError> {
    let Some(arrow) = words.iter().position(|word| word.written == "->") else {
        return Ok(None);
    };
    let after: Vec<Word> = words.drain(arrow..).skip(1).collect();
    match after.as_slice() {
        [name] if is_identifier(&name.text) => Ok(Some(name.text.clone())),
        [name] => Err(LineError {
            line,
            message: format!("`{}` after `->` is not a variable name", name.text),
            hint: "use letters, digits and underscores, and no digit first".to_owned(),
        }),
        _ => Err(LineError {
            line,
            message: "one variable name belongs after `->`, at the end of the line".to_owned(),
            hint: "for example `%feature training rides --features zone_hour -> frame`".to_owned(),
        }),
    }
}

fn is_identifier(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> MagicLine {
        MagicLine::read(text, None, 0).expect("the line reads")
    }

    #[test]
    fn quotes_hold_words_together() {
        let line = read(r#"%rag search docs "how does \"it\" replay" --mode 'text' -> hits"#);
        assert_eq!(line.magic, "rag");
        assert_eq!(line.words, ["search", "docs", "how does \"it\" replay", "--mode", "text"]);
        assert_eq!(line.bind.as_deref(), Some("hits"));
    }

    #[test]
    fn a_quoted_arrow_and_an_empty_word_are_plain_words() {
        assert_eq!(read("%rag search docs '->' \"\"").words, ["search", "docs", "->", ""]);
    }

    #[test]
    fn words_are_also_there_as_they_were_written() {
        let line = read(r#"%feature sql SELECT 'it''s' AS "a \" b"  -> x"#);
        assert_eq!(line.written, ["sql", "SELECT", "'it''s'", "AS", r#""a \" b""#]);
        assert_eq!(line.words, ["sql", "SELECT", "its", "AS", "a \" b"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |text: &str| MagicLine::read(text, None, 4).expect_err("wrong").to_string();
        assert_eq!(wrong("%rag search \"docs"), "line 5: the quote \" is never closed");
        assert_eq!(wrong("%rag list -> 2x"), "line 5: `2x` after `->` is not a variable name");
        assert!(wrong("%rag list -> a b").contains("one variable name"));
        assert!(wrong("%rag list ->").contains("one variable name"));
        assert!(wrong("%").contains("name is missing"));
    }
}
