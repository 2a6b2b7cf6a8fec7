//! What text holds that should not be passed on: secrets, by the shapes of tokens and the names that values stand next to, and
//! personal data, by its forms and check digits.
//!
//! Everything here is a function of its text: nothing is read, kept or told. What is found is a [`Hit`], a place with a kind; who
//! reports it decides what to show, and does not show the text itself.

mod check;
mod column;
mod names;
mod personal;
mod secrets;
mod value;

use std::collections::BTreeMap;

pub use check::{is_german_tax_number, is_iban, is_luhn, is_machine_readable_line};
pub use column::{personal_in_column, secrets_in_column};
pub use names::{is_secret_name, may_name_secret};
pub use personal::personal;
pub use secrets::{occurrences, secrets};

/// Something that was found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// What it is, in words such as `GitHub token`.
    pub kind: &'static str,
    /// Byte offsets in the text.
    pub start: usize,
    pub end: usize,
}

impl Hit {
    /// What was found; for a fingerprint, not for a report.
    pub fn text<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start..self.end]
    }

    /// The line on which it begins, from 1.
    pub fn line(&self, text: &str) -> usize {
        1 + text.as_bytes()[..self.start].iter().filter(|byte| **byte == b'\n').count()
    }
}

/// Sorts hits by their place; of those that overlap the first in the list stays.
fn settle(found: Vec<Hit>) -> Vec<Hit> {
    let mut settled: BTreeMap<usize, Hit> = BTreeMap::new();
    for hit in found {
        // What is settled overlaps nothing else of it, so the last one that begins before the end of a hit tells.
        let before = settled.range(..hit.end).next_back();
        if before.is_none_or(|(_, other)| other.end <= hit.start) {
            settled.insert(hit.start, hit);
        }
    }
    settled.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_hits_that_overlap_the_first_stays() {
        let hit = |kind, start, end| Hit { kind, start, end };
        let found = vec![
            hit("a", 10, 20),
            hit("b", 15, 25),
            hit("c", 20, 22),
            hit("d", 0, 11),
            hit("e", 0, 10),
            hit("f", 5, 30),
            hit("g", 12, 13),
        ];
        let kept: Vec<&str> = settle(found).iter().map(|hit| hit.kind).collect();
        assert_eq!(kept, ["e", "a", "c"]);
    }
}
