//! Sixteen lanes of `f32`, the unit in which every kernel computes, whatever the width of the machine's registers.

/// Lanes of one [`Lanes`] value.
pub(crate) const LANES: usize = 16;

/// Sixteen numbers that are computed side by side. A kernel written on this trait gives the same bits on every
/// implementation with a fused multiply-add, because each lane goes through the same operations in the same order.
///
/// # Safety
///
/// All methods need the instruction set of the implementing type on the running machine. [`Lanes::load`] reads and
/// [`Lanes::store`] writes 16 consecutive numbers.
pub(crate) trait Lanes: Copy {
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    unsafe fn max(self, other: Self) -> Self;
    unsafe fn min(self, other: Self) -> Self;
    /// `self` × `factor` + `addend`, rounded once where the implementation is fused.
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self;
    /// Multiplies by 2ⁿ, where `shifted` holds n + 1.5·2²³ and the product is a normal number.
    unsafe fn scale_by_power(self, shifted: Self) -> Self;
}

/// Sums the lanes in a fixed order, as a tree.
#[inline(always)]
pub(crate) unsafe fn sum<S: Lanes>(value: S) -> f32 {
    fold(unsafe { to_array(value) }, |left, right| left + right)
}

/// The largest of the lanes.
#[inline(always)]
pub(crate) unsafe fn largest<S: Lanes>(value: S) -> f32 {
    fold(unsafe { to_array(value) }, f32::max)
}

#[inline(always)]
unsafe fn to_array<S: Lanes>(value: S) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    // SAFETY: the array holds exactly 16 numbers.
    unsafe { value.store(lanes.as_mut_ptr()) };
    lanes
}

#[inline(always)]
fn fold(mut lanes: [f32; LANES], combine: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = combine(lanes[lane], lanes[lane + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// Plain arrays, for machines without a kernel of their own. `FUSED` chooses the fused multiply-add, which is one
/// instruction on every 64-bit Arm; on x86 processors without it, emulating it would cost a hundredfold.
#[derive(Clone, Copy)]
pub(crate) struct Portable<const FUSED: bool>([f32; LANES]);

impl<const FUSED: bool> Portable<FUSED> {
    #[inline(always)]
    fn zip(self, other: Self, operation: impl Fn(f32, f32) -> f32) -> Self {
        let mut lanes = self.0;
        for (lane, other) in lanes.iter_mut().zip(other.0) {
            *lane = operation(*lane, other);
        }
        Self(lanes)
    }
}

impl<const FUSED: bool> Lanes for Portable<FUSED> {
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for 16 readable numbers.
        Self(unsafe { from.cast::<[f32; LANES]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for 16 writable numbers.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |left, right| left + right)
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.zip(other, |left, right| left - right)
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.zip(other, |left, right| left * right)
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self.zip(other, |left, right| left / right)
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.zip(other, |left, right| if left > right { left } else { right })
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        self.zip(other, |left, right| if left < right { left } else { right })
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        let mut lanes = self.0;
        for (lane, (factor, addend)) in lanes.iter_mut().zip(factor.0.into_iter().zip(addend.0)) {
            *lane = if FUSED { lane.mul_add(factor, addend) } else { *lane * factor + addend };
        }
        Self(lanes)
    }

    #[inline(always)]
    unsafe fn scale_by_power(self, shifted: Self) -> Self {
        self.zip(shifted, |value, shifted| f32::from_bits(value.to_bits().wrapping_add(shifted.to_bits() << 23)))
    }
}
