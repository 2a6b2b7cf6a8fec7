//! How good a ranking is, as `trec_eval` defines it: a document that nobody judged is not relevant, gains below 1 say that a
//! judged one is not, and where there is nothing relevant to find, what was found counts 0.

use std::collections::BTreeMap;

use kernwerk_core::Ranked;

/// How relevant documents are for one question, by their names.
pub type Judgements = BTreeMap<String, i64>;

/// The gains of what was found, in the order in which `trec_eval` reads it: by score, and of equal scores the document with
/// the greater name first, whatever ranks the target gave.
pub fn gains(found: &[Ranked], judged: &Judgements) -> Vec<i64> {
    // The sum makes one zero of the two.
    let mut order: Vec<(f32, &str)> =
        found.iter().map(|ranked| (ranked.score + 0.0, ranked.document.as_str())).collect();
    order.sort_unstable_by(|left, right| right.0.total_cmp(&left.0).then_with(|| right.1.cmp(left.1)));
    order.into_iter().map(|(_, document)| judged.get(document).map_or(0, |gain| (*gain).max(0))).collect()
}

/// How many documents are relevant.
pub fn relevant(judged: &Judgements) -> usize {
    judged.values().filter(|gain| **gain > 0).count()
}

/// The discounted gain of the first `depth`, as a share of the best possible.
pub fn ndcg(gains: &[i64], judged: &Judgements, depth: usize) -> f64 {
    let mut ideal: Vec<i64> = judged.values().copied().filter(|gain| *gain > 0).collect();
    ideal.sort_unstable_by(|left, right| right.cmp(left));
    share(discounted(gains, depth), discounted(&ideal, depth))
}

/// The share of the relevant documents that is among the first `depth`.
pub fn recall(gains: &[i64], judged: &Judgements, depth: usize) -> f64 {
    share(hits(gains, depth), relevant(judged) as f64)
}

/// The share of `depth` documents that is relevant, also where fewer were found.
pub fn precision(gains: &[i64], depth: usize) -> f64 {
    hits(gains, depth) / depth as f64
}

/// One over the rank of the first relevant document; 0 without one.
pub fn reciprocal_rank(gains: &[i64]) -> f64 {
    gains.iter().position(|gain| *gain > 0).map_or(0.0, |place| 1.0 / (place + 1) as f64)
}

fn hits(gains: &[i64], depth: usize) -> f64 {
    gains.iter().take(depth).filter(|gain| **gain > 0).count() as f64
}

/// Gain over the logarithm of the rank, plus one.
fn discounted(gains: &[i64], depth: usize) -> f64 {
    gains.iter().take(depth).zip(2_u32..).map(|(gain, place)| *gain as f64 / f64::from(place).log2()).sum()
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(documents: &[(&str, f32)]) -> Vec<Ranked> {
        documents.iter().map(|(document, score)| Ranked { document: (*document).to_owned(), score: *score }).collect()
    }

    fn judged(documents: &[(&str, i64)]) -> Judgements {
        documents.iter().map(|(document, gain)| ((*document).to_owned(), *gain)).collect()
    }

    #[test]
    fn equal_scores_come_by_name_the_greater_first() {
        let judgements = judged(&[("a", 1), ("b", 2), ("c", 3), ("z", 4)]);
        let found = ranked(&[("a", 1.0), ("c", 1.0), ("b", 1.0), ("unjudged", 2.0)]);
        assert_eq!(gains(&found, &judgements), [0, 3, 2, 1]);
        assert_eq!(gains(&ranked(&[("a", 0.0), ("b", -0.0)]), &judgements), [2, 1]);
    }

    #[test]
    fn the_numbers_are_those_of_the_definitions() {
        let judgements = judged(&[("a", 1), ("b", 2), ("c", 0), ("d", -1), ("e", 3)]);
        let gains = gains(&ranked(&[("c", 4.0), ("b", 3.0), ("d", 2.0), ("a", 1.0)]), &judgements);
        assert_eq!(gains, [0, 2, 0, 1]);
        let ideal = 3.0 + 2.0 / 3f64.log2() + 1.0 / 2.0;
        assert!((ndcg(&gains, &judgements, 10) - (2.0 / 3f64.log2() + 1.0 / 5f64.log2()) / ideal).abs() < 1e-12);
        assert!((ndcg(&gains, &judgements, 2) - (2.0 / 3f64.log2()) / (3.0 + 2.0 / 3f64.log2())).abs() < 1e-12);
        assert_eq!(recall(&gains, &judgements, 100), 2.0 / 3.0);
        assert_eq!(recall(&gains, &judgements, 2), 1.0 / 3.0);
        assert_eq!(precision(&gains, 10), 0.2);
        assert_eq!(reciprocal_rank(&gains), 0.5);
    }

    #[test]
    fn where_nothing_is_relevant_nothing_counts() {
        let judgements = judged(&[("a", 0)]);
        let gains = gains(&ranked(&[("a", 1.0)]), &judgements);
        assert_eq!((ndcg(&gains, &judgements, 10), recall(&gains, &judgements, 10)), (0.0, 0.0));
        assert_eq!((precision(&gains, 10), reciprocal_rank(&gains)), (0.0, 0.0));
        assert_eq!(reciprocal_rank(&[]), 0.0);
    }
}
