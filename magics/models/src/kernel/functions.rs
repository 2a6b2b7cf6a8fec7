//! The exponential and the Gaussian error unit on sixteen lanes, as polynomials of our own: the same bits everywhere,
//! where a mathematics library would differ from machine to machine.

use super::lanes::Lanes;

/// Where 0.5 + x·P(x²)/Q(x²) has reached the distribution function of the normal distribution at 1 within 4e-8.
const SATURATION: f32 = 5.4;

/// P and Q, lowest power first: a minimax fit of (Φ(x) − ½)/x on [0, 5.4] with an error of 6e-9 in Φ, by iteratively
/// re-weighted least squares.
const NUMERATOR: [f32; 6] = [0.398_942_25, 0.033_372_224, 0.004_650_851, 0.000_164_321_7, 6.360_023e-6, 2.338_676e-8];
const DENOMINATOR: [f32; 6] = [1.0, 0.250_317_85, 0.028_378_686, 0.001_858_981_5, 7.240_02e-5, 1.216_592e-6];

/// (eʳ − 1 − r)/r² on [−ln2/2, ln2/2], lowest power first; relative error of eʳ 3e-9, fitted likewise.
const EXPONENTIAL: [f32; 5] = [0.499_999_93, 0.166_665_2, 0.041_668_396, 0.008_368_781, 0.001_381_446_7];

/// ln 2 in two parts: the first has so few digits that its product with a small integer is exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -0.000_212_194_44;
/// Adding 1.5·2²³ rounds to the nearest integer and leaves it in the low bits.
const ROUNDING: f32 = 12_582_912.0;
/// Below this the result would leave the normal numbers; e⁻⁸⁶ adds nothing to a sum that holds e⁰.
const LOWEST_EXPONENT: f32 = -86.0;

/// x·Φ(x), the Gaussian error linear unit in its exact form (no tanh), Hendrycks and Gimpel 2016; absolute error of Φ
/// below 2e-7.
#[inline(always)]
pub(super) unsafe fn gelu<S: Lanes>(x: S) -> S {
    unsafe {
        let clamped = x.min(S::splat(SATURATION)).max(S::splat(-SATURATION));
        let square = clamped.mul(clamped);
        let ratio = polynomial(&NUMERATOR, square).div(polynomial(&DENOMINATOR, square));
        x.mul(clamped.mul_add(ratio, S::splat(0.5)))
    }
}

/// eˣ for x ≤ 0, relative error below 2e-7; −∞ gives a number below 1e-37.
#[inline(always)]
pub(super) unsafe fn exponential<S: Lanes>(x: S) -> S {
    unsafe {
        let x = x.max(S::splat(LOWEST_EXPONENT));
        let rounding = S::splat(ROUNDING);
        let shifted = x.mul_add(S::splat(std::f32::consts::LOG2_E), rounding);
        let power = shifted.sub(rounding);
        let rest = power.mul_add(S::splat(-LN2_HIGH), x);
        let rest = power.mul_add(S::splat(-LN2_LOW), rest);
        let tail = polynomial(&EXPONENTIAL, rest);
        let mantissa = rest.mul(rest).mul_add(tail, rest).add(S::splat(1.0));
        mantissa.scale_by_power(shifted)
    }
}

/// Horner's scheme, `coefficients` from the lowest power.
#[inline(always)]
unsafe fn polynomial<S: Lanes, const N: usize>(coefficients: &[f32; N], x: S) -> S {
    unsafe {
        let mut value = S::splat(coefficients[N - 1]);
        for coefficient in coefficients[..N - 1].iter().rev() {
            value = value.mul_add(x, S::splat(*coefficient));
        }
        value
    }
}
