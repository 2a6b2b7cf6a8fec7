//! Personal data in what would be published: in texts, and in the columns of the target with how many rows.

use kernwerk_detect::{personal, personal_in_column};
use kernwerk_store::GateRules;

use super::report::{Demand, Judged};
use super::scan::Search;
use super::{Gate, Subject};
use crate::Error;

pub(super) struct Personal;

impl Gate for Personal {
    fn name(&self) -> &'static str {
        "pii"
    }

    /// What looks like personal data may well be data that is meant to be published.
    fn demand(&self, _: &GateRules) -> Demand {
        Demand::Warn
    }

    fn remedy(&self) -> &'static str {
        "leave it out of the cells and of what they show, and run them again; what may be published goes by its fingerprint below `allow` in \
         [promote.gates] of kernwerk.toml"
    }

    fn judge(&self, subject: &Subject<'_>) -> Result<Judged, Error> {
        let mut search = Search::new(subject);
        search.columns(|column| personal_in_column(&column.name, column.texts()))?;
        search.texts(personal)?;
        Ok(search.judged())
    }
}
