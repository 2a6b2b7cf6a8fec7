//! Which crates the cells of two artifacts are compiled with, and how these differ.

use super::settings::{Change, Facts, changes as differences};
use crate::catalog::Shown;
use crate::error::Error;
use crate::lock::{crates, versions};

/// The crates whose versions differ, or that one of them has alone.
pub(super) fn changes(one: &Shown, other: &Shown) -> Result<Vec<Change>, Error> {
    Ok(differences(&facts(one)?, &facts(other)?))
}

/// The version of each crate: `crates.serde` is `1.0.219`.
fn facts(shown: &Shown) -> Result<Facts, Error> {
    let crates = crates(&shown.location, &shown.pipeline)?.unwrap_or_default();
    Ok(versions(&crates).into_iter().map(|(name, versions)| (format!("crates.{name}"), versions)).collect())
}
