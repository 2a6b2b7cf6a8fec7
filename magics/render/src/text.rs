//! Outputs as plain text, for terminals and for `text/plain`.

use kernwerk_core::{Body, Output, Problem, Table, Value};

use crate::cells::{grid, value_text};

/// No column is made wider than this many characters.
const WIDEST_COLUMN: usize = 60;

/// `output` as text, without a newline at its end.
pub fn text(output: &Output) -> String {
    let body = match &output.body {
        Body::Empty => None,
        Body::Text(text) | Body::Source { text, .. } => Some(text.trim_end().to_owned()),
        Body::Record(fields) => Some(record(fields)),
        Body::Answer(answer) => Some(crate::answer::text(answer)),
        Body::Table(table) => Some(self::table(table)),
        Body::Document(document) => Some(crate::document::text(document)),
    };
    let parts: Vec<String> = output.title.iter().cloned().chain(body).chain(output.notes.iter().cloned()).collect();
    harmless(&parts.join("\n"))
}

/// `problem` with its hint below it.
pub fn problem_text(problem: &Problem) -> String {
    harmless(&match &problem.hint {
        Some(hint) => format!("{}\n  hint: {hint}", problem.message),
        None => problem.message.clone(),
    })
}

/// The text with control characters spelt out, but for the ends of lines and tabs: what a file or a document holds must not command the
/// terminal that shows it.
fn harmless(text: &str) -> String {
    let commands = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(commands) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.replace("\r\n", "\n").chars() {
        if commands(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

fn record(fields: &[(String, Value)]) -> String {
    let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines: Vec<String> = fields
        .iter()
        .map(|(name, value)| {
            let value = value_text(value).replace('\n', &format!("\n{:width$}  ", ""));
            format!("{name}{:pad$}  {value}", "", pad = width - name.chars().count())
        })
        .collect();
    lines.join("\n")
}

fn table(table: &Table) -> String {
    let grid = grid(table);
    if grid.names.is_empty() {
        return format!("{} rows without columns", grid.total);
    }
    let rows: Vec<Vec<String>> = grid.rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
    let widths: Vec<usize> = (0..grid.names.len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([grid.names[column].chars().count(), grid.types[column].chars().count()]).max().unwrap_or(0)
        })
        .collect();
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells
            .iter()
            .zip(&widths)
            .zip(&grid.right)
            .map(|((cell, width), right)| pad(cell, *width, *right))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
    let mut lines = vec![line(&grid.names), line(&grid.types), rule.join("  ")];
    for (index, row) in rows.iter().enumerate() {
        if grid.gap == Some(index) {
            lines.push("…".to_owned());
        }
        lines.push(line(row));
    }
    let unit = if grid.total == 1 { "row" } else { "rows" };
    lines.push(format!("{} {unit}", grid.total));
    lines.join("\n")
}

pub(crate) fn one_line(cell: &str) -> String {
    let flat: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if flat.chars().count() <= WIDEST_COLUMN {
        return flat;
    }
    let head: String = flat.chars().take(WIDEST_COLUMN - 1).collect();
    format!("{head}…")
}

pub(crate) fn pad(cell: &str, width: usize, right: bool) -> String {
    let blanks = " ".repeat(width.saturating_sub(cell.chars().count()));
    if right { format!("{blanks}{cell}") } else { format!("{cell}{blanks}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_commands_no_terminal() {
        let output =
            Output::record([("name\u{9b}2J", Value::from("a\u{1b}]0;title\u{7}b\r\nc\td"))]).with_note("\u{1b}[31m");
        assert_eq!(text(&output), "name\\u{9b}2J  a\\u{1b}]0;title\\u{7}b\n         c\td\n\\u{1b}[31m");
        let problem = Problem::new("Bad", "`\u{1b}[2J` is bad");
        assert_eq!(problem_text(&problem), "`\\u{1b}[2J` is bad");
    }
}
