//! Completion, inspection and completeness of cells that mix magics and Rust: each line goes to whoever reads it.

use kernwerk_lang::{MagicLine, Segment, split};

use std::time::Duration;

use super::Executor;
use super::verbs::{label, language};
use crate::engine::{Bundle, Candidate, Completeness, Completions};

/// Front ends drop an answer that takes a second. Where there are names of the notebook's own to offer, the analyser gets no longer than this.
const PATIENCE: Duration = Duration::from_millis(700);

/// Completes a magic line from the language and the lab, Rust code by the cell host.
pub(super) fn complete(executor: &Executor, code: &str, cursor: usize) -> Completions {
    let session = executor.session().ok();
    let of_line = session.as_deref().and_then(|session| language().complete(code, cursor, &session.names()));
    if let Some(found) = of_line {
        let named = |found: kernwerk_lang::Candidate| Candidate {
            text: found.text,
            kind: found.kind.to_owned(),
            signature: None,
        };
        let matches = found.matches.into_iter().map(named).collect();
        return Completions { start: found.start, end: found.end, matches };
    }
    let (tables, known) = names_at(executor, code, cursor);
    let patience = Some(PATIENCE).filter(|_| !known.matches.is_empty());
    let Some(found) = executor.cells.ask(|host| host.complete(&rust_only(code), cursor, patience)) else {
        return known;
    };
    let mut matches: Vec<Candidate> = found.matches.into_iter().map(of_rust).collect();
    if matches.is_empty() {
        return known;
    }
    // What magics bound and no Rust cell has named yet is unknown to the analyser.
    if found.start == tables.start {
        matches.extend(
            tables
                .matches
                .into_iter()
                .filter(|table| matches.iter().all(|known| known.text != table.text))
                .collect::<Vec<_>>(),
        );
        matches.sort_by(|one, other| one.text.cmp(&other.text));
    }
    Completions { start: found.start, end: found.end, matches }
}

fn of_rust(found: kernwerk_cell::Candidate) -> Candidate {
    let parenthesis = found.label.find('(').filter(|_| found.kind == "function");
    let signature = parenthesis.map(|at| found.label[at..].to_owned());
    Candidate { text: found.text, kind: found.kind, signature }
}

/// The tables that magics bound whose names begin with the word in front of the cursor, and all names of the notebook that do, tables among them.
fn names_at(executor: &Executor, code: &str, cursor: usize) -> (Completions, Completions) {
    let before = code.get(..cursor).unwrap_or_default();
    let word = before.rsplit(|character: char| !is_word(character)).next().unwrap_or_default();
    let start = before.len() - word.len();
    let in_scope = !before[..start].ends_with(['.', ':']);
    let of_kind = |names: Vec<String>, kind: &str| {
        let fitting = names.into_iter().filter(|name| in_scope && name.starts_with(word));
        let named = |text| Candidate { text, kind: kind.to_owned(), signature: None };
        fitting.map(named).collect::<Vec<Candidate>>()
    };
    let tables = of_kind(executor.scope().tables(), "table");
    let mut known = of_kind(executor.memory().made_names(), "name");
    known.retain(|name| tables.iter().all(|table| table.text != name.text));
    known.extend(tables.iter().cloned());
    known.sort_by(|one, other| one.text.cmp(&other.text));
    let completions = |matches| Completions { start, end: cursor, matches };
    (completions(tables), completions(known))
}

/// Help for a magic line, or what is known of the Rust name there: its type and documentation, its value where a cell has shown
/// it, the columns of a table.
pub(super) fn inspect(executor: &Executor, code: &str, cursor: usize) -> Option<Bundle> {
    if let Some(help) = language().inspect(code, cursor) {
        return Some(Bundle::plain(help));
    }
    let (text, html) = executor.cells.ask(|host| host.inspect(&rust_only(code), cursor)).flatten().unwrap_or_default();
    let mut parts = vec![(text, html)];
    let more = name_at(code, cursor).and_then(|name| known_of(executor, name));
    parts.extend(more.map(|text| (text.clone(), format!("<pre>{}</pre>", escaped(&text)))));
    parts.retain(|(text, _)| !text.is_empty());
    if parts.is_empty() {
        return None;
    }
    let (texts, htmls): (Vec<String>, Vec<String>) = parts.into_iter().unzip();
    Some(Bundle(vec![("text/plain".to_owned(), texts.join("\n\n")), ("text/html".to_owned(), htmls.join("\n"))]))
}

/// What the kernel itself knows of a variable: a table's columns, or the value that a cell has shown.
fn known_of(executor: &Executor, name: &str) -> Option<String> {
    if let Some(value) = executor.memory().value(name) {
        return Some(format!("{} showed: {}", label(value.cell), value.text));
    }
    if !executor.scope().holds(name) {
        return None;
    }
    let table = executor.session().ok()?.variable(name).ok()??;
    let maker = executor.memory().maker(name).map(|cell| format!(" of {}", label(cell))).unwrap_or_default();
    let columns = table.schema.fields().iter().map(|field| format!("\n  {}: {}", field.name(), field.data_type()));
    Some(format!("table{maker}, {} rows{}", table.rows(), columns.collect::<String>()))
}

/// The name that stands at the cursor, unless it is one of something else's: a method or a part of a path.
fn name_at(code: &str, cursor: usize) -> Option<&str> {
    let (before, after) = code.split_at_checked(cursor)?;
    let start = before.len() - before.rsplit(|character: char| !is_word(character)).next()?.len();
    let end = cursor + after.split(|character: char| !is_word(character)).next()?.len();
    let is_member = code[..start].ends_with(['.', ':']);
    Some(&code[start..end]).filter(|name| !name.is_empty() && !is_member)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
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
