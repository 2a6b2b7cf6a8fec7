//! What somebody may see of a corpus: the readable rows, and the indices over them alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use kernwerk_core::Work;
use kernwerk_index::{Scores, Searchable, TextIndex, VectorIndex, Weights};
use kernwerk_store::{Lab, Principal, Stored};

use super::Hit;
use super::excerpt::Finder;
use crate::chunk::searchable;
use crate::corpus::{self, MadeWith, TEXT_COLUMNS, Texts, VECTOR_COLUMNS};
use crate::{Error, Language, Readers};

/// Views that are kept for the next search; each holds the texts of a corpus.
const MOST_KEPT: usize = 8;
/// Bytes of text that tell the language of a corpus of short documents.
const LONGEST_SAMPLE: usize = 4096;

/// The readable rows of one version of a corpus. Rows that the principal may not read are dropped before anything is counted
/// or indexed, so that no number can tell of them.
pub(crate) struct View {
    digest: String,
    made_with: MadeWith,
    /// For each row of the corpus whether it is seen.
    is_seen: Vec<bool>,
    chunks: Vec<Chunk>,
    /// Ids of the documents, the greatest first: among equal scores, their order in a run.
    documents: Vec<String>,
    document_of: Vec<u32>,
    /// The place of each chunk among equal scores.
    chunk_ties: Vec<u32>,
    words: OnceLock<TextIndex>,
    vectors: OnceLock<VectorIndex>,
}

/// A chunk that is seen.
pub(crate) struct Chunk {
    pub source: String,
    pub title: String,
    pub section: String,
    pub ordinal: u32,
    pub text: String,
    /// As stored, or else the language of most documents.
    pub language: Option<Language>,
    pub readers: Readers,
}

/// What a view is known by. The digest stands for the content, whatever place and version it came from; so a view holds no
/// place, which may be gone when another corpus of the same content is searched.
#[derive(Clone, PartialEq, Eq)]
struct Key {
    digest: String,
    name: Option<String>,
    groups: BTreeSet<String>,
    languages: Languages,
}

/// Which languages a view is about.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Languages {
    /// The only one that is seen; none for all.
    only: Option<Language>,
    /// That of documents whose language could not be told; none for the language of most.
    fallback: Option<Language>,
}

static KEPT: Mutex<Vec<(Key, Arc<View>)>> = Mutex::new(Vec::new());

/// The view of a principal on a version of a corpus, from an earlier search where there was one of the same content.
pub(crate) async fn view(
    lab: &Lab,
    principal: &Principal,
    stored: &Stored,
    only: Option<Language>,
) -> Result<Arc<View>, Error> {
    let fallback = lab.config().language.as_deref().map(Language::parse).transpose()?;
    let key = Key {
        digest: stored.digest().await?,
        name: principal.name.clone(),
        groups: principal.groups.iter().cloned().collect(),
        languages: Languages { only, fallback },
    };
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, view)) = kept().iter().find(|(other, _)| *other == key) {
        return Ok(view.clone());
    }
    let view = Arc::new(View::read(stored, &key, principal).await?);
    let mut kept = kept();
    kept.retain(|(other, _)| *other != key);
    if kept.len() >= MOST_KEPT {
        kept.remove(0);
    }
    kept.push((key, view.clone()));
    Ok(view)
}

impl View {
    async fn read(stored: &Stored, key: &Key, principal: &Principal) -> Result<Self, Error> {
        let corpus = stored.name();
        let made_with = MadeWith::read(corpus, stored.schema().metadata())?;
        let mut readable = Readable::default();
        for batch in stored.read(Some(TEXT_COLUMNS), None).await? {
            readable.add(corpus, &batch, principal)?;
        }
        readable.settle_languages(key.languages.fallback);
        if let Some(language) = key.languages.only {
            readable.keep_only(language);
        }
        let (documents, document_of) = numbered(&readable.ids);
        let mut order: Vec<usize> = (0..readable.chunks.len()).collect();
        order.sort_by_key(|chunk| (document_of[*chunk], readable.chunks[*chunk].ordinal));
        let mut chunk_ties = vec![0; order.len()];
        for (place, chunk) in (0..).zip(order) {
            chunk_ties[chunk] = place;
        }
        Ok(Self {
            digest: key.digest.clone(),
            made_with,
            is_seen: readable.is_seen,
            chunks: readable.chunks,
            documents,
            document_of,
            chunk_ties,
            words: OnceLock::new(),
            vectors: OnceLock::new(),
        })
    }

