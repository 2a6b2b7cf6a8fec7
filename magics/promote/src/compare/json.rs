//! JSON in one form, whoever wrote it: keys in order, a line for each value.

use serde_json::Value;

/// The text in that form; none where it is no JSON, or has whole numbers that would be rounded: those are compared as they stand.
pub(super) fn plain(text: &str) -> Option<String> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    if has_long_integer(text) {
        return None;
    }
    value.sort_all_objects();
    serde_json::to_string_pretty(&value).ok()
}

/// Whether a whole number in a JSON text is none of 64 bits: reading it gives a floating-point number near it.
fn has_long_integer(json: &str) -> bool {
    let mut rest = json;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        rest = &rest[at..];
        let length = if rest.starts_with('"') { string(rest) } else { number(rest) };
        let token = &rest[..length];
        let is_whole = token.bytes().skip(1).all(|byte| byte.is_ascii_digit()) && !token.starts_with('"');
        if is_whole && token.parse::<i64>().is_err() && token.parse::<u64>().is_err() {
            return true;
        }
        rest = &rest[length..];
    }
    false
}

/// The bytes of the number that begins the text.
fn number(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit() && !"+-.eE".contains(c)).unwrap_or(text.len())
}

/// The bytes of the string that begins the text, with its quotation marks.
fn string(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_and_white_space_mean_nothing() {
        assert_eq!(plain("{\"b\": [1, 2.5], \"a\": {}}"), plain("{\"a\":{},\n \"b\":[1,2.5]}"));
        assert_ne!(plain("[1, 2]"), plain("[2, 1]"));
        assert_eq!(plain("{"), None);
    }

    #[test]
    fn no_whole_number_is_rounded() {
        for long in ["[18446744073709551616]", "{\"a\": -9223372036854775809}", "{\"a\\\\\":12345678901234567890123}"] {
            assert_eq!(plain(long), None, "{long}");
        }
        for short in
            ["[18446744073709551615, -9223372036854775808]", "[\"18446744073709551616\"]", "[1e30, 0.1]", "[-0]"]
        {
            assert!(plain(short).is_some(), "{short}");
        }
    }
}
