//! Signatures: whose count, what they are about, and that no byte of what was signed changes unseen.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernwerk_core::{Verdict, Work};
use kernwerk_promote::{Author, Error, Reference, SigningKey, Verification, approve_signed, sign, stage, verify};
use kernwerk_store::Lab;

use crate::place::Place;

const ENVELOPE: &str = "pipelines/sums/1/attestations/provenance.dsse.json";
/// So many bytes are changed, one at a time.
const CHANGES: usize = 10_000;
const CHANGES_UNSIGNED: usize = 2_000;

/// A place with an artifact, whose lab counts the keys of `trusted`; and the keys of ada and eve.
fn place(trusted: &[&str]) -> (Place, SigningKey, SigningKey) {
    let place = Place::after(&["let x = 1", "print x"]);
    let keys = place.home.path().join("keys");
    let made = |name: &str| SigningKey::create(&keys, name).expect("a key");
    let (ada, eve) = (made("ada"), made("eve"));
    place.publish("2").expect("published");
    let lines: Vec<String> = trusted
        .iter()
        .map(|name| (name, if *name == "ada" { &ada } else { &eve }))
        .map(|(name, key)| format!("{name} = \"{}\"\n", key.public().text()))
        .collect();
    std::fs::write(place.path("kernwerk.toml"), format!("[promote.keys]\n{}", lines.concat())).expect("a file");
    (place.reopened(), ada, eve)
}

fn reference() -> Reference {
    "sums@1".parse().expect("a reference")
}

fn checked(lab: &Lab) -> Verification {
    verify(lab, &reference(), &Work::silent()).expect("it can be read")
}

fn signed_by(lab: &Lab, key: &SigningKey) {
    sign(lab, &reference(), key, &Work::silent()).expect("signed");
}

#[test]
fn with_keys_every_artifact_has_to_be_signed() {
    let (place, ada, eve) = place(&["ada"]);
    let lab = &place.lab;
    assert_eq!(checked(lab).findings(), ["unsigned: none of the keys in kernwerk.toml has signed it"]);
    let production = || {
        let signed = Author { by: "ada".to_owned(), why: None };
        stage(lab, &reference(), "production", signed, &Work::silent())
    };
    let refused = production().expect_err("it is not signed");
    assert_eq!(refused.hint().as_deref(), Some("`%promote sign sums@1` signs it"));
    let replay = place.replay("sums@1");
    assert!(replay.cells.is_empty() && replay.verdict != Verdict::Passed, "what nobody vouches for is not run");
    // A stranger's signature does not count.
    signed_by(lab, &eve);
    let verification = checked(lab);
    assert_eq!(verification.trust.strangers, [eve.public().id()]);
    assert!(!verification.is_sound());
    signed_by(lab, &ada);
    signed_by(lab, &ada);
    let verification = checked(lab);
    assert_eq!(
        (verification.trust.signers.as_slice(), verification.findings()),
        (["ada".to_owned()].as_slice(), vec![])
    );
    production().expect("staged");
    assert_eq!(place.replay("sums@1").verdict, Verdict::Passed);
    // Without the envelope it is not what it was; who signs anew vouches for what is there.
    std::fs::remove_file(place.path(ENVELOPE)).expect("removed");
    assert_eq!(checked(lab).findings()[0], "missing: attestations/provenance.dsse.json");
    signed_by(lab, &ada);
    assert!(checked(lab).is_sound());
    place.assert_clean();
}

#[test]
fn a_signature_is_of_one_version_and_one_proof() {
    let (place, ada, _) = place(&["ada"]);
    signed_by(&place.lab, &ada);
    // A good version under the number of another: what an attacker does who wants an older one to run.
    let copied = place.path("pipelines/sums/2");
    copy(&place.path("pipelines/sums/1"), &copied);
    let second = verify(&place.lab, &"sums@2".parse().expect("a reference"), &Work::silent()).expect("it can be read");
    assert!(second.findings()[0].contains("what was signed is sums@1"), "{:?}", second.findings());
    // The times of the proof were signed too.
    let proof = place.path("pipelines/sums/1/attestations/proof.json");
    let text = std::fs::read_to_string(&proof).expect("a proof");
    std::fs::write(&proof, text.replace("\"published_at\": \"2", "\"published_at\": \"1")).expect("written");
    assert_eq!(checked(&place.lab).findings(), ["changed: attestations/proof.json, which was signed otherwise"]);
    std::fs::remove_file(&proof).expect("removed");
    assert_eq!(checked(&place.lab).findings(), ["missing: attestations/proof.json, which was signed"]);
    assert!(matches!(sign(&place.lab, &reference(), &ada, &Work::silent()), Err(Error::NotSound { .. })));
}

