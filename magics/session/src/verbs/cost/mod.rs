//! The verbs of `%cost`.

mod budget;
mod prices;
mod report;
mod tag;
mod watch;

use kernwerk_cost::{Cost, Scope};

use crate::Context;
use crate::verb::{Entry, entry};

pub(crate) static VERBS: &[Entry] = &[
    entry::<report::Report>(),
    entry::<watch::Watch>(),
    entry::<budget::set::Set>(),
    entry::<budget::list::List>(),
    entry::<budget::show::Show>(),
    entry::<budget::remove::Remove>(),
    entry::<tag::Tag>(),
    entry::<prices::Prices>(),
];

/// This notebook since its kernel started, or the whole lab: in a shell always.
fn scope(context: &Context<'_>, all: bool) -> Scope {
    let notebook = context.notebook();
    if all || notebook == "shell" { Scope::Lab } else { Scope::Process { notebook, process: context.process() } }
}

fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

/// Such as `0.012300 EUR + unpriced`; none where no model was called.
pub(in crate::verbs) fn money(cost: &Cost) -> Option<String> {
    if cost.is_empty() {
        return None;
    }
    let priced = cost.micros.iter().map(|(currency, micros)| format!("{:.6} {currency}", *micros as f64 / 1e6));
    let unpriced = (cost.unpriced_calls > 0).then(|| "unpriced".to_owned());
    Some(priced.chain(unpriced).collect::<Vec<_>>().join(" + "))
}
