//! Two texts line by line: which lines they share, in order (a longest common subsequence).

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
    // Ends that are the same need no table.
    let start = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let rest = one.len().min(other.len()) - start;
    let end = one.iter().rev().zip(other.iter().rev()).take(rest).take_while(|(one, other)| one == other).count();
    let (left, right) = (&one[start..one.len() - end], &other[start..other.len() - end]);
    let width = right.len() + 1;
    // lengths[i * width + j] is how many lines left[i..] and right[j..] share.
    let mut lengths = vec![0u32; (left.len() + 1) * width];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            lengths[i * width + j] = if left[i] == right[j] {
                lengths[(i + 1) * width + j + 1] + 1
            } else {
                lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
            };
        }
    }
    let mut lines: Vec<Line<'_>> = one[..start].iter().map(|line| Line::Both(line)).collect();
    let (mut i, mut j) = (0, 0);
    while i < left.len() || j < right.len() {
        if i < left.len() && j < right.len() && left[i] == right[j] {
            lines.push(Line::Both(left[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == right.len() || (i < left.len() && lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]) {
            lines.push(Line::Expected(left[i]));
            i += 1;
        } else {
            lines.push(Line::Found(right[j]));
            j += 1;
        }
    }
    lines.extend(one[one.len() - end..].iter().map(|line| Line::Both(line)));
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
