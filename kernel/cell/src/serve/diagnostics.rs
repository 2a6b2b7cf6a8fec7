//! rustc's messages, with the lines and columns of the user's cell in place of those of the generated source.

use crate::text::{Kind, Place, pieces, plain, statements};

/// The name that stands for the cell in messages.
const CELL: &str = "cell";

/// Where each line of the generated source comes from.
#[derive(Debug)]
pub(super) struct SourceMap {
    /// For each generated line: line of the cell (from 0) and characters to its left, whether verbatim.
    lines: Vec<Option<Place>>,
}

impl SourceMap {
    /// Finds the statements of `text`, whose lines come from `places`, in what evcxr generated from it.
    pub(super) fn new(text: &str, places: &[Place], generated: &str) -> Self {
        let starts: Vec<usize> =
            std::iter::once(0).chain(generated.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut lines = vec![None; starts.len()];
        // evcxr reads what stands above the Rust line by line.
        let skipped: usize = text.lines().take_while(|line| line.starts_with(':')).count();
        let body = text.split_inclusive('\n').take(skipped).map(str::len).sum();
        let mut searched = 0;
        for statement in statements(&text[body..]) {
            if statement.kind == Kind::Use {
                let line = text[..body + statement.start].matches('\n').count();
                imports(statement.text, places.get(line..).unwrap_or_default(), generated, &mut lines);
                continue;
            }
            let mut code = statement.text.to_owned();
            if !code.ends_with('\n') {
                code.push('\n');
            }
            let at_line_start = |at: &usize| starts.binary_search(at).is_ok();
            let find =
                |from: usize| generated[from..].match_indices(&code).map(|(at, _)| from + at).find(at_line_start);
            // Items are moved, everything else stays in order: the same text twice is two statements.
            let Some(at) = find(searched).or_else(|| find(0)) else { continue };
            searched = at + code.len();
            let first = starts.binary_search(&at).unwrap_or(0);
            let above = &text[..body + statement.start];
            let line = above.matches('\n').count();
            let column = above.rsplit('\n').next().map_or(0, |start| start.chars().count());
            for index in 0..code.matches('\n').count() {
                let place = places.get(line + index).copied();
                let left = if index == 0 { column } else { 0 };
                if let (Some(entry), Some(place)) = (lines.get_mut(first + index), place) {
                    *entry = Some(Place { column: place.column + left, ..place });
                }
            }
        }
        Self { lines }
    }

    fn place(&self, line: usize) -> Option<Place> {
        *self.lines.get(line.checked_sub(1)?)?
    }

    /// The cell's line (from 1) for a line of the generated source (from 1).
    pub(super) fn line(&self, line: usize) -> Option<usize> {
        self.place(line)?.line.map(|line| line + 1)
    }

    /// The cell's line and character (both from 0) for those of the generated source (both from 1), where the user wrote it.
    pub(super) fn position(&self, line: usize, column: usize) -> Option<(usize, usize)> {
        let place = self.place(line).filter(|place| place.verbatim)?;
        Some((place.line?, place.column + column.checked_sub(1)?))
    }

    /// Rewrites a message as rustc renders it, with or without colours. Lines of the generated source that are none of the user's are left out, with what points at them.
    pub(super) fn rewrite(&self, rendered: &str) -> String {
        let mut rewritten = String::new();
        let (mut of_cell, mut hidden) = (true, false);
        for coloured in rendered.lines() {
            let shown = plain(coloured);
            match read(&shown) {
                Line::Heading => (of_cell, hidden) = (true, false),
                Line::Location { file, line: number, column: at } => {
                    of_cell = is_generated(file);
                    hidden = false;
                    if of_cell {
                        match self.place(number).and_then(|place| Some((place, place.line?))) {
                            Some((place, line)) => {
                                let column = if place.verbatim { at + place.column } else { 1 };
                                let location = format!("{file}:{number}:{at}");
                                let ours = format!("{CELL}:{}:{column}", line + 1);
                                rewritten.push_str(&coloured.replacen(&location, &ours, 1));
                                rewritten.push('\n');
                            }
                            None => hidden = true,
                        }
                        continue;
                    }
                }
                Line::Source { line: number } if of_cell => {
                    let place = self.place(number).filter(|place| place.verbatim);
                    hidden = place.is_none();
                    if let Some(line) = place.and_then(|place| place.line) {
                        rewritten.push_str(&renumbered(coloured, line + 1));
                        rewritten.push('\n');
                    }
                    continue;
                }
                Line::Source { .. } => hidden = false,
                Line::Below if hidden => continue,
                Line::Below | Line::Other => {}
            }
            rewritten.push_str(coloured);
            rewritten.push('\n');
        }
        rewritten.trim_end().to_owned()
    }
}

/// evcxr takes imports apart, one for each name: each comes from the line on which its name stands.
fn imports(statement: &str, places: &[Place], generated: &str, lines: &mut [Option<Place>]) {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    for (entry, line) in lines.iter_mut().zip(generated.lines()) {
        let Some(path) = line.strip_prefix("use ").and_then(|line| line.strip_suffix(';')) else { continue };
        let Some(name) = path.rsplit(|character: char| !is_word(character)).find(|word| !word.is_empty()) else {
            continue;
        };
        let found = statement
            .lines()
            .position(|line| line.split(|character: char| !is_word(character)).any(|word| word == name));
        if let (None, Some(place)) = (&entry, found.and_then(|index| places.get(index))) {
            *entry = Some(Place { column: 0, ..*place });
        }
    }
}

/// A line that begins with a number, with another number that ends where the first one did, if there is room.
fn renumbered(line: &str, number: usize) -> String {
    let number = number.to_string();
    let mut renumbered = String::new();
    let mut found = false;
    for (is_escape, piece) in pieces(line) {
        let digits = piece.find(|character: char| character.is_ascii_digit()).filter(|_| !is_escape && !found);
        let Some(start) = digits else {
            renumbered.push_str(piece);
            continue;
        };
        found = true;
        let behind = &piece[start..];
        let rest = behind.trim_start_matches(|character: char| character.is_ascii_digit());
        let width = start + behind.len() - rest.len();
        renumbered.push_str(&format!("{number:>width$}{rest}"));
    }
    renumbered
}

/// Whether a path that rustc names is that of the generated source.
pub(super) fn is_generated(file: &str) -> bool {
    file == "generated/lib.rs" || file == "src/lib.rs" || file.ends_with("/generated/lib.rs")
}

/// What a line of a rendered message is.
enum Line<'a> {
    /// `error[E0308]: mismatched types`, `help: …`
    Heading,
    /// `  --> src/lib.rs:12:5`
    Location {
        file: &'a str,
        line: usize,
        column: usize,
    },
    /// `12 | let x = 1;`
    Source {
        line: usize,
    },
    /// `   |     ^^^^^ here`
    Below,
    Other,
}

