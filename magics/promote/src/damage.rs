//! What is wrong with a file that cannot be used, in words for people: such as `it is empty`, or `it breaks off in line 3`.

use std::io::ErrorKind;

use serde_json::error::Category;

/// Why a file cannot be read.
pub(crate) fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "it is missing".to_owned(),
        ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        ErrorKind::IsADirectory => "it is a directory".to_owned(),
        ErrorKind::NotADirectory => "a file lies where its directory was".to_owned(),
        _ => error.to_string(),
    }
}

/// Why bytes are not the JSON that was expected.
pub(crate) fn no_json(bytes: &[u8], error: &serde_json::Error) -> String {
    if bytes.trim_ascii().is_empty() {
        return "it is empty".to_owned();
    }
    let place = format!("line {}, column {}", error.line(), error.column());
    match error.classify() {
        Category::Eof => format!("it breaks off in line {}", error.line()),
        Category::Syntax | Category::Io => format!("it is no JSON from {place} on"),
        Category::Data => content(&error.to_string(), &place),
    }
}

/// Why a text is not the TOML that was expected.
pub(crate) fn no_toml(text: &str, error: &toml::de::Error) -> String {
    if text.trim().is_empty() {
        return "it is empty".to_owned();
    }
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    content(error.message(), &format!("line {line}"))
}

/// What of the content is otherwise than it has to be, by serde's words for it.
fn content(message: &str, place: &str) -> String {
    let name = message.split('`').nth(1).unwrap_or_default();
    if message.starts_with("missing field") {
        format!("it does not say `{name}`")
    } else if message.starts_with("unknown field") {
        format!("it says `{name}`, which means nothing here")
    } else if message.starts_with("duplicate") {
        format!("it says `{name}` twice")
    } else if message.starts_with("invalid") {
        format!("what stands in {place} is of another kind than it has to be")
    } else {
        let words = message.split(" at line ").next().unwrap_or(message);
        format!("what stands in {place} cannot be meant: {words}")
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is only read")]
    struct File {
        number: u32,
    }

    #[test]
    fn what_is_wrong_is_told_in_words() {
        let json =
            |text: &str| no_json(text.as_bytes(), &serde_json::from_str::<File>(text).expect_err("it is damaged"));
        assert_eq!(json(" \n"), "it is empty");
        assert_eq!(json("{}"), "it does not say `number`");
        assert_eq!(json("{\"number\":\n"), "it breaks off in line 2");
        // How far into a word the reader is when it stops is its own affair.
        assert!(json("number").starts_with("it is no JSON from line 1, column "));
        assert_eq!(json("{\"digit\": 1}"), "it says `digit`, which means nothing here");
        let other_kind = json("{\"number\": []}");
        assert!(other_kind.starts_with("what stands in line 1, column "), "{other_kind}");
        assert!(other_kind.ends_with(" is of another kind than it has to be"), "{other_kind}");
        let toml = |text: &str| no_toml(text, &toml::from_str::<File>(text).expect_err("it is damaged"));
        assert_eq!(toml(""), "it is empty");
        assert_eq!(toml("# nothing"), "it does not say `number`");
        assert!(toml("\nnumber = = 1").starts_with("what stands in line 2 cannot be meant: "));
    }
}
