//! The report as one page that needs nothing else, at home in light and dark. What cells gave is a stranger's: text is
//! escaped, pictures are images, which run no scripts, and HTML stands in a frame that may do nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernwerk_core::{Output, Table};

use super::lines::{Line, lines};
use super::{Report, ReportCell, ReportResult, Standing, verdict_word};
use crate::html::escape;
use crate::page::frame;

const STYLE: &str = include_str!("page.css");
/// Of longer texts the beginning is shown.
const LONGEST_TEXT: usize = 200_000;

/// The report as an HTML document.
pub fn report_page(report: &Report) -> String {
    let verdict = verdict_word(report.verdict);
    let list = |class: &str, lines: &[String]| {
        let items: String = lines.iter().map(|line| format!("<li>{}</li>", escape(line))).collect();
        if items.is_empty() { items } else { format!("<ul class=\"{class}\">{items}</ul>") }
    };
    let facts: String = report
        .facts
        .iter()
        .map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>", escape(name), escape(value)))
        .collect();
    let strip: String = report
        .cells
        .iter()
        .map(|cell| {
            let word = cell.standing.word();
            format!(
                "<a href=\"#cell-{0}\" class=\"{word}\" title=\"cell {0}: {1}\">{0}</a>",
                cell.step,
                escape(&cell.agreement)
            )
        })
        .collect();
    let first = report.cells.iter().find(|cell| cell.standing == Standing::Differs).map(|cell| cell.step);
    let cells: String = report.cells.iter().map(|cell| self::cell(report, cell, first == Some(cell.step))).collect();
    let body = format!(
        "<header class=\"{verdict}\"><p class=\"badge\">{verdict}</p><h1>{}</h1></header>{}\
         <nav>{strip}</nav><dl>{facts}</dl>{}{cells}",
        escape(&report.title),
        list("findings", &report.findings),
        list("notes", &report.notes),
    );
    frame(&format!("{}: {verdict}", report.artifact), STYLE, "; frame-src 'self'", &body)
}

fn cell(report: &Report, cell: &ReportCell, is_first: bool) -> String {
    let word = cell.standing.word();
    let first = if is_first { "<p class=\"first\">the first cell to diverge</p>" } else { "" };
    let difference = cell.difference.as_ref().map(|text| format!("<p class=\"difference\">{}</p>", escape(text)));
    let left_out =
        cell.not_compared.iter().map(|words| format!("<p class=\"none\">not compared: {}</p>", escape(words)));
    let results: String = cell.results.iter().map(|result| self::result(report.expected, result)).collect();
    format!(
        "<section id=\"cell-{0}\" class=\"{word}\"><h2><span>{5}</span><span class=\"mark\">{1}</span>\
         <span class=\"seconds\">{2:.1} s</span></h2>{first}<pre class=\"code\"><code>{3}</code></pre>{4}{6}{results}</section>",
        cell.step,
        escape(&cell.agreement),
        cell.wall_seconds,
        escape(cell.code.trim_end()),
        difference.unwrap_or_default(),
        escape(&cell.name()),
        left_out.collect::<String>(),
    )
}

fn result(before: &str, result: &ReportResult) -> String {
    let place = escape(&result.place);
    if result.identical {
        let content = result.found.as_deref().map(|bytes| content(&result.format, bytes)).unwrap_or_default();
        return format!("<details><summary>{place}: identical</summary>{content}</details>");
    }
    let mark = if result.agrees { "agrees" } else { "differs" };
    let texts = (text(result, result.expected.as_deref()), text(result, result.found.as_deref()));
    if let (Some(expected), Some(found)) = texts
        && let Some(lines) = lines(expected, found)
    {
        return format!("<h3 class=\"{mark}\">{place}</h3>{}", side_by_side(before, &lines));
    }
    let side = |bytes: &Option<Vec<u8>>| match bytes {
        Some(bytes) => content(&result.format, bytes),
        None => "<p class=\"none\">nothing</p>".to_owned(),
    };
    format!(
        "<h3 class=\"{mark}\">{place}</h3><div class=\"pair\"><figure><figcaption>{}</figcaption>{}</figure>\
         <figure><figcaption>found</figcaption>{}</figure></div>",
        escape(before),
        side(&result.expected),
        side(&result.found)
    )
}

/// The text of a result that is best compared by lines.
fn text<'a>(result: &ReportResult, bytes: Option<&'a [u8]>) -> Option<&'a str> {
    let is_text = !matches!(result.format.as_str(), "svg" | "html" | "png" | "jpg" | "jpeg" | "arrow");
    bytes.filter(|_| is_text).and_then(|bytes| std::str::from_utf8(bytes).ok())
}

