//! Statistics over questions: means, how far they can be trusted, and whether two of them differ.

mod bootstrap;
mod normal;
mod permutation;
mod random;

pub use bootstrap::{CONFIDENCE, Interval, RESAMPLES, interval};
pub use permutation::p_value;

/// The mean, summed in order; none of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The least true difference that a comparison with this spread and so many questions would take for none at most once in
/// five times, at a p-value of 5 %. None for less than two questions.
pub fn detectable(differences: &[f64]) -> Option<f64> {
    let centre = mean(differences).filter(|_| differences.len() > 1)?;
    let squares: f64 = differences.iter().map(|difference| (difference - centre).powi(2)).sum();
    let spread = (squares / (differences.len() - 1) as f64).sqrt();
    Some((normal::quantile(0.975) + normal::quantile(0.8)) * spread / (differences.len() as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_what_can_be_detected() {
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[0.25, 0.75]), Some(0.5));
        assert_eq!(detectable(&[0.5]), None);
        // A spread of 1 over 100 questions: (1.96 + 0.84) / 10.
        let differences: Vec<f64> = (0..100).map(|n| if n % 2 == 0 { 0.995 } else { -0.995 }).collect();
        assert!(detectable(&differences).is_some_and(|least| (least - 0.28016).abs() < 1e-4));
    }
}
