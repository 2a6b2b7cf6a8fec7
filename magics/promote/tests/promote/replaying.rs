//! Verification and replay: whatever is planted is found and named, and a replay really runs.

use kernwerk_core::{Channel, Problem, Resource, Verdict, Work};
use kernwerk_promote::{Agreement, Error, InstalledModel, Level, Manifest, ReplaySpec, replay, tally, verify};

use crate::kernel::{MiniRunner, arrow_file, rows, store, wait};
use crate::place::Place;

const CELLS: [&str; 5] = [
    "%source numbers ../data/numbers.txt",
    "%table numbers -> df",
    "let total = df + 1\nprint total",
    "let part = total\nthird part",
    "%model tiny\nlet end = part\ncolour end",
];

fn published() -> Place {
    let place = Place::after(&CELLS);
    place.publish("5").expect("published");
    place
}

fn findings(place: &Place) -> Vec<String> {
    let verification = verify(&place.lab, &"sums@1".parse().expect("a reference"), &Work::silent());
    verification.expect("it can be read").findings()
}

/// Writes the manifest anew, as somebody would who hides what he did; the attestation too if `thorough`.
fn forge(place: &Place, thorough: bool) {
    let root = place.path("pipelines/sums/1");
    let path = root.join("MANIFEST.json");
    let text = std::fs::read_to_string(&path).expect("a manifest");
    let mut manifest: Manifest = serde_json::from_str(&text).expect("a manifest");
    for file in &mut manifest.files {
        let bytes = std::fs::read(root.join(&file.path)).expect("a file");
        (file.bytes, file.blake3) = (bytes.len() as u64, blake3::hash(&bytes).to_hex().to_string());
    }
    let text = serde_json::to_string_pretty(&manifest).expect("JSON") + "\n";
    std::fs::write(&path, &text).expect("a file");
    if thorough {
        let path = root.join("attestations/proof.json");
        let mut proof: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&path).expect("a proof")).expect("JSON");
        proof["artifact"] = blake3::hash(text.as_bytes()).to_hex().to_string().into();
        std::fs::write(path, proof.to_string()).expect("a file");
        place.list_attested("pipelines/sums/1");
    }
}

#[test]
fn a_replay_agrees_byte_by_byte_here_and_elsewhere() {
    let place = Place::after(&CELLS);
    // Without the model, which only this test's own program knows.
    place.publish("4").expect("published");
    for place in [place.checkout(), place] {
        let runner = MiniRunner::default();
        let replay = place.replay_with("sums@1", None, &runner);
        assert_eq!((replay.verdict, replay.agreement()), (Verdict::Passed, Some(Agreement::IDENTICAL)), "{replay:?}");
        assert_eq!((replay.cells.len(), runner.runs()), (4, 1));
        assert_eq!(tally(&replay.cells), [(Agreement::IDENTICAL, 4)]);
        assert!(replay.cells.iter().all(|cell| cell.compared > 0), "{replay:?}");
        place.assert_clean();
    }
}

#[test]
fn changed_missing_and_extra_files_are_named() {
    let place = published();
    assert_eq!(findings(&place), Vec::<String>::new());
    let file = |name: &str| place.path("pipelines/sums/1").join(name);
    std::fs::write(file("cells/03.rs"), "let total = df + 2\nprint total").expect("a file");
    std::fs::write(file("outputs/04-1-result.txt"), "2.5").expect("a file");
    std::fs::remove_file(file("outputs/02-1-display.arrow")).expect("it is there");
    std::fs::write(file("cells/06.rs"), "print total").expect("a file");
    std::fs::create_dir(file("notebooks")).expect("a directory");
    std::fs::create_dir_all(file(".ipynb_checkpoints")).expect("a directory");
    std::fs::write(file(".ipynb_checkpoints/notebook-checkpoint.ipynb"), "{}").expect("a file");
    let expected = [
        "changed: cells/03.rs (the text of cell 3)",
        "changed: outputs/04-1-result.txt (a reference output of cell 4)",
        "missing: outputs/02-1-display.arrow (a reference output of cell 2)",
        "extra: cells/06.rs (the text of cell 6)",
        "extra: notebooks/",
    ];
    assert_eq!(findings(&place), expected);
    let runner = MiniRunner::default();
    let replay = place.replay_with("sums@1", None, &runner);
    assert_eq!((replay.verdict, runner.runs()), (Verdict::Failed, 0));
    assert_eq!(replay.findings, expected);
}

#[test]
fn a_forged_manifest_contradicts_the_proof() {
    let place = published();
    std::fs::write(place.path("pipelines/sums/1/cells/03.rs"), "let total = 8\nprint total").expect("a file");
    forge(&place, false);
    assert!(findings(&place)[0].starts_with("changed: MANIFEST.json"), "{:?}", findings(&place));
}

