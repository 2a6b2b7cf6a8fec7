//! MiniLM from outside: where it is found, what is refused, and that a text's vector depends on nothing but the text.

#[path = "models/embedding.rs"]
mod embedding;
#[path = "models/files.rs"]
mod files;
#[path = "models/long_work.rs"]
mod long_work;
#[path = "models/tokens.rs"]
mod tokens;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use kernwerk_core::{Embedder, Work};
use kernwerk_models::MiniLm;

/// The installed model's directory: what `KERNWERK_MODELS` names, else the checkout's `.venv`.
fn directory() -> Option<PathBuf> {
    let named = std::env::var_os("KERNWERK_MODELS").map(PathBuf::from);
    let place = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv"));
    match MiniLm::find(Some(&place)) {
        Ok(directory) => Some(directory),
        Err(error) if std::env::var_os("KERNWERK_REQUIRE_ORACLES").is_some_and(|value| value == "1") => {
            panic!("{error}: run `make setup`")
        }
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// The model, loaded once for all tests; none where it is not installed.
fn model() -> Option<&'static MiniLm> {
    static MODEL: OnceLock<Option<MiniLm>> = OnceLock::new();
    MODEL.get_or_init(|| directory().map(|directory| MiniLm::load(&directory).expect("the model is intact"))).as_ref()
}

/// Bits of each text's vector.
fn embed(model: &MiniLm, texts: &[&str]) -> Vec<Vec<u32>> {
    let embedded = model.embed(texts, &Work::silent()).expect("texts can be embedded");
    assert_eq!(embedded.vectors.len(), texts.len() * model.dimensions());
    let rows = embedded.vectors.chunks_exact(model.dimensions());
    rows.map(|row| row.iter().map(|number| number.to_bits()).collect()).collect()
}
