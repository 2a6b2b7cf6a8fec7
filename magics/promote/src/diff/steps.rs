//! Which cell of one artifact became which of the other: the same ones, those that moved, changed, came or went.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use kernwerk_core::{Hunk, Side};
use serde::Serialize;
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::lines::{hunks, visible, whole};
use super::settings::Change;

/// Cells that share so much of their words are one that changed.
const ALIKE: f64 = 0.4;
/// More pairs of cells are not weighed against each other; what is left over came or went.
const MOST_PAIRS: usize = 40_000;
const PATIENCE: Duration = Duration::from_secs(2);

/// How a cell differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepDiff {
    pub change: StepChange,
    /// Its number, from 1; none where there is no such cell.
    pub before: Option<u32>,
    pub after: Option<u32>,
    /// Its first line.
    pub beginning: String,
    pub lines: Vec<Hunk>,
    /// What else is said of the step.
    pub settings: Vec<Change>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepChange {
    Same,
    /// The same text, in another place among the others.
    Moved,
    Changed,
    Added,
    Removed,
}

impl StepChange {
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Moved => "moved",
            Self::Changed => "changed",
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

/// Pairs the cells of two artifacts, in the order after, with those that went in the places where they were.
pub(super) fn compare(before: &[String], after: &[String]) -> Vec<StepDiff> {
    let (mut of_before, mut of_after) = (vec![None; before.len()], vec![None; after.len()]);
    let mut pair = |one: usize, other: usize, change: StepChange| {
        of_before[one] = Some(other);
        of_after[other] = Some((one, change));
    };
    let deadline = Some(Instant::now() + PATIENCE);
    let mut left = (Vec::new(), Vec::new());
    for operation in capture_diff_slices_deadline(Algorithm::Patience, before, after, deadline) {
        match operation {
            DiffOp::Equal { old_index, new_index, len } => {
                (0..len).for_each(|offset| pair(old_index + offset, new_index + offset, StepChange::Same));
            }
            other => {
                left.0.extend(other.old_range());
                left.1.extend(other.new_range());
            }
        }
    }
    // The same text elsewhere has moved.
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    left.0.iter().rev().for_each(|one| places.entry(&before[*one]).or_default().push(*one));
    left.1.retain(|other| match places.get_mut(after[*other].as_str()).and_then(Vec::pop) {
        Some(one) => {
            pair(one, *other, StepChange::Moved);
            false
        }
        None => true,
    });
    let moved: Vec<usize> = places.into_values().flatten().collect();
    left.0.retain(|one| moved.contains(one));
    for (one, other) in alike(before, after, &left.0, &left.1) {
        pair(one, other, StepChange::Changed);
    }
    in_order(before, after, &of_before, &of_after)
}

/// The most alike pairs among what is left over, each cell once.
fn alike(before: &[String], after: &[String], left: &[usize], right: &[usize]) -> Vec<(usize, usize)> {
    if left.len().saturating_mul(right.len()) > MOST_PAIRS {
        return Vec::new();
    }
    let words_before: Vec<_> = left.iter().map(|one| words(&before[*one])).collect();
    let words_after: Vec<_> = right.iter().map(|other| words(&after[*other])).collect();
    let mut weighed = Vec::new();
    for (one, first) in left.iter().zip(&words_before) {
        for (other, second) in right.iter().zip(&words_after) {
            let alike = share(first, second);
            if alike >= ALIKE {
                weighed.push((alike, *one, *other));
            }
        }
    }
    // The most alike first; among equals those that lie closest.
    weighed.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.abs_diff(one.2).cmp(&other.1.abs_diff(other.2))));
    let (mut taken_before, mut taken_after) = (vec![false; before.len()], vec![false; after.len()]);
    let mut pairs = Vec::new();
    for (_, one, other) in weighed {
        if !taken_before[one] && !taken_after[other] {
            (taken_before[one], taken_after[other]) = (true, true);
            pairs.push((one, other));
        }
    }
    pairs
}

