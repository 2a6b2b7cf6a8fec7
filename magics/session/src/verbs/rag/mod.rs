//! The verbs of `%rag`.

mod ask;
mod delete;
mod ingest;
mod list;
mod refresh;
mod search;
mod show;

use std::path::Path;

use kernwerk_core::{Access, Output, Problem, Resource, Value, Verdict};
use kernwerk_rag::Ingested;
use kernwerk_store::{Lab, Principal};

use crate::Context;
use crate::verb::{Entry, entry};

pub(crate) static VERBS: &[Entry] = &[
    entry::<ingest::Ingest>(),
    entry::<search::Search>(),
    entry::<ask::Ask>(),
    entry::<list::List>(),
    entry::<show::Show>(),
    entry::<refresh::Refresh>(),
    entry::<delete::Delete>(),
];

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

/// For whom something was searched, in words.
fn reader(principal: &Principal) -> String {
    principal.name.clone().unwrap_or_else(|| "everyone".to_owned())
}

/// blake3 of a file, or none where it cannot be read any more.
fn digest_of(file: &Path) -> Option<String> {
    std::fs::read(file).ok().map(|bytes| blake3::hash(&bytes).to_hex().to_string())
}

/// Records which files were read, and which version of the corpus came of it.
fn record_ingest(context: &Context<'_>, lab: &Lab, ingested: &Ingested) -> Result<(), Problem> {
    for source in &ingested.sources {
        context.effect(Access::Read, Resource::File, &source.name, None, Some(source.digest.clone()));
    }
    let stored = lab.dataset_at(Resource::Corpus, &ingested.corpus, ingested.version);
    let digest = context.block_on(async { stored.await?.digest().await })?;
    context.effect(Access::Write, Resource::Corpus, &ingested.corpus, Some(ingested.version), Some(digest));
    Ok(())
}

/// What an ingest did.
fn shown(ingested: &Ingested) -> Output {
    let documents = ingested.added + ingested.changed + ingested.unchanged;
    let mut output = Output::record([
        ("corpus", Value::from(ingested.corpus.as_str())),
        ("version", Value::from(ingested.version)),
        ("documents", Value::from(documents)),
        ("added", Value::from(ingested.added)),
        ("changed", Value::from(ingested.changed)),
        ("removed", Value::from(ingested.removed)),
        ("unchanged", Value::from(ingested.unchanged)),
        ("chunks", Value::from(ingested.chunks)),
        ("chunks embedded", Value::from(ingested.embedded)),
    ]);
    if !ingested.written {
        output = output.with_note("nothing has changed: no new version");
    }
    if ingested.remembered > 0 {
        let count = counted(ingested.remembered, "chunk");
        output = output.with_note(format!("{count} had been embedded before by a run that was cut off"));
    }
    if !ingested.without_text.is_empty() {
        let count = counted(ingested.without_text.len(), "document");
        output =
            output.with_note(format!("{count} without text, kept but never found: {}", few(&ingested.without_text)));
    }
    if !ingested.left_out.is_empty() {
        let count = counted(ingested.left_out.len(), "file");
        output = output.with_note(format!("left out {count} of other kinds: {}", few(&ingested.left_out)));
    }
    if !ingested.hidden.is_empty() {
        let count = match ingested.hidden.len() {
            1 => "1 hidden entry".to_owned(),
            many => format!("{many} hidden entries"),
        };
        output = output.with_note(format!("left out {count}: {}", few(&ingested.hidden)));
    }
    if !ingested.unread.is_empty() {
        let count = counted(ingested.unread.len(), "file");
        let told = format!("{count} could not be read; what the corpus had of that stays, and the rest is taken in");
        output = ingested.unread.iter().fold(output.with_note(told), |output, reason| output.with_note(reason.clone()));
        output = output.with_verdict(Verdict::Failed);
    }
    for readers in &ingested.kept_readers {
        let readers = readers.as_slice().join(",");
        output = output.with_note(format!("the readers stay {readers}; `--readers everyone` lets everyone read"));
    }
    // What was new depends on what the corpus held before; a replay compares its content instead.
    output.volatile()
}
