//! A text's sentences: where each begins and ends.

use std::ops::Range;

use crate::Language;

/// Words with a point behind them that ends no sentence, in lower case, whatever the language.
const ABBREVIATIONS: &[&str] = &[
    "abb", "abs", "al", "art", "bzgl", "bzw", "ca", "cf", "dr", "ebd", "evtl", "fig", "ggf", "hrsg", "inkl", "jr",
    "mio", "mr", "mrd", "mrs", "ms", "mt", "no", "nr", "prof", "resp", "sog", "sr", "st", "str", "tab", "tel", "vgl",
    "vol", "vs",
];
/// Languages that write the point of an ordinal number: `am 7. Februar`.
const WITH_ORDINALS: &[&str] = &["cs", "da", "de", "et", "fi", "hr", "hu", "lv", "no", "pl", "sk", "sl", "sr", "tr"];

/// Those of the [`sentences`] that say something: without what stands in fenced code, and without rows of tables.
pub(super) fn spoken(text: &str, language: Option<Language>) -> Vec<Range<usize>> {
    let fenced = fenced(text);
    let is_spoken = |range: &Range<usize>| {
        !text[range.clone()].starts_with('|')
            && !fenced.iter().any(|code| code.start < range.end && range.start < code.end)
    };
    sentences(text, language).into_iter().filter(is_spoken).collect()
}

/// Byte ranges of fenced code, fences included; one that is never closed goes on to the end.
fn fenced(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut open = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let next = at + line.len();
        if line.trim_start().starts_with("```") {
            match open.take() {
                Some(start) => found.push(start..next),
                None => open = Some(at),
            }
        }
        at = next;
    }
    found.extend(open.map(|start| start..text.len()));
    found
}

/// Byte ranges of the sentences, in order, without blanks around them. Ends of paragraphs and items of lists end a sentence,
/// too; a line break inside a paragraph does not.
fn sentences(text: &str, language: Option<Language>) -> Vec<Range<usize>> {
    let rules = Rules {
        has_ordinals: language.is_some_and(|language| WITH_ORDINALS.contains(&language.code())),
        is_small: !text.contains(char::is_uppercase),
    };
    let mut found = Vec::new();
    let mut start = 0;
    for (end, next) in gaps(text) {
        if ends(&text[start..end], &text[end..next], &text[next..], &rules) {
            push(text, start..end, &mut found);
            start = next;
        }
    }
    push(text, start..text.len(), &mut found);
    found
}

/// How a text is written.
struct Rules {
    has_ordinals: bool,
    /// Without capitals: a small letter may begin a sentence.
    is_small: bool,
}

/// Places between two words (ends of one, beginnings of the next), and those behind the full stops of scripts without blanks.
fn gaps(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut characters = text.char_indices().peekable();
    let mut is_behind_stop = false;
    std::iter::from_fn(move || {
        while let Some((at, character)) = characters.next() {
            if character.is_whitespace() {
                is_behind_stop = false;
                let mut next = at + character.len_utf8();
                while let Some((at, blank)) = characters.next_if(|(_, character)| character.is_whitespace()) {
                    next = at + blank.len_utf8();
                }
                return Some((at, next));
            }
            let is_over = characters.peek().is_none_or(|(_, next)| !next.is_whitespace() && !is_closing(*next));
            // A quotation is closed behind its full stop.
            is_behind_stop = is_wide_stop(character) || is_behind_stop && is_closing(character);
            if is_behind_stop && is_over {
                let next = at + character.len_utf8();
                return Some((next, next));
            }
        }
        None
    })
}

fn is_wide_stop(character: char) -> bool {
    matches!(character, '。' | '！' | '？' | '．')
}

/// Whether a sentence ends between `before` and `after`, with the blanks `gap` between them.
fn ends(before: &str, gap: &str, after: &str, rules: &Rules) -> bool {
    if before.trim().is_empty() {
        return false;
    }
    let breaks = gap.matches('\n').count();
    if breaks > 1 || breaks == 1 && begins_block(after) {
        return true;
    }
    let closed = before.trim_end_matches(is_closing);
    let goes_on = !rules.is_small && after.starts_with(char::is_lowercase);
    match closed.chars().next_back() {
        Some(stop) if is_wide_stop(stop) => true,
        Some('!' | '?' | '…' | '।' | '؟' | '۔') => !goes_on,
        Some('.') => !goes_on && !is_part(last_word(closed), rules.has_ordinals),
        _ => false,
    }
}

