//! Markdown and YAML of words that may come from a stranger: nothing of them becomes a heading, a link, a table's edge or another key.

use crate::diff::visible;

/// Text on one line.
pub(super) fn inline(text: &str) -> String {
    let mut escaped = String::new();
    for character in visible(&text.replace(['\n', '\r', '\t'], " ")).chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' => escaped.extend(['\\', character]),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A name as code, on one line; also in a table.
pub(super) fn code(text: &str) -> String {
    let plain = visible(text).replace('`', "'").replace('|', "\\|").replace('\t', " ");
    format!("`{plain}`")
}

/// A block of code, with a fence that it does not hold itself.
pub(super) fn block(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    let lines: Vec<String> = text.trim_end().lines().map(visible).collect();
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

/// A table; the cells are Markdown.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|name| (*name).to_owned()).collect();
    let rule: Vec<String> = head.iter().map(|_| "---".to_owned()).collect();
    let rows: String = rows.into_iter().map(|row| line(&row)).collect();
    format!("{}{}{rows}", line(&head), line(&rule))
}

/// A text in YAML: JSON's form of it, which is YAML's as well.
pub(super) fn yaml(text: &str) -> String {
    serde_json::Value::from(visible(text)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        assert_eq!(inline("a <b>\n# c | [d](e)"), "a &lt;b&gt; \\# c \\| \\[d\\](e)");
        assert_eq!(code("a`b|c\u{1b}"), "`a'b\\|c\\u{1b}`");
        assert_eq!(block("rust", "let a = \"```\";\n"), "````rust\nlet a = \"```\";\n````\n");
        assert_eq!(yaml("a: \"b\"\n---"), "\"a: \\\"b\\\"\\\\n---\"");
        assert_eq!(table(&["a", "b"], [vec!["1".to_owned(), "2".to_owned()]]), "| a | b |\n| --- | --- |\n| 1 | 2 |\n");
    }
}