    /// blake3 of the content of the whole version, unread rows included.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    pub(crate) fn made_with(&self) -> &MadeWith {
        &self.made_with
    }

    /// Ids of the readable documents, the greatest first.
    pub(crate) fn documents(&self) -> &[String] {
        &self.documents
    }

    /// The document of each chunk, as a place in [`View::documents`].
    pub(crate) fn document_of(&self) -> &[u32] {
        &self.document_of
    }

    /// All chunks, in no order that means anything; see [`View::chunk_ties`].
    pub(crate) fn all_chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// The chunk with this number.
    pub(crate) fn chunk(&self, chunk: u32) -> &Chunk {
        &self.chunks[chunk as usize]
    }

    /// The id of the document that the chunk with this number is from.
    pub(crate) fn doc_id(&self, chunk: u32) -> &str {
        &self.documents[self.document_of[chunk as usize] as usize]
    }

    pub(crate) fn chunk_ties(&self) -> &[u32] {
        &self.chunk_ties
    }

    /// Chunks, without the rows of documents that have no text.
    pub(crate) fn chunks_with_text(&self) -> usize {
        self.chunks.iter().filter(|chunk| chunk.has_words()).count()
    }

    /// How many documents are in each language, the language of most documents standing in where none could be told.
    pub(crate) fn languages(&self) -> BTreeMap<Language, usize> {
        let of_documents: BTreeMap<u32, Option<Language>> =
            self.document_of.iter().zip(&self.chunks).map(|(document, chunk)| (*document, chunk.language)).collect();
        let mut languages = BTreeMap::new();
        for language in of_documents.into_values().flatten() {
            *languages.entry(language).or_insert(0) += 1;
        }
        languages
    }

    /// Makes [`View::word_scores`] ready.
    pub(crate) fn index_words(&self, work: &Work) -> Result<(), Error> {
        if self.words.get().is_none() {
            let texts: Vec<Searchable> = self.chunks.iter().map(Chunk::searchable).collect();
            // Whoever comes first keeps theirs; the indices are the same.
            let _ = self.words.set(TextIndex::build(&texts, work)?);
        }
        Ok(())
    }

    /// Makes [`View::vector_scores`] ready; `stored` is a version with the view's content.
    pub(crate) async fn load_vectors(&self, stored: &Stored) -> Result<(), Error> {
        if self.vectors.get().is_some() {
            return Ok(());
        }
        let corpus = stored.name();
        let mut index = VectorIndex::new(self.made_with.dimensions);
        let mut seen = self.is_seen.iter();
        let mut chunk = 0;
        for batch in stored.read(Some(VECTOR_COLUMNS), None).await? {
            for vector in corpus::vectors(corpus, &batch)? {
                if !seen.next().copied().unwrap_or(false) {
                    continue;
                }
                if let Some(vector) = vector {
                    if vector.len() != self.made_with.dimensions {
                        return Err(corpus::damaged(corpus, "its vectors are not as long as it says"));
                    }
                    index.add(chunk, &vector);
                }
                chunk += 1;
            }
        }
        let _ = self.vectors.set(index);
        Ok(())
    }

    /// BM25 of the chunks that have words of the query.
    pub(crate) fn word_scores(&self, query: &str) -> Scores {
        self.words.get().map(|index| index.scores(query)).unwrap_or_default()
    }

    /// The cosine of all chunks that have a vector.
    pub(crate) fn vector_scores(&self, query: &[f32]) -> Scores {
        self.vectors.get().map(|index| index.scores(query)).unwrap_or_default()
    }

    /// What the query's terms are worth; none before the words are indexed.
    pub(crate) fn word_weights(&self, query: &str) -> Option<Weights<'_>> {
        self.words.get().map(|index| index.weights(query))
    }

    pub(super) fn hit(&self, chunk: u32, rank: usize, score: f64, finder: &mut Finder) -> Hit {
        let doc_id = self.doc_id(chunk).to_owned();
        let chunk = self.chunk(chunk);
        Hit {
            rank,
            score,
            doc_id,
            source: chunk.source.clone(),
            title: chunk.title.clone(),
            section: chunk.section.clone(),
            ordinal: chunk.ordinal,
            text: chunk.text.clone(),
            excerpt: finder.excerpt(&chunk.text, chunk.language),
            language: chunk.language,
        }
    }
}

