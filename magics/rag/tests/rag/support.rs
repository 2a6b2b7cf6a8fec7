//! A lab to work in, a model that counts words, and short ways to call what is tested.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use kernwerk_core::{Embedder, ModelError, ModelId, Resource, Work};
use kernwerk_rag::{Answer, Error, IngestRequest, Ingested, Mode, Query, Readers, Run, SearchRequest};
use kernwerk_store::{Lab, Principal};

/// Length of the test model's vectors.
const DIMENSIONS: usize = 32;

/// A model in whose space texts with the same words are near each other. A token is a run of what is no blank.
pub struct WordModel {
    id: ModelId,
    embedded: AtomicUsize,
    /// Raises the flag of the work after so many texts.
    cancels_after: Option<usize>,
}

impl WordModel {
    pub fn new() -> Self {
        Self::called("words")
    }

    pub fn called(name: &str) -> Self {
        let id = ModelId { name: name.to_owned(), digest: format!("{name:0>64}") };
        Self { id, embedded: AtomicUsize::new(0), cancels_after: None }
    }

    pub fn cancelling_after(texts: usize) -> Self {
        Self { cancels_after: Some(texts), ..Self::new() }
    }

    /// Texts embedded since this was asked last.
    pub fn embedded(&self) -> usize {
        self.embedded.swap(0, Ordering::Relaxed)
    }
}

impl Embedder for WordModel {
    fn id(&self) -> &ModelId {
        &self.id
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn max_tokens(&self) -> usize {
        48
    }

    fn token_spans(&self, text: &str) -> Result<Vec<(usize, usize)>, ModelError> {
        let start = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
        Ok(text.split_whitespace().map(|word| (start(word), start(word) + word.len())).collect())
    }

    fn embed_each(
        &self,
        texts: &[&str],
        work: &Work,
        made: &mut (dyn FnMut(usize, &[f32]) + Send),
    ) -> Result<u64, ModelError> {
        let mut tokens = 0;
        for (done, text) in texts.iter().enumerate() {
            if self.cancels_after == Some(done) {
                work.cancel.cancel();
            }
            work.check()?;
            let spans = self.token_spans(text)?;
            assert!(spans.len() + 2 <= self.max_tokens(), "too long: {text}");
            tokens += spans.len() as u64;
            made(done, &vector(text));
            work.progress("embed", done as u64 + 1, Some(texts.len() as u64), "texts");
            self.embedded.fetch_add(1, Ordering::Relaxed);
        }
        Ok(tokens)
    }
}

fn vector(text: &str) -> Vec<f32> {
    let mut vector = [0.01_f32; DIMENSIONS];
    for word in text.to_lowercase().split_whitespace() {
        let place = word.bytes().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        vector[place % DIMENSIONS] += 1.0;
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.map(|value| value / length).to_vec()
}

/// A lab in a directory of its own.
pub struct Place {
    directory: tempfile::TempDir,
    pub lab: Lab,
    pub model: WordModel,
}

impl Place {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let lab = Lab::init(directory.path()).expect("a lab");
        Self { directory, lab, model: WordModel::new() }
    }

    /// The same place as the next process finds it.
    pub fn reopened(self) -> Self {
        Self { lab: Lab::open(self.lab.root()).expect("the lab"), ..self }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(&path, content).expect("a file");
        path
    }

    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).expect("the file was there");
    }

    /// A request for these paths with nothing else said.
    pub fn request(&self, corpus: &str, paths: &[&str]) -> IngestRequest {
        IngestRequest {
            corpus: corpus.to_owned(),
            paths: paths.iter().map(|path| self.path(path)).collect(),
            readers: None,
            language: None,
            chunk_tokens: None,
            is_strict: false,
        }
    }

    pub fn try_ingest(&self, request: &IngestRequest) -> Result<Ingested, Error> {
        run(kernwerk_rag::ingest(&self.lab, request, &self.model, &Work::silent()))
    }

    pub fn ingest(&self, corpus: &str, paths: &[&str]) -> Ingested {
        self.try_ingest(&self.request(corpus, paths)).expect("an ingest")
    }

    pub fn ingest_for(&self, readers: &str, corpus: &str, paths: &[&str]) -> Ingested {
        let readers = Some(Readers::parse(readers).expect("readers"));
        self.try_ingest(&IngestRequest { readers, ..self.request(corpus, paths) }).expect("an ingest")
    }

    pub fn try_search(&self, who: &Principal, request: &SearchRequest, query: &str) -> Result<Answer, Error> {
        run(kernwerk_rag::search(&self.lab, who, request, query, Some(&self.model), &Work::silent()))
    }

    pub fn search(&self, who: &Principal, corpus: &str, mode: Mode, query: &str) -> Answer {
        self.try_search(who, &asking(corpus, mode), query).expect("an answer")
    }

    /// The TREC run of many queries.
    pub fn run(&self, who: &Principal, request: &SearchRequest, queries: &[Query]) -> Result<Run, Error> {
        run(kernwerk_rag::search_many(&self.lab, who, request, queries, Some(&self.model), &Work::silent()))
    }

    /// Ids of the documents that nobody in particular finds by words, best first.
    pub fn found(&self, corpus: &str, query: &str) -> Vec<String> {
        let answer = self.search(&Principal::nobody(), corpus, Mode::Text, query);
        answer.hits.into_iter().map(|hit| hit.doc_id).collect()
    }

    /// The digest of all rows of a corpus.
    pub fn digest(&self, corpus: &str) -> String {
        run(async {
            self.lab.dataset(Resource::Corpus, corpus).await.expect("a corpus").digest().await.expect("a digest")
        })
    }

    /// The values of a text column of a corpus, row by row.
    pub fn column(&self, corpus: &str, column: &str) -> Vec<String> {
        let read = async {
            let stored = self.lab.dataset(Resource::Corpus, corpus).await.expect("a corpus");
            stored.read(Some(&[column]), None).await.expect("rows")
        };
        let batches = run(read);
        let texts = batches.iter().flat_map(|batch| {
            arrow::array::AsArray::as_string::<i32>(batch.column(0)).iter().map(|text| text.unwrap_or("-").to_owned())
        });
        texts.collect()
    }

    pub fn has_corpus(&self, corpus: &str) -> bool {
        self.lab.names(Resource::Corpus).iter().any(|name| name == corpus)
    }
}

pub fn asking(corpus: &str, mode: Mode) -> SearchRequest {
    SearchRequest { corpus: corpus.to_owned(), mode, language: None, limit: 100 }
}

pub fn user(name: &str, groups: &[&str]) -> Principal {
    Principal { name: Some(name.to_owned()), groups: groups.iter().map(|group| (*group).to_owned()).collect() }
}

pub fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

/// A file of JSON lines with these ids and texts.
pub fn records(of: &[(&str, &str)]) -> String {
    let line = |(id, text): &(&str, &str)| format!("{}\n", serde_json::json!({ "_id": id, "title": "", "text": text }));
    of.iter().map(line).collect()
}
