//! A text's words, as search compares them: normalised, in lower case, without punctuation.

use std::borrow::Cow;
use std::ops::Range;

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// Joins letters into one word in Persian script.
const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';

/// The text in compatibility composition (`ﬁ` is `fi`, `e` with an accent is `é`) and lower case. With `dotless_i`, as in
/// Turkish, `I` becomes `ı`.
pub fn folded(text: &str, dotless_i: bool) -> String {
    let composed: Cow<'_, str> = match is_nfkc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(text.nfkc().collect()),
    };
    if dotless_i {
        return composed.replace('İ', "i").replace('I', "ı").to_lowercase();
    }
    composed.to_lowercase()
}

/// Byte ranges of the words of a text: runs of letters, digits and their marks. Apostrophes separate (*l'eau* has two
/// words), and so do underscores. In scripts without spaces between words each pair of neighbours counts as a word.
pub fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut run: Option<(Kind, usize)> = None;
    for (at, character) in text.char_indices() {
        let kind = Kind::of(character);
        match run {
            Some((before, _)) if before.continues_with(kind) => {}
            _ => {
                end(text, run, at, &mut words);
                run = (kind == Kind::Word || kind == Kind::Unspaced).then_some((kind, at));
            }
        }
    }
    end(text, run, text.len(), &mut words);
    words
}

/// What part a character plays in words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    /// A letter of a script that is written without spaces between words.
    Unspaced,
    /// Belongs to what comes before it.
    Mark,
    Other,
}

impl Kind {
    fn of(character: char) -> Self {
        if character.is_ascii() {
            return if character.is_ascii_alphanumeric() { Self::Word } else { Self::Other };
        }
        if is_unspaced(character) {
            Self::Unspaced
        } else if is_combining_mark(character) || character == ZERO_WIDTH_NON_JOINER {
            Self::Mark
        } else if character.is_alphanumeric() {
            Self::Word
        } else {
            Self::Other
        }
    }

    fn continues_with(self, next: Self) -> bool {
        self == next || next == Self::Mark
    }
}

/// Han, Kana, Hangul, Thai, Lao, Burmese and Khmer letters. Korean has spaces, but its words carry particles and no
/// Snowball algorithm takes them off.
fn is_unspaced(character: char) -> bool {
    matches!(character,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7af}'
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
        && character != '\u{30fb}'
}

/// Adds the words of the run that ends at `end`.
fn end(text: &str, run: Option<(Kind, usize)>, end: usize, words: &mut Vec<Range<usize>>) {
    match run {
        None => {}
        Some((Kind::Unspaced, start)) => {
            let mut edges: Vec<usize> = text[start..end].char_indices().map(|(at, _)| start + at).collect();
            edges.push(end);
            if edges.len() == 2 {
                words.push(start..end);
            }
            words.extend(edges.windows(3).map(|pair| pair[0]..pair[2]));
        }
        Some((_, start)) => words.push(start..end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        words(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn letters_and_digits_make_words() {
        assert_eq!(split("Super_Bowl-50, (6½ sacks)."), ["Super", "Bowl", "50", "6½", "sacks"]);
        assert_eq!(split("l'eau n’est"), ["l", "eau", "n", "est"]);
        assert!(split(" …—! ").is_empty());
    }

    #[test]
    fn marks_belong_to_their_letters() {
        assert_eq!(split("हिन्दी भाषा"), ["हिन्दी", "भाषा"]);
        assert_eq!(split("می\u{200c}خواهم"), ["می\u{200c}خواهم"]);
    }

    #[test]
    fn scripts_without_spaces_are_cut_in_pairs() {
        assert_eq!(split("東京都 a 水"), ["東京", "京都", "a", "水"]);
        assert_eq!(split("Rust言語"), ["Rust", "言語"]);
    }

    #[test]
    fn folding_composes_and_lowers() {
        assert_eq!(folded("ﬁ E\u{301}T ΟΔΟΣ", false), "fi ét οδος");
        assert_eq!(folded("İSTANBUL ILIK", true), "istanbul ılık");
    }
}
