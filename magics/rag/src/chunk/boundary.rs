//! Where a text may be cut, and how good each place is.

/// How much a place between two tokens is worth as a cut; later ones are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    InsideWord,
    Word,
    Line,
    /// The end of a sentence or of an item of a list.
    Sentence,
    Paragraph,
}

/// A text's tokens and the strengths of the places between them.
pub(super) struct Boundaries<'a> {
    text: &'a str,
    /// Byte at which each token begins, the first at 0.
    starts: Vec<usize>,
    /// What it is worth to cut before each token.
    strengths: Vec<Strength>,
}

impl<'a> Boundaries<'a> {
    /// `spans` are the byte ranges of the tokens of `text`.
    pub(super) fn new(text: &'a str, spans: &[(usize, usize)]) -> Self {
        let mut starts = Vec::with_capacity(spans.len());
        let mut strengths = Vec::with_capacity(spans.len());
        let mut end = 0;
        for &(from, to) in spans {
            let start = if starts.is_empty() { 0 } else { from };
            strengths.push(strength(&text[..end.min(from)], &text[end.min(from)..from], &text[from..]));
            starts.push(start);
            end = end.max(to);
        }
        Self { text, starts, strengths }
    }

    /// The text in pieces of at most `room` tokens, as even as good places to cut allow, without blanks around them.
    pub(super) fn pieces(&self, room: usize) -> Vec<&'a str> {
        let mut pieces = Vec::new();
        let mut from = 0;
        while from < self.starts.len() {
            let to = self.next_cut(from, room.max(1));
            let end = self.starts.get(to).copied().unwrap_or(self.text.len());
            let piece = self.text[self.starts[from]..end].trim();
            if !piece.is_empty() {
                pieces.push(piece);
            }
            from = to;
        }
        pieces
    }

    /// The token before which the piece that begins at token `from` ends.
    fn next_cut(&self, from: usize, room: usize) -> usize {
        let left = self.starts.len() - from;
        if left <= room {
            return self.starts.len();
        }
        let even = left.div_ceil(left.div_ceil(room));
        let candidates = from + even.div_ceil(2)..=from + room;
        let ideal = from + even;
        candidates
            .max_by_key(|&at| (self.strengths[at], std::cmp::Reverse((at.abs_diff(ideal), at))))
            .unwrap_or(from + room)
    }
}

/// What a cut is worth between `before` and `after`, with the blanks `gap` between them.
fn strength(before: &str, gap: &str, after: &str) -> Strength {
    if gap.matches('\n').count() > 1 {
        return Strength::Paragraph;
    }
    if ends_sentence(before, gap, after) || (gap.contains('\n') && begins_item(after)) {
        return Strength::Sentence;
    }
    if gap.contains('\n') {
        Strength::Line
    } else if gap.is_empty() {
        Strength::InsideWord
    } else {
        Strength::Word
    }
}

fn ends_sentence(before: &str, gap: &str, after: &str) -> bool {
    let closed = before.trim_end_matches(['"', '\'', '”', '’', '“', '»', ')', ']', '*', '_']);
    let Some(last) = closed.chars().next_back() else {
        return false;
    };
    match last {
        '。' | '！' | '？' | '．' => true,
        '!' | '?' | '…' | '।' | '؟' | '۔' => !gap.is_empty(),
        '.' if gap.is_empty() => false,
        '.' => {
            let word = closed[..closed.len() - 1].rsplit(char::is_whitespace).next().unwrap_or_default();
            // A point that stands alone ends a sentence; one behind an initial does not, nor does one inside an abbreviation.
            let is_initial = word.chars().nth(1).is_none() && word.starts_with(char::is_uppercase);
            word.is_empty() || !(is_initial || word.contains('.') && after.starts_with(char::is_lowercase))
        }
        _ => false,
    }
}

fn begins_item(text: &str) -> bool {
    let marker = text.split(char::is_whitespace).next().unwrap_or_default();
    matches!(marker, "-" | "*" | "+" | "•" | "|")
        || marker
            .strip_suffix(['.', ')'])
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One token for each word and each sign.
    fn spans(text: &str) -> Vec<(usize, usize)> {
        let mut spans: Vec<(usize, usize)> = Vec::new();
        let mut in_word = false;
        for (at, character) in text.char_indices() {
            let end = at + character.len_utf8();
            match (character.is_alphanumeric(), spans.last_mut()) {
                (true, Some(last)) if in_word => last.1 = end,
                _ if character.is_whitespace() => {}
                _ => spans.push((at, end)),
            }
            in_word = character.is_alphanumeric();
        }
        spans
    }

    fn pieces(text: &str, room: usize) -> Vec<&str> {
        Boundaries::new(text, &spans(text)).pieces(room)
    }

    #[test]
    fn paragraphs_and_sentences_stay_whole() {
        let text = "One two. Three four five.\n\nSix seven. Eight nine ten.";
        assert_eq!(pieces(text, 10), ["One two. Three four five.", "Six seven. Eight nine ten."]);
        assert_eq!(pieces("a b. c d e. f g h i. j k.", 8), ["a b. c d e.", "f g h i. j k."]);
    }

    #[test]
    fn points_that_end_no_sentence_do_not_cut() {
        let strength_in = |text: &str, at: usize| {
            let gap = text[at..].len() - text[at..].trim_start().len();
            strength(&text[..at], &text[at..at + gap], &text[at + gap..])
        };
        assert_eq!(strength_in("by J. Smith", 5), Strength::Word);
        assert_eq!(strength_in("e.g. wings", 4), Strength::Word);
        assert_eq!(strength_in("all in small letters. so it is", 21), Strength::Sentence);
        assert_eq!(strength_in("flow . the", 6), Strength::Sentence);
        assert_eq!(strength_in("he said. The", 8), Strength::Sentence);
        assert_eq!(strength_in("(he said.) The", 10), Strength::Sentence);
        assert_eq!(strength_in("one\n- two", 3), Strength::Sentence);
        assert_eq!(strength_in("one\ntwo", 3), Strength::Line);
    }

    #[test]
    fn pieces_are_even() {
        let text = "w ".repeat(101);
        let lengths: Vec<usize> = pieces(&text, 50).iter().map(|piece| piece.split(' ').count()).collect();
        assert_eq!(lengths, [34, 34, 33]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_too_long(text in "([a-zäß東.!?]{0,9}[ \n.]{0,3}){0,40}", room in 1_usize..20) {
            let found = pieces(&text, room);
            let without_blanks = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(without_blanks(&found.concat()), without_blanks(&text));
            for piece in found {
                prop_assert!(spans(piece).len() <= room, "{:?}", piece);
                prop_assert!(text.contains(piece));
            }
        }
    }
}
