//! The string literals in the text of a Python cell: any of them may be the path of a file.

use std::collections::BTreeSet;

/// The literals of `text` as they are written, without their quotes. Escapes stay: a path that needs them is not found.
pub(super) fn python_literals(text: &str) -> BTreeSet<String> {
    let mut literals = BTreeSet::new();
    let mut rest = text;
    while let Some(at) = rest.find(['#', '"', '\'']) {
        let found = &rest[at..];
        if found.starts_with('#') {
            rest = found.find('\n').map_or("", |end| &found[end..]);
            continue;
        }
        let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| found.starts_with(quote)).unwrap_or("\"");
        let body = &found[quote.len()..];
        let end = end_of(body, quote);
        literals.insert(body[..end].to_owned());
        rest = body[end..].strip_prefix(quote).unwrap_or(&body[end..]);
    }
    literals
}

/// Where the literal ends whose body `text` begins with; one without its closing quote ends with its line.
fn end_of(text: &str, quote: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if !escaped && text[at..].starts_with(quote) {
            return at;
        }
        if character == '\n' && quote.len() == 1 && !escaped {
            return at;
        }
        escaped = character == '\\' && !escaped;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_all_forms_are_found() {
        for (text, expected) in [
            ("open('a.csv')", vec!["a.csv"]),
            ("f(r\"b/c.txt\", b'd')  # 'not this'\n'e'", vec!["b/c.txt", "d", "e"]),
            ("x = \"\"\"one\n'two'\"\"\" + 'three'", vec!["one\n'two'", "three"]),
            ("'it\\'s', \"a 'b' # c\"", vec!["a 'b' # c", "it\\'s"]),
            ("'' +  + ''", vec![""]),
            ("don't\nopen('f')", vec!["f", "t"]),
            ("'open", vec!["open"]),
        ] {
            let found: Vec<String> = python_literals(text).into_iter().collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
