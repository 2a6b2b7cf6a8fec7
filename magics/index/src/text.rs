//! BM25 over an inverted index in memory.
//!
//! Why not Lance's full-text index: its statistics count all rows, also those that the principal may not read and those that
//! were deleted, so that scores would tell of them; it analyses a column in one language; and it knows fewer stemmers. An
//! index over the rows that somebody may read is built in less time than it takes to load the model.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kernwerk_core::{Cancelled, Work};

use crate::analysis::Analyzer;
use crate::rank::Scores;
use crate::words::words;
use crate::{Language, parallel};

/// How soon more of the same word stops counting.
const K1: f64 = 1.2;
/// How much long texts are held against their average.
const B: f64 = 0.75;
/// Texts that are analysed together, so that each word is stemmed once.
const BLOCK: usize = 256;

/// A text with the language that its words are analysed in.
pub struct Searchable {
    pub text: String,
    pub language: Option<Language>,
}

/// An inverted index of texts.
pub struct TextIndex {
    /// The analyzers of the texts' languages.
    analyzers: Vec<Analyzer>,
    /// Which analyzer each text passed.
    analyzer_of: Vec<u16>,
    terms: HashMap<String, usize>,
    postings: Vec<Vec<Posting>>,
    /// k1 (1 − b + b · length / average length) of each text.
    norms: Vec<f64>,
}

#[derive(Clone, Copy)]
struct Posting {
    text: u32,
    frequency: u32,
}

impl TextIndex {
    /// # Errors
    ///
    /// When the work is interrupted.
    pub fn build(texts: &[Searchable], work: &Work) -> Result<Self, Cancelled> {
        let mut places: BTreeMap<Option<Language>, u16> = texts.iter().map(|text| (text.language, 0)).collect();
        for (place, (_, at)) in (0..).zip(places.iter_mut()) {
            *at = place;
        }
        let analyzers: Vec<Analyzer> = places.keys().map(|language| Analyzer::new(*language)).collect();
        let analyzer_of: Vec<u16> = texts.iter().map(|text| places[&text.language]).collect();
        let blocks: Vec<(&[Searchable], &[u16])> = texts.chunks(BLOCK).zip(analyzer_of.chunks(BLOCK)).collect();
        let blocks =
            parallel::map(&blocks, work, |(texts, analyzer_of)| Ok(Block::of(texts, analyzer_of, &analyzers)))?;
        let mut index = Self { analyzers, analyzer_of, terms: HashMap::new(), postings: Vec::new(), norms: Vec::new() };
        let mut lengths = Vec::with_capacity(texts.len());
        for block in blocks {
            index.add(&block, lengths.len());
            lengths.extend(block.lengths);
        }
        let total: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
        let average = total as f64 / lengths.len().max(1) as f64;
        index.norms = lengths.iter().map(|length| K1 * (1.0 - B + B * f64::from(*length) / average)).collect();
        Ok(index)
    }

    /// The scores of all texts that have a term of the query, by Lucene's BM25: for each term of the query
    /// ln(1 + (N − df + ½) / (df + ½)) · tf / (tf + k1 (1 − b + b · length / average length)).
    ///
    /// The query is analysed once for each language of the texts, and a text is compared with the query in its own.
    pub fn scores(&self, query: &str) -> Scores {
        let mut sums = vec![0.0_f64; self.norms.len()];
        for (place, analyzer) in (0..).zip(&self.analyzers) {
            for term in analyzer.terms(query) {
                let Some(postings) = self.terms.get(&term).map(|term| &self.postings[*term]) else {
                    continue;
                };
                let rarity = rarity(self.norms.len(), postings.len());
                for posting in postings.iter().filter(|posting| self.analyzer_of[posting.text as usize] == place) {
                    let frequency = f64::from(posting.frequency);
                    sums[posting.text as usize] += rarity * frequency / (frequency + self.norms[posting.text as usize]);
                }
            }
        }
        (0..).zip(sums).filter(|(_, sum)| *sum > 0.0).collect()
    }

    /// What the query's terms are worth, to ask texts how much of the query they say.
    pub fn weights(&self, query: &str) -> Weights<'_> {
        let of_language = |analyzer: &Analyzer| {
            let terms = analyzer.terms(query).into_iter();
            let weights: HashMap<String, f64> = terms.map(|term| (term.clone(), self.weight(&term))).collect();
            weights
        };
        Weights { index: self, of_languages: self.analyzers.iter().map(of_language).collect() }
    }

    fn weight(&self, term: &str) -> f64 {
        rarity(self.norms.len(), self.terms.get(term).map_or(0, |term| self.postings[*term].len()))
    }

    fn add(&mut self, block: &Block, first_text: usize) {
        let places: Vec<usize> = block.terms.iter().map(|term| self.place_of(term)).collect();
        for (text, counts) in (first_text as u32..).zip(&block.counts) {
            for (term, frequency) in counts {
                self.postings[places[*term]].push(Posting { text, frequency: *frequency });
            }
        }
    }

    fn place_of(&mut self, term: &str) -> usize {
        if let Some(place) = self.terms.get(term) {
            return *place;
        }
        self.terms.insert(term.to_owned(), self.postings.len());
        self.postings.push(Vec::new());
        self.postings.len() - 1
    }
}

/// The rarity of a query's terms in each language of an index.
pub struct Weights<'a> {
    index: &'a TextIndex,
    /// In the order of the analyzers.
    of_languages: Vec<HashMap<String, f64>>,
}

