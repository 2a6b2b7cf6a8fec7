//! Golden sets: questions with what is known to be right, stored as versioned tables of the lab.

mod beir;
mod columns;
mod import;
mod lines;

use kernwerk_core::{Basis, Question, Resource};
use kernwerk_store::{Lab, Stored};

use crate::Error;
use crate::metric::ranking::Judgements;

pub use import::{ImportSpec, Imported, import};

/// A question with what is known to be right.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub question: Question,
    /// Right answers, any of which will do; an empty list says that there is none, and nothing that nobody wrote one down.
    pub answers: Option<Vec<String>>,
    /// How relevant documents are; nothing says that nobody judged any.
    pub judged: Option<Judgements>,
}

/// A version of a golden set.
#[derive(Clone, Debug, PartialEq)]
pub struct Golden {
    pub name: String,
    pub version: u64,
    /// Digest of its rows; see [`Stored::digest`].
    pub digest: String,
    pub items: Vec<Item>,
}

/// What there is to say of a golden set.
#[derive(Clone, Debug, PartialEq)]
pub struct GoldenSummary {
    pub golden: Golden,
    /// The file or directory that it was imported from.
    pub source: String,
}

impl Golden {
    /// The latest version of a golden set, or the pinned one.
    pub async fn load(lab: &Lab, name: &str) -> Result<Self, Error> {
        let stored = lab.dataset(Resource::Table, name).await?;
        Self::read(&stored).await?.ok_or_else(|| Error::NotGolden { name: name.to_owned() })
    }

    /// None where the table is no golden set.
    async fn read(stored: &Stored) -> Result<Option<Self>, Error> {
        if columns::source(&stored.schema()).is_none() {
            return Ok(None);
        }
        let batches = stored.read(None, None).await?;
        let items = columns::items(&batches)
            .map_err(|reason| Error::Damaged { what: format!("golden set `{}`", stored.name()), reason })?;
        let digest = stored.digest().await?;
        Ok(Some(Self { name: stored.name().to_owned(), version: stored.version(), digest, items }))
    }

    /// The questions, in their order.
    pub fn questions(&self) -> Vec<Question> {
        self.items.iter().map(|item| item.question.clone()).collect()
    }

    /// How many of the questions have judged documents.
    pub fn judged(&self) -> usize {
        self.items.iter().filter(|item| item.judged.is_some()).count()
    }

    /// How many of the questions have answers, or are known to have none.
    pub fn answered(&self) -> usize {
        self.items.iter().filter(|item| item.answers.is_some()).count()
    }

    pub(crate) fn basis(&self) -> Basis {
        Basis {
            resource: Resource::Table,
            name: self.name.clone(),
            version: Some(self.version),
            digest: self.digest.clone(),
        }
    }
}

/// A golden set in full.
pub async fn golden(lab: &Lab, name: &str) -> Result<GoldenSummary, Error> {
    let stored = lab.dataset(Resource::Table, name).await?;
    summary(&stored).await?.ok_or_else(|| Error::NotGolden { name: name.to_owned() })
}

/// All golden sets, by name.
pub async fn golden_sets(lab: &Lab) -> Result<Vec<GoldenSummary>, Error> {
    let mut sets = Vec::new();
    for name in lab.names(Resource::Table) {
        let stored = lab.dataset(Resource::Table, &name).await?;
        sets.extend(summary(&stored).await?);
    }
    Ok(sets)
}

async fn summary(stored: &Stored) -> Result<Option<GoldenSummary>, Error> {
    let golden = Golden::read(stored).await?;
    let source = columns::source(&stored.schema()).unwrap_or_default();
    Ok(golden.map(|golden| GoldenSummary { golden, source }))
}
