//! Content-addressed bytes: outputs, spilled variables and other things that are named by their digest.

use std::path::{Path, PathBuf};

use crate::{Error, files};

/// The lab's blobs, each named by the blake3 digest of its bytes. They stay until somebody removes one who knows that nothing names it.
pub struct Blobs {
    /// `.kernwerk/blobs`; a blob lies at `ab/cdef…`.
    directory: PathBuf,
    /// Where drafts lie until they are renamed; none in a read-only lab.
    temporary: Option<PathBuf>,
    root: PathBuf,
}

impl Blobs {
    pub(crate) fn new(root: &Path, directory: PathBuf, temporary: Option<PathBuf>) -> Self {
        Self { directory, temporary, root: root.to_owned() }
    }

    /// Stores `bytes` and returns their digest (blake3, lower-case hexadecimal). Storing what is there already costs a look.
    pub fn put(&self, bytes: &[u8]) -> Result<String, Error> {
        let digest = blake3::hash(bytes).to_hex().to_string();
        let path = self.path(&digest)?;
        if path.exists() {
            return Ok(digest);
        }
        let Some(temporary) = &self.temporary else {
            return Err(Error::ReadOnly { path: self.root.clone() });
        };
        let shelf = path.parent().unwrap_or(&self.directory);
        files::make_directory(shelf)?;
        files::make_directory(temporary)?;
        files::atomic_write(temporary, &path, bytes)?;
        Ok(digest)
    }

    /// The bytes with this digest; they are checked against it.
    pub fn get(&self, digest: &str) -> Result<Vec<u8>, Error> {
        let path = self.path(digest)?;
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::NoBlob { digest: digest.to_owned() });
            }
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let found = blake3::hash(&bytes).to_hex().to_string();
        if found == digest { Ok(bytes) } else { Err(Error::DamagedBlob { digest: digest.to_owned(), found }) }
    }

    /// Whether there is a blob with this digest; its bytes are not checked.
    pub fn contains(&self, digest: &str) -> bool {
        self.path(digest).is_ok_and(|path| path.exists())
    }

    /// The size of a blob in bytes; 0 where there is none.
    pub fn size(&self, digest: &str) -> u64 {
        self.path(digest).ok().and_then(|path| path.metadata().ok()).map_or(0, |metadata| metadata.len())
    }

    /// Removes a blob. The caller knows that nothing names it, and keeps everybody from storing the same bytes meanwhile.
    pub fn remove(&self, digest: &str) -> Result<(), Error> {
        if self.temporary.is_none() {
            return Err(Error::ReadOnly { path: self.root.clone() });
        }
        let path = self.path(digest)?;
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    fn path(&self, digest: &str) -> Result<PathBuf, Error> {
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_digest {
            return Err(Error::BadDigest { text: digest.to_owned() });
        }
        let (shelf, rest) = digest.split_at(2);
        Ok(self.directory.join(shelf).join(rest))
    }
}
