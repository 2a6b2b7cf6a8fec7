//! What an ingest changes: the rows that the corpus will have, and the texts that have to be embedded for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::IngestRequest;
use super::draft::Draft;
use super::scope::Scope;
use crate::corpus::Row;
use crate::{Error, Readers};

#[derive(Default)]
pub(super) struct Plan {
    /// All rows of the corpus, in order of source, then of the document in it, then of the chunk.
    pub rows: Vec<Row>,
    pub pending: Vec<Pending>,
    pub added: usize,
    pub changed: usize,
    pub removed: usize,
    pub unchanged: usize,
    pub without_text: Vec<String>,
    pub kept_readers: Vec<Readers>,
}

/// A text to embed.
pub(super) struct Pending {
    pub text: String,
    /// blake3 of the text, hexadecimal.
    pub digest: String,
    /// Indices of the rows that get its vector.
    pub rows: Vec<usize>,
}

impl Plan {
    /// Compares the documents of an ingest with the rows that are there.
    pub(super) fn new(
        request: &IngestRequest,
        scope: &Scope,
        drafts: Vec<Draft>,
        known: &[Row],
    ) -> Result<Self, Error> {
        let stays = |row: &&Row| !scope.covers(&row.source);
        check_owners(request, &drafts, known.iter().filter(stays))?;
        let mut plan = Self::default();
        let mut texts: HashMap<String, String> = HashMap::new();
        let mut kept: BTreeSet<Readers> = BTreeSet::new();
        let mut by_source: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for row in known.iter().filter(stays) {
            by_source.entry(row.source.clone()).or_default().push(row.clone());
        }
        let mut before = documents(known.iter().filter(|row| scope.covers(&row.source)));
        for draft in drafts {
            let readers = match &request.readers {
                Some(readers) => readers.clone(),
                None => scope.readers_of(&draft.source)?,
            };
            if request.readers.is_none() && readers != Readers::everyone() {
                kept.insert(readers.clone());
            }
            let rows = rows_of(&draft, &readers, &mut texts);
            if draft.chunks.is_empty() {
                plan.without_text.push(draft.id.clone());
            }
            match before.remove(draft.id.as_str()) {
                None => plan.added += 1,
                Some(old) if is_same(&old, &rows) => plan.unchanged += 1,
                Some(_) => plan.changed += 1,
            }
            by_source.entry(draft.source).or_default().extend(rows);
        }
        plan.removed = before.len();
        plan.kept_readers = kept.into_iter().collect();
        plan.rows = by_source.into_values().flatten().collect();
        plan.take_vectors(known, texts);
        Ok(plan)
    }

    /// Gives rows the vectors that the corpus has for their content, and gathers what is left to embed, each text once.
    fn take_vectors(&mut self, known: &[Row], mut texts: HashMap<String, String>) {
        let vectors = known.iter().filter_map(|row| Some((row.digest.as_str(), row.vector.as_ref()?)));
        let vectors: HashMap<&str, &Vec<f32>> = vectors.collect();
        let mut places: HashMap<String, usize> = HashMap::new();
        for (index, row) in self.rows.iter_mut().enumerate() {
            if row.vector.is_some() {
                continue;
            }
            if let Some(vector) = vectors.get(row.digest.as_str()) {
                row.vector = Some((*vector).clone());
            } else if let Some(place) = places.get(&row.digest) {
                self.pending[*place].rows.push(index);
            } else if let Some(text) = texts.remove(&row.digest) {
                places.insert(row.digest.clone(), self.pending.len());
                self.pending.push(Pending { text, digest: row.digest.clone(), rows: vec![index] });
            }
        }
    }
}

/// Fails if a document has the id of one that another source brought and that stays.
fn check_owners<'a>(
    request: &IngestRequest,
    drafts: &[Draft],
    staying: impl Iterator<Item = &'a Row>,
) -> Result<(), Error> {
    let owned: BTreeSet<&str> = staying.map(|row| row.doc_id.as_str()).collect();
    match drafts.iter().find(|draft| owned.contains(draft.id.as_str())) {
        // The other source is not named: whoever ingests may not be allowed to read it.
        Some(draft) => Err(Error::SameDocument {
            corpus: request.corpus.clone(),
            id: draft.id.clone(),
            place: draft.place.clone(),
        }),
        None => Ok(()),
    }
}

fn documents<'a>(rows: impl Iterator<Item = &'a Row>) -> BTreeMap<&'a str, Vec<&'a Row>> {
    let mut documents: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        documents.entry(&row.doc_id).or_default().push(row);
    }
    documents
}

/// Whether a document's rows are the same but for their vectors, which follow from the digests.
fn is_same(old: &[&Row], new: &[Row]) -> bool {
    old.len() == new.len() && old.iter().zip(new).all(|(old, new)| old.says_the_same(new))
}

/// The rows of a document, without vectors; what is to be embedded for them goes to `texts`, by digest.
fn rows_of(draft: &Draft, readers: &Readers, texts: &mut HashMap<String, String>) -> Vec<Row> {
    let row = |ordinal: u32, section: &str, text: &str, digest: String| Row {
        doc_id: draft.id.clone(),
        source: draft.source.clone(),
        title: draft.title.clone(),
        section: section.to_owned(),
        ordinal,
        text: text.to_owned(),
        lang: draft.language,
        readers: readers.clone(),
        digest,
        vector: None,
    };
    if draft.chunks.is_empty() {
        return vec![row(0, "", "", blake3::hash(b"").to_hex().to_string())];
    }
    let numbered = (0..).zip(&draft.chunks);
    numbered
        .map(|(ordinal, chunk)| {
            let digest = blake3::hash(chunk.embedded.as_bytes()).to_hex().to_string();
            texts.entry(digest.clone()).or_insert_with(|| chunk.embedded.clone());
            row(ordinal, &chunk.section, &chunk.text, digest)
        })
        .collect()
}
