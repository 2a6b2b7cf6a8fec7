//! What the session of a notebook still holds of what its cells showed and its variables are. The record of cells has digests alone, which tell that
//! something differs and not what.

use std::collections::BTreeMap;

/// Contents by their digests.
#[derive(Clone, Debug, Default)]
pub struct Known(BTreeMap<String, Content>);

/// A content and its format: a file suffix.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub format: String,
    pub bytes: Vec<u8>,
}

impl Known {
    /// Adds a content: of an output blake3 of its bytes is the digest, of a variable that of its value.
    pub fn add(&mut self, digest: String, format: &str, bytes: Vec<u8>) {
        self.0.insert(digest, Content { format: format.to_owned(), bytes });
    }

    pub(crate) fn get(&self, digest: &str) -> Option<&Content> {
        self.0.get(digest)
    }
}
