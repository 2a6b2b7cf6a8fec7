//! Documents: as text with the signs of `diff`, and as HTML with both sides beside each other.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernwerk_core::{Document, Hunk, Line, Lines, Part, Picture, Pictures, Section, Side, Table};

use crate::cells::grid;
use crate::html::escape;
use crate::text::{one_line, pad};

const RULE: &str = "var(--jp-border-color2,rgba(128,128,128,.35))";
const QUIET: &str = "color:var(--jp-ui-font-color2,inherit);opacity:.85;font-size:12px";
const CODE: &str =
    "font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace);font-size:12px;line-height:1.5";
const NUMBER: &str =
    "padding:0 8px;text-align:right;vertical-align:top;opacity:.55;width:1%;white-space:nowrap;border:none";
const TEXT: &str = "padding:0 8px;text-align:left;vertical-align:top;white-space:pre-wrap;overflow-wrap:anywhere;width:49%;border:none";
/// Backgrounds that can be read on light and on dark.
const GONE: &str = "rgba(229,83,75,.17)";
const GONE_WORD: &str = "rgba(229,83,75,.38)";
const NEW: &str = "rgba(46,160,67,.17)";
const NEW_WORD: &str = "rgba(46,160,67,.38)";
/// Larger pictures are not put into a page.
const LARGEST_PICTURE: usize = 4 << 20;

/// The sections one below the other.
pub(crate) fn text(document: &Document) -> String {
    let sections = document.sections.iter().map(|section| {
        let parts = section.parts.iter().map(part_text);
        std::iter::once(heading(section)).chain(parts).collect::<Vec<_>>().join("\n")
    });
    sections.collect::<Vec<_>>().join("\n\n")
}

fn heading(section: &Section) -> String {
    format!("{}\n{}", section.title, "─".repeat(section.title.chars().count()))
}

fn part_text(part: &Part) -> String {
    match part {
        Part::Text(text) => text.clone(),
        Part::Table(table) => table_text(table),
        Part::Lines(Lines { title, hunks }) => {
            let lines = hunks.iter().flat_map(hunk_text).map(|line| format!("  {line}"));
            std::iter::once(title.clone()).chain(lines).collect::<Vec<_>>().join("\n")
        }
        Part::Pictures(Pictures { title, .. }) => title.clone(),
    }
}