#[test]
fn a_swapped_key_and_a_forged_statement_are_refused() {
    let (place, ada, eve) = place(&["ada"]);
    signed_by(&place.lab, &eve);
    let envelope = place.path(ENVELOPE);
    let text = std::fs::read_to_string(&envelope).expect("an envelope");
    // eve's signature under ada's name.
    std::fs::write(&envelope, text.replace(&eve.public().id(), &ada.public().id())).expect("written");
    let findings = checked(&place.lab).findings();
    assert!(findings[0].ends_with("the signature of ada does not hold"), "{findings:?}");
    for forged in ["", "{}", "[]", "null", "{\"payload\":\"\",\"payloadType\":\"text/plain\",\"signatures\":[]}"] {
        std::fs::write(&envelope, forged).expect("written");
        let findings = checked(&place.lab).findings();
        assert!(findings[0].contains("no envelope of a statement"), "{forged}: {findings:?}");
    }
    std::fs::remove_file(&envelope).expect("removed");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/dev/zero", &envelope).expect("linked");
        assert!(!checked(&place.lab).is_sound(), "a link is not followed, and nothing endless is read");
    }
}

#[test]
fn a_key_that_is_none_is_named() {
    let place = Place::after(&["let x = 1", "print x"]);
    place.publish("2").expect("published");
    std::fs::write(place.path("kernwerk.toml"), "[promote.keys]\nada = \"AAAA\"\n").expect("a file");
    let place = place.reopened();
    let error = verify(&place.lab, &reference(), &Work::silent()).expect_err("it is no key");
    assert_eq!(error.to_string(), "kernwerk.toml, promote.keys.ada holds no ed25519 key");
}

#[test]
fn nobody_signs_what_another_has_written() {
    let (place, ada, eve) = place(&["ada"]);
    signed_by(&place.lab, &eve);
    let envelope = place.path(ENVELOPE);
    let text = std::fs::read_to_string(&envelope).expect("an envelope");
    let mut forged: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    // Of the same artifact, and made by another program than it was.
    let payload = STANDARD.decode(forged["payload"].as_str().expect("a payload")).expect("base64");
    let payload = String::from_utf8(payload).expect("JSON").replace("urn:kernwerk\"", "urn:another\"");
    forged["payload"] = STANDARD.encode(payload).into();
    std::fs::write(&envelope, serde_json::to_string_pretty(&forged).expect("JSON") + "\n").expect("written");
    let refused = sign(&place.lab, &reference(), &ada, &Work::silent());
    assert!(matches!(refused, Err(Error::NotSound { .. })), "{refused:?}");
    assert!(checked(&place.lab).trust.signers.is_empty());
}

/// Any byte of a signed artifact, its attestations and its envelope, and of its history with a signed approval.
#[test]
fn no_byte_changes_unseen() {
    let (place, ada, _) = place(&["ada"]);
    signed_by(&place.lab, &ada);
    let author = || Author { by: "ada".to_owned(), why: Some("scores as before".to_owned()) };
    approve_signed(&place.lab, &reference(), "production", author(), &ada, &Work::silent()).expect("approved");
    stage(&place.lab, &reference(), "production", author(), &Work::silent()).expect("staged");
    assert_each_change_is_found(&place, CHANGES);
}

/// The same where no key counts: of an artifact that nobody has signed, and of one with the signature of a stranger.
#[test]
fn no_byte_changes_unseen_where_nobody_vouches() {
    let (place, _, eve) = place(&[]);
    assert_each_change_is_found(&place, CHANGES_UNSIGNED);
    signed_by(&place.lab, &eve);
    assert_each_change_is_found(&place, CHANGES_UNSIGNED);
}

fn assert_each_change_is_found(place: &Place, changes: usize) {
    assert!(checked(&place.lab).is_sound(), "{:?}", checked(&place.lab).findings());
    let root = place.path("pipelines/sums");
    let files: Vec<(PathBuf, Vec<u8>)> = files(&root);
    assert!(files.len() >= 7, "{files:?}");
    let mut random = Random(7);
    for _ in 0..changes {
        let (path, bytes) = &files[random.below(files.len())];
        if bytes.is_empty() {
            continue;
        }
        let (at, by) = (random.below(bytes.len()), 1 + random.below(255) as u8);
        let mut changed = bytes.clone();
        changed[at] ^= by;
        std::fs::write(path, &changed).expect("written");
        // What cannot be read any more is found, too.
        let found = verify(&place.lab, &reference(), &Work::silent())
            .map_or(true, |verification| !verification.is_sound() || !verification.history.is_empty());
        assert!(found, "byte {at} of {} was changed by {by:#04x} and nobody saw it", path.display());
        std::fs::write(path, bytes).expect("written");
    }
    assert!(checked(&place.lab).is_sound());
}

/// A linear congruential generator (Knuth's MMIX): the same changes in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

fn files(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().flatten();
    let files = entries.filter(|entry| entry.file_type().is_file());
    files.map(|entry| (entry.path().to_owned(), std::fs::read(entry.path()).expect("it can be read"))).collect()
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        let target = to.join(path.strip_prefix(from).expect("below"));
        std::fs::create_dir_all(target.parent().expect("a directory")).expect("made");
        std::fs::write(target, bytes).expect("written");
    }
}
