//! Records of a CSV text (RFC 4180, with any delimiter), each with the line on which it stands, so that errors can say where.

use std::borrow::Cow;

/// One value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell<'a> {
    pub(crate) text: Cow<'a, str>,
    /// An empty value in quotes is an empty text; one without quotes is missing.
    pub(crate) quoted: bool,
    /// Line of the file on which the value begins, from 1.
    pub(crate) line: u64,
}

/// The text breaks the rules of CSV in this place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) line: u64,
    /// Which value of the record it is, from 0.
    pub(crate) cell: usize,
    pub(crate) message: &'static str,
}

/// Reads record after record. Line ends are `\n`, `\r\n` or `\r`; empty lines are passed over and counted.
pub(crate) struct Records<'a> {
    text: &'a str,
    at: usize,
    line: u64,
    delimiter: u8,
    blank_lines: u64,
}

impl<'a> Records<'a> {
    pub(crate) fn new(text: &'a str, delimiter: u8) -> Self {
        Self { text, at: 0, line: 1, delimiter, blank_lines: 0 }
    }

    /// Empty lines between the records read so far.
    pub(crate) fn blank_lines(&self) -> u64 {
        self.blank_lines
    }

    /// How far the reader has come, in bytes.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Puts the next record into `cells` and returns the line on which it begins; none at the end of the text.
    pub(crate) fn next(&mut self, cells: &mut Vec<Cell<'a>>) -> Result<Option<u64>, Broken> {
        cells.clear();
        let mut blank = 0;
        while self.skip_line_end() {
            blank += 1;
        }
        if self.at >= self.text.len() {
            return Ok(None);
        }
        self.blank_lines += blank;
        let line = self.line;
        loop {
            let cell = if self.peek() == Some(b'"') { self.quoted(cells.len())? } else { self.plain() };
            cells.push(cell);
            if self.peek() == Some(self.delimiter) {
                self.at += 1;
            } else {
                self.skip_line_end();
                return Ok(Some(line));
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over one line end, if there is one here.
    fn skip_line_end(&mut self) -> bool {
        let width = match &self.text.as_bytes()[self.at..] {
            [b'\r', b'\n', ..] => 2,
            [b'\n' | b'\r', ..] => 1,
            _ => return false,
        };
        self.at += width;
        self.line += 1;
        true
    }

    fn plain(&mut self) -> Cell<'a> {
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let length = rest
            .iter()
            .position(|byte| *byte == self.delimiter || *byte == b'\n' || *byte == b'\r')
            .unwrap_or(rest.len());
        self.at += length;
        Cell { text: Cow::Borrowed(&self.text[start..self.at]), quoted: false, line: self.line }
    }

    fn quoted(&mut self, cell: usize) -> Result<Cell<'a>, Broken> {
        let line = self.line;
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut end = start;
        let mut doubled = false;
        loop {
            match bytes.get(end) {
                None => {
                    return Err(Broken {
                        line,
                        cell,
                        message: "expected a closing quote, but the file ends inside the value that is opened here",
                    });
                }
                Some(b'"') if bytes.get(end + 1) == Some(&b'"') => {
                    doubled = true;
                    end += 2;
                }
                Some(b'"') => break,
                Some(b'\n') => {
                    self.line += 1;
                    end += 1;
                }
                Some(b'\r') => {
                    self.line += u64::from(bytes.get(end + 1) != Some(&b'\n'));
                    end += 1;
                }
                Some(_) => end += 1,
            }
        }
        self.at = end + 1;
        if !matches!(self.peek(), None | Some(b'\n' | b'\r')) && self.peek() != Some(self.delimiter) {
            return Err(Broken {
                line: self.line,
                cell,
                message: "expected the delimiter or the end of the line after a closing quote (a quote inside a quoted value is written twice)",
            });
        }
        let text = &self.text[start..end];
        Ok(Cell {
            text: if doubled { Cow::Owned(text.replace("\"\"", "\"")) } else { Cow::Borrowed(text) },
            quoted: true,
            line,
        })
    }
}

/// The delimiter that the header line uses most, outside quotes; a comma when it uses none.
pub(crate) fn delimiter(text: &str) -> u8 {
    const KNOWN: [u8; 4] = *b",;\t|";
    let mut counts = [0_u32; KNOWN.len()];
    let mut in_quotes = false;
    for byte in text.trim_start_matches(['\r', '\n']).bytes() {
        match byte {
            b'"' => in_quotes = !in_quotes,
            b'\n' | b'\r' if !in_quotes => break,
            _ if in_quotes => {}
            _ => {
                if let Some(index) = KNOWN.iter().position(|known| *known == byte) {
                    counts[index] += 1;
                }
            }
        }
    }
    // Of equal counts the first in the list wins, so that a comma is preferred.
    (0..KNOWN.len()).rev().max_by_key(|index| counts[*index]).map_or(b',', |index| KNOWN[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<(u64, Vec<String>)>, Broken> {
        let mut records = Records::new(text, delimiter(text));
        let mut cells = Vec::new();
        let mut found = Vec::new();
        while let Some(line) = records.next(&mut cells)? {
            found.push((line, cells.iter().map(|cell| cell.text.clone().into_owned()).collect()));
        }
        Ok(found)
    }

    fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
        (line, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn quoted_newlines_keep_the_lines_right() {
        let text = "a,b\r\n\"x\ny\",\"say \"\"hi\"\"\"\n\n1,\n";
        assert_eq!(all(text), Ok(vec![row(1, &["a", "b"]), row(2, &["x\ny", "say \"hi\""]), row(5, &["1", ""])]));
    }

    #[test]
    fn broken_quotes_are_placed() {
        assert_eq!(all("a,b\n1,\"x\n2,y\n").map_err(|broken| (broken.line, broken.cell)), Err((2, 1)));
        assert_eq!(all("a,b\n1,\"x\"y\n").map_err(|broken| (broken.line, broken.cell)), Err((2, 1)));
    }

    #[test]
    fn delimiters_are_found_in_the_header() {
        assert_eq!(delimiter("a;b;c\n1,2;3"), b';');
        assert_eq!(delimiter("\"a;b\",c"), b',');
        assert_eq!(delimiter("a\tb"), b'\t');
        assert_eq!(delimiter("a"), b',');
    }
}
