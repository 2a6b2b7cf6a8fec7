//! `%rag search`: what a corpus has on a query, or on many.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use kernwerk_core::{Access, Embedder, Output, Problem, Resource, Table, Value};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_rag::{Hit, Language, Mode, SearchRequest};
use kernwerk_store::{Lab, Principal};

use super::{counted, digest_of, few, reader};
use crate::verbs::table;
use crate::{Answer, Context, Verb};

/// Results of a query without `-k`.
const RESULTS: usize = 10;
/// Documents of a query in a run without `-k`, as is the custom at TREC.
const RUN_RESULTS: usize = 1000;
/// A run with fewer would spoil the measures that look so deep.
const LEAST_RUN_RESULTS: usize = 100;

#[derive(clap::Args)]
pub(crate) struct Search {
    #[arg(value_name = "CORPUS")]
    corpus: String,
    /// What to look for
    #[arg(value_name = "QUERY", required_unless_present = "queries", conflicts_with = "queries")]
    query: Option<String>,
    /// Most results; 10 without it, and 1000 for each of many queries (there at least 100)
    #[arg(short = 'k', long = "results", value_name = "N")]
    results: Option<usize>,
    /// By words (BM25), by meaning (the model's vectors), or by both, fused by rank
    #[arg(long, value_enum, default_value_t = By::Hybrid)]
    mode: By,
    /// Only documents in this language, such as `de`
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<String>,
    /// Many queries: JSON lines with `_id` and `text`
    #[arg(long, value_name = "FILE", requires = "run")]
    queries: Option<String>,
    /// Where the documents for many queries go, as a TREC run
    #[arg(long, value_name = "FILE", requires = "queries")]
    run: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum By {
    Hybrid,
    Text,
    Vector,
}

impl Verb for Search {
    const MAGIC: &'static str = "rag";
    const NAME: &'static str = "search";
    const ABOUT: &'static str = "the chunks of a corpus that answer a query best, among those that you may read";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "the three best chunks, by words and by meaning",
            line: "%rag search handbook \"what does a replay compare?\" -k 3",
            body: None,
            setup: &["%rag ingest handbook docs"],
        },
        Example {
            about: "by words alone, with the whole texts for a later cell",
            line: "%rag search handbook replay --mode text -> hits",
            body: None,
            setup: &["%rag ingest handbook docs"],
        },
        Example {
            about: "many queries at once, for a program that measures",
            line: "%rag search handbook --queries queries.jsonl --run handbook.trec",
            body: None,
            setup: &["%rag ingest handbook docs"],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let principal = context.principal()?;
        let mode = match self.mode {
            By::Hybrid => Mode::Hybrid,
            By::Text => Mode::Text,
            By::Vector => Mode::Vector,
        };
        let language = self.lang.as_deref().map(Language::parse).transpose()?;
        let request = |limit| SearchRequest { corpus: self.corpus.clone(), mode, language, limit };
        match (&self.query, &self.queries, &self.run) {
            (_, Some(queries), Some(run)) => {
                let limit = self.results.map_or(RUN_RESULTS, |results| results.max(LEAST_RUN_RESULTS));
                many(context, &lab, &principal, &request(limit), &context.path(queries), &context.path(run))
            }
            (query, ..) => {
                let limit = self.results.unwrap_or(RESULTS);
                one(context, &lab, &principal, &request(limit), query.as_deref().unwrap_or_default())
            }
        }
    }
}

/// The model, where the mode needs it.
fn embedder(context: &Context<'_>, mode: Mode) -> Result<Option<Arc<dyn Embedder>>, Problem> {
    if mode.uses_model() { context.embedder().map(Some) } else { Ok(None) }
}

