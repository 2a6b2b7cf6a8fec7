//! The verbs of `%rag`.

mod ingest;
mod list;
mod search;

use crate::verb::{Entry, entry};

pub(crate) static VERBS: &[Entry] = &[entry::<ingest::Ingest>(), entry::<search::Search>(), entry::<list::List>()];

/// So many of them, in words: `1 chunk`, `2 chunks`.
fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// The first few of a list, and how many more there are.
fn few(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
