//! Whether a difference between two runs over the same questions may be chance: the paired randomisation test (Fisher).

use kernwerk_core::{Cancelled, Work};

use super::bootstrap::{RESAMPLES, STRIDE};
use super::random::Random;

/// The probability of a mean difference at least as great, in either direction, were it chance which of the two runs has which
/// score of a question. Exact for few questions, else from as many random draws as an interval has resamples, where the
/// differences as they are count as one draw, so that the answer is never 0. None without differences.
pub fn p_value(differences: &[f64], seed: u64, work: &Work) -> Result<Option<f64>, Cancelled> {
    from_draws(differences, seed, RESAMPLES, work)
}

fn from_draws(differences: &[f64], seed: u64, draws: usize, work: &Work) -> Result<Option<f64>, Cancelled> {
    if differences.is_empty() {
        return Ok(None);
    }
    let observed = differences.iter().sum::<f64>().abs();
    // Sums of the same numbers in other signs meet the observed one up to their last digits.
    let reached = observed - differences.iter().map(|difference| difference.abs()).sum::<f64>() * 1e-12;
    let patterns = u32::try_from(differences.len()).ok().and_then(|count| 1_usize.checked_shl(count));
    if let Some(patterns) = patterns.filter(|patterns| *patterns <= draws) {
        let extreme = (0..patterns as u64).filter(|signs| flipped(differences, || *signs) >= reached).count();
        return Ok(Some(extreme as f64 / patterns as f64));
    }
    let mut random = Random::new(seed);
    let mut extreme = 1;
    for done in 0..draws {
        if done.is_multiple_of(STRIDE) {
            work.check()?;
        }
        extreme += usize::from(flipped(differences, || random.next()) >= reached);
    }
    Ok(Some(extreme as f64 / (draws + 1) as f64))
}

/// The size of the sum when the sign of each difference is a bit of `signs`, which is asked for 64 bits at a time.
fn flipped(differences: &[f64], mut signs: impl FnMut() -> u64) -> f64 {
    let mut sum = 0.0;
    for word in differences.chunks(64) {
        let bits = signs();
        for (place, difference) in word.iter().enumerate() {
            sum += if bits >> place & 1 == 1 { -difference } else { *difference };
        }
    }
    sum.abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(differences: &[f64], seed: u64) -> Option<f64> {
        p_value(differences, seed, &Work::silent()).expect("nobody interrupts")
    }

    #[test]
    fn few_questions_are_counted_out() {
        assert_eq!(p(&[], 0), None);
        assert_eq!(p(&[0.0, 0.0], 0), Some(1.0));
        // Of the 8 patterns the two with all signs alike reach the sum.
        assert_eq!(p(&[0.1, 0.2, 0.3], 0), Some(0.25));
        assert_eq!(p(&[0.5], 0), Some(1.0));
        // 0.3 - 0.1 - 0.2 is not quite 0 in binary, and neither is what it is compared with.
        assert_eq!(p(&[0.3, -0.1, -0.2], 0), Some(1.0));
    }

    #[test]
    fn many_questions_are_sampled() {
        let differences: Vec<f64> = (0..200).map(|n| if n % 4 == 0 { -0.1 } else { 0.1 }).collect();
        assert_eq!(p(&differences, 1), Some(1.0 / 10_001.0));
        let even: Vec<f64> = (0..200).map(|n| if n % 2 == 0 { -0.1 } else { 0.1 }).collect();
        assert!(p(&even, 1).is_some_and(|p| p > 0.9));
    }

    /// Without a true difference, p-values up to 5 % come in 5 % of all cases. A tenth of the draws is enough to see it.
    #[test]
    fn chance_is_seldom_taken_for_a_difference() {
        let mut random = Random::new(7);
        let (trials, work) = (2000, Work::silent());
        let alarms = (0..trials).filter(|trial| {
            let differences: Vec<f64> = (0..40).map(|_| random.below(1001) as f64 / 1000.0 - 0.5).collect();
            let found = from_draws(&differences, *trial, RESAMPLES / 10, &work).expect("nobody interrupts");
            found.is_some_and(|p| p <= 0.05)
        });
        let share = alarms.count() as f64 / trials as f64;
        assert!((0.038..=0.062).contains(&share), "{share}");
    }
}
