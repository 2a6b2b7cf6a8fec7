//! The report as a notebook (nbformat 4.5): each cell with what it gave now, and, where that differs, what was published beside it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::lines::{Line, lines};
use super::{Report, ReportCell, ReportResult, Standing};

/// The report as a notebook.
pub fn report_notebook(report: &Report) -> String {
    let is_python = report.cells.iter().any(|cell| cell.is_python);
    let metadata = if is_python {
        json!({
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        })
    } else {
        json!({
            "kernelspec": {"display_name": "Kernwerk", "language": "rust", "name": "kernwerk"},
            "language_info": {"name": "rust"},
        })
    };
    let mut cells = vec![markdown("report", &head(report))];
    for cell in &report.cells {
        let step = cell.step;
        cells.push(markdown(&format!("about-{step}"), &about(cell)));
        cells.push(json!({
            "cell_type": "code",
            "execution_count": step,
            "id": format!("step-{step}"),
            "metadata": {"kernwerk": {"replay": cell.standing.word()}},
            "outputs": cell.results.iter().filter_map(output).collect::<Vec<_>>(),
            "source": source(&cell.code),
        }));
    }
    let notebook = json!({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5});
    format!("{notebook:#}\n")
}

fn markdown(id: &str, text: &str) -> Value {
    json!({"cell_type": "markdown", "id": id, "metadata": {}, "source": source(text)})
}

fn source(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn head(report: &Report) -> String {
    let mut text = format!("# {}\n", plain(&report.title));
    for finding in &report.findings {
        text.push_str(&format!("\n- **{}**", plain(finding)));
    }
    for note in &report.notes {
        text.push_str(&format!("\n- {}", plain(note)));
    }
    text.push_str("\n\n| | |\n|---|---|\n");
    for (name, value) in &report.facts {
        text.push_str(&format!("| {} | {} |\n", plain(name), plain(value)));
    }
    text
}

fn about(cell: &ReportCell) -> String {
    let mark = match cell.standing {
        Standing::Agrees => "✓",
        Standing::Silent => "–",
        Standing::Differs => "✗",
    };
    let mut text = format!("**{mark} {}: {}**\n", plain(&cell.name()), plain(&cell.agreement));
    if let Some(difference) = &cell.difference {
        text.push_str(&format!("\n{}\n", plain(difference)));
    }
    for words in &cell.not_compared {
        text.push_str(&format!("\nnot compared: {}\n", plain(words)));
    }
    for result in cell.results.iter().filter(|result| !result.identical) {
        text.push_str(&format!("\n{}\n\n", plain(&result.place)));
        text.push_str(&fenced(&difference(result)));
    }
    text
}

/// What differs in a result, as the marks `-` and `+` before lines.
fn difference(result: &ReportResult) -> String {
    let text = |bytes: &Option<Vec<u8>>| match bytes {
        None => Some(String::new()),
        Some(bytes) => String::from_utf8(bytes.clone()).ok(),
    };
    let lines_of = |expected: &str, found: &str| {
        let lines = lines(expected, found)?;
        let marked = lines.iter().map(|line| match line {
            Line::Both(text) => format!("  {text}\n"),
            Line::Expected(text) => format!("- {text}\n"),
            Line::Found(text) => format!("+ {text}\n"),
        });
        Some(marked.collect::<String>())
    };
    let compared = text(&result.expected).zip(text(&result.found)).and_then(|(one, other)| lines_of(&one, &other));
    let size =
        |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or("nothing".to_owned(), |bytes| format!("{} bytes", bytes.len()));
    compared.unwrap_or_else(|| format!("- {}\n+ {}\n", size(&result.expected), size(&result.found)))
}

/// Text between fences that are longer than any in it.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}diff\n{text}{fence}\n")
}

/// Text that Markdown takes as it is: a stranger's words make no links, pictures or HTML.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars() {
        match character {
            '\n' => plain.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '&' | '$' | '~' => {
                plain.extend(['\\', character])
            }
            other => plain.push(other),
        }
    }
    plain
}

/// What a cell gave now, as a notebook's output. What only a browser can make harmless stays out.
fn output(result: &ReportResult) -> Option<Value> {
    let bytes = result.found.as_deref()?;
    let data = match (result.format.as_str(), std::str::from_utf8(bytes)) {
        ("png", _) => json!({"image/png": STANDARD.encode(bytes)}),
        ("jpg" | "jpeg", _) => json!({"image/jpeg": STANDARD.encode(bytes)}),
        ("gif", _) => json!({"image/gif": STANDARD.encode(bytes)}),
        ("arrow" | "html", _) | (_, Err(_)) => return None,
        ("svg", Ok(text)) => json!({"image/svg+xml": source(text)}),
        (_, Ok(text)) => json!({"text/plain": source(text)}),
    };
    Some(json!({"output_type": "display_data", "data": data, "metadata": {}}))
}
