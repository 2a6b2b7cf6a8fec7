//! From scores to ranks: one order for all, and the fusion of several.

/// Rank constant of the fusion; the one of Cormack, Clarke and Büttcher (2009), which everybody uses.
const K: f64 = 60.0;

/// Items (chunks or documents, by index) with their scores.
pub type Scores = Vec<(u32, f64)>;

/// The scores, best first. Scores are compared as single-precision numbers, which is how the tools of TREC read them, and
/// equal ones come in the order of `ties` (a place for each item); so a run ranks the same here and there.
pub fn ranked(mut scores: Scores, ties: &[u32]) -> Scores {
    scores.sort_unstable_by(|(one, one_score), (other, other_score)| {
        let by_score = (*other_score as f32).total_cmp(&(*one_score as f32));
        by_score.then_with(|| ties[*one as usize].cmp(&ties[*other as usize]))
    });
    scores
}

/// Reciprocal rank fusion: each ranking gives an item 1 / (60 + rank), ranks from 1. In no particular order.
pub fn fused(rankings: &[&Scores], items: usize) -> Scores {
    let mut sums = vec![0.0_f64; items];
    for ranking in rankings {
        for (place, (item, _)) in ranking.iter().enumerate() {
            sums[*item as usize] += 1.0 / (K + (place + 1) as f64);
        }
    }
    (0..).zip(sums).filter(|(_, sum)| *sum > 0.0).collect()
}

/// The score of each document is that of its best chunk. In no particular order.
pub fn best_of_documents(chunks: &Scores, document_of: &[u32], documents: usize) -> Scores {
    let mut best: Vec<Option<f64>> = vec![None; documents];
    for (chunk, score) in chunks {
        let best = &mut best[document_of[*chunk as usize] as usize];
        if best.is_none_or(|best| *score > best) {
            *best = Some(*score);
        }
    }
    (0..).zip(best).filter_map(|(document, best)| Some((document, best?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_have_one_order() {
        let scores = vec![(0, 1.0), (1, 2.0), (2, 1.0), (3, 1.0 + 1e-12)];
        let order: Vec<u32> = ranked(scores, &[3, 2, 1, 0]).iter().map(|(item, _)| *item).collect();
        assert_eq!(order, [1, 3, 2, 0]);
    }

    #[test]
    fn fusion_adds_reciprocal_ranks() {
        let (one, other) = (vec![(2, 9.0), (0, 8.0)], vec![(0, 0.5), (1, 0.4)]);
        let wanted = [(0, 1.0 / 62.0 + 1.0 / 61.0), (1, 1.0 / 62.0), (2, 1.0 / 61.0)];
        assert_eq!(fused(&[&one, &other], 4), wanted);
    }

    #[test]
    fn the_best_chunk_counts() {
        let chunks = vec![(0, 1.0), (1, -0.5), (2, 3.0), (3, -0.25)];
        assert_eq!(best_of_documents(&chunks, &[0, 2, 0, 2], 3), [(0, 3.0), (2, -0.25)]);
    }
}