fn is_closing(character: char) -> bool {
    matches!(character, '"' | '\'' | '”' | '’' | '“' | '»' | '«' | ')' | ']' | '*' | '_' | '」' | '』' | '）')
}

/// An item of a list, a heading, a quotation or a row of a table.
fn begins_block(text: &str) -> bool {
    let first = text.split(char::is_whitespace).next().unwrap_or_default();
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    matches!(first, "-" | "*" | "+" | "•" | ">")
        || first.starts_with('|')
        || !first.is_empty() && first.bytes().all(|byte| byte == b'#')
        || first.strip_suffix(['.', ')']).is_some_and(is_number)
}

/// The last word before a point, without what stands around it.
fn last_word(text: &str) -> &str {
    let text = text.strip_suffix('.').unwrap_or(text);
    let word = text.rsplit(char::is_whitespace).next().unwrap_or_default();
    word.trim_start_matches(|character: char| !character.is_alphanumeric())
}

/// Whether a point behind the word belongs to it: an initial, an abbreviation, an ordinal number.
fn is_part(word: &str, has_ordinals: bool) -> bool {
    let mut letters = word.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if letter.is_alphabetic() => true,
        _ if has_ordinals && word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit()) => !word.is_empty(),
        _ if word.contains('.') => word.split('.').all(|part| part.chars().nth(1).is_none()),
        _ => ABBREVIATIONS.contains(&word.to_lowercase().as_str()),
    }
}

fn push(text: &str, range: Range<usize>, found: &mut Vec<Range<usize>>) {
    let whole = &text[range.clone()];
    let start = range.start + whole.len() - whole.trim_start().len();
    let end = start + whole.trim().len();
    if text[start..end].contains(char::is_alphanumeric) {
        found.push(start..end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split<'a>(text: &'a str, code: &str) -> Vec<&'a str> {
        sentences(text, Language::with_code(code)).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn points_marks_and_paragraphs_end_sentences() {
        assert_eq!(split("One two. Three! “Four?” Five", "en"), ["One two.", "Three!", "“Four?”", "Five"]);
        assert_eq!(split("One\ntwo.\n\nThree\n\n- four\n- five\n", "en"), ["One\ntwo.", "Three", "- four", "- five"]);
        assert_eq!(split("東京。大阪！「京都。」奈良", "ja"), ["東京。", "大阪！", "「京都。」", "奈良"]);
        assert_eq!(split("all is small . so is this .", "en"), ["all is small .", "so is this ."]);
        assert_eq!(split(" … \n\n ", "en"), Vec::<&str>::new());
    }

    #[test]
    fn a_point_inside_a_sentence_ends_none() {
        for text in ["by J. Smith et al. in St. Louis", "at 3.5 p.m. on Monday", "e.g. Wings of No. 7 vs. Heat"] {
            assert_eq!(split(text, "en"), [text]);
        }
        for text in ["Am 7. Februar 2016 um ca. 8 Uhr", "im 19. Jahrhundert, z. B. Wien bzw. Graz", "Dr. h. c. Huber"] {
            assert_eq!(split(text, "de"), [text]);
        }
        // An ordinal in German, the end of a sentence in English.
        assert_eq!(split("They won 24. The rest lost.", "en").len(), 2);
        assert_eq!(split("Seit 1990. Der Rest folgte.", "de").len(), 2);
    }

    #[test]
    fn code_and_tables_say_nothing() {
        let text = "Ask it:\n\n```\n%rag ask c \"What? Who.\"\n```\n\nIt answers. So\n\n| a | b |\n|---|---|\n| One. | Two. |\n\nand\n```\nopen.";
        let said: Vec<&str> = spoken(text, None).into_iter().map(|range| &text[range]).collect();
        assert_eq!(said[..3], ["Ask it:", "It answers.", "So"]);
        assert!(
            !said.iter().any(|said| said.contains("```") || said.contains('|') || said.contains("open")),
            "{said:?}"
        );
    }

    proptest! {
        #[test]
        fn nothing_but_blanks_and_signs_is_lost(text in "([a-zA-ZäßÄ東。.!?\")0-9]{0,7}[ \n.#-]{0,3}){0,30}") {
            let found = sentences(&text, Language::with_code("de"));
            let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
            prop_assert_eq!(found.iter().map(|range| letters(&text[range.clone()])).collect::<String>(), letters(&text));
            prop_assert!(found.is_sorted_by(|one, next| one.end <= next.start));
            for range in found {
                prop_assert_eq!(text[range.clone()].trim(), &text[range]);
            }
        }
    }
}
