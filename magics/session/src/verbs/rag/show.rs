//! `%rag show`: what a corpus holds.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use kernwerk_core::{Access, Output, Problem, Resource};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_rag::{Document, Language};

use super::counted;
use crate::verbs::table;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Show {
    #[arg(value_name = "CORPUS")]
    corpus: String,
    /// Only this document, chunk by chunk
    #[arg(value_name = "DOC")]
    document: Option<String>,
}

impl Verb for Show {
    const MAGIC: &'static str = "rag";
    const NAME: &'static str = "show";
    const ABOUT: &'static str = "the documents of a corpus, or the chunks of one, as far as you may read them";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "all documents, with their sources and readers",
            line: "%rag show handbook",
            body: None,
            setup: &["%rag ingest handbook docs"],
        },
        Example {
            about: "the chunks of one",
            line: "%rag show handbook docs/replay.md",
            body: None,
            setup: &["%rag ingest handbook docs"],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let (lab, principal) = (context.lab()?, context.principal()?);
        let wanted = self.document.as_deref();
        let find = kernwerk_rag::documents(&lab, &principal, &self.corpus, wanted, context.work());
        let found = context.block_on(find)?;
        context.effect(Access::Read, Resource::Corpus, &found.corpus, Some(found.version), Some(found.digest));
        let output = match (wanted, found.documents.as_slice()) {
            (Some(_), [document]) => one(document)?,
            (_, documents) => {
                let chunks = documents.iter().map(|document| document.chunks.len()).sum();
                let (documents_count, chunks) = (counted(documents.len(), "document"), counted(chunks, "chunk"));
                Output::table(table(all(documents))?)
                    .with_title(format!("{}: {documents_count}, {chunks}", found.corpus))
                    .with_note(format!("vectors of {}", found.model.name))
            }
        };
        Ok(output.into())
    }
}

fn all(documents: &[Document]) -> Vec<(&'static str, ArrayRef)> {
    let texts = |of: &dyn Fn(&Document) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(documents.iter().map(of)))
    };
    let chunks = |document: &Document| i64::try_from(document.chunks.len()).unwrap_or(i64::MAX);
    let language = |document: &Document| document.language.map(Language::code);
    vec![
        ("doc_id", texts(&|document| document.doc_id.clone())),
        ("source", texts(&|document| document.source.clone())),
        ("title", texts(&|document| document.title.clone())),
        ("lang", Arc::new(documents.iter().map(language).collect::<StringArray>())),
        ("readers", texts(&|document| document.readers.as_slice().join(","))),
        ("chunks", Arc::new(Int64Array::from_iter_values(documents.iter().map(chunks)))),
    ]
}

fn one(document: &Document) -> Result<Output, Problem> {
    let chunks = &document.chunks;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("ordinal", Arc::new(Int64Array::from_iter_values(chunks.iter().map(|chunk| i64::from(chunk.ordinal))))),
        ("section", Arc::new(StringArray::from_iter_values(chunks.iter().map(|chunk| &chunk.section)))),
        ("text", Arc::new(StringArray::from_iter_values(chunks.iter().map(|chunk| &chunk.text)))),
    ];
    let title = match document.title.as_str() {
        "" => document.doc_id.clone(),
        title => format!("{}: {title}", document.doc_id),
    };
    let language = document.language.map_or_else(String::new, |language| format!(", {language}"));
    let readers = document.readers.as_slice().join(",");
    Ok(Output::table(table(columns)?)
        .with_title(title)
        .with_note(format!("from {}{language}, for {readers}", document.source)))
}
