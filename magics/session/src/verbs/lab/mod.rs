//! The verbs of `%lab`.

mod doctor;
mod init;
mod principal;
mod status;

use crate::verb::{Entry, entry};

pub(crate) static VERBS: &[Entry] =
    &[entry::<init::Init>(), entry::<status::Status>(), entry::<principal::Principal>(), entry::<doctor::Doctor>()];