/// A small table: names and rows, for what their types are goes without saying.
fn table_text(table: &Table) -> String {
    let grid = grid(table);
    let mut rows: Vec<Vec<String>> =
        grid.rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
    if let Some(gap) = grid.gap {
        let words = format!("… {} more", grid.total - grid.rows.len());
        let row = (0..grid.names.len()).map(|column| if column == 0 { words.clone() } else { String::new() });
        rows.insert(gap, row.collect());
    }
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([grid.names[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..grid.names.len()).map(width).collect();
    let line = |cells: &[String]| {
        let cells = cells.iter().enumerate().map(|(column, cell)| pad(cell, widths[column], grid.right[column]));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let rule = widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join("  ");
    let head = [line(&grid.names), rule];
    head.into_iter()
        .chain(rows.iter().map(|row| line(row)))
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn table_html(table: &Table) -> String {
    const CELL: &str =
        "padding:3px 16px 3px 0;vertical-align:top;white-space:pre-wrap;overflow-wrap:anywhere;border:none";
    let grid = grid(table);
    let align = |column: usize| if grid.right[column] { "right" } else { "left" };
    let head: String = grid
        .names
        .iter()
        .enumerate()
        .map(|(column, name)| {
            format!(
                "<th style=\"{CELL};{QUIET};font-weight:500;text-align:{};white-space:nowrap\">{}</th>",
                align(column),
                escape(name)
            )
        })
        .collect();
    let mut rows = String::new();
    for (index, row) in grid.rows.iter().enumerate() {
        if grid.gap == Some(index) {
            let more = grid.total - grid.rows.len();
            rows.push_str(&format!(
                "<tr style=\"background:none\"><td colspan=\"{}\" style=\"{CELL};{QUIET}\">⋯ {more} more</td></tr>",
                row.len()
            ));
        }
        let cells: String = row
            .iter()
            .enumerate()
            .map(|(column, cell)| {
                format!(
                    "<td style=\"{CELL};text-align:{};font-variant-numeric:tabular-nums\">{}</td>",
                    align(column),
                    escape(cell)
                )
            })
            .collect();
        rows.push_str(&format!("<tr style=\"background:none;border-top:1px solid {RULE}\">{cells}</tr>"));
    }
    format!(
        "<div style=\"overflow-x:auto\"><table style=\"border-collapse:collapse;margin:0;border:none\"><thead>\
         <tr style=\"background:none\">{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

fn hunk_text(hunk: &Hunk) -> Vec<String> {
    let count = |without: Side| hunk.lines.iter().filter(|line| line.side != without).count();
    let place = |start: usize, lines: usize| match lines {
        0 => format!("{},0", start.saturating_sub(1)),
        1 => start.to_string(),
        lines => format!("{start},{lines}"),
    };
    let head = format!("@@ -{} +{} @@", place(hunk.before, count(Side::After)), place(hunk.after, count(Side::Before)));
    let sign = |side: Side| match side {
        Side::Before => '-',
        Side::After => '+',
        Side::Both => ' ',
    };
    let lines = hunk.lines.iter().map(|line| format!("{}{}", sign(line.side), line.text));
    std::iter::once(head).chain(lines).collect()
}

/// The sections one below the other, each with a heading.
pub(crate) fn html(document: &Document) -> String {
    let sections = document.sections.iter().map(|section| {
        let parts: String = section.parts.iter().map(part_html).collect();
        format!(
            "<section style=\"margin:14px 0\"><h3 style=\"font-size:14px;font-weight:600;margin:0 0 6px;padding-bottom:3px;\
             border-bottom:1px solid {RULE}\">{}</h3>{parts}</section>",
            escape(&section.title)
        )
    });
    sections.collect()
}

fn part_html(part: &Part) -> String {
    match part {
        Part::Text(text) => format!("<div style=\"margin:4px 0;white-space:pre-wrap\">{}</div>", escape(text)),
        Part::Table(table) => format!("<div style=\"margin:4px 0 10px\">{}</div>", table_html(table)),
        Part::Lines(lines) => lines_html(lines),
        Part::Pictures(pictures) => pictures_html(pictures),
    }
}

fn title_html(title: &str) -> String {
    format!(
        "<div style=\"font-weight:500;padding:4px 8px;background:rgba(128,128,128,.1);border-bottom:1px solid {RULE}\">{}</div>",
        escape(title)
    )
}

fn boxed(title: &str, inside: &str) -> String {
    format!(
        "<div style=\"border:1px solid {RULE};border-radius:5px;margin:8px 0 12px;overflow-x:auto\">{}{inside}</div>",
        title_html(title)
    )
}

/// Both sides beside each other: before to the left, after to the right.
fn lines_html(lines: &Lines) -> String {
    if lines.hunks.is_empty() {
        return title_html(&lines.title);
    }
    let hunks: Vec<String> = lines.hunks.iter().map(rows_html).collect();
    let gap = format!(
        "<tr style=\"background:none\"><td colspan=\"4\" style=\"padding:1px 8px;text-align:left;border:none;{QUIET}\">⋯</td></tr>"
    );
    let table = format!(
        "<table style=\"border-collapse:collapse;width:100%;margin:0;border:none;table-layout:auto;{CODE}\"><tbody>{}</tbody></table>",
        hunks.join(&gap)
    );
    boxed(&lines.title, &table)
}

fn rows_html(hunk: &Hunk) -> String {
    let (mut before, mut after) = (hunk.before, hunk.after);
    let mut rows = String::new();
    let mut at = 0;
    while at < hunk.lines.len() {
        let run = |from: usize, side: Side| hunk.lines[from..].iter().take_while(|line| line.side == side).count();
        let (gone, new) = (run(at, Side::Before), run(at + run(at, Side::Before), Side::After));
        if gone + new == 0 {
            let text = escape(&hunk.lines[at].text);
            rows.push_str(&row(Some((before, &text, "")), Some((after, &text, ""))));
            (before, after, at) = (before + 1, after + 1, at + 1);
            continue;
        }
        let (old, young) = (&hunk.lines[at..at + gone], &hunk.lines[at + gone..at + gone + new]);
        for index in 0..gone.max(new) {
            let (one, other) = marked(old.get(index), young.get(index));
            let one = one.as_ref().map(|text| (before + index, text.as_str(), GONE));
            let other = other.as_ref().map(|text| (after + index, text.as_str(), NEW));
            rows.push_str(&row(one, other));
        }
        (before, after, at) = (before + gone, after + new, at + gone + new);
    }
    rows
}

fn row(before: Option<(usize, &str, &str)>, after: Option<(usize, &str, &str)>) -> String {
    let cells = |side: Option<(usize, &str, &str)>| match side {
        Some((number, text, background)) => {
            let background = if background.is_empty() { String::new() } else { format!(";background:{background}") };
            format!("<td style=\"{NUMBER}{background}\">{number}</td><td style=\"{TEXT}{background}\">{text}</td>")
        }
        None => format!("<td style=\"{NUMBER}\"></td><td style=\"{TEXT}\"></td>"),
    };
    format!("<tr style=\"background:none\">{}{}</tr>", cells(before), cells(after))
}

/// Both lines escaped, with what differs between them marked where something does not.
fn marked(before: Option<&Line>, after: Option<&Line>) -> (Option<String>, Option<String>) {
    let (Some(before), Some(after)) = (before, after) else {
        return (before.map(|line| escape(&line.text)), after.map(|line| escape(&line.text)));
    };
    let (one, other): (Vec<char>, Vec<char>) = (before.text.chars().collect(), after.text.chars().collect());
    let start = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let most = one.len().min(other.len()) - start;
    let end = one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count().min(most);
    let mark = |line: &[char], colour: &str| {
        let text = |part: &[char]| escape(&part.iter().collect::<String>());
        let (head, rest) = line.split_at(start);
        let (middle, tail) = rest.split_at(rest.len() - end);
        if middle.is_empty() || start + end == 0 {
            return text(line);
        }
        format!(
            "{}<span style=\"background:{colour};border-radius:2px\">{}</span>{}",
            text(head),
            text(middle),
            text(tail)
        )
    };
    (Some(mark(&one, GONE_WORD)), Some(mark(&other, NEW_WORD)))
}

fn pictures_html(pictures: &Pictures) -> String {
    let side = |picture: &Option<Picture>, words: &str| {
        let shown = match picture {
            Some(picture) => picture_html(picture),
            None => format!("<div style=\"{QUIET}\">none</div>"),
        };
        format!(
            "<td style=\"width:50%;padding:8px;vertical-align:top;text-align:left;border:none\">\
             <div style=\"{QUIET};margin-bottom:4px\">{words}</div>{shown}</td>"
        )
    };
    let table = format!(
        "<table style=\"border-collapse:collapse;width:100%;margin:0;border:none\"><tbody><tr style=\"background:none\">{}{}</tr></tbody></table>",
        side(&pictures.before, "before"),
        side(&pictures.after, "after")
    );
    boxed(&pictures.title, &table)
}

/// As an image, in which no script runs; what is no picture of a known kind is not shown.
fn picture_html(picture: &Picture) -> String {
    let media_type = match picture.format.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        _ => return format!("<div style=\"{QUIET}\">a picture of a kind that is not shown</div>"),
    };
    if picture.bytes.len() > LARGEST_PICTURE {
        return format!("<div style=\"{QUIET}\">{} bytes, too large to be shown here</div>", picture.bytes.len());
    }
    let data = STANDARD.encode(&picture.bytes);
    format!(
        "<img alt=\"\" style=\"max-width:100%;background:#fff;border-radius:3px\" src=\"data:{media_type};base64,{data}\">"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(side: Side, text: &str) -> Line {
        Line { side, text: text.to_owned() }
    }

    fn sample() -> Document {
        let lines = vec![
            line(Side::Both, "let x = 1;"),
            line(Side::Before, "let y = \"<a>\";"),
            line(Side::After, "let y = \"<script>\";"),
            line(Side::After, "new"),
        ];
        let hunk = Hunk { before: 4, after: 4, lines };
        let svg = Picture { format: "svg".to_owned(), bytes: b"<svg onload=alert(1)>".to_vec() };
        Document {
            sections: vec![Section {
                title: "Steps <1>".to_owned(),
                parts: vec![
                    Part::Lines(Lines { title: "cell 2".to_owned(), hunks: vec![hunk] }),
                    Part::Pictures(Pictures { title: "a chart".to_owned(), before: Some(svg), after: None }),
                ],
            }],
            data: serde_json::json!({}),
        }
    }

    #[test]
    fn lines_have_the_signs_of_diff() {
        assert_eq!(
            text(&sample()),
            "Steps <1>\n─────────\ncell 2\n  @@ -4,2 +4,3 @@\n   let x = 1;\n  -let y = \"<a>\";\n  +let y = \"<script>\";\n  +new\na chart"
        );
    }

    #[test]
    fn nothing_of_an_artifact_becomes_markup() {
        let html = html(&sample());
        for bad in ["<script", "<a>", "<svg", "onload", "<1>"] {
            assert!(!html.contains(bad), "{bad} in {html}");
        }
        assert!(html.contains("data:image/svg+xml;base64,"), "{html}");
        let marked =
            format!("&quot;&lt;<span style=\"background:{NEW_WORD};border-radius:2px\">script</span>&gt;&quot;;");
        assert!(html.contains(&marked), "{html}");
    }
}
