//! JSON in one form, whoever wrote it: keys in order, a line for each value.

use serde_json::Value;

/// The text in that form; none where it is no JSON.
pub(super) fn plain(text: &str) -> Option<String> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    value.sort_all_objects();
    serde_json::to_string_pretty(&value).ok()
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
}