impl Weights<'_> {
    /// How much of the query some words say that stand in the text with this number: the share of its terms, each by its
    /// rarity; from 0 to 1.
    pub fn share(&self, text: u32, words: &str) -> f64 {
        let place = usize::from(self.index.analyzer_of[text as usize]);
        let weights = &self.of_languages[place];
        let said: BTreeSet<String> = self.index.analyzers[place].terms(words).into_iter().collect();
        // In the order of the terms, so that the sum does not depend on a hash.
        let said: f64 = said.iter().filter_map(|term| weights.get(term)).sum();
        let whole = self.whole(text);
        if whole > 0.0 { said / whole } else { 0.0 }
    }

    /// The sum over all terms of the query, in the language of the text with this number.
    pub fn whole(&self, text: u32) -> f64 {
        let weights = &self.of_languages[usize::from(self.index.analyzer_of[text as usize])];
        let mut weights: Vec<f64> = weights.values().copied().collect();
        weights.sort_unstable_by(f64::total_cmp);
        weights.iter().sum()
    }
}

/// Lucene's inverse document frequency.
fn rarity(texts: usize, with_term: usize) -> f64 {
    let (texts, with_term) = (texts as f64, with_term as f64);
    (1.0 + (texts - with_term + 0.5) / (with_term + 0.5)).ln()
}

/// What one thread found in some texts.
struct Block {
    /// In the order in which they were met.
    terms: Vec<String>,
    /// For each text its terms (as places in `terms`) and how often it has them.
    counts: Vec<Vec<(usize, u32)>>,
    /// Terms of each text.
    lengths: Vec<u32>,
}

impl Block {
    fn of(texts: &[Searchable], analyzer_of: &[u16], analyzers: &[Analyzer]) -> Self {
        let mut block = Self { terms: Vec::new(), counts: Vec::new(), lengths: Vec::new() };
        let mut places: HashMap<String, usize> = HashMap::new();
        // Most words come again and again: each is stemmed once, and stop words are looked up once.
        let mut known: Vec<HashMap<String, Option<usize>>> = analyzers.iter().map(|_| HashMap::new()).collect();
        for (text, analyzer) in texts.iter().zip(analyzer_of) {
            let (analyzer, known) = (&analyzers[usize::from(*analyzer)], &mut known[usize::from(*analyzer)]);
            let folded = analyzer.fold(&text.text);
            let mut found = Vec::new();
            for range in words(&folded) {
                let word = &folded[range];
                let place = match known.get(word) {
                    Some(place) => *place,
                    None => {
                        let place = analyzer.term(word).map(|term| block.place_of(term, &mut places));
                        known.insert(word.to_owned(), place);
                        place
                    }
                };
                found.extend(place);
            }
            block.lengths.push(found.len() as u32);
            block.counts.push(counted(found));
        }
        block
    }

    fn place_of(&mut self, term: String, places: &mut HashMap<String, usize>) -> usize {
        if let Some(place) = places.get(&term) {
            return *place;
        }
        places.insert(term.clone(), self.terms.len());
        self.terms.push(term);
        self.terms.len() - 1
    }
}

fn counted(mut found: Vec<usize>) -> Vec<(usize, u32)> {
    found.sort_unstable();
    found.chunk_by(|one, next| one == next).map(|same| (same[0], same.len() as u32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(texts: &[(&str, &str)]) -> TextIndex {
        let texts: Vec<Searchable> = texts
            .iter()
            .map(|(code, text)| Searchable { text: (*text).to_owned(), language: Language::with_code(code) })
            .collect();
        TextIndex::build(&texts, &Work::silent()).expect("an index")
    }

    fn close(found: &Scores, wanted: &[(u32, f64)]) {
        assert_eq!(found.len(), wanted.len(), "{found:?}");
        for ((item, score), (wanted_item, wanted)) in found.iter().zip(wanted) {
            assert!(item == wanted_item && (score - wanted).abs() < 1e-12, "{found:?}");
        }
    }

    #[test]
    fn scores_are_lucenes() {
        let index = index(&[("en", "wing flow flow"), ("en", "wing"), ("en", "heat")]);
        // Lengths 3, 1, 1: the average is 5/3. `flow` is in one of three texts.
        let norm = 1.2 * (0.25 + 0.75 * 3.0 / (5.0 / 3.0));
        let rarity = (1.0_f64 + 2.5 / 1.5).ln();
        close(&index.scores("flows"), &[(0, rarity * 2.0 / (2.0 + norm))]);
        close(&index.scores("flow flow"), &[(0, 2.0 * rarity * 2.0 / (2.0 + norm))]);
        assert!(index.scores("the of").is_empty());
    }

    #[test]
    fn each_text_meets_the_query_in_its_own_language() {
        let index = index(&[("de", "Die Häuser am Fluss"), ("en", "The houses of the die casters")]);
        assert_eq!(index.scores("Haus").iter().map(|(text, _)| *text).collect::<Vec<_>>(), [0]);
        // A stop word in German, a word in English.
        assert_eq!(index.scores("die").iter().map(|(text, _)| *text).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn an_empty_index_finds_nothing() {
        assert!(index(&[]).scores("wing").is_empty());
        assert!(index(&[("en", "")]).scores("wing").is_empty());
    }

    #[test]
    fn blocks_do_not_change_the_result() {
        let many: Vec<(&str, String)> =
            (0..600).map(|i| ("en", format!("wing number{} flow{}", i % 7, i % 3))).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(code, text)| (*code, text.as_str())).collect();
        let scores = index(&many).scores("number3");
        let wanted = (1.0 + (600.0 - 86.0 + 0.5) / (86.0 + 0.5_f64)).ln() / (1.0 + 1.2);
        assert_eq!(scores.len(), 86);
        assert!(scores.iter().all(|(text, score)| text % 7 == 3 && (score - wanted).abs() < 1e-12));
    }
}
