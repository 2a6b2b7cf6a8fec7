//! The verbs of `%cost`.

mod budget;
mod prices;
mod report;
mod tag;

use crate::verb::{Entry, entry};

pub(crate) static VERBS: &[Entry] = &[
    entry::<report::Report>(),
    entry::<budget::set::Set>(),
    entry::<budget::list::List>(),
    entry::<budget::show::Show>(),
    entry::<budget::remove::Remove>(),
    entry::<tag::Tag>(),
    entry::<prices::Prices>(),
];
