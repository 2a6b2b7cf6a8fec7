//! From a text to its terms: words without stop words, reduced to their stems.

use std::collections::HashSet;

use frostem::Stemmer;

use crate::Language;
use crate::words::{folded, words};

/// Makes terms of texts in one language. Documents and queries must pass the same analyzer.
pub struct Analyzer {
    stemmer: Option<Stemmer>,
    stop_words: HashSet<String>,
    dotless_i: bool,
}

impl Analyzer {
    /// The analyzer of a language; of no known language: words as they are.
    pub fn new(language: Option<Language>) -> Self {
        let dotless_i = language.is_some_and(Language::has_dotless_i);
        let listed = language.map(Language::stop_words).unwrap_or_default();
        Self {
            stemmer: language.and_then(Language::stemmer),
            stop_words: listed.iter().map(|word| folded(word, dotless_i)).collect(),
            dotless_i,
        }
    }

    /// The text as [`Analyzer::term`] expects its words.
    pub fn fold(&self, text: &str) -> String {
        folded(text, self.dotless_i)
    }

    /// The term of a folded word, or none for a stop word.
    pub fn term(&self, word: &str) -> Option<String> {
        if self.stop_words.contains(word) {
            return None;
        }
        Some(match &self.stemmer {
            Some(stemmer) => stemmer.stem(word).into_owned(),
            None => word.to_owned(),
        })
    }

    /// All terms of a text, in its order.
    pub fn terms(&self, text: &str) -> Vec<String> {
        let folded = self.fold(text);
        words(&folded).into_iter().filter_map(|range| self.term(&folded[range])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(code: &str, text: &str) -> Vec<String> {
        Analyzer::new(Language::with_code(code)).terms(text)
    }

    #[test]
    fn stop_words_go_and_stems_stay() {
        assert_eq!(terms("en", "The connections don't break"), ["connect", "break"]);
        assert_eq!(terms("de", "Die Häuser der Stadt"), ["haus", "stadt"]);
        assert_eq!(terms("fr", "L'eau des rivières"), ["eau", "rivi"]);
    }

    #[test]
    fn forms_of_a_word_meet_in_every_language() {
        for (code, one, other) in [
            ("ar", "الكتاب", "كتاب"),
            ("cs", "domy", "domů"),
            ("fi", "taloissa", "talossa"),
            ("hi", "लड़का", "लड़के"),
            ("hu", "házakban", "házban"),
            ("lt", "namas", "namai"),
            ("pl", "kobiety", "kobieta"),
            ("ru", "книги", "книга"),
            ("sr", "књига", "knjiga"),
            ("ta", "வீடுகள்", "வீடு"),
            ("tr", "evler", "ev"),
        ] {
            assert_eq!(terms(code, one), terms(code, other), "{code}");
        }
    }

    #[test]
    fn without_a_language_words_stay_as_they_are() {
        assert_eq!(Analyzer::new(None).terms("The Connections"), ["the", "connections"]);
    }
}
