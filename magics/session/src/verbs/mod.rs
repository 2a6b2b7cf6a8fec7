//! All verbs, one file each, under the magic they belong to.

pub(crate) mod cost;
pub(crate) mod feature;
pub(crate) mod lab;
pub(crate) mod promote;
pub(crate) mod rag;

use crate::verb::Entry;

/// Every verb, magic by magic.
pub(crate) static ALL: &[&[Entry]] = &[feature::VERBS, rag::VERBS, promote::VERBS, cost::VERBS, lab::VERBS];
