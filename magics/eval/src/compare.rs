//! Two runs over the same questions, question by question.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use kernwerk_core::{Cancelled, Resource, Work};
use kernwerk_store::Lab;

use crate::statistics::{Interval, detectable, interval, mean, p_value};
use crate::{Error, Metric, Run};

/// How two runs compare in one metric; the questions that were measured in both.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    pub metric: Metric,
    /// How many questions were measured in both.
    pub paired: usize,
    /// What is there to tell of them; none where there are none.
    pub difference: Option<Difference>,
}

/// A difference between means over the same questions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    pub one: f64,
    pub other: f64,
    /// The other's mean less the one's.
    pub mean: f64,
    /// Of the difference; none for one question alone.
    pub interval: Option<Interval>,
    /// The probability of such a difference were it chance which run has which score of a question.
    pub p: f64,
    /// The least difference that so many questions would show; none for one question alone.
    pub detectable: Option<f64>,
}

/// Compares runs on the same golden set in the metrics that both have.
pub fn compare(lab: &Lab, one: &Run, other: &Run, work: &Work) -> Result<Vec<Compared>, Error> {
    let not_comparable = |reason: &str| Error::NotComparable {
        one: one.reference.to_string(),
        other: other.reference.to_string(),
        reason: reason.to_owned(),
    };
    let golden = |run: &Run| run.basis_of(Resource::Table).map(|basis| basis.digest.clone());
    if golden(one) != golden(other) {
        return Err(not_comparable("they were measured on different questions or judgements"));
    }
    let metrics = one.suite.metrics.iter().filter(|metric| other.suite.metrics.contains(metric));
    let (left, right) = (one.scores(lab)?, other.scores(lab)?);
    let compared: Vec<Compared> =
        metrics.map(|metric| in_metric(*metric, &left, &right, one.suite.seed, work)).collect::<Result<_, _>>()?;
    if compared.is_empty() { Err(not_comparable("they have no metric in common")) } else { Ok(compared) }
}

/// The rows of both tables are the questions of one golden set, in its order.
fn in_metric(
    metric: Metric,
    left: &RecordBatch,
    right: &RecordBatch,
    seed: u64,
    work: &Work,
) -> Result<Compared, Cancelled> {
    let name = metric.to_string();
    let values = |batch: &RecordBatch| -> Vec<Option<f64>> {
        let column = batch.column_by_name(&name).and_then(|column| column.as_primitive_opt::<Float64Type>());
        column.map(|column| column.iter().collect()).unwrap_or_default()
    };
    let (left, right) = (values(left), values(right));
    let pairs: Vec<(f64, f64)> = left.into_iter().zip(right).filter_map(|(one, other)| one.zip(other)).collect();
    Ok(Compared { metric, paired: pairs.len(), difference: difference(&pairs, seed, work)? })
}

fn difference(pairs: &[(f64, f64)], seed: u64, work: &Work) -> Result<Option<Difference>, Cancelled> {
    let differences: Vec<f64> = pairs.iter().map(|(one, other)| other - one).collect();
    let mean_of = |of: fn(&(f64, f64)) -> f64| mean(&pairs.iter().map(of).collect::<Vec<_>>());
    let (Some(one), Some(other), Some(mean), Some(p)) =
        (mean_of(|pair| pair.0), mean_of(|pair| pair.1), mean(&differences), p_value(&differences, seed, work)?)
    else {
        return Ok(None);
    };
    let interval = interval(&differences, seed, work)?;
    Ok(Some(Difference { one, other, mean, interval, p, detectable: detectable(&differences) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_that_of_the_pairs() {
        let of = |pairs: &[(f64, f64)]| difference(pairs, 0, &Work::silent()).expect("nobody interrupts");
        let found = of(&[(0.0, 0.5), (0.5, 0.5), (1.0, 1.0)]).expect("pairs");
        assert_eq!((found.one, found.p), (0.5, 1.0));
        assert!((found.mean - 1.0 / 6.0).abs() < 1e-12 && (found.other - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(of(&[]), None);
    }
}
