//! Artifacts from strangers: what lies, leads out, never ends or cannot be read is named, quickly, and nothing outside is touched.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use kernwerk_core::{Verdict, Work};
use kernwerk_promote::{Author, Error, Reference, Verification, list, show, stage, verify};
use serde_json::{Value, json};

use crate::place::Place;

const ARTIFACT: &str = "pipelines/sums/1";
/// Reading or hashing a terabyte takes far longer, on any machine.
const QUICK: Duration = Duration::from_secs(60);
const TERABYTE: u64 = 1 << 40;

fn place() -> Place {
    let place = Place::after(&["let x = 1", "print x"]);
    place.publish("2").expect("published");
    place
}

fn reference() -> Reference {
    "sums@1".parse().expect("a reference")
}

fn verified(place: &Place) -> Result<Verification, Error> {
    verify(&place.lab, &reference(), &Work::silent())
}

/// What verification says, whether as findings or as an error.
fn said(place: &Place) -> String {
    match verified(place) {
        Ok(verification) => {
            assert!(!verification.is_sound(), "nobody saw it");
            verification.findings().join("\n")
        }
        Err(error) => error.to_string(),
    }
}

fn spoil(place: &Place, file: &str, spoil: impl FnOnce(&str) -> String) {
    let path = place.path(ARTIFACT).join(file);
    let text = std::fs::read_to_string(&path).expect("a text");
    let spoiled = spoil(&text);
    assert_ne!(text, spoiled, "{file} is spoiled");
    std::fs::write(path, spoiled).expect("written");
}

/// Digests the artifact anew, as somebody does who hides what he did; `change` has the last word about the manifest.
fn forge(place: &Place, change: impl FnOnce(&mut Value)) {
    let root = place.path(ARTIFACT);
    let mut files = Vec::new();
    for path in place.files(ARTIFACT) {
        if path != "MANIFEST.json" && !path.starts_with("attestations/") {
            let bytes = std::fs::read(root.join(&path)).expect("a file");
            let digest = blake3::hash(&bytes).to_hex().to_string();
            files.push(json!({ "path": path, "bytes": bytes.len(), "blake3": digest }));
        }
    }
    let mut manifest = json!({ "format": 1, "files": files });
    change(&mut manifest);
    let text = serde_json::to_string_pretty(&manifest).expect("JSON") + "\n";
    std::fs::write(root.join("MANIFEST.json"), &text).expect("written");
    let identity = blake3::hash(text.as_bytes()).to_hex().to_string();
    let proof = root.join("attestations/proof.json");
    let mut attested: Value = serde_json::from_slice(&std::fs::read(&proof).expect("a proof")).expect("JSON");
    attested["artifact"] = identity.into();
    std::fs::write(proof, attested.to_string()).expect("written");
    place.list_attested(ARTIFACT);
}

fn resize(place: &Place, file: &str, bytes: u64) {
    let file = std::fs::File::options().write(true).open(place.path(ARTIFACT).join(file)).expect("a file");
    file.set_len(bytes).expect("a file with a hole");
}

/// Whatever is asked, it ends soon, and says what is wrong.
fn assert_refused(place: &Place, words: &str) {
    let begun = Instant::now();
    let said = said(place);
    assert!(said.contains(words), "no {words:?} in {said}");
    let _ = list(&place.lab);
    let _ = show(&place.lab, &reference());
    let author = Author { by: "ada".to_owned(), why: None };
    stage(&place.lab, &reference(), "production", author, &Work::silent()).expect_err("it is not staged");
    assert!(begun.elapsed() < QUICK, "{words}: it took {:?}", begun.elapsed());
}

#[test]
fn sizes_that_lie_are_not_believed() {
    let place = place();
    for bytes in [u64::MAX, 1 << 63, TERABYTE, 0] {
        forge(&place, |manifest| {
            let files = manifest["files"].as_array_mut().expect("a list");
            let cell = files.iter_mut().find(|file| file["path"] == "cells/01.rs").expect("a cell");
            cell["bytes"] = bytes.into();
        });
        assert_refused(&place, "changed: cells/01.rs");
    }
    forge(&place, |_| {});
    assert!(verified(&place).expect("it can be read").is_sound(), "a forger's own artifact is whole");
    resize(&place, "cells/01.rs", TERABYTE);
    assert_refused(&place, "changed: cells/01.rs");
    // Nor is a terabyte read because the manifest says so too.
    spoil(&place, "MANIFEST.json", |text| text.replacen("\"bytes\": 10", &format!("\"bytes\": {TERABYTE}"), 1));
    assert_refused(&place, "changed: cells/01.rs");
}

