//! `%rag ingest`: documents become chunks of a corpus.

use kernwerk_core::Problem;
use kernwerk_lang::{BodyUse, Example};
use kernwerk_rag::{IngestRequest, Language, Readers};

use super::{record_ingest, shown};
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
    /// Take in all files or none; without it files that cannot be read are told (exit code 1) and the others taken in
    #[arg(long)]
    strict: bool,
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
            is_strict: self.strict,
        };
        let lab = context.lab_for_writing()?;
        let embedder = context.embedder()?;
        let ingest = kernwerk_rag::ingest(&lab, &request, embedder.as_ref(), context.work());
        let ingested = context.block_on(ingest)?;
        record_ingest(context, &lab, &ingested)?;
        Ok(shown(&ingested).into())
    }
}
