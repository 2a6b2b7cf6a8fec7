//! `%rag ingest`: documents become chunks of a corpus.

use kernwerk_core::{Access, Output, Problem, Resource, Value};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_rag::{IngestRequest, Ingested, Language, Readers};

use super::{counted, few};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Ingest {
    /// The corpus; it is made if there is none
    #[arg(value_name = "CORPUS")]
    corpus: String,
    /// Files, and directories with all below them: Markdown, text, HTML, JSON lines with `_id`, `title` and `text`
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
    /// Who may read the documents: `everyone`, `user:NAME` and `group:NAME`, with commas between; without it who may read
    /// them now, and everyone for a new source
    #[arg(long, value_name = "READERS")]
    readers: Option<String>,
    /// The language of the documents, such as `de`; without it each document's own is found out
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<String>,
    /// Most tokens of a chunk; without it as many as the model reads
    #[arg(long, value_name = "N")]
    chunk_tokens: Option<usize>,
}

impl Verb for Ingest {
    const MAGIC: &'static str = "rag";
    const NAME: &'static str = "ingest";
    const ABOUT: &'static str = "take documents into a corpus; what it knows already is not embedded again";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example { about: "all documents in a directory", line: "%rag ingest handbook docs", body: None, setup: &[] },
        Example {
            about: "for Anna and the editors alone",
            line: "%rag ingest drafts docs --readers user:anna,group:editors",
            body: None,
            setup: &[],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let request = IngestRequest {
            corpus: self.corpus,
            paths: self.paths.iter().map(|path| context.path(path)).collect(),
            readers: self.readers.as_deref().map(Readers::parse).transpose()?,
            language: self.lang.as_deref().map(Language::parse).transpose()?,
            chunk_tokens: self.chunk_tokens,
        };
        let lab = context.lab_for_writing()?;
        let embedder = context.embedder()?;
        let (ingested, digest) = context.block_on(async {
            let ingested = kernwerk_rag::ingest(&lab, &request, embedder.as_ref(), context.work()).await?;
            let stored = lab.dataset_at(Resource::Corpus, &request.corpus, ingested.version).await?;
            let digest = stored.digest().await?;
            Ok::<_, Problem>((ingested, digest))
        })?;
        for source in &ingested.sources {
            context.effect(Access::Read, Resource::File, &source.name, None, Some(source.digest.clone()));
        }
        context.effect(Access::Write, Resource::Corpus, &ingested.corpus, Some(ingested.version), Some(digest));
        Ok(shown(&ingested).into())
    }
}

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
        ("chunks in the corpus", Value::from(ingested.chunks)),
        ("chunks embedded", Value::from(ingested.embedded)),
    ]);
    if !ingested.written {
        output = output.with_note("nothing has changed: no new version");
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
    for readers in &ingested.kept_readers {
        let readers = readers.as_slice().join(",");
        output = output.with_note(format!("the readers stay {readers}; `--readers everyone` lets everyone read"));
    }
    // What was new depends on what the corpus held before; a replay compares its content instead.
    output.volatile()
}