/// How often each word stands in a text; signs are words of their own.
fn words(text: &str) -> BTreeMap<&str, usize> {
    let mut words = BTreeMap::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let end = match is_word(first) {
            true => rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (word, behind) = rest.split_at(end);
        if !first.is_whitespace() {
            *words.entry(word).or_default() += 1;
        }
        rest = behind;
    }
    words
}

/// How much of their words two texts share, from 0 to 1 (Dice's coefficient).
fn share(one: &BTreeMap<&str, usize>, other: &BTreeMap<&str, usize>) -> f64 {
    let common: usize = one.iter().map(|(word, count)| other.get(word).map_or(0, |found| *count.min(found))).sum();
    let all: usize = one.values().chain(other.values()).sum();
    if all == 0 { 1.0 } else { 2.0 * common as f64 / all as f64 }
}

fn in_order(
    before: &[String],
    after: &[String],
    of_before: &[Option<usize>],
    of_after: &[Option<(usize, StepChange)>],
) -> Vec<StepDiff> {
    let mut steps = Vec::new();
    let mut gone = 0;
    let mut removed_until = |end: usize, steps: &mut Vec<StepDiff>| {
        while gone < end {
            if of_before[gone].is_none() {
                steps.push(step(
                    StepChange::Removed,
                    Some(gone),
                    None,
                    &before[gone],
                    whole(&before[gone], Side::Before),
                ));
            }
            gone += 1;
        }
    };
    for (number, (text, pair)) in after.iter().zip(of_after).enumerate() {
        match pair {
            Some((one, change)) => {
                if *change != StepChange::Moved {
                    removed_until(*one, &mut steps);
                }
                steps.push(step(*change, Some(*one), Some(number), text, hunks(&before[*one], text)));
            }
            None => steps.push(step(StepChange::Added, None, Some(number), text, whole(text, Side::After))),
        }
    }
    removed_until(before.len(), &mut steps);
    steps
}

fn step(change: StepChange, before: Option<usize>, after: Option<usize>, text: &str, lines: Vec<Hunk>) -> StepDiff {
    let number = |index: usize| u32::try_from(index + 1).unwrap_or(u32::MAX);
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let beginning = visible(&first.chars().take(80).collect::<String>());
    StepDiff { change, before: before.map(number), after: after.map(number), beginning, lines, settings: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(before: &[&str], after: &[&str]) -> Vec<(StepChange, Option<u32>, Option<u32>)> {
        let texts = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let steps = compare(&texts(before), &texts(after));
        steps.into_iter().map(|step| (step.change, step.before, step.after)).collect()
    }

    #[test]
    fn cells_are_told_apart_by_what_became_of_them() {
        use StepChange::{Added, Changed, Moved, Removed, Same};
        assert_eq!(
            changes(
                &["use std::fs;", "let x = 1;", "let total = rides.sum();", "print!(x)"],
                &["use std::fs;", "let x = 2;", "fn new_one() {}", "print!(x)"],
            ),
            [
                (Same, Some(1), Some(1)),
                (Changed, Some(2), Some(2)),
                (Added, None, Some(3)),
                (Removed, Some(3), None),
                (Same, Some(4), Some(4)),
            ]
        );
        assert_eq!(
            changes(&["alpha()", "beta()", "gamma()"], &["gamma()", "alpha()", "beta()"]),
            [(Moved, Some(3), Some(1)), (Same, Some(1), Some(2)), (Same, Some(2), Some(3))]
        );
        assert_eq!(changes(&[], &["a"]), [(Added, None, Some(1))]);
        assert_eq!(changes(&["a"], &[]), [(Removed, Some(1), None)]);
        assert_eq!(changes(&["a", "a"], &["a"]), [(Same, Some(1), Some(1)), (Removed, Some(2), None)]);
    }

    #[test]
    fn a_cell_that_changed_shows_its_lines() {
        let steps = compare(&["let x = 1;\nlet y = 2;".to_owned()], &["let x = 1;\nlet y = 3;".to_owned()]);
        let lines: Vec<_> = steps[0].lines[0].lines.iter().map(|line| (line.side, line.text.as_str())).collect();
        assert_eq!(lines, [(Side::Both, "let x = 1;"), (Side::Before, "let y = 2;"), (Side::After, "let y = 3;")]);
    }
}