fn side_by_side(before: &str, lines: &[Line<'_>]) -> String {
    let mut rows = String::new();
    let mut row = |left: Option<&str>, right: Option<&str>, is_same: bool| {
        let side = |text: Option<&str>, class: &str| match text {
            Some(text) if is_same => format!("<td>{}</td>", escape(text)),
            Some(text) => format!("<td class=\"{class}\">{}</td>", escape(text)),
            None => "<td class=\"gap\"></td>".to_owned(),
        };
        rows.push_str(&format!("<tr>{}{}</tr>", side(left, "removed"), side(right, "added")));
    };
    let mut rest = lines;
    while let Some(line) = rest.first() {
        if let Line::Both(text) = line {
            row(Some(text), Some(text), true);
            rest = &rest[1..];
            continue;
        }
        // Lines that take each other's place stand beside each other.
        let end = rest.iter().position(|line| matches!(line, Line::Both(_))).unwrap_or(rest.len());
        let (changed, after) = rest.split_at(end);
        let mut left =
            changed.iter().filter_map(|line| if let Line::Expected(text) = line { Some(*text) } else { None });
        let mut right = changed.iter().filter_map(|line| if let Line::Found(text) = line { Some(*text) } else { None });
        loop {
            match (left.next(), right.next()) {
                (None, None) => break,
                (one, other) => row(one, other, false),
            }
        }
        rest = after;
    }
    format!(
        "<table class=\"lines\"><thead><tr><th>{}</th><th>found</th></tr></thead><tbody>{rows}</tbody></table>",
        escape(before)
    )
}

/// A result in a form in which it does nothing but be seen.
fn content(format: &str, bytes: &[u8]) -> String {
    let image = |kind: &str| format!("<img alt=\"\" src=\"data:image/{kind};base64,{}\">", STANDARD.encode(bytes));
    match (format, std::str::from_utf8(bytes)) {
        ("svg", Ok(_)) => image("svg+xml"),
        ("png", _) => image("png"),
        ("jpg" | "jpeg", _) => image("jpeg"),
        ("gif" | "webp", _) => image(format),
        ("arrow", _) => table(bytes).unwrap_or_else(|| size(format, bytes)),
        ("html", Ok(text)) => {
            format!("<iframe sandbox=\"\" referrerpolicy=\"no-referrer\" srcdoc=\"{}\"></iframe>", escape(text))
        }
        (_, Ok(text)) => {
            let end = text.floor_char_boundary(LONGEST_TEXT);
            let rest = if end < text.len() { format!("\n⋯ {} bytes more", text.len() - end) } else { String::new() };
            format!("<pre>{}{rest}</pre>", escape(&text[..end]))
        }
        (_, Err(_)) => size(format, bytes),
    }
}

fn size(format: &str, bytes: &[u8]) -> String {
    format!("<p class=\"none\">{} bytes of {}</p>", bytes.len(), escape(format))
}

fn table(bytes: &[u8]) -> Option<String> {
    let reader = arrow::ipc::reader::FileReader::try_new(std::io::Cursor::new(bytes), None).ok()?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>().ok()?;
    Some(crate::html(&Output::table(Table::new(schema, batches))))
}

#[cfg(test)]
mod tests {
    use kernwerk_core::Verdict;

    use super::super::{report_json, report_notebook};
    use super::*;

    fn result(format: &str, expected: &str, found: &str) -> ReportResult {
        ReportResult {
            place: "output 1".to_owned(),
            format: format.to_owned(),
            expected: Some(expected.into()),
            found: Some(found.into()),
            agrees: expected == found,
            identical: expected == found,
        }
    }

    fn report(results: Vec<ReportResult>) -> Report {
        let hostile = "<script>alert(1)</script>";
        Report {
            artifact: format!("fares@1{hostile}"),
            expected: "published",
            title: hostile.to_owned(),
            verdict: Verdict::Failed,
            facts: vec![("inputs".to_owned(), hostile.to_owned())],
            findings: vec![hostile.to_owned()],
            notes: vec![hostile.to_owned()],
            cells: vec![ReportCell {
                step: 1,
                label: Some(hostile.to_owned()),
                code: hostile.to_owned(),
                is_python: false,
                standing: Standing::Differs,
                agreement: "different".to_owned(),
                difference: Some(hostile.to_owned()),
                not_compared: vec![hostile.to_owned()],
                wall_seconds: 0.5,
                results,
            }],
        }
    }

    #[test]
    fn what_strangers_wrote_does_nothing_but_be_read() {
        let hostile = "<script>alert(1)</script>\n![x](y)\n```\n";
        let results = ["txt", "svg", "html", "json", "png", "odd\"><script>"].map(|format| result(format, "", hostile));
        let page = report_page(&report(results.to_vec()));
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("sandbox=\"\"") && page.contains("default-src 'none'"));
        let notebook: serde_json::Value =
            serde_json::from_str(&report_notebook(&report(results.to_vec()))).expect("a notebook is JSON");
        for cell in notebook["cells"].as_array().expect("a notebook has cells") {
            let text: String =
                cell["source"].as_array().into_iter().flatten().filter_map(|line| line.as_str()).collect();
            // Behind a backslash it is text, and so is all between fences.
            let outside: String = text.replace("\\<", "").split("````").step_by(2).collect();
            assert!(cell["cell_type"] == "code" || !outside.contains("<script"), "{text}");
            let outputs = cell["outputs"].as_array().into_iter().flatten();
            assert!(outputs.clone().all(|output| output["data"].get("text/html").is_none()));
        }
        assert!(report_json(&report(Vec::new())).contains("\"verdict\": \"differs\""));
    }

    #[test]
    fn lines_that_differ_stand_beside_each_other() {
        let page = report_page(&report(vec![result("txt", "zones: 3\ntotal: 4", "zones: 3\ntotal: 5\nmore")]));
        assert!(page.contains("<tr><td>zones: 3</td><td>zones: 3</td></tr>"), "{page}");
        assert!(
            page.contains("<tr><td class=\"removed\">total: 4</td><td class=\"added\">total: 5</td></tr>"),
            "{page}"
        );
        assert!(page.contains("<tr><td class=\"gap\"></td><td class=\"added\">more</td></tr>"), "{page}");
    }
}
