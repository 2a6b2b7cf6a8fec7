//! What lies in `attestations/` is no part of an artifact's identity, and is as it was written all the same.

use std::path::PathBuf;

use kernwerk_core::Work;
use kernwerk_promote::{Verification, verify};
use serde_json::{Value, json};

use crate::place::Place;

const ATTESTATIONS: &str = "pipelines/sums/1/attestations";

fn place() -> Place {
    let place = Place::after(&["let x = 1", "print x"]);
    place.publish("2").expect("published");
    place
}

fn findings(place: &Place, version: u32) -> Vec<String> {
    let reference = format!("sums@{version}").parse().expect("a reference");
    let verification: Verification = verify(&place.lab, &reference, &Work::silent()).expect("it can be read");
    verification.findings()
}

fn attested(place: &Place, file: &str) -> PathBuf {
    place.path(ATTESTATIONS).join(file)
}

fn publish_with_scores(place: &Place, recall: f64) {
    assert!(place.publish_with_scores("2", json!({ "recall": recall })).unchanged);
}

#[test]
fn what_was_added_or_taken_away_is_named() {
    let place = place();
    assert_eq!(findings(&place, 1), Vec::<String>::new());
    std::fs::write(attested(&place, "more.json"), "{}").expect("written");
    std::fs::remove_file(attested(&place, "gates.json")).expect("removed");
    std::fs::create_dir(place.path("pipelines/sums/1/cells/none")).expect("made");
    assert_eq!(
        findings(&place, 1),
        ["extra: cells/none/", "missing: attestations/gates.json", "extra: attestations/more.json"]
    );
    std::fs::remove_dir(place.path("pipelines/sums/1/cells/none")).expect("removed");
    std::fs::remove_dir_all(place.path(ATTESTATIONS)).expect("removed");
    assert_eq!(findings(&place, 1), ["missing: attestations/MANIFEST.json, which lists what was attested"]);
}

#[test]
fn what_was_attested_of_another_version_is_not_of_this_one() {
    let place = place();
    place.run(&["let x = 2", "print x"]);
    place.publish("2").expect("published");
    for file in ["gates.json", "proof.json", "MANIFEST.json"] {
        let second = place.path("pipelines/sums/2/attestations").join(file);
        std::fs::copy(attested(&place, file), second).expect("copied");
    }
    let found = findings(&place, 2);
    assert!(found.iter().any(|line| line.contains("for what it lists was attested of the artifact")), "{found:?}");
}

#[test]
fn another_artifact_under_this_name_is_not_this_one() {
    let place = place();
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .args([place.path("pipelines/sums"), place.path("pipelines/totals")])
        .status();
    assert!(copied.expect("cp runs").success());
    let verification = verify(&place.lab, &"totals@1".parse().expect("a reference"), &Work::silent());
    let findings = verification.expect("it can be read").findings();
    assert_eq!(findings, ["changed: pipeline.toml: it is that of the artifact `sums`"]);
}

/// As a process leaves it that dies between two files.
#[test]
fn what_was_about_to_be_written_may_be_there_or_not() {
    let place = place();
    publish_with_scores(&place, 0.5);
    let (list, scores) = (attested(&place, "MANIFEST.json"), attested(&place, "scores.json"));
    let (before, old) = (std::fs::read(&list).expect("a list"), std::fs::read(&scores).expect("scores"));
    publish_with_scores(&place, 0.75);
    let (after, new) = (std::fs::read(&list).expect("a list"), std::fs::read(&scores).expect("scores"));
    assert!(before != after && old != new, "they were replaced");
    let digest = |list: &[u8]| -> Value {
        serde_json::from_slice::<Value>(list).expect("JSON")["files"]["attestations/scores.json"].clone()
    };
    let text = String::from_utf8(before).expect("a text");
    let coming = format!(",\n  \"coming\": {{\n    \"attestations/scores.json\": {}\n  }}\n}}\n", digest(&after));
    let half = text.strip_suffix("\n}\n").expect("its end").to_owned() + &coming;
    std::fs::write(&list, half).expect("written");
    for bytes in [&old, &new] {
        std::fs::write(&scores, bytes).expect("written");
        assert_eq!(findings(&place, 1), Vec::<String>::new());
    }
    std::fs::write(&scores, "{}").expect("written");
    assert_eq!(findings(&place, 1), ["changed: attestations/scores.json"]);
    // The next publication settles it.
    publish_with_scores(&place, 0.75);
    assert_eq!((std::fs::read(&list).expect("a list"), findings(&place, 1)), (after, Vec::new()));
}
