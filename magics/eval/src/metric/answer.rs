//! How good an answer is, as the official script of SQuAD 2.0 defines it, with its normalisation for every language: lower
//! case, without ASCII punctuation, without the English words a, an and the, blanks made one. XQuAD's other languages, German
//! among them, are scored in the same way by their authors, so der, die and das count as words.

use std::collections::HashMap;

use unicode_normalization::char::is_combining_mark;

/// Whether the answer is one of those wanted; an empty one where nothing is wanted. 1 or 0.
pub fn exact_match(wanted: &[String], answer: &str) -> f64 {
    best(wanted, answer, |wanted, answer| f64::from(u8::from(wanted == answer)))
}

/// The greatest share of words that the answer has in common with one of those wanted: the harmonic mean of precision and
/// recall.
pub fn token_f1(wanted: &[String], answer: &str) -> f64 {
    best(wanted, answer, |wanted, answer| {
        let wanted: Vec<&str> = words(wanted).collect();
        let answer: Vec<&str> = words(answer).collect();
        f1(&wanted, &answer)
    })
}

/// The best score against any of the wanted answers, all normalised; against the empty one where none of them has a word.
fn best(wanted: &[String], answer: &str, score: impl Fn(&str, &str) -> f64) -> f64 {
    let answer = normalised(answer);
    let mut wanted: Vec<String> = wanted.iter().map(|text| normalised(text)).filter(|text| !text.is_empty()).collect();
    if wanted.is_empty() {
        wanted.push(String::new());
    }
    wanted.iter().map(|wanted| score(wanted, &answer)).fold(0.0, f64::max)
}

fn f1(wanted: &[&str], answer: &[&str]) -> f64 {
    if wanted.is_empty() || answer.is_empty() {
        return f64::from(u8::from(wanted.is_empty() && answer.is_empty()));
    }
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in wanted {
        *left.entry(word).or_default() += 1;
    }
    let mut shared = 0.0;
    for word in answer {
        if let Some(count) = left.get_mut(word).filter(|count| **count > 0) {
            *count -= 1;
            shared += 1.0;
        }
    }
    if shared == 0.0 {
        return 0.0;
    }
    let (precision, recall) = (shared / answer.len() as f64, shared / wanted.len() as f64);
    2.0 * precision * recall / (precision + recall)
}

/// The text as it is compared.
fn normalised(text: &str) -> String {
    let bare: String = text.to_lowercase().chars().filter(|character| !character.is_ascii_punctuation()).collect();
    words(&without_articles(&bare)).collect::<Vec<_>>().join(" ")
}

/// Puts a blank in place of each article that stands as a word of its own.
fn without_articles(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut word = String::new();
    for character in text.chars() {
        if is_of_word(character) {
            word.push(character);
        } else {
            kept.push_str(unless_article(&word));
            word.clear();
            kept.push(character);
        }
    }
    kept.push_str(unless_article(&word));
    kept
}

fn unless_article(word: &str) -> &str {
    if matches!(word, "a" | "an" | "the") { " " } else { word }
}

/// What Python's `\w` means, for the official script is in Python: letters and numbers. Rust's alphabetic characters have some
/// marks and the circled letters besides.
fn is_of_word(character: char) -> bool {
    let is_circled = matches!(character, '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f149}' | '\u{1f150}'..='\u{1f169}' | '\u{1f170}'..='\u{1f189}');
    character.is_alphanumeric() && !is_combining_mark(character) && !is_circled
}

/// Splits where Python does: its blanks have four old control characters more than Rust's.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}'))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn answers_are_normalised_first() {
        for (text, bare) in [
            ("The  Denver Broncos.", "denver broncos"),
            ("a U.S. \u{2013} an A.", "us \u{2013}"),
            ("Die Straße (der Ärzte)", "die straße der ärzte"),
            ("thea an-other", "thea another"),
            ("a\u{308}pfel", "\u{308}pfel"),
            ("x\u{1f}\u{a0}the", "x"),
        ] {
            assert_eq!(normalised(text), bare);
        }
    }

    #[test]
    fn the_best_of_the_wanted_answers_counts() {
        let answers = wanted(&["Carolina Panthers", "the Panthers"]);
        assert_eq!(exact_match(&answers, "panthers!"), 1.0);
        assert_eq!(exact_match(&answers, "Panthers of Carolina"), 0.0);
        assert_eq!(token_f1(&answers, "Panthers of Carolina"), 0.8);
        assert_eq!(token_f1(&wanted(&["x x y"]), "x x x"), 2.0 / 3.0);
        assert_eq!(token_f1(&answers, "Denver"), 0.0);
    }

    #[test]
    fn no_answer_is_right_where_none_is_wanted() {
        assert_eq!((exact_match(&[], ""), token_f1(&[], "")), (1.0, 1.0));
        assert_eq!((exact_match(&[], "Denver"), token_f1(&[], "Denver")), (0.0, 0.0));
        assert_eq!((exact_match(&wanted(&["Denver"]), ""), token_f1(&wanted(&["Denver"]), "")), (0.0, 0.0));
        // Without words is without an answer.
        assert_eq!((exact_match(&wanted(&["the"]), ""), token_f1(&wanted(&["..."]), "a")), (1.0, 1.0));
    }
}
