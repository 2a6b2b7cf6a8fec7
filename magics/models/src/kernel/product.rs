//! The matrix product: tiles of rows × 32 columns whose sums stay in registers from the first to the last term.
//!
//! Every element is one chain of multiply-adds in the order of the depth, started from its bias. It does not depend on
//! the tile it fell into, so neither on the other rows nor on the machine's register width or caches.

use super::functions::gelu;
use super::lanes::{LANES, Lanes};

/// Columns of a panel: weights are stored as (depth, 32) blocks, so that a tile reads them in one stream.
pub(crate) const PANEL: usize = 32;

/// What is done to each element once its sum is complete.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    None,
    Gelu,
}

/// `output` = activation(`input` · `panels` + `bias`).
pub(crate) struct Product<'a> {
    /// (rows, depth), rows `input_stride` apart.
    pub input: &'a [f32],
    pub input_stride: usize,
    pub rows: usize,
    pub depth: usize,
    /// (columns / 32, depth, 32).
    pub panels: &'a [f32],
    /// (columns), a multiple of 32 of them.
    pub bias: &'a [f32],
    pub activation: Activation,
    /// (rows, columns).
    pub output: &'a mut [f32],
}

impl Product<'_> {
    /// Panics unless every element that the kernel touches lies inside the slices.
    pub(super) fn check(&self) {
        let columns = self.bias.len();
        assert!(columns.is_multiple_of(PANEL) && self.rows > 0 && self.depth > 0);
        assert!(self.input_stride >= self.depth);
        assert!(self.input.len() >= (self.rows - 1) * self.input_stride + self.depth);
        assert_eq!(self.panels.len(), self.depth * columns);
        assert!(self.output.len() >= self.rows * columns);
    }
}

/// Computes a checked product. `VECTORS` times 16 columns and at most `ROWS` rows make a tile.
///
/// # Safety
///
/// The machine must have the instruction set of `S`, and [`Product::check`] must have passed.
#[inline(always)]
pub(super) unsafe fn product<S: Lanes, const VECTORS: usize, const ROWS: usize>(work: &mut Product) {
    let columns = work.bias.len();
    for panel in 0..columns / PANEL {
        let weights = &work.panels[panel * PANEL * work.depth..][..PANEL * work.depth];
        for (first, count) in tiles(work.rows, ROWS) {
            // SAFETY: rows first..first + count and columns panel·32..panel·32 + 32 lie inside the checked slices.
            unsafe {
                let tile = Tile {
                    input: work.input.as_ptr().add(first * work.input_stride),
                    input_stride: work.input_stride,
                    depth: work.depth,
                    weights: weights.as_ptr(),
                    weights_stride: PANEL,
                    bias: work.bias.as_ptr().add(panel * PANEL),
                    output: work.output.as_mut_ptr().add(first * columns + panel * PANEL),
                    output_stride: columns,
                };
                tile.compute::<S, VECTORS, ROWS>(count);
                if work.activation == Activation::Gelu {
                    tile.gelu::<S>(count);
                }
            }
        }
    }
}

/// Splits `rows` into as few tiles of at most `most` rows as can be, of nearly equal size: (first row, rows).
#[inline(always)]
pub(super) fn tiles(rows: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = rows.div_ceil(most);
    (0..count).map(move |tile| {
        let first = tile * rows / count;
        (first, (tile + 1) * rows / count - first)
    })
}

/// One tile of a product: some rows × 32 columns.
pub(super) struct Tile {
    pub input: *const f32,
    pub input_stride: usize,
    pub depth: usize,
    pub weights: *const f32,
    pub weights_stride: usize,
    pub bias: *const f32,
    pub output: *mut f32,
    pub output_stride: usize,
}

impl Tile {
    /// Computes `rows` rows, at most `ROWS` ≤ 12 of them.
    ///
    /// # Safety
    ///
    /// The machine must have the instruction set of `S`; all rows, 32 columns and the whole depth must lie inside what
    /// the pointers point to, and the output must overlap nothing else.
    #[inline(always)]
    pub(super) unsafe fn compute<S: Lanes, const VECTORS: usize, const ROWS: usize>(&self, rows: usize) {
        for column in (0..PANEL).step_by(VECTORS * LANES) {
            // The guards are constants: only tiles that fit the registers are compiled.
            unsafe {
                match rows {
                    1 => self.block::<S, VECTORS, 1>(column),
                    2 => self.block::<S, VECTORS, 2>(column),
                    3 if ROWS >= 3 => self.block::<S, VECTORS, 3>(column),
                    4 if ROWS >= 4 => self.block::<S, VECTORS, 4>(column),
                    5 if ROWS >= 5 => self.block::<S, VECTORS, 5>(column),
                    6 if ROWS >= 6 => self.block::<S, VECTORS, 6>(column),
                    7 if ROWS >= 7 => self.block::<S, VECTORS, 7>(column),
                    8 if ROWS >= 8 => self.block::<S, VECTORS, 8>(column),
                    9 if ROWS >= 9 => self.block::<S, VECTORS, 9>(column),
                    10 if ROWS >= 10 => self.block::<S, VECTORS, 10>(column),
                    11 if ROWS >= 11 => self.block::<S, VECTORS, 11>(column),
                    12 if ROWS >= 12 => self.block::<S, VECTORS, 12>(column),
                    _ => unreachable!("a tile has at most {ROWS} rows"),
                }
            }
        }
    }

    /// `R` rows × `VECTORS`·16 columns from `column`; the sums live in registers.
    #[inline(always)]
    unsafe fn block<S: Lanes, const VECTORS: usize, const R: usize>(&self, column: usize) {
        unsafe {
            let mut sums = [[S::splat(0.0); VECTORS]; R];
            for vector in 0..VECTORS {
                let bias = S::load(self.bias.add(column + vector * LANES));
                for row in &mut sums {
                    row[vector] = bias;
                }
            }
            for step in 0..self.depth {
                let mut weights = [S::splat(0.0); VECTORS];
                for (vector, weight) in weights.iter_mut().enumerate() {
                    *weight = S::load(self.weights.add(step * self.weights_stride + column + vector * LANES));
                }
                for (index, row) in sums.iter_mut().enumerate() {
                    let input = S::splat(*self.input.add(index * self.input_stride + step));
                    for (sum, weight) in row.iter_mut().zip(weights) {
                        *sum = input.mul_add(weight, *sum);
                    }
                }
            }
            for (index, row) in sums.iter().enumerate() {
                for (vector, sum) in row.iter().enumerate() {
                    sum.store(self.output.add(index * self.output_stride + column + vector * LANES));
                }
            }
        }
    }

    /// Applies the activation to `rows` rows while they are still in the nearest cache.
    ///
    /// # Safety
    ///
    /// As for [`Tile::compute`].
    #[inline(always)]
    unsafe fn gelu<S: Lanes>(&self, rows: usize) {
        for row in 0..rows {
            for column in (0..PANEL).step_by(LANES) {
                unsafe {
                    let at = self.output.add(row * self.output_stride + column);
                    gelu(S::load(at)).store(at);
                }
            }
        }
    }
}