fn one(
    context: &Context<'_>,
    lab: &Lab,
    principal: &Principal,
    request: &SearchRequest,
    query: &str,
) -> Result<Answer, Problem> {
    let embedder = embedder(context, request.mode)?;
    let search = kernwerk_rag::search(lab, principal, request, query, embedder.as_deref(), context.work());
    let answer = context.block_on(search)?;
    context.effect(Access::Read, Resource::Corpus, &answer.corpus, Some(answer.version), Some(answer.digest));
    let mut output = Output::table(shown(&answer.hits)?).with_title(format!("`{query}` in {}", answer.corpus));
    if answer.hits.is_empty() {
        let searched = counted(answer.searched, "chunk");
        output = output.with_note(format!("nothing found in the {searched} that {} may read", reader(principal)));
    }
    Ok(Answer::binding(output, complete(&answer.hits)?))
}

fn many(
    context: &Context<'_>,
    lab: &Lab,
    principal: &Principal,
    request: &SearchRequest,
    queries: &Path,
    target: &Path,
) -> Result<Answer, Problem> {
    let text = kernwerk_rag::read_queries(queries)?;
    let embedder = embedder(context, request.mode)?;
    let search = kernwerk_rag::search_many(lab, principal, request, &text, embedder.as_deref(), context.work());
    let run = context.block_on(search)?;
    lab.atomic_write(target, run.text.as_bytes())?;
    let file = lab.relative(target);
    context.effect(Access::Read, Resource::File, &lab.relative(queries), None, digest_of(queries));
    context.effect(Access::Read, Resource::Corpus, &run.corpus, Some(run.version), Some(run.digest));
    let written = blake3::hash(run.text.as_bytes()).to_hex().to_string();
    context.effect(Access::Write, Resource::File, &file, None, Some(written));
    let mut output = Output::record([
        ("corpus", Value::from(run.corpus.as_str())),
        ("mode", Value::from(request.mode.name())),
        ("queries", Value::from(text.len())),
        ("documents searched", Value::from(run.searched)),
        ("lines", Value::from(run.lines)),
        ("run", Value::from(file)),
    ]);
    if !run.unanswered.is_empty() {
        let count =
            if run.unanswered.len() == 1 { "1 query".to_owned() } else { format!("{} queries", run.unanswered.len()) };
        output = output.with_note(format!("nothing found for {count}: {}", few(&run.unanswered)));
    }
    Ok(output.into())
}

/// What people read of the hits. A file that is one document is called by its path: nobody wants to read that twice.
fn shown(hits: &[Hit]) -> Result<Table, Problem> {
    let mut columns = vec![("rank", ranks(hits)), ("score", scores(hits)), ("doc_id", texts(hits, |hit| &hit.doc_id))];
    if hits.iter().any(|hit| hit.source != hit.doc_id) {
        columns.push(("source", texts(hits, |hit| &hit.source)));
    }
    columns.extend([("section", texts(hits, |hit| &hit.section)), ("text", texts(hits, |hit| &hit.excerpt))]);
    table(columns)
}

/// All that is known of the hits, whole texts included.
fn complete(hits: &[Hit]) -> Result<Table, Problem> {
    let language = |hit: &Hit| hit.language.map(Language::code);
    table(vec![
        ("rank", ranks(hits)),
        ("score", scores(hits)),
        ("doc_id", texts(hits, |hit| &hit.doc_id)),
        ("source", texts(hits, |hit| &hit.source)),
        ("title", texts(hits, |hit| &hit.title)),
        ("section", texts(hits, |hit| &hit.section)),
        ("ordinal", Arc::new(hits.iter().map(|hit| i64::from(hit.ordinal)).collect::<Int64Array>())),
        ("lang", Arc::new(hits.iter().map(language).collect::<StringArray>())),
        ("text", texts(hits, |hit| &hit.text)),
    ])
}

fn ranks(hits: &[Hit]) -> ArrayRef {
    Arc::new(hits.iter().map(|hit| i64::try_from(hit.rank).unwrap_or(i64::MAX)).collect::<Int64Array>())
}

fn scores(hits: &[Hit]) -> ArrayRef {
    Arc::new(hits.iter().map(|hit| hit.score).collect::<Float64Array>())
}

fn texts(hits: &[Hit], of: fn(&Hit) -> &String) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(hits.iter().map(of)))
}
