//! The language that all faces share, put together from the verbs' declarations.

use std::sync::LazyLock;

use kernwerk_lang::{Language, MagicSpec};

use crate::verbs::ALL;

static MAGICS: &[MagicSpec] = &[
    MagicSpec { name: "feature", about: "tables, feature views and point-in-time training sets" },
    MagicSpec { name: "rag", about: "documents: ingest, search and answers, with rights and citations" },
    MagicSpec { name: "eval", about: "golden sets, suites, scores with intervals, comparisons and gates" },
    MagicSpec { name: "promote", about: "from cells to versioned artifacts that replay" },
    MagicSpec { name: "cost", about: "what cells and models consumed, what they may consume, and what it costs" },
    MagicSpec { name: "lab", about: "the lab: the directory that holds tables, corpora and the record of cells" },
];

static LANGUAGE: LazyLock<Language> = LazyLock::new(|| Language {
    magics: MAGICS.to_vec(),
    verbs: ALL.iter().flat_map(|verbs| verbs.iter()).map(|entry| entry.spec).collect(),
});

/// The language: every magic and verb.
pub fn language() -> &'static Language {
    &LANGUAGE
}
