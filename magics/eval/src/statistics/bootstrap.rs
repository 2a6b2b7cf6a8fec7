//! How far a mean over questions may be trusted: the bootstrap interval, bias-corrected and accelerated (Efron, 1987).

use kernwerk_core::{Cancelled, Work};

use super::random::Random;
use super::{mean, normal};

/// Resamples of an interval.
pub const RESAMPLES: usize = 10_000;
/// How often an interval covers.
pub const CONFIDENCE: f64 = 0.95;
/// Resamples between two looks at the cancel flag.
pub(super) const STRIDE: usize = 250;

/// Where a mean lies, had other questions of the same kind been asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// The interval of the mean of `values`, the same for the same values in the same order and the same seed. One value alone
/// has none.
pub fn interval(values: &[f64], seed: u64, work: &Work) -> Result<Option<Interval>, Cancelled> {
    from_resamples(values, seed, RESAMPLES, work)
}

fn from_resamples(values: &[f64], seed: u64, resamples: usize, work: &Work) -> Result<Option<Interval>, Cancelled> {
    let (Some((first, rest)), Some(centre)) = (values.split_first(), mean(values)) else {
        return Ok(None);
    };
    if rest.is_empty() {
        return Ok(None);
    }
    if rest.iter().all(|value| value == first) {
        return Ok(Some(Interval { low: *first, high: *first }));
    }
    let means = resampled(values, seed, resamples, work)?;
    let bias = bias(&means, centre);
    let acceleration = acceleration(values, centre);
    let end = |share: f64| {
        let z = bias + normal::quantile(share);
        let corrected = normal::cumulative(bias + z / (1.0 - acceleration * z));
        between(&means, corrected)
    };
    let outside = (1.0 - CONFIDENCE) / 2.0;
    Ok(Some(Interval { low: end(outside), high: end(1.0 - outside) }))
}

/// The means of resamples, sorted.
fn resampled(values: &[f64], seed: u64, resamples: usize, work: &Work) -> Result<Vec<f64>, Cancelled> {
    let mut random = Random::new(seed);
    let count = values.len();
    let mut means = Vec::with_capacity(resamples);
    for done in 0..resamples {
        if done.is_multiple_of(STRIDE) {
            work.check()?;
            work.progress("resampling", done as u64, Some(resamples as u64), "resamples");
        }
        means.push((0..count).map(|_| values[random.below(count)]).sum::<f64>() / count as f64);
    }
    means.sort_unstable_by(f64::total_cmp);
    Ok(means)
}

/// How far the resamples lie to one side of the mean. Those that hit it count half to each side; sums in other orders hit it
/// up to their last digits.
fn bias(means: &[f64], centre: f64) -> f64 {
    let tolerance = centre.abs() * 1e-12;
    let below = means.partition_point(|mean| *mean < centre - tolerance);
    let up_to = means.partition_point(|mean| *mean <= centre + tolerance);
    let resamples = means.len() as f64;
    let share = (below + up_to) as f64 / (2.0 * resamples);
    // Few values with one far off can have all resamples on one side.
    normal::quantile(share.clamp(0.5 / resamples, 1.0 - 0.5 / resamples))
}

/// How the spread changes with the mean, from the values that leave out one at a time; for a mean that is their skewness.
fn acceleration(values: &[f64], centre: f64) -> f64 {
    let (mut squares, mut cubes) = (0.0, 0.0);
    for value in values {
        let deviation = value - centre;
        squares += deviation * deviation;
        cubes += deviation * deviation * deviation;
    }
    cubes / (6.0 * squares.powf(1.5))
}

/// The value that lies above `share` of the sorted values, between neighbours where need be.
fn between(sorted: &[f64], share: f64) -> f64 {
    let place = share.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (place - place.floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(values: &[f64], seed: u64) -> Option<Interval> {
        interval(values, seed, &Work::silent()).expect("nobody interrupts")
    }

    #[test]
    fn little_is_said_of_little() {
        assert_eq!(known(&[], 0), None);
        assert_eq!(known(&[0.4], 0), None);
        assert_eq!(known(&[0.4, 0.4, 0.4], 0), Some(Interval { low: 0.4, high: 0.4 }));
    }

    #[test]
    fn resampling_can_be_interrupted() {
        let work = Work::silent();
        work.cancel.cancel();
        assert_eq!(interval(&[0.0, 1.0], 0, &work), Err(Cancelled));
    }

    #[test]
    fn the_same_values_and_seed_give_the_same_interval() {
        let values: Vec<f64> = (0..50).map(|n| f64::from(n % 7) / 7.0).collect();
        assert_eq!(known(&values, 3), known(&values, 3));
        assert_ne!(known(&values, 3), known(&values, 4));
    }

    /// The ends themselves are held against scipy's, in `tests/oracle/test_eval.py`.
    #[test]
    fn the_interval_is_around_the_mean_and_inside_the_values() {
        let values: Vec<f64> = (0..40).map(|n| f64::from(n % 5) / 4.0).collect();
        let found = known(&values, 0).expect("an interval");
        assert!(0.0 < found.low && found.low < 0.5 && 0.5 < found.high && found.high < 1.0, "{found:?}");
    }

    /// Makes one value.
    type Draw = fn(&mut Random) -> f64;

    /// How often the interval covers the true mean of what `draw` makes. A tenth of the resamples is enough to see it.
    fn coverage(draw: Draw, truth: f64, questions: usize) -> f64 {
        let mut random = Random::new(2026);
        let (trials, work) = (500, Work::silent());
        let covered = (0..trials).filter(|trial| {
            let values: Vec<f64> = (0..questions).map(|_| draw(&mut random)).collect();
            let found = from_resamples(&values, *trial, RESAMPLES / 10, &work).expect("nobody interrupts");
            found.is_some_and(|found| found.low <= truth && truth <= found.high)
        });
        covered.count() as f64 / trials as f64
    }

    /// A number from 0 to 1.
    fn uniform(random: &mut Random) -> f64 {
        (random.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The chance error of 500 trials at 95 % is one point; with 100 values the interval itself is a little too narrow.
    #[test]
    fn the_interval_covers_as_often_as_it_says() {
        // A hit or a miss, as exact match and P@1 are; what most questions get right or wrong entirely, as nDCG; skewed.
        let cases: [(&str, Draw, f64); 4] = [
            ("even", uniform, 0.5),
            ("hits", |random| f64::from(u8::from(uniform(random) < 0.3)), 0.3),
            ("ranks", |random| 1.0 / (1 + random.below(4)) as f64, 25.0 / 48.0),
            ("skewed", |random| uniform(random).powi(4), 0.2),
        ];
        for (name, draw, truth) in cases {
            let found = coverage(draw, truth, 100);
            println!("{name}: {found}");
            assert!((0.92..=0.975).contains(&found), "{name}: {found}");
        }
    }
}
