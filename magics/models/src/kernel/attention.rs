//! Self-attention of one sequence, a few rows at a time: scores, softmax and weighted values of a tile stay in the
//! nearest cache, and no transposed or padded copy of the sequence is made but one head's keys.

use super::functions::exponential;
use super::lanes::{LANES, Lanes, largest, sum};
use super::product::{PANEL, Tile, tiles};

/// Numbers of a head: 384 / 12, and as many as a panel is wide.
pub(crate) const HEAD: usize = PANEL;
/// The longest sequence.
pub(crate) const LONGEST: usize = 256;
/// The most rows of a tile.
const MOST_ROWS: usize = 12;
static NO_BIAS: [f32; PANEL] = [0.0; PANEL];

/// `context` = softmax(queries · keysᵀ / √32) · values, head by head, of one sequence.
pub(crate) struct Attention<'a> {
    /// (length, 3·width): queries, keys and values of a token side by side.
    pub projected: &'a [f32],
    pub length: usize,
    /// (length, width).
    pub context: &'a mut [f32],
    /// Numbers of a token, a multiple of 32.
    pub width: usize,
    pub scratch: &'a mut Scratch,
}

/// Memory that attention works in, kept from one sequence to the next.
pub(crate) struct Scratch {
    /// (32, 256): one head's keys, transposed, zero beyond the length.
    keys: Vec<f32>,
    /// (12, 256): scores of a tile, then their exponentials.
    scores: Vec<f32>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { keys: vec![0.0; HEAD * LONGEST], scores: vec![0.0; MOST_ROWS * LONGEST] }
    }
}

impl Attention<'_> {
    /// Panics unless every element that the kernel touches lies inside the slices.
    pub(super) fn check(&self) {
        assert!((1..=LONGEST).contains(&self.length) && self.width.is_multiple_of(HEAD));
        assert!(self.projected.len() >= self.length * 3 * self.width);
        assert!(self.context.len() >= self.length * self.width);
        assert!(self.scratch.keys.len() == HEAD * LONGEST && self.scratch.scores.len() == MOST_ROWS * LONGEST);
    }
}

/// Computes a checked attention.
///
/// # Safety
///
/// The machine must have the instruction set of `S`, [`Attention::check`] must have passed, and `ROWS` is at most 12.
#[inline(always)]
pub(super) unsafe fn attention<S: Lanes, const VECTORS: usize, const ROWS: usize>(work: &mut Attention) {
    let stride = 3 * work.width;
    for head in (0..work.width).step_by(HEAD) {
        transpose_keys(&mut work.scratch.keys, &work.projected[work.width + head..], stride, work.length);
        for (first, rows) in tiles(work.length, ROWS) {
            // SAFETY: the tile's rows lie inside the sequence, the head's columns inside a row.
            unsafe {
                let queries = work.projected.as_ptr().add(first * stride + head);
                scores::<S, VECTORS, ROWS>(queries, stride, rows, work.length, work.scratch);
                let mut sums = [0.0; MOST_ROWS];
                for (row, sum) in work.scratch.scores.chunks_exact_mut(LONGEST).zip(&mut sums[..rows]) {
                    *sum = softmax::<S>(row, work.length);
                }
                let context = work.context.as_mut_ptr().add(first * work.width + head);
                let values = Tile {
                    input: work.scratch.scores.as_ptr(),
                    input_stride: LONGEST,
                    depth: work.length,
                    weights: work.projected.as_ptr().add(2 * work.width + head),
                    weights_stride: stride,
                    bias: NO_BIAS.as_ptr(),
                    output: context,
                    output_stride: work.width,
                };
                values.compute::<S, VECTORS, ROWS>(rows);
                for (row, sum) in sums[..rows].iter().enumerate() {
                    scale::<S>(context.add(row * work.width), 1.0 / sum);
                }
            }
        }
    }
}

/// Writes one head's keys, `from` of (length, stride), as (32, 256).
#[inline(always)]
fn transpose_keys(keys: &mut [f32], from: &[f32], stride: usize, length: usize) {
    for (dimension, row) in keys.chunks_exact_mut(LONGEST).enumerate() {
        for (token, key) in row[..length].iter_mut().enumerate() {
            *key = from[token * stride + dimension];
        }
        row[length..].fill(0.0);
    }
}

/// Scores of `rows` queries against all keys, in whole panels of columns.
#[inline(always)]
unsafe fn scores<S: Lanes, const VECTORS: usize, const ROWS: usize>(
    queries: *const f32,
    stride: usize,
    rows: usize,
    length: usize,
    scratch: &mut Scratch,
) {
    for column in (0..length).step_by(PANEL) {
        unsafe {
            let tile = Tile {
                input: queries,
                input_stride: stride,
                depth: HEAD,
                weights: scratch.keys.as_ptr().add(column),
                weights_stride: LONGEST,
                bias: NO_BIAS.as_ptr(),
                output: scratch.scores.as_mut_ptr().add(column),
                output_stride: LONGEST,
            };
            tile.compute::<S, VECTORS, ROWS>(rows);
        }
    }
}

/// Turns a row of scores into exponentials, largest 1, and returns their sum.
#[inline(always)]
unsafe fn softmax<S: Lanes>(row: &mut [f32], length: usize) -> f32 {
    let padded = length.next_multiple_of(LANES);
    // Scores beyond the length must win no maximum and weigh nothing.
    row[length..padded].fill(f32::NEG_INFINITY);
    let row = row.as_mut_ptr();
    // SAFETY: `padded` is at most 256, the length of a row.
    unsafe {
        let mut most = S::splat(f32::NEG_INFINITY);
        for at in (0..padded).step_by(LANES) {
            most = most.max(S::load(row.add(at)));
        }
        let most = S::splat(largest(most));
        let factor = S::splat(1.0 / (HEAD as f32).sqrt());
        let mut total = S::splat(0.0);
        for at in (0..padded).step_by(LANES) {
            let weight = exponential(S::load(row.add(at)).sub(most).mul(factor));
            weight.store(row.add(at));
            total = total.add(weight);
        }
        sum(total)
    }
}

/// Multiplies the 32 numbers of a head by `factor`.
#[inline(always)]
unsafe fn scale<S: Lanes>(head: *mut f32, factor: f32) {
    for at in (0..HEAD).step_by(LANES) {
        unsafe { S::load(head.add(at)).mul(S::splat(factor)).store(head.add(at)) };
    }
}
