//! Tables as HTML and as text. They look like those of magics: colours are the theme's, light or dark.

use crate::display::display;

/// Rows at the head and rows at the tail of a long table that are shown.
const SHOWN_AT_EACH_END: usize = 10;
/// Columns that are shown.
const SHOWN_COLUMNS: usize = 30;
/// Characters of a value that are shown.
const SHOWN_CHARACTERS: usize = 80;

const BOX: &str = "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;line-height:1.45;\
                   color:var(--jp-ui-font-color1,inherit)";
const QUIET: &str = "color:var(--jp-ui-font-color2,inherit);opacity:.85;font-size:12px";
const RULE: &str = "var(--jp-border-color2,rgba(128,128,128,.35))";
const CELL: &str =
    "padding:3px 12px 3px 0;white-space:pre-wrap;vertical-align:top;max-width:46em;overflow-wrap:anywhere";
/// Numbers and the names of columns are not broken: in pieces they cannot be read. A table that gets wide scrolls sideways.
const WHOLE: &str = "padding:3px 12px 3px 0;white-space:nowrap;vertical-align:top";
/// A column of text is at least as wide as its longest text, up to so many characters.
const NARROWEST_TEXT: usize = 24;

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
        let mut head = String::new();
        for (index, (name, kind)) in self.columns.iter().enumerate() {
            head.push_str(&format!(
                "<th style=\"{WHOLE};text-align:{};font-weight:600;border-bottom:1px solid {RULE}\">{}<br>\
                 <span style=\"font-weight:400;{QUIET}\">{}</span></th>",
                self.align(index),
                escape(name),
                escape(kind)
            ));
        }
        let mut rows = self.html_rows(&self.head);
        if self.left_out() > 0 {
            rows.push_str(&format!(
                "<tr style=\"background:none\"><td colspan=\"{}\" style=\"{WHOLE};text-align:left;{QUIET}\">… {} more …</td></tr>",
                self.columns.len().max(1),
                self.left_out()
            ));
        }
        rows.push_str(&self.html_rows(&self.tail));
        format!(
            "<div style=\"{BOX}\"><div style=\"overflow-x:auto\"><table class=\"dataframe\" \
             style=\"border-collapse:collapse;margin:0;border:none\"><thead><tr style=\"background:none\">{head}</tr></thead>\
             <tbody>{rows}</tbody></table></div><div style=\"{QUIET}\">{}</div></div>",
            self.size()
        )
    }

    fn html_rows(&self, rows: &[Vec<Option<String>>]) -> String {
        let widths: Vec<usize> =
            (0..self.columns.len()).map(|column| self.longest(column).min(NARROWEST_TEXT)).collect();
        let value = |column: usize, value: &Option<String>| {
            let text = match value {
                Some(value) => escape(&shorten(value)),
                None => format!("<span style=\"{QUIET}\">null</span>"),
            };
            if self.is_number(column) {
                return format!("<td style=\"{WHOLE};text-align:right;font-variant-numeric:tabular-nums\">{text}</td>");
            }
            format!("<td style=\"{CELL};text-align:left;min-width:{}ch\">{text}</td>", widths[column])
        };
        let row = |row: &Vec<Option<String>>| {
            let values: String = row.iter().enumerate().map(|(column, text)| value(column, text)).collect();
            format!("<tr>{values}</tr>")
        };
        rows.iter().map(row).collect()
    }

    /// Characters of a column's longest value.
    fn longest(&self, column: usize) -> usize {
        let values = self.head.iter().chain(&self.tail).filter_map(|row| row.get(column)?.as_ref());
        values.map(|value| value.chars().count()).max().unwrap_or(0)
    }

    fn is_number(&self, column: usize) -> bool {
        self.numeric.get(column) == Some(&true)
    }

    fn align(&self, column: usize) -> &'static str {
        if self.is_number(column) { "right" } else { "left" }
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
        let colours: Vec<&str> = html.split("color:").skip(1).collect();
        assert!(colours.iter().all(|colour| colour.starts_with("var(--jp-")), "colours are the theme's: {html}");
    }

    #[test]
    fn long_tables_are_cut_in_the_middle() {
        assert_eq!(Shown::ranges(20), (0..20, 20..20));
        assert_eq!(Shown::ranges(21), (0..10, 11..21));
    }
}
