//! The part of a chunk that is shown: a line from where it meets the query.

use std::collections::{BTreeMap, HashSet};

use kernwerk_index::{Analyzer, words};

use crate::Language;

/// Characters of an excerpt.
const LENGTH: usize = 200;
/// Words before the first that the query has, so that it is seen in its place.
const WORDS_BEFORE: usize = 6;

/// Finds excerpts for one query.
pub(super) struct Finder<'a> {
    query: &'a str,
    /// The query's terms in each language that was met.
    terms: BTreeMap<Option<Language>, (Analyzer, HashSet<String>)>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(query: &'a str) -> Self {
        Self { query, terms: BTreeMap::new() }
    }

    /// One line of the text, with `…` where it was cut.
    pub(super) fn excerpt(&mut self, text: &str, language: Option<Language>) -> String {
        let query = self.query;
        let (analyzer, terms) = self.terms.entry(language).or_insert_with(|| {
            let analyzer = Analyzer::new(language);
            let terms = analyzer.terms(query).into_iter().collect();
            (analyzer, terms)
        });
        let line: Vec<&str> = text.split_whitespace().collect();
        let hits: Vec<bool> = line.iter().map(|word| is_hit(word, analyzer, terms)).collect();
        cut(&line, best_start(&line, &hits))
    }
}

/// Whether what stands between two blanks has a word of the query.
fn is_hit(word: &str, analyzer: &Analyzer, terms: &HashSet<String>) -> bool {
    let folded = analyzer.fold(word);
    words(&folded).into_iter().any(|range| analyzer.term(&folded[range]).is_some_and(|term| terms.contains(&term)))
}

/// Where to begin so that the line has the most words of the query; at the beginning where that is as good.
fn best_start(line: &[&str], hits: &[bool]) -> usize {
    let mut best = (hits_from(line, hits, 0), 0);
    for (at, _) in hits.iter().enumerate().filter(|(_, is_hit)| **is_hit) {
        let start = at.saturating_sub(WORDS_BEFORE);
        let found = hits_from(line, hits, start);
        if found > best.0 {
            best = (found, start);
        }
    }
    best.1
}

fn hits_from(line: &[&str], hits: &[bool], start: usize) -> usize {
    hits[start..end_from(line, start)].iter().filter(|is_hit| **is_hit).count()
}

/// The word before which a line ends that begins at word `start`.
fn end_from(line: &[&str], start: usize) -> usize {
    let mut length = 0;
    for (at, word) in line.iter().enumerate().skip(start) {
        length += word.chars().count() + 1;
        if length > LENGTH + 1 && at > start {
            return at;
        }
    }
    line.len()
}

fn cut(line: &[&str], start: usize) -> String {
    let end = end_from(line, start);
    let words = line[start..end].join(" ");
    let shortened: String = words.chars().take(LENGTH).collect();
    let before = if start > 0 { "… " } else { "" };
    let after = if end < line.len() || shortened.len() < words.len() { " …" } else { "" };
    format!("{before}{shortened}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(query: &str, text: &str) -> String {
        Finder::new(query).excerpt(text, Language::with_code("en"))
    }

    #[test]
    fn a_short_text_is_shown_whole() {
        assert_eq!(excerpt("wing", "the  wing\nof a bird"), "the wing of a bird");
        assert_eq!(excerpt("wing", ""), "");
    }

    #[test]
    fn a_long_text_is_shown_from_where_it_matches() {
        let text = format!("{} the cable cars stop here {}", "filler ".repeat(80), "more ".repeat(80));
        let shown = excerpt("stops of a cable car", &text);
        assert!(shown.starts_with("… filler") && shown.ends_with("more …"), "{shown}");
        assert!(shown.contains("the cable cars stop here"), "{shown}");
        assert!(excerpt("nothing", &text).starts_with("filler"));
    }

    #[test]
    fn one_endless_word_is_cut() {
        assert_eq!(excerpt("wing", &"a".repeat(500)).chars().count(), LENGTH + 2);
    }
}
