//! Secrets stay out of what is recorded: where a text holds one, a mark stands in its place, which says what it was. A cell with a mark
//! cannot be promoted.

use std::borrow::Cow;
use std::collections::BTreeSet;

use kernwerk_detect::{occurrences, secrets};

use super::scan::fingerprint;
use super::secrets::is_worth_hiding;

/// What a mark begins with. No secret has spaces, so that none is found in a mark.
const BEGINS: &str = "[secret kept out of the record: ";

/// A text with marks in place of secrets: those that look like one, and the values of those of `environment`. What goes by its
/// fingerprint among `allowed`, which is asked for only where there is something, is none.
pub fn mask<'t>(
    text: &'t str,
    environment: &[(String, String)],
    allowed: impl FnOnce() -> BTreeSet<String>,
) -> Cow<'t, str> {
    let mut found: Vec<(usize, usize, String)> = Vec::new();
    for (name, value) in environment.iter().filter(|(name, value)| is_worth_hiding(name, value)) {
        let what = || format!("value of the environment variable {name}");
        found.extend(occurrences(text, value).into_iter().map(|(start, end)| (start, end, what())));
    }
    found.extend(secrets(text).into_iter().map(|hit| (hit.start, hit.end, hit.kind.to_owned())));
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let allowed = allowed();
    // Of those that begin in one place the longest, so that nothing of it is left.
    found.sort_by_key(|(start, end, _)| (*start, usize::MAX - end));
    let mut masked = String::new();
    let mut written = 0;
    for (start, end, what) in found {
        let fingerprint = fingerprint(&text[start..end]);
        if allowed.contains(&fingerprint) || end <= written {
            continue;
        }
        // One that overlaps the one before ends behind it.
        if start >= written {
            masked.push_str(&text[written..start]);
            masked.push_str(&format!("{BEGINS}{what}, {fingerprint}]"));
        }
        written = end;
    }
    if written == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(&text[written..]);
    Cow::Owned(masked)
}

/// What was masked in a text, in words, and its fingerprint.
pub fn masked(text: &str) -> Vec<(&str, &str)> {
    let marks = text.split(BEGINS).skip(1).filter_map(|rest| rest.split_once(']'));
    marks.filter_map(|(mark, _)| mark.rsplit_once(", ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = concat!("ghp_", "k3JqL8sVb2XnR5tYw7ZaPc4DfGh6Mm1QeUi0");

    fn plain(text: &str) -> Cow<'_, str> {
        mask(text, &[], BTreeSet::new)
    }

    #[test]
    fn a_secret_is_replaced_by_what_it_was() {
        let text = format!("let token = \"{TOKEN}\";\nlet x = 1;");
        let record = plain(&text);
        assert!(!record.contains(&TOKEN[4..]) && record.ends_with("\";\nlet x = 1;"), "{record}");
        let [(what, fingerprint)] = masked(&record)[..] else { panic!("{record}") };
        assert_eq!(what, "GitHub token");
        assert_eq!(mask(&text, &[], || BTreeSet::from([fingerprint.to_owned()])), text);
        assert_eq!(plain(&record), record, "a mark is no secret");
    }

    #[test]
    fn values_of_the_environment_are_known() {
        let environment = [("HARBOUR_API_TOKEN".to_owned(), "quay-9-north-wind".to_owned())];
        let record = mask("f(\"quay-9-north-wind\", \"quay-9-north-wind\")", &environment, BTreeSet::new);
        assert_eq!(masked(&record).len(), 2);
        assert!(!record.contains("quay-9"));
    }

    #[test]
    fn overlapping_secrets_leave_nothing() {
        let environment =
            [("A_TOKEN".to_owned(), "abcdefgh1234".to_owned()), ("B_TOKEN".to_owned(), "1234ijklmnop5".to_owned())];
        let record = mask("x abcdefgh1234ijklmnop5 y", &environment, BTreeSet::new);
        assert!(!record.contains("abcdefgh") && !record.contains("ijklmnop") && record.ends_with("] y"), "{record}");
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        let text = "let rides = feature.table(\"rides\")?; // not a password";
        assert!(matches!(plain(text), Cow::Borrowed(_)));
        assert_eq!(masked(text), []);
    }
}
