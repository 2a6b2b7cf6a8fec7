//! `%rag refresh`: a corpus follows its files.

use kernwerk_core::{Output, Problem};
use kernwerk_lang::{BodyUse, Example};

use super::{record_ingest, shown};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Refresh {
    #[arg(value_name = "CORPUS")]
    corpus: String,
    /// Follow all files or none; without it what the corpus has of a file that cannot be read stays (exit code 1)
    #[arg(long)]
    strict: bool,
}

impl Verb for Refresh {
    const MAGIC: &'static str = "rag";
    const NAME: &'static str = "refresh";
    const ABOUT: &'static str = "read the files of a corpus again: changed ones are embedded anew, those of gone ones deleted, the rest costs nothing";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "after files were edited or removed",
        line: "%rag refresh handbook",
        body: None,
        setup: &["%rag ingest handbook docs"],
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let (lab, principal) = (context.lab()?, context.principal()?);
        let embedder = context.embedder()?;
        let refresh =
            kernwerk_rag::refresh(&lab, &principal, &self.corpus, self.strict, embedder.as_ref(), context.work());
        let refreshed = context.block_on(refresh)?;
        record_ingest(context, &lab, &refreshed)?;
        let output: Output = shown(&refreshed);
        Ok(output.with_note("new files come by `%rag ingest`").into())
    }
}
