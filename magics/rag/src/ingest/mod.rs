//! Taking documents into a corpus: read, cut, compare with what is there, embed what is new, store it all as one version.

mod draft;
mod plan;
mod scope;

use std::path::PathBuf;
use std::sync::Arc;

use kernwerk_core::{Embedder, Event, Events, Resource, Work};
use kernwerk_store::{Embeddings, Lab, Principal, WriteLock, WriteMode};

use crate::chunk::LEAST_TOKENS;
use crate::corpus::{self, MadeWith, Row};
use crate::{Error, Language, Readers};
use plan::{Pending, Plan};
use scope::Scope;

pub(crate) use scope::is_below;

/// What to take into a corpus, and how.
#[derive(Clone, Debug)]
pub struct IngestRequest {
    pub corpus: String,
    /// Files, and directories with all that is below them.
    pub paths: Vec<PathBuf>,
    /// Who may read the documents. None: those who may read the source's documents now, and everyone for a new source.
    pub readers: Option<Readers>,
    /// The language of all documents; none to find it out for each.
    pub language: Option<Language>,
    /// Most tokens of a chunk; none for what the corpus has now, and for a new one as many as the model reads.
    pub chunk_tokens: Option<usize>,
    /// Take in all files or none, rather than those that can be read.
    pub is_strict: bool,
}

/// What an ingest did.
#[derive(Clone, Debug, PartialEq)]
pub struct Ingested {
    pub corpus: String,
    /// The version that the corpus is at.
    pub version: u64,
    /// Whether that version is new.
    pub written: bool,
    pub added: usize,
    pub changed: usize,
    pub removed: usize,
    pub unchanged: usize,
    /// Chunks of the documents that were read.
    pub chunks: usize,
    /// Chunks that the model read; the others were known.
    pub embedded: usize,
    /// Chunks that the model had read for an ingest that was cut off.
    pub remembered: usize,
    /// Documents that were read and have no text.
    pub without_text: Vec<String>,
    /// Files in the given directories that are of no kind that is read.
    pub left_out: Vec<String>,
    /// Hidden files and directories in the given directories, which were left out.
    pub hidden: Vec<String>,
    /// Why files could not be read, each with its name. What the corpus has of them is as it was.
    pub unread: Vec<String>,
    /// The reader lists that were kept because none was given; `everyone` is not among them.
    pub kept_readers: Vec<Readers>,
    /// The files that were read.
    pub sources: Vec<Source>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// See [`Lab::relative`].
    pub name: String,
    /// blake3 of its bytes, hexadecimal.
    pub digest: String,
}

/// A corpus before it is changed.
pub(crate) struct There {
    version: u64,
    pub made_with: MadeWith,
    pub rows: Vec<Row>,
}

/// Takes the documents at the given paths into a corpus, which is made if there is none. Documents of the same sources that
/// are there no more are removed. What the corpus knows already, by its content, is not embedded again; when nothing differs
/// there is no new version. A file that cannot be read is told and left alone. On failure and on cancel the corpus stays as it was.
pub async fn ingest(
    lab: &Lab,
    request: &IngestRequest,
    embedder: &dyn Embedder,
    work: &Work,
) -> Result<Ingested, Error> {
    let lock = lab.lock(Resource::Corpus, &request.corpus, &work.cancel)?;
    let operation = lab.begin("ingest", &request.corpus)?;
    let there = match there(lab, &request.corpus).await {
        Err(Error::Store(kernwerk_store::Error::Unknown { .. })) => None,
        there => Some(there?),
    };
    let scope = Scope::find(lab, &request.paths, there.as_ref().map_or(&[], |there| &there.rows))?;
    let ingested = take_in(&lock, request, there.as_ref(), scope, embedder, work).await?;
    operation.done()?;
    Ok(ingested)
}

/// Reads the sources of a corpus again: what has changed is replaced, what is gone is removed, and the rest costs nothing.
/// Readers and languages stay. Sources with documents that `principal` may not read are left alone.
pub async fn refresh(
    lab: &Lab,
    principal: &Principal,
    corpus: &str,
    is_strict: bool,
    embedder: &dyn Embedder,
    work: &Work,
) -> Result<Ingested, Error> {
    let lock = lab.lock(Resource::Corpus, corpus, &work.cancel)?;
    let operation = lab.begin("refresh", corpus)?;
    let there = there(lab, corpus).await?;
    let scope = Scope::again(lab, principal, &there.rows)?;
    let request = IngestRequest {
        corpus: corpus.to_owned(),
        paths: Vec::new(),
        readers: None,
        language: None,
        chunk_tokens: None,
        is_strict,
    };
    let ingested = take_in(&lock, &request, Some(&there), scope, embedder, work).await?;
    operation.done()?;
    Ok(ingested)
}

