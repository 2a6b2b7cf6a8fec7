//! Settings, scores and measurements as names with values, and how they differ. Names come from the files themselves, so that what an
//! artifact says is compared even where nothing else here knows what it means.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::lines::visible;

/// Deeper values are compared as one text.
const DEEPEST: usize = 24;
/// Of longer lists of values the rest is compared by a digest.
const MOST: usize = 20_000;
const LONGEST: usize = 400;
/// What names an element of a list.
const NAMES: [&str; 7] = ["name", "suite", "metric", "gate", "model", "verb", "step"];

/// One value that two artifacts do not share.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    pub name: String,
    /// None where it is not there.
    pub before: Option<String>,
    pub after: Option<String>,
    /// After less before, where both are numbers.
    pub difference: Option<f64>,
}

/// Values by their names: `python.packages.numpy` is `2.4.6`.
pub(super) type Facts = BTreeMap<String, String>;

/// The values of a document without those whose names begin with one of `without`.
pub(super) fn facts(value: &Value, without: &[&str]) -> Facts {
    let mut facts = Facts::new();
    collect(value, String::new(), 0, &mut facts);
    let is_left_out = |name: &str| {
        without.iter().any(|out| name.strip_prefix(out).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    };
    facts.retain(|name, _| !is_left_out(name));
    facts
}

fn collect(value: &Value, name: String, depth: usize, facts: &mut Facts) {
    if facts.len() >= MOST {
        return;
    }
    let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    match value {
        Value::Object(fields) if depth < DEEPEST => {
            for (field, value) in fields {
                collect(value, below(field), depth + 1, facts);
            }
        }
        Value::Array(items) if depth < DEEPEST && items.iter().any(Value::is_object) => {
            let mut seen = BTreeSet::new();
            for (item, place) in items.iter().zip(1..) {
                let named = item_name(item).filter(|name| seen.insert(name.clone()));
                collect(item, below(&named.unwrap_or_else(|| place.to_string())), depth + 1, facts);
            }
        }
        Value::Array(items) if items.iter().all(|item| !item.is_array()) => {
            let texts: Vec<String> = items.iter().map(text).collect();
            facts.insert(name, shorten(&texts.join(", ")));
        }
        Value::Null => {}
        value => _ = facts.insert(name, text(value)),
    }
}

fn item_name(item: &Value) -> Option<String> {
    let named = NAMES.iter().filter_map(|key| item.get(key)).find(|value| value.is_string() || value.is_u64())?;
    Some(text(named))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => shorten(text),
        other => shorten(&other.to_string()),
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    // What is cut off must not make two values alike.
    let digest = blake3::hash(text.as_bytes()).to_hex();
    format!("{}… (blake3 {})", text.chars().take(LONGEST).collect::<String>(), &digest[..16])
}

/// The values that differ, by name.
pub(super) fn changes(before: &Facts, after: &Facts) -> Vec<Change> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let pairs = names.into_iter().map(|name| (name, before.get(name), after.get(name)));
    pairs
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| change(name, before, after))
        .collect()
}

fn change(name: &str, before: Option<&String>, after: Option<&String>) -> Change {
    let number =
        |text: Option<&String>| text.and_then(|text| text.parse::<f64>().ok()).filter(|number| number.is_finite());
    Change {
        name: visible(name),
        before: before.map(|text| visible(text)),
        after: after.map(|text| visible(text)),
        difference: number(before).zip(number(after)).map(|(before, after)| after - before),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_compared_by_name_whatever_they_mean() {
        let before = json!({
            "level": "bytes", "python": {"packages": {"numpy": "1.0"}}, "steps": [1],
            "models": [{"name": "mini", "digest": "aa"}, {"name": "maxi", "digest": "bb"}],
        });
        let after = json!({
            "level": "bytes", "python": {"packages": {"numpy": "1.1", "scipy": "2"}}, "steps": [2],
            "models": [{"name": "maxi", "digest": "bb"}, {"name": "mini", "digest": "cc"}],
        });
        let changes = changes(&facts(&before, &["steps"]), &facts(&after, &["steps"]));
        let shown: Vec<_> =
            changes.iter().map(|c| (c.name.as_str(), c.before.as_deref(), c.after.as_deref())).collect();
        assert_eq!(
            shown,
            [
                ("models.mini.digest", Some("aa"), Some("cc")),
                ("python.packages.numpy", Some("1.0"), Some("1.1")),
                ("python.packages.scipy", None, Some("2")),
            ]
        );
        assert_eq!(changes[1].difference.map(|d| (d * 10.0).round()), Some(1.0));
    }

    #[test]
    fn deep_and_long_documents_have_an_end() {
        let mut deep = json!(1);
        (0..100).for_each(|_| deep = json!({ "a": deep }));
        assert_eq!(facts(&deep, &[]).len(), 1);
        let long = |end: &str| json!({ "a": format!("{}{end}", "x".repeat(100_000)) });
        let changes = changes(&facts(&long("1"), &[]), &facts(&long("2"), &[]));
        assert!(changes.len() == 1 && changes[0].after.as_ref().is_some_and(|text| text.len() < 1000));
    }
}