#[test]
fn what_is_read_whole_has_a_bound() {
    for file in ["MANIFEST.json", "pipeline.toml", "attestations/proof.json", "cells/01.rs"] {
        let place = place();
        resize(&place, file, TERABYTE);
        assert_refused(&place, file);
        assert!(show(&place.lab, &reference()).is_err(), "{file} is not shown");
    }
}

#[test]
fn paths_that_lead_out_are_refused_and_nothing_is_touched() {
    let place = place();
    let outside = place.home.path().join("outside");
    std::fs::write(&outside, "mine").expect("a file");
    let absolute = outside.display().to_string();
    let bad = [
        "../../../../outside",
        absolute.as_str(),
        "cells/../../../../../outside",
        "C:\\\\outside",
        "..\\\\outside",
        "nul",
        "",
    ];
    for path in bad {
        forge(&place, |manifest| manifest["files"][0]["path"] = path.replace("\\\\", "\\").into());
        assert_refused(&place, "is not in the artifact");
    }
    let described = std::fs::read_to_string(place.path(ARTIFACT).join("pipeline.toml")).expect("a text");
    let mut spoiled = Vec::new();
    for path in bad {
        spoiled.push(described.replace("\"cells/01.rs\"", &format!("\"{path}\"")));
        spoiled.push(described.replace("\"outputs/02-1-stdout.txt\"", &format!("\"{path}\"")));
        if !path.is_empty() {
            spoiled.push(described.replace("directory = \"notebooks\"", &format!("directory = \"{path}\"")));
        }
    }
    let input = |name: &str| {
        format!("{described}\n[[inputs]]\nresource = \"file\"\nname = \"{name}\"\ndigest = \"00\"\nsteps = [1]\n")
    };
    spoiled.extend(["", "data/../../../../outside", "..", "/"].map(input));
    for text in spoiled {
        assert_ne!(text, described);
        std::fs::write(place.path(ARTIFACT).join("pipeline.toml"), &text).expect("written");
        forge(&place, |_| {});
        let error = show(&place.lab, &reference()).expect_err("it is not shown");
        assert!(matches!(error, Error::BrokenArtifact { .. }), "{error}");
        assert!(list(&place.lab)[0].summary.is_err());
    }
    assert_eq!(std::fs::read_to_string(&outside).expect("a file"), "mine");
}

/// An input that climbs higher than the lab lies deep is not written anywhere.
#[test]
fn a_replay_writes_into_its_own_directory_alone() {
    let place = place();
    let outside = place.home.path().join("input");
    std::fs::write(&outside, "data").expect("a file");
    let climb = "../".repeat(64);
    let name = format!("{climb}{}", outside.display().to_string().trim_start_matches('/'));
    let digest = blake3::hash(b"data").to_hex();
    spoil(&place, "pipeline.toml", |text| {
        format!("{text}\n[[inputs]]\nresource = \"file\"\nname = \"{name}\"\ndigest = \"{digest}\"\nsteps = [1]\n")
    });
    forge(&place, |_| {});
    let spec = kernwerk_promote::ReplaySpec { reference: reference(), level: None, toolchain: None, live: false };
    let models = |_: &str| Err(kernwerk_core::Problem::new("NoModel", "none"));
    let runner = crate::kernel::MiniRunner::default();
    let replayed = crate::kernel::wait(kernwerk_promote::replay(&place.lab, &spec, &models, &runner, &Work::silent()));
    let said = replayed.expect_err("it is refused").to_string();
    assert!(said.contains("lies outside"), "{said}");
    place.assert_clean();
}

#[test]
fn links_and_pipes_are_not_followed_or_opened() {
    let elsewhere = |place: &Place, file: &str| {
        let moved = place.home.path().join("moved");
        std::fs::rename(place.path(ARTIFACT).join(file), &moved).expect("moved");
        moved
    };
    for (file, words) in [
        ("cells/01.rs", "changed: cells/01.rs"),
        ("cells", "extra: cells"),
        ("MANIFEST.json", "it is a link"),
        ("attestations", "it is a link"),
        ("attestations/proof.json", "it is a link"),
        ("", "it is a link"),
    ] {
        let linked = place();
        let path = if file.is_empty() { linked.path(ARTIFACT) } else { linked.path(ARTIFACT).join(file) };
        let moved = elsewhere(&linked, file);
        std::os::unix::fs::symlink(&moved, &path).expect("a link");
        assert_refused(&linked, words);
        let piped = place();
        let path = if file.is_empty() { piped.path(ARTIFACT) } else { piped.path(ARTIFACT).join(file) };
        elsewhere(&piped, file);
        pipe(&path);
        let begun = Instant::now();
        let _ = (verified(&piped).map(|verification| assert!(!verification.is_sound())), list(&piped.lab));
        let _ = show(&piped.lab, &reference());
        assert!(begun.elapsed() < QUICK);
    }
    let place = place();
    std::fs::create_dir_all(place.path("pipelines/sums/history")).expect("a directory");
    pipe(&place.path("pipelines/sums/history/0001-0123456789abcdef.json"));
    let author = Author { by: "ada".to_owned(), why: None };
    let error =
        stage(&place.lab, &reference(), "production", author, &Work::silent()).expect_err("the history is not whole");
    assert!(matches!(error, Error::BrokenHistory { .. }), "{error}");
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
}

