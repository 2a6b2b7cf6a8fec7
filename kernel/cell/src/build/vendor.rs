//! Crates that lie packed beside an artifact, for a cargo without a network: unpacked once for all hosts, where cargo takes them for its registry.
//!
//! What is compiled of them goes into a directory of its own. For cargo the same crate in another place is another one, and it would compile
//! anew in place what running notebooks use.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use kernwerk_wire::CrateLock;
use tar::Archive;

use super::cache::{Cache, make_directory, scratch};
use super::lock::{Package, packages};
use super::sources::toml_text;
use crate::error::Error;

/// Below the cache of a toolchain.
const PLACE: &str = "vendored";
/// By this file cargo knows an unpacked crate.
const SEAL: &str = ".cargo-checksum.json";
/// No crate has more bytes unpacked.
const LARGEST: u64 = 1 << 30;

/// Unpacks the crates of a lock file from the directory in which they lie as `NAME-VERSION.crate`, and gives a configuration that has cargo take
/// them; none where they do not lie anywhere. Who asks has compared them with their checksums.
///
/// # Errors
/// One of them is not there, or cannot be unpacked.
pub(crate) fn configuration(cache: &Cache, lock: &CrateLock) -> Result<Option<PathBuf>, Error> {
    let Some(packed) = &lock.packed else { return Ok(None) };
    let place = cache.directory.join(PLACE);
    let sources = place.join("sources");
    make_directory(&sources)?;
    for package in packages(&lock.text).filter(|package| package.checksum.is_some()) {
        unpack(packed, &sources, package)?;
    }
    let text = format!(
        "[source.crates-io]\nreplace-with = \"packed\"\n\n[source.packed]\ndirectory = {}\n\n[net]\noffline = true\n",
        toml_text(&sources)
    );
    let file = place.join("cargo.toml");
    if fs::read_to_string(&file).is_ok_and(|there| there == text) {
        return Ok(Some(file));
    }
    let made = tempfile::NamedTempFile::new_in(&place).map_err(Error::file("make a file in", &place))?;
    fs::write(made.path(), text).map_err(Error::file("write", made.path()))?;
    made.persist(&file).map_err(|error| Error::file("write", &file)(error.error))?;
    Ok(Some(file))
}

/// Where crates are compiled that were unpacked here.
pub(crate) fn target(cache: &Cache) -> PathBuf {
    cache.directory.join(PLACE).join("target")
}

fn unpack(packed: &Path, sources: &Path, package: Package<'_>) -> Result<(), Error> {
    let Package { name, version, checksum: Some(checksum), .. } = package else { return Ok(()) };
    let title = format!("{name}-{version}");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    if title.starts_with('.') || !title.chars().all(is_plain) || !checksum.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(Error::Unlocked(format!("`{title}` is the name of no crate")));
    }
    let seal = format!("{{\"files\":{{}},\"package\":\"{checksum}\"}}");
    let place = sources.join(&title);
    let is_there = || fs::read_to_string(place.join(SEAL)).is_ok_and(|there| there == seal);
    if is_there() {
        return Ok(());
    }
    let file = packed.join(format!("{title}.crate"));
    let not_unpacked =
        |error: std::io::Error| Error::Unlocked(format!("{} cannot be unpacked: {error}", file.display()));
    let archive = File::open(&file).map_err(not_unpacked)?;
    let scratch = scratch(sources)?;
    // The library leaves out what would lead outside.
    Archive::new(GzDecoder::new(archive).take(LARGEST)).unpack(scratch.path()).map_err(not_unpacked)?;
    let unpacked = scratch.path().join(&title);
    fs::write(unpacked.join(SEAL), &seal).map_err(Error::file("write", &unpacked))?;
    if let Err(error) = fs::rename(&unpacked, &place)
        && !is_there()
    {
        return Err(Error::file("write", &place)(error));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// A packed crate with one file.
    fn pack(directory: &Path, title: &str, path: &str) {
        let file = File::create(directory.join(format!("{title}.crate"))).unwrap();
        let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        header.set_mode(0o644);
        // As strangers may write it.
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        archive.append(&header, &b"x"[..]).unwrap();
        archive.into_inner().unwrap().finish().unwrap();
    }

    fn lock(packed: &Path, name: &str, checksum: &str) -> CrateLock {
        let text = format!(
            "[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\nsource = \"registry+r\"\nchecksum = \"{checksum}\"\n"
        );
        CrateLock { text, is_exact: true, packed: Some(packed.to_owned()) }
    }

    #[test]
    fn crates_are_unpacked_once_and_known_by_their_checksum() {
        let (root, packed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let cache = Cache::at(root.path(), root.path());
        pack(packed.path(), "oak-1.0.0", "oak-1.0.0/Cargo.toml");
        let oak = lock(packed.path(), "oak", "ab12");
        let file = configuration(&cache, &oak).unwrap().unwrap();
        let place = root.path().join("vendored/sources");
        assert!(fs::read_to_string(file).unwrap().contains(&toml_text(&place)));
        assert_eq!(fs::read_to_string(place.join("oak-1.0.0/Cargo.toml")).unwrap(), "x");
        assert!(fs::read_to_string(place.join("oak-1.0.0").join(SEAL)).unwrap().contains("ab12"));
        fs::remove_file(packed.path().join("oak-1.0.0.crate")).unwrap();
        configuration(&cache, &oak).expect("it is there");
        assert!(configuration(&cache, &lock(packed.path(), "oak", "cd34")).is_err(), "other bytes are another crate");
        assert!(configuration(&cache, &CrateLock { packed: None, ..oak }).unwrap().is_none());
    }

    #[test]
    fn what_would_lead_outside_does_not() {
        let (root, packed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let cache = Cache::at(root.path(), root.path());
        pack(packed.path(), "oak-1.0.0", "../../../../outside");
        assert!(configuration(&cache, &lock(packed.path(), "oak", "ab12")).is_err(), "there is nothing of it");
        assert!(!root.path().join("outside").exists() && !root.path().parent().unwrap().join("outside").exists());
        assert!(configuration(&cache, &lock(packed.path(), "../oak", "ab12")).is_err());
    }
}
