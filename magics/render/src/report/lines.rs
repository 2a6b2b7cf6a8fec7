//! Two texts line by line: which lines they share, in order.

use similar::{Algorithm, DiffTag, capture_diff_slices};

/// A line of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Both(&'a str),
    Expected(&'a str),
    Found(&'a str),
}

/// Longer texts are shown whole, one beside the other, without a comparison.
const MOST_LINES: usize = 2_000;

/// The lines of both texts in one sequence; none where they are too long to be compared.
pub(super) fn lines<'a>(expected: &'a str, found: &'a str) -> Option<Vec<Line<'a>>> {
    let (one, other): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    if one.len() > MOST_LINES || other.len() > MOST_LINES {
        return None;
    }
    let mut lines = Vec::new();
    for operation in capture_diff_slices(Algorithm::Myers, &one, &other) {
        let (left, right) = (&one[operation.old_range()], &other[operation.new_range()]);
        if operation.tag() == DiffTag::Equal {
            lines.extend(left.iter().map(|line| Line::Both(line)));
        } else {
            lines.extend(left.iter().map(|line| Line::Expected(line)));
            lines.extend(right.iter().map(|line| Line::Found(line)));
        }
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_texts_are_in_the_sequence() {
        for (expected, found) in [
            ("a\nb\nc", "a\nx\nc"),
            ("", "a"),
            ("a\nb", ""),
            ("a\nb\na", "a\na"),
            ("x\ny\nz\nw", "y\nz\nv\nw\nx"),
            ("same\ntext", "same\ntext"),
        ] {
            let lines = lines(expected, found).expect("they are short");
            let side = |take: fn(&Line<'_>) -> bool| {
                let of = lines.iter().filter(|line| take(line)).map(|line| match line {
                    Line::Both(text) | Line::Expected(text) | Line::Found(text) => *text,
                });
                of.collect::<Vec<_>>().join("\n")
            };
            assert_eq!(side(|line| !matches!(line, Line::Found(_))), expected);
            assert_eq!(side(|line| !matches!(line, Line::Expected(_))), found);
        }
        assert_eq!(lines("a\nb\na", "a\na").map(|lines| lines.len()), Some(3));
        assert_eq!(lines(&"x\n".repeat(3_000), "x"), None);
    }
}
