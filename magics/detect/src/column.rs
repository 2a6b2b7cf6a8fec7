//! Columns: what their values hold, and in how many rows. The values are read as one text, a line each, which is many times faster than one by one.

use std::collections::{BTreeMap, BTreeSet};

use crate::Hit;
use crate::names::strength;
use crate::personal::find;
use crate::secrets::{kind, secrets};
use crate::value::is_secret;

/// So much text is read at once, in bytes.
const CHUNK: usize = 1 << 20;

/// The kinds of secrets in a column of this name, with how many rows hold each.
pub fn secrets_in_column<'v>(name: &str, values: impl IntoIterator<Item = &'v str>) -> BTreeMap<&'static str, usize> {
    let strength = strength(name);
    rows(values, |text, starts| {
        let mut found: BTreeSet<(usize, &'static str)> =
            secrets(text).iter().map(|hit| (row(starts, hit), hit.kind)).collect();
        if let Some(strength) = strength {
            let by_shape: BTreeSet<usize> = found.iter().map(|(row, _)| *row).collect();
            let named =
                text.lines().enumerate().filter(|(row, value)| !by_shape.contains(row) && is_secret(strength, value));
            found.extend(named.map(|(row, _)| (row, kind(strength))));
        }
        found
    })
}

/// The kinds of personal data in a column of this name, with how many rows hold each.
pub fn personal_in_column<'v>(name: &str, values: impl IntoIterator<Item = &'v str>) -> BTreeMap<&'static str, usize> {
    rows(values, |text, starts| find(text, name).iter().map(|hit| (row(starts, hit), hit.kind)).collect())
}

/// Counts the rows of each kind. `detect` is given lines and where each begins.
fn rows<'v>(
    values: impl IntoIterator<Item = &'v str>,
    detect: impl Fn(&str, &[usize]) -> BTreeSet<(usize, &'static str)>,
) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    let (mut text, mut starts) = (String::new(), Vec::new());
    let mut count = |text: &mut String, starts: &mut Vec<usize>| {
        for (_, kind) in detect(text, starts) {
            *counts.entry(kind).or_default() += 1;
        }
        text.clear();
        starts.clear();
    };
    for value in values {
        starts.push(text.len());
        text.extend(value.chars().map(|letter| if matches!(letter, '\n' | '\r') { ' ' } else { letter }));
        text.push('\n');
        if text.len() >= CHUNK {
            count(&mut text, &mut starts);
        }
    }
    count(&mut text, &mut starts);
    counts
}

/// The line on which a hit begins, from 0.
fn row(starts: &[usize], hit: &Hit) -> usize {
    starts.partition_point(|start| *start <= hit.start).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_once_for_each_kind() {
        let mails = ["ada@engine.org, grace@harbour.mil", "nobody", "", "bo@engine.org\n+49 30 1234567"];
        let expected = BTreeMap::from([("e-mail address", 2), ("phone number", 1)]);
        assert_eq!(personal_in_column("contact", mails), expected);
        assert_eq!(personal_in_column("telephone", ["030 / 901820", "12"]), BTreeMap::from([("phone number", 1)]));
        assert_eq!(personal_in_column("fare", ["030 / 901820"]), BTreeMap::new());
        assert_eq!(
            secrets_in_column("password", ["hun7ter2x", "hun7ter2y", "", "a b"]),
            BTreeMap::from([("password", 2)])
        );
        assert_eq!(secrets_in_column("word", ["hun7ter2x"]), BTreeMap::new());
    }

    #[test]
    fn long_columns_are_read_in_pieces() {
        let value = "a".repeat(1000) + " ada@engine.org";
        let count = CHUNK / 300;
        let found = personal_in_column("x", std::iter::repeat_n(value.as_str(), count));
        assert_eq!(found, BTreeMap::from([("e-mail address", count)]));
    }
}
