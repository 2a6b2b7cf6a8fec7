//! Model files: read whole and checked against their published digests before they are used.
//!
//! The bytes that are hashed are the bytes that are used. A mapped file could change between the two, or be cut off
//! under a running product; and a digest remembered by size and time would miss an edit that keeps both.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::Error;

/// A file of a published model.
pub(crate) struct Published {
    /// Path below the model's directory.
    pub name: &'static str,
    /// SHA-256, lower-case hexadecimal.
    pub digest: &'static str,
}

impl Published {
    /// Reads the file from `directory`.
    pub(crate) fn read(&self, directory: &Path) -> Result<Vec<u8>, Error> {
        let path = directory.join(self.name);
        std::fs::read(&path).map_err(|source| Error::Unreadable { path, source })
    }

    /// Checks that `bytes`, read from `directory`, are the published ones.
    pub(crate) fn verify(&self, directory: &Path, bytes: &[u8]) -> Result<(), Error> {
        let found = hexadecimal(&Sha256::digest(bytes));
        if found == self.digest {
            return Ok(());
        }
        Err(Error::WrongDigest { path: directory.join(self.name), expected: self.digest, found })
    }

    /// The error for a file whose content has not the expected structure.
    pub(crate) fn malformed(&self, directory: &Path, reason: impl ToString) -> Error {
        Error::Malformed { path: directory.join(self.name), reason: reason.to_string() }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
