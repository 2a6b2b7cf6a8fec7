//! Outputs as HTML that is at home in light and dark themes: colours come from JupyterLab's variables, with fallbacks that
//! follow the text's own colour.

use kernwerk_core::{Body, Output, Problem, Table, Value};

use crate::cells::{grid, value_text};

const BOX: &str = "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;line-height:1.45;\
                   color:var(--jp-ui-font-color1,inherit)";
const QUIET: &str = "color:var(--jp-ui-font-color2,inherit);opacity:.85;font-size:12px";
const RULE: &str = "var(--jp-border-color2,rgba(128,128,128,.35))";
const CELL: &str =
    "padding:3px 12px 3px 0;white-space:pre-wrap;vertical-align:top;max-width:46em;overflow-wrap:anywhere";
const CODE: &str = ";max-width:none;font-family:var(--jp-code-font-family,ui-monospace,monospace);font-size:var(--jp-code-font-size,12px)";
/// Numbers and the names of columns are not broken: in pieces they cannot be read.
const WHOLE: &str = "padding:3px 12px 3px 0;white-space:nowrap;vertical-align:top";
/// A column of text is at least as wide as its longest text, up to so many characters.
const NARROWEST_TEXT: usize = 24;

/// `output` as one `<div>`.
pub fn html(output: &Output) -> String {
    let title = output
        .title
        .as_ref()
        .map(|title| format!("<div style=\"font-weight:600;margin:2px 0 6px\">{}</div>", escape(title)));
    let body = match &output.body {
        Body::Empty => None,
        Body::Text(text) => Some(format!("<div style=\"white-space:pre-wrap\">{}</div>", escape(text.trim_end()))),
        Body::Source { language, text } => Some(source(language, text)),
        Body::Record(fields) => Some(record(fields)),
        Body::Answer(answer) => Some(crate::answer::html(answer)),
        Body::Table(table) => Some(self::table(table)),
        Body::Document(document) => Some(crate::document::html(document)),
    };
    let notes =
        output.notes.iter().map(|note| format!("<div style=\"{QUIET};white-space:pre-wrap\">{}</div>", escape(note)));
    // A drawing is ours: nothing that cells or strangers wrote goes into it but as escaped text.
    let figure = output.figure.as_ref().map(|svg| format!("<div style=\"overflow-x:auto;margin:4px 0\">{svg}</div>"));
    let parts: String = title.into_iter().chain(figure).chain(body).chain(notes).collect();
    format!("<div style=\"{BOX}\">{parts}</div>")
}

/// `problem` with its hint below it.
pub fn problem_html(problem: &Problem) -> String {
    let hint = problem.hint.as_ref().map(|hint| format!("<div style=\"{QUIET}\">{}</div>", escape(hint)));
    format!(
        "<div style=\"{BOX};border-left:3px solid var(--jp-error-color1,#d32f2f);padding-left:10px\">\
         <div style=\"white-space:pre-wrap\">{}</div>{}</div>",
        escape(&problem.message),
        hint.unwrap_or_default()
    )
}

fn source(language: &str, text: &str) -> String {
    format!(
        "<pre style=\"margin:4px 0;padding:8px 10px;border:1px solid {RULE};border-radius:4px;overflow-x:auto\">\
         <code class=\"language-{}\">{}</code></pre>",
        escape(language),
        escape(text.trim_end())
    )
}

fn record(fields: &[(String, Value)]) -> String {
    let rows: String = fields
        .iter()
        .map(|(name, value)| {
            let text = value_text(value);
            // Text of several lines is code, whose columns mean something.
            let font = if text.contains('\n') { CODE } else { "" };
            format!(
                "<tr style=\"background:none\"><th style=\"{CELL};text-align:left;font-weight:500;{QUIET}\">{}</th>\
                 <td style=\"{CELL};text-align:left{font}\">{}</td></tr>",
                escape(name),
                escape(&text)
            )
        })
        .collect();
    format!("<table style=\"border-collapse:collapse;margin:0;border:none\"><tbody>{rows}</tbody></table>")
}

fn table(table: &Table) -> String {
    let grid = grid(table);
    let align = |column: usize| if grid.right[column] { "right" } else { "left" };
    let head: String = (0..grid.names.len())
        .map(|column| {
            format!(
                "<th style=\"{WHOLE};text-align:{};font-weight:600;border-bottom:1px solid {RULE}\">{}<br>\
                 <span style=\"font-weight:400;{QUIET}\">{}</span></th>",
                align(column),
                escape(&grid.names[column]),
                escape(&grid.types[column])
            )
        })
        .collect();
    let longest = |column: usize| grid.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let narrowest: Vec<usize> = (0..grid.names.len()).map(|column| longest(column).min(NARROWEST_TEXT)).collect();
    let mut rows = String::new();
    for (index, row) in grid.rows.iter().enumerate() {
        if grid.gap == Some(index) {
            rows.push_str(&format!(
                "<tr style=\"background:none\"><td colspan=\"{}\" style=\"{CELL};{QUIET}\">⋯ {} rows not shown</td></tr>",
                grid.names.len(),
                grid.total - grid.rows.len()
            ));
        }
        let cells: String = row
            .iter()
            .enumerate()
            .map(|(column, cell)| {
                if grid.right[column] {
                    let style = format!("{WHOLE};text-align:right;font-variant-numeric:tabular-nums");
                    return format!("<td style=\"{style}\">{}</td>", escape(cell));
                }
                format!("<td style=\"{CELL};text-align:left;min-width:{}ch\">{}</td>", narrowest[column], escape(cell))
            })
            .collect();
        rows.push_str(&format!("<tr>{cells}</tr>"));
    }
    let unit = if grid.total == 1 { "row" } else { "rows" };
    format!(
        "<div style=\"overflow-x:auto\"><table style=\"border-collapse:collapse;margin:0;border:none\">\
         <thead><tr style=\"background:none\">{head}</tr></thead><tbody>{rows}</tbody></table></div>\
         <div style=\"{QUIET}\">{} {unit} × {} columns</div>",
        grid.total,
        grid.names.len()
    )
}

/// Escapes text for HTML elements and attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
