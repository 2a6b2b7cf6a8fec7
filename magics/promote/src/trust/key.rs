//! ed25519 keys as files that other tools read: a private key as PKCS#8 in PEM, a public one as SubjectPublicKeyInfo in base64
//! (RFC 8410).

use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::sha256;
use crate::Error;
use crate::files::make_directory;
use crate::names::check_name;

/// PKCS#8, version 1, of an ed25519 key: what stands in front of its 32 bytes (RFC 8410, section 7).
const PRIVATE: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// The same of a public key as SubjectPublicKeyInfo (RFC 8410, section 4).
const PUBLIC: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const KEY_BYTES: usize = 32;
const PEM_START: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// A key that signatures are checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; KEY_BYTES]);

impl PublicKey {
    /// Reads a key as it stands in `kernwerk.toml`; none where it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim()).ok()?;
        Some(Self(bytes.strip_prefix(&PUBLIC)?.try_into().ok()?))
    }

    fn der(&self) -> Vec<u8> {
        [PUBLIC.as_slice(), &self.0].concat()
    }

    /// base64 of the key as SubjectPublicKeyInfo, for `kernwerk.toml`.
    pub fn text(&self) -> String {
        STANDARD.encode(self.der())
    }

    /// What names the key in signatures: SHA-256 of the key as SubjectPublicKeyInfo, hexadecimal.
    pub fn id(&self) -> String {
        sha256(&self.der())
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

/// A key to sign with.
pub struct SigningKey {
    name: String,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// Makes a key and writes it to `NAME.pem` in a directory, for its owner's eyes alone.
    ///
    /// # Errors
    /// [`Error::BadKeyName`]; those of writing the file, also where there is one.
    pub fn create(directory: &Path, name: &str) -> Result<Self, Error> {
        let path = path(directory, name)?;
        make_directory(directory)?;
        let mut seed = [0; KEY_BYTES];
        let random = SystemRandom::new().fill(&mut seed);
        random.map_err(|_| {
            Error::io("make a key for", &path)(std::io::Error::other("the system gave no random bytes"))
        })?;
        let der = [PRIVATE.as_slice(), &seed].concat();
        let pem = format!("{PEM_START}\n{}\n{PEM_END}\n", STANDARD.encode(der));
        let written =
            private_file(&path).and_then(|mut file| file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()));
        written.map_err(Error::io("write", &path))?;
        Self::of_seed(name, &seed, &path)
    }

    /// Reads the key `NAME.pem` of a directory; none where there is none.
    ///
    /// # Errors
    /// [`Error::BadKey`] where the file holds something else.
    pub fn read(directory: &Path, name: &str) -> Result<Option<Self>, Error> {
        let path = path(directory, name)?;
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let inside = text.trim().strip_prefix(PEM_START).and_then(|rest| rest.strip_suffix(PEM_END));
        let der = inside.and_then(|inside| STANDARD.decode(inside.split_whitespace().collect::<String>()).ok());
        let seed = der.as_deref().and_then(|der| der.strip_prefix(&PRIVATE));
        match seed.and_then(|seed| seed.try_into().ok()) {
            Some(seed) => Self::of_seed(name, &seed, &path).map(Some),
            None => Err(Error::BadKey { place: path.display().to_string() }),
        }
    }

    fn of_seed(name: &str, seed: &[u8; KEY_BYTES], path: &Path) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed);
        let pair = pair.map_err(|_| Error::BadKey { place: path.display().to_string() })?;
        Ok(Self { name: name.to_owned(), pair })
    }

    /// The name of its file: of the person whose key it is, unless `kernwerk.toml` says otherwise.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; KEY_BYTES];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey(bytes)
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

fn path(directory: &Path, name: &str) -> Result<PathBuf, Error> {
    // A key is a file of this name.
    check_name(name).map_err(|_| Error::BadKeyName { name: name.to_owned() })?;
    Ok(directory.join(format!("{name}.pem")))
}

/// A new file that nobody else may read.
fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key pair of RFC 8410, section 10.
    #[test]
    fn the_example_of_the_standard_is_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let pem = format!("{PEM_START}\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n{PEM_END}\n");
        std::fs::write(directory.path().join("standard.pem"), pem).expect("a file");
        let key = SigningKey::read(directory.path(), "standard").expect("it is a key").expect("it is there");
        assert_eq!(key.public().text(), "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=");
        assert_eq!(PublicKey::parse(&key.public().text()), Some(key.public()));
    }

    #[test]
    fn a_key_is_made_once_and_is_its_owners() {
        let directory = tempfile::tempdir().expect("a directory");
        let keys = directory.path().join("keys");
        let made = SigningKey::create(&keys, "ada").expect("made");
        assert!(SigningKey::create(&keys, "ada").is_err());
        let read = SigningKey::read(&keys, "ada").expect("a key").expect("it is there");
        assert_eq!(read.public(), made.public());
        assert!(read.public().verifies(b"text", &made.sign(b"text")));
        assert!(!read.public().verifies(b"text", &made.sign(b"test")));
        assert!(SigningKey::read(&keys, "eve").expect("no error").is_none());
        assert!(SigningKey::create(&keys, "../eve").is_err());
        std::fs::write(keys.join("bad.pem"), "no key").expect("a file");
        assert!(matches!(SigningKey::read(&keys, "bad"), Err(Error::BadKey { .. })));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(keys.join("ada.pem")).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
