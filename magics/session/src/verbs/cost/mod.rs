//! The verbs of `%cost`.

mod report;

use crate::verb::{Entry, entry};

pub(crate) static VERBS: &[Entry] = &[entry::<report::Report>()];