#[test]
fn an_older_artifact_under_a_newer_number_is_known() {
    let place = Place::after(&["let x = 1", "print x"]);
    place.publish("2").expect("published");
    place.run(&["let x = 2", "print x"]);
    place.publish("2").expect("published");
    let author = || Author { by: "ada".to_owned(), why: None };
    let second: Reference = "sums@2".parse().expect("a reference");
    stage(&place.lab, &second, "production", author(), &Work::silent()).expect("staged");
    std::fs::remove_dir_all(place.path("pipelines/sums/2")).expect("removed");
    let copied = Command::new("cp").arg("-r").args([place.path(ARTIFACT), place.path("pipelines/sums/2")]).status();
    assert!(copied.expect("cp runs").success());
    let verification = verify(&place.lab, &second, &Work::silent()).expect("it can be read");
    let findings = verification.findings().join("\n");
    assert!(findings.contains("the history knows sums@2 as"), "{findings}");
    assert_eq!(place.replay("sums@2").verdict, Verdict::Failed);
    stage(&place.lab, &second, "staging", author(), &Work::silent()).expect_err("it is another artifact");
    // And a number whose files are gone is not given away again.
    std::fs::remove_dir_all(place.path("pipelines/sums/2")).expect("removed");
    assert_eq!(place.publish("2").expect("published").location.version, 3);
}

#[test]
fn what_cannot_be_read_is_named_without_a_panic() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(200_000), close.repeat(200_000));
    let dotted = format!("{} = 1\n", vec!["a"; 200_000].join("."));
    let tables = format!("[{}]\nb = 1\n", vec!["a"; 200_000].join("."));
    let bad: Vec<(&str, Vec<u8>)> = vec![
        ("MANIFEST.json", deep("[", "]").into_bytes()),
        ("MANIFEST.json", deep("{\"a\":", "}").into_bytes()),
        ("MANIFEST.json", b"{\"format\": 1, \"files\": [], \"files\": []}\n".to_vec()),
        ("MANIFEST.json", b"{\"format\": 1, \"format\": 1, \"files\": []}\n".to_vec()),
        ("MANIFEST.json", b"{\n  \"format\": 1,\n  \"files\": [],\n  \"more\": 1\n}\n".to_vec()),
        ("MANIFEST.json", b"{\"format\":1,\"files\":[]}".to_vec()),
        ("MANIFEST.json", b"\xff\xfe".to_vec()),
        ("attestations/proof.json", deep("[", "]").into_bytes()),
        ("attestations/proof.json", b"{\"artifact\": \"a\", \"artifact\": \"b\"}".to_vec()),
        ("pipeline.toml", deep("a = [", "]").into_bytes()),
        ("pipeline.toml", format!("a = {}", deep("{a = ", "}")).into_bytes()),
        ("pipeline.toml", dotted.into_bytes()),
        ("pipeline.toml", tables.into_bytes()),
        ("pipeline.toml", b"format = 1\nformat = 1\n".to_vec()),
        ("pipeline.toml", b"format = 99999999999999999999\n".to_vec()),
        ("pipeline.toml", b"name = \"\xff\"".to_vec()),
        ("cells/01.rs", b"\xff".to_vec()),
    ];
    let place = place();
    for (file, bytes) in bad {
        let path = place.path(ARTIFACT).join(file);
        let good = std::fs::read(&path).expect("a file");
        std::fs::write(&path, &bytes).expect("written");
        assert_refused(&place, file.rsplit('/').next().unwrap_or(file));
        let error = show(&place.lab, &reference()).expect_err("it is not shown").to_string();
        assert!(error.contains(file.rsplit('/').next().unwrap_or(file)), "{error}");
        assert!(error.len() < 4096, "{} bytes of words about {file}", error.len());
        std::fs::write(&path, good).expect("restored");
    }
}
