//! `%rag delete`: documents go out of a corpus.

use kernwerk_core::{Access, Output, Problem, Resource, Value};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_rag::DeleteRequest;

use super::few;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Delete {
    #[arg(value_name = "CORPUS")]
    corpus: String,
    /// Documents, as `%rag show CORPUS` names them
    #[arg(value_name = "DOC", required_unless_present = "source")]
    documents: Vec<String>,
    /// All documents from this file, or from all files below this directory, whether it still exists or not
    #[arg(long, value_name = "PATH")]
    source: Vec<String>,
}

impl Verb for Delete {
    const MAGIC: &'static str = "rag";
    const NAME: &'static str = "delete";
    const ABOUT: &'static str = "take documents that you may read out of a corpus, as a new version; their files stay";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "one document",
            line: "%rag delete handbook docs/replay.md",
            body: None,
            setup: &["%rag ingest handbook docs"],
        },
        Example {
            about: "all that came from a directory",
            line: "%rag delete handbook --source docs",
            body: None,
            setup: &["%rag ingest handbook docs"],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let (lab, principal) = (context.lab()?, context.principal()?);
        let request = DeleteRequest {
            corpus: self.corpus,
            documents: self.documents,
            sources: self.source.iter().map(|path| context.path(path)).collect(),
        };
        let (deleted, digest) = context.block_on(async {
            let deleted = kernwerk_rag::delete(&lab, &principal, &request, context.work()).await?;
            let stored = lab.dataset_at(Resource::Corpus, &request.corpus, deleted.version).await?;
            let digest = stored.digest().await?;
            Ok::<_, Problem>((deleted, digest))
        })?;
        context.effect(Access::Write, Resource::Corpus, &deleted.corpus, Some(deleted.version), Some(digest));
        let output = Output::record([
            ("corpus", Value::from(deleted.corpus.as_str())),
            ("version", Value::from(deleted.version)),
            ("documents deleted", Value::from(deleted.documents.len())),
            ("chunks deleted", Value::from(deleted.chunks)),
            ("deleted", Value::from(few(&deleted.documents))),
        ]);
        Ok(output.with_note("an ingest of their files takes them in again").volatile().into())
    }
}
