//! What the models of a run used up: taken from the run's own lab, which goes, into the record and the lab's ledger.

use std::path::Path;

use kernwerk_store::{Call, Lab};

use super::record::Metrics;
use crate::Error;

/// Adds what was used up in the lab at `root` to `metrics`, and to the usage of `lab` as that of `call`.
pub(super) fn collect(lab: &Lab, root: &Path, call: &Call, metrics: &mut Metrics) -> Result<(), Error> {
    if Lab::find(root).as_deref() != Some(root) {
        // The process ended before it had made one.
        return Ok(());
    }
    for row in Lab::open(root)?.ledger().usage()? {
        metrics.calls += 1;
        metrics.tokens_in += row.usage.tokens_in;
        metrics.tokens_out += row.usage.tokens_out;
        let price = row.usage.model.as_ref().map(|model| lab.price(&model.name)).transpose()?.flatten();
        match price.as_ref().and_then(|price| price.cost(&row.usage)) {
            None => metrics.unpriced_calls += 1,
            Some(cost) => match metrics.cost.iter_mut().find(|known| known.currency == cost.currency) {
                Some(known) => known.amount_micros += cost.amount_micros,
                None => metrics.cost.push(cost),
            },
        }
        lab.ledger().add_usage(call, &row.usage, price.as_ref())?;
    }
    Ok(())
}
