//! Layer normalisation of a sum: the residual connection and the norm in one pass over the row.

use super::lanes::{LANES, Lanes, sum};

/// Ba, Kiros and Hinton 2016, with the epsilon of BERT.
const EPSILON: f32 = 1e-12;

/// `residual` = normalise(`residual` + `update`) · `scale` + `shift`, row by row.
pub(crate) struct AddNorm<'a> {
    /// (rows, width).
    pub residual: &'a mut [f32],
    /// (rows, width).
    pub update: &'a [f32],
    /// (width), a multiple of 16.
    pub scale: &'a [f32],
    /// (width).
    pub shift: &'a [f32],
}

impl AddNorm<'_> {
    /// Panics unless every element that the kernel touches lies inside the slices.
    pub(super) fn check(&self) {
        let width = self.scale.len();
        assert!(width > 0 && width.is_multiple_of(LANES) && self.shift.len() == width);
        assert!(self.residual.len().is_multiple_of(width) && self.update.len() >= self.residual.len());
    }
}

/// Computes a checked normalisation.
///
/// # Safety
///
/// The machine must have the instruction set of `S`, and [`AddNorm::check`] must have passed.
#[inline(always)]
pub(super) unsafe fn add_norm<S: Lanes>(work: &mut AddNorm) {
    let width = work.scale.len();
    for (residual, update) in work.residual.chunks_exact_mut(width).zip(work.update.chunks_exact(width)) {
        let (residual, update) = (residual.as_mut_ptr(), update.as_ptr());
        let (scale, shift) = (work.scale.as_ptr(), work.shift.as_ptr());
        // SAFETY: all four rows hold `width` numbers, and `width` is a multiple of 16.
        unsafe {
            let mut total = S::splat(0.0);
            for at in (0..width).step_by(LANES) {
                let value = S::load(residual.add(at)).add(S::load(update.add(at)));
                value.store(residual.add(at));
                total = total.add(value);
            }
            let mean = S::splat(sum(total) / width as f32);
            let mut squares = S::splat(0.0);
            for at in (0..width).step_by(LANES) {
                let distance = S::load(residual.add(at)).sub(mean);
                squares = distance.mul_add(distance, squares);
            }
            let variance = sum(squares) / width as f32;
            let factor = S::splat(1.0 / (variance + EPSILON).sqrt());
            for at in (0..width).step_by(LANES) {
                let normal = S::load(residual.add(at)).sub(mean).mul(factor);
                normal.mul_add(S::load(scale.add(at)), S::load(shift.add(at))).store(residual.add(at));
            }
        }
    }
}
