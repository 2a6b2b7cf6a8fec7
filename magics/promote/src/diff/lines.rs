//! How one text became another, line by line, in a form that can be shown to people whoever wrote the text.

use std::time::Duration;

use kernwerk_core::{Hunk, Line, Side};
use similar::{ChangeTag, TextDiff};

/// Unchanged lines around those that changed.
const CONTEXT: usize = 3;
/// Texts with more bytes are not compared line by line.
const LARGEST: usize = 4 << 20;
/// After so long a coarser comparison will do.
const PATIENCE: Duration = Duration::from_secs(2);
/// More lines nobody reads; the rest is counted.
const MOST_LINES: usize = 400;
/// A longer line is cut around what differs.
const LONGEST_LINE: usize = 240;
/// So much is shown of what two long lines have in common before they differ.
const LEAD: usize = 40;

/// The lines that differ, with some around them; none where the texts are the same. Of more than [`MOST_LINES`] the last says how many
/// there are beside these.
pub(super) fn hunks(before: &str, after: &str) -> Vec<Hunk> {
    if before == after {
        return Vec::new();
    }
    if before.len() + after.len() > LARGEST {
        let words = format!("{} bytes became {}: too many to compare line by line", before.len(), after.len());
        return vec![Hunk { before: 1, after: 1, lines: vec![line(Side::Both, &words, 0)] }];
    }
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(before, after);
    let mut hunks = Vec::new();
    let mut room = MOST_LINES;
    for group in diff.grouped_ops(CONTEXT) {
        let Some(first) = group.first() else { continue };
        let (from, to) = (first.old_range().start + 1, first.new_range().start + 1);
        let changes: Vec<(Side, &str)> = group
            .iter()
            .flat_map(|operation| diff.iter_changes(operation))
            .map(|change| (side(change.tag()), change.value().trim_end_matches(['\n', '\r'])))
            .collect();
        let mut lines = shown(&changes);
        let left = lines.len().saturating_sub(room);
        lines.truncate(room);
        room -= lines.len();
        if left > 0 {
            lines.push(line(Side::Both, &format!("… and more: {left} lines here alone"), 0));
        }
        hunks.push(Hunk { before: from, after: to, lines });
        if room == 0 {
            break;
        }
    }
    if hunks.is_empty() || hunks.iter().all(|hunk| hunk.lines.iter().all(|line| line.side == Side::Both)) {
        let words = "the texts differ in nothing but the ends of their lines";
        hunks.push(Hunk { before: 1, after: 1, lines: vec![line(Side::Both, words, 0)] });
    }
    hunks
}

/// All lines of a text that is only on one side.
pub(super) fn whole(text: &str, side: Side) -> Vec<Hunk> {
    match side {
        Side::Before => hunks(text, ""),
        _ => hunks("", text),
    }
}

fn side(tag: ChangeTag) -> Side {
    match tag {
        ChangeTag::Delete => Side::Before,
        ChangeTag::Insert => Side::After,
        ChangeTag::Equal => Side::Both,
    }
}

/// The lines as they are shown. A long line is cut so that what differs from its counterpart can be seen.
fn shown(changes: &[(Side, &str)]) -> Vec<Line> {
    let mut lines = Vec::with_capacity(changes.len());
    let mut at = 0;
    while at < changes.len() {
        let count = |from: usize, side: Side| changes[from..].iter().take_while(|(other, _)| *other == side).count();
        let removed = count(at, Side::Before);
        let added = count(at + removed, Side::After);
        let (old, new) = (&changes[at..at + removed], &changes[at + removed..at + removed + added]);
        let start = |index: usize| match (old.get(index), new.get(index)) {
            (Some((_, one)), Some((_, other))) => common(one, other).saturating_sub(LEAD),
            _ => 0,
        };
        lines.extend(old.iter().enumerate().map(|(index, (side, text))| line(*side, text, start(index))));
        lines.extend(new.iter().enumerate().map(|(index, (side, text))| line(*side, text, start(index))));
        at += removed + added;
        if removed + added == 0 {
            lines.push(line(Side::Both, changes[at].1, 0));
            at += 1;
        }
    }
    lines
}

/// How many characters two lines begin with alike.
fn common(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
}

fn line(side: Side, text: &str, start: usize) -> Line {
    let length = text.chars().count();
    let start = if length > LONGEST_LINE { start } else { 0 };
    let shown: String = text.chars().skip(start).take(LONGEST_LINE).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if length > start + LONGEST_LINE { "…" } else { "" };
    Line { side, text: format!("{before}{}{after}", visible(&shown)) }
}

/// The text with what cannot be seen spelt out: control characters, and those that turn the direction of what follows, with which code
/// can be made to look like other code.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let hides = character.is_control() && character != '\t';
        if hides
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// A text of several lines with what cannot be seen spelt out, for somebody who reads what a stranger wrote.
pub fn readable(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

/// A text in markup with a line for each element, for machines write it in one.
pub(super) fn unfold(markup: &str) -> String {
    markup.replace("><", ">\n<")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(before: &str, after: &str) -> Vec<String> {
        let sign = |side| match side {
            Side::Before => '-',
            Side::After => '+',
            Side::Both => ' ',
        };
        let lines = hunks(before, after).into_iter().flat_map(|hunk| hunk.lines);
        lines.map(|line| format!("{}{}", sign(line.side), line.text)).collect()
    }

    #[test]
    fn lines_that_differ_are_shown_with_their_neighbours() {
        assert_eq!(signed("a\nb\nc\n", "a\nB\nc\n"), [" a", "-b", "+B", " c"]);
        assert_eq!(signed("a", "a"), Vec::<String>::new());
        assert_eq!(signed("", "a\n"), ["+a"]);
        let far: Vec<String> = (0..30).map(|number| number.to_string()).collect();
        let hunks = hunks(&far.join("\n"), &far.join("\n").replace("\n20\n", "\n"));
        assert_eq!((hunks.len(), hunks[0].before, hunks[0].after, hunks[0].lines.len()), (1, 18, 18, 7));
    }

    #[test]
    fn what_cannot_be_seen_is_spelt_out() {
        assert_eq!(signed("a", "a\u{1b}[2J\u{202e}b"), ["-a", "+a\\u{1b}[2J\\u{202e}b"]);
        assert!(signed("a\n", "a\r\n")[0].contains("ends of their lines") || signed("a\n", "a\r\n").len() == 2);
    }

    #[test]
    fn long_lines_and_long_texts_are_cut_around_what_differs() {
        let long = "x".repeat(10_000);
        let lines = signed(&format!("{long}a"), &format!("{long}b"));
        assert!(lines.len() == 2 && lines.iter().all(|line| line.chars().count() < 300), "{lines:?}");
        assert!(lines[0].ends_with("xa") && lines[1].ends_with("xb"), "{lines:?}");
        let many: String = (0..5000).map(|number| format!("{number}\n")).collect();
        let lines = signed("", &many);
        assert!(lines.len() <= MOST_LINES + 1 && lines.last().is_some_and(|last| last.contains("and more")));
        assert!(signed(&"y".repeat(LARGEST), "z")[0].contains("too many"));
    }
}
