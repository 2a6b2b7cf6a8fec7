//! Completion, inspection and completeness of cells that mix magics and Rust: each line goes to whoever reads it.

use kernwerk_lang::{MagicLine, Segment, split};
use kernwerk_session::Session;

use super::rust::Cells;
use crate::engine::{Bundle, Candidate, Completeness, Completions};

/// Completes a magic line by the session, Rust code by the cell host.
pub(super) fn complete(session: Option<&Session>, cells: &Cells, code: &str, cursor: usize) -> Completions {
    let of_line = session.and_then(|session| session.complete(code, cursor));
    if let Some(found) = of_line {
        let named = |found: kernwerk_lang::Candidate| Candidate {
            text: found.text,
            kind: found.kind.to_owned(),
            signature: None,
        };
        let matches = found.matches.into_iter().map(named).collect();
        return Completions { start: found.start, end: found.end, matches };
    }
    let found = cells.ask(|host| host.complete(&rust_only(code), cursor));
    let none = Completions { start: cursor, end: cursor, matches: Vec::new() };
    let described = |found: kernwerk_cell::Candidate| {
        let parenthesis = found.label.find('(').filter(|_| found.kind == "function");
        Candidate { signature: parenthesis.map(|at| found.label[at..].to_owned()), text: found.text, kind: found.kind }
    };
    found.map_or(none, |found| Completions {
        start: found.start,
        end: found.end,
        matches: found.matches.into_iter().map(described).collect(),
    })
}

/// Help for a magic line, or what the analyser knows of the Rust name there.
pub(super) fn inspect(session: Option<&Session>, cells: &Cells, code: &str, cursor: usize) -> Option<Bundle> {
    if let Some(help) = session.and_then(|session| session.inspect(code, cursor)) {
        return Some(Bundle::plain(help));
    }
    let (text, html) = cells.ask(|host| host.inspect(&rust_only(code), cursor))??;
    Some(Bundle(vec![("text/plain".to_owned(), text), ("text/html".to_owned(), html)]))
}

/// Whether Enter should run the cell: what its last part needs.
pub(super) fn is_complete(code: &str) -> Completeness {
    let Ok(segments) = split(code) else { return Completeness::Invalid };
    match segments.last() {
        None => Completeness::Complete,
        Some(Segment::Magic(line)) => is_magic_complete(line, code),
        Some(Segment::Code { text, .. }) => match kernwerk_cell::is_complete(text) {
            kernwerk_cell::Completeness::Complete => Completeness::Complete,
            kernwerk_cell::Completeness::Incomplete { indent } => Completeness::Incomplete { indent },
            kernwerk_cell::Completeness::Invalid => Completeness::Invalid,
        },
    }
}

/// A body ends with an empty line; a line goes on after a backslash.
fn is_magic_complete(line: &MagicLine, code: &str) -> Completeness {
    let open = match &line.body {
        Some(body) => body.trim().is_empty() || !code.ends_with('\n'),
        None => code.trim_end().ends_with('\\'),
    };
    if open { Completeness::Incomplete { indent: String::new() } } else { Completeness::Complete }
}

/// The text with its magics blanked out, so that every byte of Rust stays where it was.
fn rust_only(code: &str) -> String {
    let Ok(segments) = split(code) else { return code.to_owned() };
    let mut is_rust = vec![false; code.split('\n').count()];
    for segment in &segments {
        if let Segment::Code { text, line } = segment {
            let lines = text.split('\n').count();
            is_rust[*line..line + lines].fill(true);
        }
    }
    let lines = code.split('\n').zip(is_rust);
    let lines: Vec<String> =
        lines.map(|(line, keep)| if keep { line.to_owned() } else { " ".repeat(line.len()) }).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magics_are_blanked_out_byte_by_byte() {
        assert_eq!(
            rust_only("%lab status é\nlet x = 1;\n\n%%feature sql\nselect 1"),
            "              \nlet x = 1;\n\n             \n        "
        );
        assert_eq!(rust_only("let x = 7\n% 4;"), "let x = 7\n% 4;");
    }

    #[test]
    fn the_last_part_decides_whether_a_cell_is_complete() {
        let more = Completeness::Incomplete { indent: String::new() };
        assert_eq!(is_complete(""), Completeness::Complete);
        assert_eq!(is_complete("%lab status"), Completeness::Complete);
        assert_eq!(is_complete("%feature training rides \\"), more);
        assert_eq!(is_complete("%%feature sql"), more);
        assert_eq!(is_complete("%%feature sql\nselect 1"), more);
        assert_eq!(is_complete("%%feature sql\nselect 1\n"), Completeness::Complete);
        assert_eq!(is_complete("%rag search \"docs"), Completeness::Invalid);
        assert_eq!(is_complete("%lab status\nlet x = 1;"), Completeness::Complete);
        assert!(matches!(is_complete("%lab status\nfn f() {"), Completeness::Incomplete { .. }));
    }
}
