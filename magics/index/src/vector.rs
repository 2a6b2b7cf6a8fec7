//! Similarity of meaning, by an exact scan over all vectors.

use crate::rank::Scores;

/// Sums that run beside each other: the processor adds them at once, and the result does not depend on how many it can.
const LANES: usize = 16;

/// The vectors of some chunks, one after the other.
pub struct VectorIndex {
    dimensions: usize,
    /// The chunk that each vector belongs to.
    chunks: Vec<u32>,
    values: Vec<f32>,
}

impl VectorIndex {
    /// An index over vectors of this length.
    pub fn new(dimensions: usize) -> Self {
        Self { dimensions, chunks: Vec::new(), values: Vec::new() }
    }

    /// Adds a chunk's vector, which must be of the index's length.
    pub fn add(&mut self, chunk: u32, vector: &[f32]) {
        debug_assert_eq!(vector.len(), self.dimensions);
        self.chunks.push(chunk);
        self.values.extend_from_slice(vector);
    }

    /// The cosine of each chunk with the query; all vectors are of Euclidean length 1.
    pub fn scores(&self, query: &[f32]) -> Scores {
        let vectors = self.values.chunks_exact(self.dimensions);
        self.chunks.iter().zip(vectors).map(|(chunk, vector)| (*chunk, product(query, vector))).collect()
    }
}

/// The sum of the products, which is the cosine of vectors of Euclidean length 1.
pub fn product(one: &[f32], other: &[f32]) -> f64 {
    let mut sums = [0.0_f32; LANES];
    let (ones, others) = (one.chunks_exact(LANES), other.chunks_exact(LANES));
    let rest: f32 = ones.remainder().iter().zip(others.remainder()).map(|(one, other)| one * other).sum();
    for (one, other) in ones.zip(others) {
        for lane in 0..LANES {
            sums[lane] += one[lane] * other[lane];
        }
    }
    sums.iter().map(|sum| f64::from(*sum)).sum::<f64>() + f64::from(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_exact_enough() {
        let one: Vec<f32> = (0..100).map(|i| (i as f32 * 0.37).sin() / 7.0).collect();
        let other: Vec<f32> = (0..100).map(|i| (i as f32 * 0.11).cos() / 7.0).collect();
        let wanted: f64 = one.iter().zip(&other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum();
        let mut index = VectorIndex::new(100);
        index.add(7, &other);
        let found = index.scores(&one);
        assert_eq!(found[0].0, 7);
        assert!((found[0].1 - wanted).abs() < 1e-6);
    }
}
