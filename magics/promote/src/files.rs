//! Digests of files, and writes into directories of our own.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use blake3::Hasher;
use kernwerk_core::Work;

use crate::Error;

const CHUNK: usize = 1 << 20;

/// blake3 of a file's content, hexadecimal.
pub(crate) fn digest_file(path: &Path, work: &Work) -> Result<String, Error> {
    pump(path, None, work)
}

/// Copies a file, making the directories above it; returns blake3 of what was copied, hexadecimal.
pub(crate) fn copy_file(from: &Path, to: &Path, work: &Work) -> Result<String, Error> {
    make_directory(to.parent().unwrap_or(Path::new(".")))?;
    let mut file = File::create(to).map_err(Error::io("write", to))?;
    pump(from, Some((&mut file, to)), work)
}

fn pump(from: &Path, mut to: Option<(&mut File, &Path)>, work: &Work) -> Result<String, Error> {
    let mut source = File::open(from).map_err(Error::io("read", from))?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        work.check()?;
        let length = source.read(&mut buffer).map_err(Error::io("read", from))?;
        if length == 0 {
            return Ok(hasher.finalize().to_hex().to_string());
        }
        hasher.update(&buffer[..length]);
        if let Some((file, path)) = &mut to {
            file.write_all(&buffer[..length]).map_err(Error::io("write", path))?;
        }
    }
}

/// blake3 of bytes, hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

pub(crate) fn make_directory(path: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).map_err(Error::io("make the directory", path))
}

/// Writes a file and the directories above it, through to the disk.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    make_directory(path.parent().unwrap_or(Path::new(".")))?;
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(Error::io("write", path))
}

pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(Error::io("read", path))
}