fn read(line: &str) -> Line<'_> {
    let trimmed = line.trim_start();
    let indent = line.len() - trimmed.len();
    for arrow in ["--> ", "::: "] {
        if let Some(location) = trimmed.strip_prefix(arrow) {
            let mut parts = location.rsplitn(3, ':');
            let numbers =
                (parts.next().and_then(|part| part.parse().ok()), parts.next().and_then(|part| part.parse().ok()));
            if let ((Some(column), Some(line_number)), Some(file)) = (numbers, parts.next()) {
                return Line::Location { file, line: line_number, column };
            }
        }
    }
    let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 {
        let rest = &trimmed[digits..];
        let is_source = [" | ", " ~ ", " + ", " - "].iter().any(|sign| rest.starts_with(sign))
            || [" |", " ~", " +", " -"].contains(&rest);
        if let (true, Ok(number)) = (is_source, trimmed[..digits].parse()) {
            return Line::Source { line: number };
        }
    }
    if indent > 0 && trimmed.starts_with('|') {
        return Line::Below;
    }
    if indent == 0 && !trimmed.is_empty() && !trimmed.starts_with("...") { Line::Heading } else { Line::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: usize, column: usize) -> Place {
        Place { line: Some(line), column, verbatim: true }
    }

    fn ours(line: Option<usize>) -> Place {
        Place { line, column: 0, verbatim: false }
    }

    /// A cell `let a = 1;⏎let b = 2; fn f() {⏎}⏎b + c`, four lines down in its notebook's cell, behind a binding of ours.
    fn map() -> SourceMap {
        let text = "/**/\nlet df: F = bind();\nlet a = 1;\nlet b = 2; fn f() {\n}\nkernwerk_trailing(&(\nb + c\n))\n";
        let places =
            [ours(None), ours(None), place(4, 0), place(5, 0), place(6, 0), ours(Some(7)), place(7, 0), ours(Some(7))];
        let generated = "#![allow()]\nfn f() {\n}\npub extern fn run() {\n/**/\nlet df: F = bind();\nlet a = 1;\nlet b = 2; \n(\nkernwerk_trailing(&(\nb + c\n))\n).evcxr_display();\n}\n";
        SourceMap::new(text, &places, generated)
    }

    #[test]
    fn statements_are_found_wherever_they_went() {
        let map = map();
        assert_eq!(map.line(2), Some(6), "fn f");
        assert_eq!(map.place(2).map(|place| place.column), Some(11), "behind `let b = 2; `");
        assert_eq!(map.line(3), Some(7));
        assert_eq!(map.line(6), None, "a binding of ours");
        assert_eq!(map.line(7), Some(5), "let a");
        assert_eq!(map.line(11), Some(8), "b + c");
        assert_eq!(map.line(14), None);
    }

    #[test]
    fn an_import_is_found_by_its_name() {
        let places = [ours(None), place(0, 0), place(1, 0)];
        let map = SourceMap::new(
            "/**/\nuse std::{fmt,\n  nothing};\n",
            &places,
            "#![allow()]\nuse std::nothing;\nuse std::fmt;\n",
        );
        assert_eq!((map.line(2), map.line(3)), (Some(2), Some(1)));
    }

    #[test]
    fn messages_get_the_cell_s_lines() {
        let rendered = "error[E0425]: cannot find value `c` in this scope\n  --> generated/lib.rs:11:5\n   |\n11 | b + c\n   |     ^ not found\n   |\n\
                        help: a local variable with a similar name exists\n   |\n11 - b + c\n11 + b + a\n   |\n\n";
        assert_eq!(
            map().rewrite(rendered),
            "error[E0425]: cannot find value `c` in this scope\n  --> cell:8:5\n   |\n 8 | b + c\n   |     ^ not found\n   |\n\
             help: a local variable with a similar name exists\n   |\n 8 - b + c\n 8 + b + a\n   |"
        );
    }

    #[test]
    fn colours_stay() {
        let rendered = "\u{1b}[1m\u{1b}[91merror\u{1b}[0m\u{1b}[1m: no\u{1b}[0m\n\u{1b}[1m\u{1b}[94m  --> \u{1b}[0mgenerated/lib.rs:11:5\n\
                        \u{1b}[1m\u{1b}[94m11\u{1b}[0m \u{1b}[1m\u{1b}[94m|\u{1b}[0m b + 11\n";
        assert_eq!(
            map().rewrite(rendered),
            "\u{1b}[1m\u{1b}[91merror\u{1b}[0m\u{1b}[1m: no\u{1b}[0m\n\u{1b}[1m\u{1b}[94m  --> \u{1b}[0mcell:8:5\n\
             \u{1b}[1m\u{1b}[94m 8\u{1b}[0m \u{1b}[1m\u{1b}[94m|\u{1b}[0m b + 11"
        );
    }

    #[test]
    fn generated_lines_are_left_out_and_other_files_stay() {
        let rendered = "error: lives too short\n  --> generated/lib.rs:7:5\n   |\n 7 | let a = 1;\n   |     - here\n14 | }\n   | - dropped\n   |\n\
                        note: defined here\n  --> /rustlib/core.rs:14:3\n   |\n14 | pub fn x\n   |        ^\n";
        assert_eq!(
            map().rewrite(rendered),
            "error: lives too short\n  --> cell:5:5\n   |\n 5 | let a = 1;\n   |     - here\n\
             note: defined here\n  --> /rustlib/core.rs:14:3\n   |\n14 | pub fn x\n   |        ^"
        );
    }
}