#[test]
fn a_planted_result_is_found_by_running() {
    let place = published();
    std::fs::write(place.path("pipelines/sums/1/outputs/03-1-stdout.txt"), "total = 8\n").expect("a file");
    forge(&place, true);
    assert_eq!(findings(&place), Vec::<String>::new());
    let replay = place.replay("sums@1");
    assert_eq!(replay.verdict, Verdict::Failed);
    let first = replay.first_divergence().expect("a divergence");
    assert_eq!((first.step, first.agreement), (3, Agreement::Different));
    assert_eq!(
        first.difference.as_deref(),
        Some("output 1 (standard output, txt), line 1: expected `total = 8`, found `total = 7`")
    );
    assert_eq!(tally(&replay.cells), [(Agreement::IDENTICAL, 4), (Agreement::Different, 1)]);
}

#[test]
fn changed_inputs_are_named() {
    let place = published();
    std::fs::write(place.path("data/numbers.txt"), "1\n2\n4\n").expect("a file");
    let replay = place.replay("sums@1");
    assert_eq!(replay.verdict, Verdict::Failed);
    assert_eq!(replay.findings, ["changed: file `data/numbers.txt` is not what the artifact was published with"]);
    std::fs::remove_file(place.path("data/numbers.txt")).expect("it is there");
    let replay = place.replay("sums@1");
    assert_eq!(replay.verdict, Verdict::Undecided);
    assert_eq!(replay.findings, ["missing: file `data/numbers.txt`, which this checkout does not have"]);
}

#[test]
fn tables_from_outside_are_checked_by_content_and_missed_by_name() {
    let place = Place::new();
    store(&place.lab, "old", vec![1.0, 2.0]);
    place.run(&["%table old -> df", "print df"]);
    place.publish("2").expect("published");
    store(&place.lab, "old", vec![3.0]);
    assert_eq!(place.replay("sums@1").agreement(), Some(Agreement::IDENTICAL), "the pinned version counts");

    let elsewhere = place.checkout();
    let replay = elsewhere.replay("sums@1");
    assert_eq!(replay.verdict, Verdict::Undecided);
    assert_eq!(replay.findings, ["missing: table `old` version 1, which this lab does not have"]);

    // Another table under the same name and version.
    std::fs::remove_dir_all(place.path(".kernwerk/tables/old.lance")).expect("it is there");
    store(&place.lab, "old", vec![1.0, 2.5]);
    let replay = place.replay("sums@1");
    assert_eq!(replay.verdict, Verdict::Failed);
    assert_eq!(replay.findings, ["changed: table `old` version 1 is not what the artifact was published with"]);
}

#[test]
fn models_are_checked() {
    let place = published();
    let spec =
        ReplaySpec { reference: "sums@1".parse().expect("a reference"), level: None, toolchain: None, live: false };
    let findings = |find: fn(&str) -> Result<InstalledModel, Problem>| {
        let replay =
            wait(replay(&place.lab, &spec, &find, &MiniRunner::default(), &Work::silent())).expect("it is there");
        (replay.verdict, replay.findings)
    };
    let (verdict, changed) = findings(|_| Ok(InstalledModel::Digest("78".to_owned())));
    assert_eq!(verdict, Verdict::Failed);
    assert!(changed[0].starts_with("changed: model `tiny`"), "{changed:?}");
    let (verdict, damaged) = findings(|_| Ok(InstalledModel::Damaged("model.safetensors is cut off".to_owned())));
    assert_eq!(
        (verdict, damaged[0].as_str()),
        (Verdict::Failed, "changed: model `tiny`, model.safetensors is cut off")
    );
    let (verdict, missing) = findings(|name| Err(Problem::new("NotFound", format!("{name} is not installed"))));
    assert_eq!((verdict, missing[0].as_str()), (Verdict::Undecided, "missing: model `tiny`, tiny is not installed"));
}

#[test]
fn each_level_is_reported_and_asked_for() {
    let place = published();
    let plain = || {
        MiniRunner::bending(|outcome| {
            outcome.outputs.iter_mut().filter(|one| one.format == "html").for_each(|one| one.bytes = b"7".to_vec());
        })
    };
    let replay = place.replay_with("sums", None, &plain());
    assert_eq!((replay.verdict, replay.agreement()), (Verdict::Failed, Some(Agreement::At(Level::Canonical))));
    assert_eq!(replay.first_divergence().map(|cell| cell.step), Some(5));
    assert_eq!(place.replay_with("sums", Some(Level::Canonical), &plain()).verdict, Verdict::Passed);

    let rounded = || {
        MiniRunner::bending(|outcome| {
            outcome.outputs.iter_mut().filter(|one| one.channel == Channel::Result).for_each(|one| {
                one.bytes = b"2.3333333333333330".to_vec();
            });
        })
    };
    let replay = place.replay_with("sums", Some(Level::Canonical), &rounded());
    assert_eq!((replay.verdict, replay.agreement()), (Verdict::Failed, Some(Agreement::At(Level::Tolerance))));
    assert_eq!(place.replay_with("sums", Some(Level::Tolerance), &rounded()).verdict, Verdict::Passed);
}

