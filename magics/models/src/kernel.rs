//! The arithmetic of the models on plain `f32` slices, compiled once for each instruction set and chosen at run time.
//!
//! All kernels with a fused multiply-add give the same bits, so a vector can be replayed on another machine.

mod attention;
mod functions;
mod lanes;
mod norm;
mod product;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use attention::{Attention, HEAD, LONGEST, Scratch};
pub(crate) use norm::AddNorm;
pub(crate) use product::{Activation, PANEL, Product};

/// The kernels of one instruction set.
pub(crate) struct Kernels {
    name: &'static str,
    arithmetic: &'static str,
    available: fn() -> bool,
    product: unsafe fn(&mut Product),
    add_norm: unsafe fn(&mut AddNorm),
    attention: unsafe fn(&mut Attention),
}

/// Arithmetic of every kernel with a fused multiply-add: these agree bit by bit.
const FUSED: &str = "f32-fused";
/// Arithmetic of x86 processors without one.
const SEPARATE: &str = "f32-separate";

impl Kernels {
    /// The fastest kernels that this machine can run.
    pub(crate) fn best() -> &'static Self {
        ALL.iter().copied().find(|kernels| (kernels.available)()).expect("the portable kernels run everywhere")
    }

    /// The instruction set, such as `avx512`.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The arithmetic: kernels of the same arithmetic give the same bits.
    pub(crate) fn arithmetic(&self) -> &'static str {
        self.arithmetic
    }

    /// Computes a matrix product.
    pub(crate) fn product(&self, mut work: Product) {
        work.check();
        // SAFETY: only kernels that the machine can run are handed out, and the sizes were just checked.
        unsafe { (self.product)(&mut work) }
    }

    /// Adds and normalises rows.
    pub(crate) fn add_norm(&self, mut work: AddNorm) {
        work.check();
        // SAFETY: as in `product`.
        unsafe { (self.add_norm)(&mut work) }
    }

    /// Computes the self-attention of one sequence.
    pub(crate) fn attention(&self, mut work: Attention) {
        work.check();
        // SAFETY: as in `product`.
        unsafe { (self.attention)(&mut work) }
    }
}

/// Compiles all kernels for one type of lanes. A tile has `$vectors`·16 columns and at most `$rows` rows, chosen so that
/// its sums, the weights and one input fill the registers.
macro_rules! kernels {
    ($name:ident, $arithmetic:expr, $lanes:ty, $vectors:expr, $rows:expr, $available:expr $(, $features:literal)?) => {
        mod $name {
            use super::{AddNorm, Attention, Kernels, Product};

            $(#[target_feature(enable = $features)])?
            unsafe fn product(work: &mut Product) {
                unsafe { super::product::product::<$lanes, $vectors, { $rows }>(work) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn add_norm(work: &mut AddNorm) {
                unsafe { super::norm::add_norm::<$lanes>(work) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn attention(work: &mut Attention) {
                unsafe { super::attention::attention::<$lanes, $vectors, { $rows }>(work) }
            }

            pub(super) static KERNELS: Kernels = Kernels {
                name: stringify!($name),
                arithmetic: $arithmetic,
                available: $available,
                product,
                add_norm,
                attention,
            };
        }
    };
}

#[cfg(target_arch = "x86_64")]
kernels!(avx512, super::FUSED, super::x86::Avx512, 2, 12, || std::arch::is_x86_feature_detected!("avx512f"), "avx512f");
#[cfg(target_arch = "x86_64")]
kernels!(
    avx2,
    super::FUSED,
    super::x86::Avx2,
    1,
    6,
    || std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma"),
    "avx2,fma"
);
#[cfg(target_arch = "x86_64")]
kernels!(portable, super::SEPARATE, super::lanes::Portable<false>, 1, 2, || true);
#[cfg(not(target_arch = "x86_64"))]
kernels!(portable, super::FUSED, super::lanes::Portable<true>, 1, 4, || true);

/// All kernels, the fastest first.
#[cfg(target_arch = "x86_64")]
static ALL: [&Kernels; 3] = [&avx512::KERNELS, &avx2::KERNELS, &portable::KERNELS];
#[cfg(not(target_arch = "x86_64"))]
static ALL: [&Kernels; 1] = [&portable::KERNELS];

// Below the macro, which it uses too.
#[cfg(test)]
mod tests;