impl Chunk {
    fn searchable(&self) -> Searchable {
        Searchable { text: searchable(&self.title, &self.section, &self.text), language: self.language }
    }

    /// Whether there is anything to find in it: a document without text has one chunk all the same.
    pub(crate) fn has_words(&self) -> bool {
        ![&self.title, &self.section, &self.text].iter().all(|text| text.is_empty())
    }
}

/// Rows on their way into a view.
#[derive(Default)]
struct Readable {
    is_seen: Vec<bool>,
    ids: Vec<String>,
    chunks: Vec<Chunk>,
}

impl Readable {
    fn add(&mut self, corpus: &str, batch: &arrow::array::RecordBatch, principal: &Principal) -> Result<(), Error> {
        let texts = Texts::of(corpus, batch)?;
        for (row, readers) in corpus::readers(corpus, batch)?.into_iter().enumerate() {
            let is_seen = readers.include(principal);
            self.is_seen.push(is_seen);
            if !is_seen {
                continue;
            }
            self.ids.push(texts.doc_id.value(row).to_owned());
            self.chunks.push(Chunk {
                source: texts.source.value(row).to_owned(),
                title: texts.title.value(row).to_owned(),
                section: texts.section.value(row).to_owned(),
                ordinal: texts.ordinal.value(row),
                text: texts.text.value(row).to_owned(),
                language: texts.language(row),
                readers,
            });
        }
        Ok(())
    }

    /// Gives documents whose language could not be told another: the fallback if there is one, else that of most others,
    /// else what they look like together.
    fn settle_languages(&mut self, fallback: Option<Language>) {
        let language = fallback.or_else(|| self.language_of_most()).or_else(|| Language::detect(&self.sample()));
        for chunk in &mut self.chunks {
            chunk.language = chunk.language.or(language);
        }
    }

    fn language_of_most(&self) -> Option<Language> {
        let mut documents: BTreeMap<Language, BTreeSet<&str>> = BTreeMap::new();
        for (id, chunk) in self.ids.iter().zip(&self.chunks) {
            if let Some(language) = chunk.language {
                documents.entry(language).or_default().insert(id);
            }
        }
        let most = documents.into_iter().max_by_key(|(language, ids)| (ids.len(), std::cmp::Reverse(*language)));
        most.map(|(language, _)| language)
    }

    /// Some text of all documents.
    fn sample(&self) -> String {
        let mut sample = String::new();
        for text in self.chunks.iter().flat_map(|chunk| [&chunk.title, &chunk.section, &chunk.text]) {
            if sample.len() > LONGEST_SAMPLE {
                break;
            }
            sample.push_str(text);
            sample.push('\n');
        }
        sample
    }

    fn keep_only(&mut self, language: Language) {
        let keep: Vec<bool> = self.chunks.iter().map(|chunk| chunk.language == Some(language)).collect();
        let mut kept = keep.iter();
        for is_seen in self.is_seen.iter_mut().filter(|is_seen| **is_seen) {
            *is_seen = kept.next().copied().unwrap_or(false);
        }
        let (mut of_ids, mut of_chunks) = (keep.iter(), keep.iter());
        self.ids.retain(|_| of_ids.next().copied().unwrap_or(false));
        self.chunks.retain(|_| of_chunks.next().copied().unwrap_or(false));
    }
}

/// The distinct ids, the greatest first, and the place of each given id among them.
fn numbered(ids: &[String]) -> (Vec<String>, Vec<u32>) {
    let distinct: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let places: BTreeMap<&str, u32> = distinct.iter().rev().copied().zip(0..).collect();
    let places = ids.iter().map(|id| places[id.as_str()]).collect();
    (distinct.into_iter().rev().map(str::to_owned).collect(), places)
}