#[test]
fn tables_may_differ_by_rounding() {
    let place = Place::after(&["%source numbers ../data/numbers.txt", "%table numbers -> df"]);
    place.publish("df").expect("published");
    let bent = |last: f64| {
        MiniRunner::bending(move |outcome| {
            for output in outcome.outputs.iter_mut().filter(|one| one.format == "arrow") {
                output.bytes = arrow_file(&[rows(vec![1.0, 2.0, last])]);
            }
        })
    };
    let close = place.replay_with("sums", Some(Level::Tolerance), &bent(3.000000000001));
    assert_eq!((close.verdict, close.agreement()), (Verdict::Passed, Some(Agreement::At(Level::Tolerance))));
    let far = place.replay_with("sums", Some(Level::Tolerance), &bent(3.1));
    assert_eq!(far.verdict, Verdict::Failed);
    let difference = far.first_divergence().and_then(|cell| cell.difference.clone());
    assert_eq!(difference.as_deref(), Some("output 1 (display, arrow), row 3, column `n`: expected 3.0, found 3.1"));
}

#[test]
fn a_lost_output_binding_or_cell_is_a_difference() {
    let place = Place::after(&["%source numbers ../data/numbers.txt", "%table numbers -> df"]);
    place.publish("df").expect("published");
    let difference = |runner: MiniRunner| {
        let replay = place.replay_with("sums", Some(Level::Tolerance), &runner);
        assert_eq!(replay.verdict, Verdict::Failed);
        replay.first_divergence().and_then(|cell| cell.difference.clone()).expect("a difference")
    };
    assert_eq!(
        difference(MiniRunner::bending(|outcome| outcome.outputs.clear())),
        "output 1 (display, arrow) is missing"
    );
    assert_eq!(difference(MiniRunner::bending(|outcome| outcome.bindings.clear())), "`df` is not bound");
    assert_eq!(
        difference(MiniRunner::bending(|outcome| {
            for effect in outcome.effects.iter_mut().filter(|effect| effect.resource == Resource::Table) {
                effect.digest = Some("0".to_owned());
            }
        })),
        "table `numbers`, which it wrote, has other content"
    );
    assert_eq!(
        difference(MiniRunner::bending(|outcome| outcome.outputs.extend(outcome.outputs.first().cloned()))),
        "one output more than expected (display, arrow)"
    );
}

#[test]
fn a_run_that_cannot_be_done_is_undecided_and_a_failing_cell_is_a_difference() {
    let place = published();
    let none = place.replay_with("sums", None, &MiniRunner::dying_in(0));
    assert_eq!((none.verdict, none.agreement()), (Verdict::Undecided, None));
    assert_eq!(none.findings, ["could not run: there is no such program"]);
    let half = place.replay_with("sums", None, &MiniRunner::dying_in(3));
    assert_eq!((half.verdict, half.cells.len()), (Verdict::Undecided, 2));
    assert_eq!(half.findings, ["could not run: the process ended in cell 3: killed by signal 9"]);
    let fails = MiniRunner::bending(|outcome| {
        if outcome.ordinal == 2 {
            outcome.status = kernwerk_core::CellStatus::Error;
            let error = kernwerk_core::Captured {
                channel: Channel::Error,
                format: "txt".to_owned(),
                bytes: b"no rows".to_vec(),
                volatile: false,
            };
            outcome.outputs = vec![error];
        }
    });
    let failed = place.replay_with("sums", None, &fails);
    assert_eq!((failed.verdict, failed.cells.len()), (Verdict::Failed, 2));
    let difference = failed.first_divergence().and_then(|cell| cell.difference.clone());
    assert_eq!(difference.as_deref(), Some("expected it to end well, but it failed: `no rows`"));
}

#[test]
fn unknown_and_broken_artifacts_are_errors() {
    let place = published();
    let error = |reference: &str| match reference.parse() {
        Ok(reference) => verify(&place.lab, &reference, &Work::silent()).expect_err("there is none"),
        Err(error) => error,
    };
    assert_eq!(error("sum").hint().as_deref(), Some("did you mean `sums`?"));
    assert_eq!(error("sums@7").hint().as_deref(), Some("there are the versions 1"));
    assert!(matches!(error("../sums"), Error::BadReference { .. }));
    assert!(matches!(error("sums@0"), Error::BadReference { .. }));
    for other in ["sums@01", "sums@+1", "sums@0001"] {
        assert_eq!(error(other).hint().as_deref(), Some("did you mean `sums@1`?"), "{other}");
    }
    let manifest = place.path("pipelines/sums/1/MANIFEST.json");
    std::fs::write(&manifest, "{").expect("a file");
    assert!(matches!(error("sums"), Error::BrokenArtifact { .. }));
    let pipeline = place.path("pipelines/sums/1/pipeline.toml");
    std::fs::write(&pipeline, "format = 9\nfuture = true\n").expect("a file");
    let newer = kernwerk_promote::show(&place.lab, &"sums".parse().expect("a reference"));
    assert!(matches!(newer, Err(Error::NewerArtifact { found: 9, .. })), "{newer:?}");
    let listed = kernwerk_promote::list(&place.lab);
    assert!(listed[0].summary.as_ref().is_err_and(|problem| problem.contains("newer Kernwerk")));
}