/// Brings a corpus up to what its sources say now, under a lock that is held.
async fn take_in(
    lock: &WriteLock,
    request: &IngestRequest,
    there: Option<&There>,
    mut scope: Scope,
    embedder: &dyn Embedder,
    work: &Work,
) -> Result<Ingested, Error> {
    let made_with = made_with(request, there, embedder)?;
    let known = there.map_or(&[][..], |there| &there.rows);
    let read = draft::read_files(&mut scope, work)?;
    scope.check(request.is_strict)?;
    let drafts = draft::drafts(&scope, read, request, made_with.chunk_tokens, embedder, work)?;
    let chunks = drafts.documents.iter().map(|document| document.chunks.len()).sum();
    let mut plan = Plan::new(request, &scope, drafts.documents, known)?;
    let mut cache = lock.lab().embeddings(&made_with.model.digest);
    let Embedding { embedded, remembered, digests } = embed(&mut plan, &made_with, embedder, &mut cache, work)?;
    let is_same = there.is_some_and(|there| there.made_with == made_with && plan.rows == there.rows);
    let version = match there {
        Some(there) if is_same => there.version,
        _ => {
            // Always the whole corpus, in one order: what it holds then depends on the documents alone and not on the way
            // there, so that a replay that ingests them at once compares equal.
            let batches = corpus::batches(&request.corpus, &made_with, &plan.rows)?;
            lock.write(WriteMode::Replace, batches, work).await?.version
        }
    };
    cache.done(digests.iter().map(String::as_str));
    Ok(Ingested {
        corpus: request.corpus.clone(),
        version,
        written: !is_same,
        added: plan.added,
        changed: plan.changed,
        removed: plan.removed,
        unchanged: plan.unchanged,
        chunks,
        embedded,
        remembered,
        without_text: plan.without_text,
        left_out: scope.left_out,
        hidden: scope.hidden,
        unread: scope.unread.iter().map(|unread| unread.error.to_string()).collect(),
        kept_readers: plan.kept_readers,
        sources: drafts.sources,
    })
}

/// The corpus as it is stored, or the error that there is none.
pub(crate) async fn there(lab: &Lab, corpus: &str) -> Result<There, Error> {
    let stored = lab.dataset(Resource::Corpus, corpus).await?;
    let mut rows = Vec::new();
    for batch in stored.read(None, None).await? {
        rows.extend(corpus::rows(corpus, &batch)?);
    }
    let made_with = MadeWith::read(corpus, stored.schema().metadata())?;
    Ok(There { version: stored.version(), made_with, rows })
}

fn made_with(request: &IngestRequest, there: Option<&There>, embedder: &dyn Embedder) -> Result<MadeWith, Error> {
    if let Some(there) = there {
        there.made_with.check(&request.corpus, embedder)?;
    }
    let most = embedder.max_tokens();
    let kept = there.map_or(most, |there| there.made_with.chunk_tokens);
    let chunk_tokens = request.chunk_tokens.unwrap_or(kept);
    if !(LEAST_TOKENS..=most).contains(&chunk_tokens) {
        let model = embedder.id().name.clone();
        return Err(Error::BadChunkTokens { given: chunk_tokens, model, least: LEAST_TOKENS, most });
    }
    Ok(MadeWith { model: embedder.id().clone(), dimensions: embedder.dimensions(), chunk_tokens })
}

/// What the rows that lacked a vector got.
struct Embedding {
    embedded: usize,
    remembered: usize,
    /// Digests of their texts.
    digests: Vec<String>,
}

/// Gives the rows that lack them their vectors: those that an ingest which was cut off had computed, and the model's.
fn embed(
    plan: &mut Plan,
    made_with: &MadeWith,
    embedder: &dyn Embedder,
    cache: &mut Embeddings,
    work: &Work,
) -> Result<Embedding, Error> {
    let mut pending = std::mem::take(&mut plan.pending);
    let digests: Vec<String> = pending.iter().map(|pending| pending.digest.clone()).collect();
    let known = cache.known(digests.iter().map(String::as_str));
    let rows = &mut plan.rows;
    let mut give = |pending: &Pending, vector: &[f32]| {
        for &row in &pending.rows {
            rows[row].vector = Some(vector.to_vec());
        }
    };
    pending.retain(|pending| match known.get(&pending.digest) {
        Some(vector) if vector.len() == made_with.dimensions => {
            give(pending, vector);
            false
        }
        _ => true,
    });
    let (embedded, remembered) = (pending.len(), digests.len() - pending.len());
    if !pending.is_empty() {
        let texts: Vec<&str> = pending.iter().map(|pending| pending.text.as_str()).collect();
        let told = Work::new(work.cancel.clone(), Arc::new(InChunks { events: work.events.clone() }));
        embedder.embed_each(&texts, &told, &mut |place, vector| {
            give(&pending[place], vector);
            cache.keep(&pending[place].digest, vector);
        })?;
    }
    Ok(Embedding { embedded, remembered, digests })
}

/// Tells the model's progress as the progress of the ingest.
struct InChunks {
    events: Arc<dyn Events>,
}

impl Events for InChunks {
    fn emit(&self, event: Event) {
        self.events.emit(match event {
            Event::Progress { done, total, .. } => {
                Event::Progress { task: "embedding".to_owned(), done, total, unit: "chunks" }
            }
            event => event,
        });
    }
}
