//! Which corpora there are, as one principal sees them.

use kernwerk_core::{ModelId, Resource, Work};
use kernwerk_store::{Lab, Principal};

use crate::search::view;
use crate::{Error, Language};

/// A corpus as a principal sees it: documents and chunks that the principal may not read are not counted.
#[derive(Clone, Debug, PartialEq)]
pub struct CorpusSummary {
    pub name: String,
    pub version: u64,
    pub documents: usize,
    pub chunks: usize,
    /// How many documents are in each language.
    pub languages: Vec<(Language, usize)>,
    /// The model that made its vectors.
    pub model: ModelId,
}

/// All corpora of the lab, by name.
pub async fn list(lab: &Lab, principal: &Principal, work: &Work) -> Result<Vec<CorpusSummary>, Error> {
    let mut summaries = Vec::new();
    for name in lab.names(Resource::Corpus) {
        work.check()?;
        let stored = lab.dataset(Resource::Corpus, &name).await?;
        let view = view(lab, principal, &stored, None).await?;
        summaries.push(CorpusSummary {
            version: stored.version(),
            documents: view.documents().len(),
            chunks: view.chunks_with_text(),
            languages: view.languages().into_iter().collect(),
            model: view.made_with().model.clone(),
            name,
        });
    }
    Ok(summaries)
}
