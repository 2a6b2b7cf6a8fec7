//! Tables as HTML and as text. No colours: borders and text follow the theme, light or dark.

use crate::display::display;

/// Rows at the head and rows at the tail of a long table that are shown.
const SHOWN_AT_EACH_END: usize = 10;
/// Columns that are shown.
const SHOWN_COLUMNS: usize = 30;
/// Characters of a value that are shown.
const SHOWN_CHARACTERS: usize = 80;

/// A table, or the part of it that is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Names and types.
    pub columns: Vec<(String, String)>,
    /// The shown rows, of as many values as there are columns; `None` is a missing value.
    pub head: Vec<Vec<Option<String>>>,
    pub tail: Vec<Vec<Option<String>>>,
    /// Rows and columns of the whole.
    pub rows: usize,
    pub width: usize,
    /// Columns to align to the right: numbers.
    pub numeric: Vec<bool>,
}

impl Shown {
    /// Which rows of a table with `rows` rows are shown: a range at the head, and one at the tail.
    pub fn ranges(rows: usize) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        if rows <= 2 * SHOWN_AT_EACH_END {
            (0..rows, rows..rows)
        } else {
            (0..SHOWN_AT_EACH_END, rows - SHOWN_AT_EACH_END..rows)
        }
    }

    /// How many columns of `width` are shown.
    pub fn columns_of(width: usize) -> usize {
        width.min(SHOWN_COLUMNS)
    }

    fn left_out(&self) -> usize {
        self.rows - self.head.len() - self.tail.len()
    }

    fn size(&self) -> String {
        let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        let mut size = format!("{} × {}", plural(self.rows, "row"), plural(self.width, "column"));
        if self.width > self.columns.len() {
            size.push_str(&format!(", the first {} columns shown", self.columns.len()));
        }
        size
    }

    /// The table as HTML.
    pub fn html(&self) -> String {
        let mut html = String::from(
            "<div style=\"overflow-x: auto\"><table class=\"dataframe\" style=\"border-collapse: collapse\"><thead><tr>",
        );
        for (index, (name, kind)) in self.columns.iter().enumerate() {
            html.push_str(&format!(
                "<th style=\"text-align: {}\">{}<br><span style=\"font-weight: normal; opacity: 0.6\">{}</span></th>",
                self.align(index),
                escape(name),
                escape(kind)
            ));
        }
        html.push_str("</tr></thead><tbody>");
        self.html_rows(&mut html, &self.head);
        if self.left_out() > 0 {
            html.push_str(&format!(
                "<tr><td colspan=\"{}\" style=\"text-align: left; opacity: 0.6\">… {} more …</td></tr>",
                self.columns.len().max(1),
                self.left_out()
            ));
        }
        self.html_rows(&mut html, &self.tail);
        html.push_str(&format!("</tbody></table><div style=\"opacity: 0.6\">{}</div></div>", self.size()));
        html
    }

    fn html_rows(&self, html: &mut String, rows: &[Vec<Option<String>>]) {
        for row in rows {
            html.push_str("<tr>");
            for (index, value) in row.iter().enumerate() {
                let value = match value {
                    Some(value) => escape(&shorten(value)),
                    None => "<span style=\"opacity: 0.6\">null</span>".to_owned(),
                };
                html.push_str(&format!("<td style=\"text-align: {}\">{value}</td>", self.align(index)));
            }
            html.push_str("</tr>");
        }
    }

    fn align(&self, column: usize) -> &'static str {
        if self.numeric.get(column) == Some(&true) { "right" } else { "left" }
    }

    /// The table as text with aligned columns.
    pub fn text(&self) -> String {
        let one_line = |value: &Option<String>| {
            value.as_ref().map_or_else(|| "null".to_owned(), |value| shorten(&value.replace('\n', "⏎")))
        };
        let mut lines: Vec<Vec<String>> = vec![
            self.columns.iter().map(|(name, _)| name.clone()).collect(),
            self.columns.iter().map(|(_, kind)| kind.clone()).collect(),
        ];
        lines.extend(self.head.iter().map(|row| row.iter().map(one_line).collect()));
        let gap = lines.len();
        lines.extend(self.tail.iter().map(|row| row.iter().map(one_line).collect()));
        let width = |column: usize| {
            lines.iter().filter_map(|line| line.get(column)).map(|value| value.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut text = String::new();
        for (number, line) in lines.iter().enumerate() {
            if number == gap && self.left_out() > 0 {
                text.push_str(&format!("… {} more …\n", self.left_out()));
            }
            let cells: Vec<String> = line
                .iter()
                .enumerate()
                .map(|(column, value)| {
                    let space = " ".repeat(widths[column] - value.chars().count());
                    if self.align(column) == "right" { format!("{space}{value}") } else { format!("{value}{space}") }
                })
                .collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
            if number == 1 {
                text.push_str(&widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join("  "));
                text.push('\n');
            }
        }
        text.push_str(&self.size());
        text
    }
}

/// Shows a table.
pub fn show_table(table: &Shown) {
    display(&[("text/html", &table.html()), ("text/plain", &table.text())]);
}

fn shorten(value: &str) -> String {
    if value.chars().count() <= SHOWN_CHARACTERS {
        return value.to_owned();
    }
    value.chars().take(SHOWN_CHARACTERS - 1).chain(['…']).collect()
}

/// Text within HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Shown {
        let row = |zone: &str, fare: Option<&str>| vec![Some(zone.to_owned()), fare.map(str::to_owned)];
        Shown {
            columns: vec![("zone".to_owned(), "text".to_owned()), ("fare".to_owned(), "f64".to_owned())],
            head: vec![row("a<b", Some("12.5")), row("Park", None)],
            tail: vec![row("z", Some("7"))],
            rows: 30,
            width: 2,
            numeric: vec![false, true],
        }
    }

    #[test]
    fn text_is_aligned_and_says_what_is_left_out() {
        assert_eq!(
            table().text(),
            "zone  fare\ntext   f64\n────  ────\na<b   12.5\nPark  null\n… 27 more …\nz        7\n30 rows × 2 columns"
        );
    }

    #[test]
    fn html_is_escaped() {
        let html = table().html();
        assert!(
            html.contains("a&lt;b") && html.contains("… 27 more …") && html.contains("30 rows × 2 columns"),
            "{html}"
        );
        assert!(!html.contains("color:") && !html.contains("background"), "colours are the theme's: {html}");
    }

    #[test]
    fn long_tables_are_cut_in_the_middle() {
        assert_eq!(Shown::ranges(20), (0..20, 20..20));
        assert_eq!(Shown::ranges(21), (0..10, 11..21));
    }
}
