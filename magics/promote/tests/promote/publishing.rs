//! Publishing: what is written, what is refused, and that a version is there whole or not at all.

use std::time::{Duration, Instant};

use kernwerk_core::{Cancel, Channel, Silent, Work};
use kernwerk_promote::{Agreement, Error, list, publish, show};
use kernwerk_store::Lab;

use crate::kernel::{MiniRunner, store, wait};
use crate::place::{NOTEBOOK, Place, spec};

#[test]
fn an_artifact_holds_the_slice_and_what_its_proof_showed() {
    let place = Place::after(&[
        "%source numbers ../data/numbers.txt",
        "let unused = 5",
        "%table numbers -> df",
        "let total = df + 1\nprint total",
        "third total",
    ]);
    let published = place.publish("5").expect("it is published");
    assert_eq!((published.location.to_string().as_str(), published.unchanged), ("sums@1", false));
    assert_eq!(published.notes, Vec::<String>::new());
    assert!(published.cells.iter().all(|cell| cell.agreement == Agreement::IDENTICAL));
    assert_eq!(
        place.files("pipelines/sums/1"),
        [
            ".gitattributes",
            "Cargo.lock",
            "MANIFEST.json",
            "attestations/MANIFEST.json",
            "attestations/gates.json",
            "attestations/proof.json",
            "cells/01.rs",
            "cells/02.rs",
            "cells/03.rs",
            "cells/04.rs",
            "lab.toml",
            "notebook.ipynb",
            "outputs/02-1-display.arrow",
            "outputs/03-1-stdout.txt",
            "outputs/04-1-result.txt",
            "pipeline.toml",
        ]
    );
    let read = |file: &str| std::fs::read_to_string(place.path("pipelines/sums/1").join(file)).expect("a file");
    assert_eq!(read("cells/03.rs"), "let total = df + 1\nprint total\n");
    assert_eq!(read("outputs/04-1-result.txt"), "2.3333333333333335");
    let description = read("pipeline.toml");
    for line in [
        "name = \"sums\"",
        "directory = \"notebooks\"",
        "toolchain = \"rustc 1.95.0\"",
        "name = \"data/numbers.txt\"",
        "needs = [2]",
    ] {
        assert!(description.contains(line), "{line} is not in\n{description}");
    }
    let shown = show(&place.lab, &"sums".parse().expect("a reference")).expect("it can be read");
    assert_eq!((shown.cells.len(), shown.pipeline.target.step), (4, 4));
    assert_eq!(shown.id, published.id);
    let notebook: serde_json::Value = serde_json::from_str(&read("notebook.ipynb")).expect("JSON");
    assert_eq!(notebook["cells"][2]["source"], serde_json::json!(["let total = df + 1\n", "print total"]));
    place.assert_clean();
}

#[test]
fn identity_is_made_of_content_alone() {
    let cells = ["%source numbers ../data/numbers.txt", "%table numbers -> df"];
    let (one, other) = (Place::after(&cells), Place::new());
    other.run(&["let x = 1", cells[0], "let y = 2"]);
    other.run(&["let z = 3", cells[0], "let y = 2", cells[1]]);
    let (first, second) = (one.publish("df").expect("published"), other.publish("df").expect("published"));
    assert_eq!(first.id, second.id);
    // The table of the variable is a reference output too.
    assert!(one.files("pipelines/sums/1").contains(&"outputs/02-df.arrow".to_owned()));
}

#[test]
fn the_same_again_is_the_same_version_and_a_damaged_one_is_not() {
    let place = Place::after(&["let x = 1", "print x"]);
    place.publish("2").expect("published");
    let again = place.publish("2").expect("published");
    assert_eq!((again.location.version, again.unchanged), (1, true));
    std::fs::write(place.path("pipelines/sums/1/cells/01.rs"), "let x = 2").expect("a file");
    let repaired = place.publish("2").expect("published");
    assert_eq!((repaired.location.version, repaired.unchanged), (2, false));
    place.run(&["let x = 7", "print x"]);
    assert_eq!(place.publish("2").expect("published").location.version, 3);
    let versions: Vec<String> = list(&place.lab).iter().map(|one| one.location.to_string()).collect();
    assert_eq!(versions, ["sums@1", "sums@2", "sums@3"]);
}

#[test]
fn what_a_run_reads_from_outside_is_pinned() {
    // The newer version is one that nobody read.
    let place = Place::new().with_settings("[promote.gates]\nwarn = [\"staleness\"]\n");
    let version = store(&place.lab, "old", vec![1.0, 2.0]).version();
    place.run(&["%table old -> df", "%load ../data/more.txt -> more", "let sum = df + more\nprint sum"]);
    store(&place.lab, "old", vec![9.0]);
    let runner = MiniRunner::default();
    let published = place.publish_with("3", &runner).expect("published");
    let inputs: Vec<String> = published.plan.inputs.iter().map(ToString::to_string).collect();
    assert_eq!(inputs, [format!("table `old` version {version}"), "file `data/more.txt`".to_owned()]);
    assert_eq!(runner.pins()[0].version, version);
    let request = runner.requests.lock().expect("unlocked")[0].clone();
    assert!(request.directory.ends_with("lab/notebooks"), "{}", request.directory.display());
}

#[test]
fn a_model_is_found_where_the_settings_of_the_lab_name_it() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let root = home.path().join("project");
    std::fs::create_dir_all(root.join("notebooks")).expect("a directory");
    std::fs::create_dir_all(root.join("models/tiny")).expect("a directory");
    std::fs::write(root.join("kernwerk.toml"), "language = \"de\"\n[models]\nembedder = \"models/tiny\"\n")
        .expect("a file");
    let place = Place { home, lab: Lab::init(&root).expect("a lab") };
    place.run(&["%model tiny\nlet x = 1", "print x"]);
    place.publish("2").expect("published");
    assert_eq!(place.replay("sums@1").agreement(), Some(Agreement::IDENTICAL));

    // Another checkout may have it elsewhere; the artifact keeps the settings as they were.
    let elsewhere = place.checkout();
    std::fs::rename(elsewhere.path("models"), elsewhere.path("weights")).expect("it is there");
    std::fs::write(elsewhere.path("kernwerk.toml"), "[models]\nembedder = \"weights/tiny\"\n").expect("a file");
    let elsewhere = elsewhere.reopened();
    assert_eq!(elsewhere.replay("sums@1").agreement(), Some(Agreement::IDENTICAL));
    let kept = std::fs::read_to_string(place.path("pipelines/sums/1/lab.toml")).expect("a file");
    assert_eq!(kept, "language = \"de\"\n[models]\nembedder = \"models/tiny\"\n");
}

#[test]
fn a_file_that_only_the_code_names_is_an_input_and_one_that_nothing_names_is_missing() {
    let place = Place::after(&["read \"../data/more.txt\" -> x", "print x"]);
    let published = place.publish("2").expect("published");
    assert!(published.plan.inputs[0].presumed);
    assert_eq!(published.notes, ["file `data/more.txt` counts as an input because cells name it"]);

    let hidden = Place::after(&["compute ../data more.txt -> x", "print x"]);
    match hidden.publish("2") {
        Err(error @ Error::ProofFailed { count: 1, .. }) => {
            assert!(error.to_string().contains("../data/more.txt"), "{error}");
            assert!(error.hint().is_some_and(|hint| hint.contains("--input")));
        }
        other => panic!("{other:?}"),
    }
    assert!(!hidden.path("pipelines").exists());
    let mut declared = spec("2");
    declared.plan.declared = vec!["data/more.txt".to_owned()];
    let declared = wait(publish(&hidden.lab, &declared, &MiniRunner::default(), &Work::silent()));
    assert_eq!(declared.expect("published").plan.inputs.len(), 1);
}

#[test]
fn a_file_outside_of_the_lab_is_found_from_the_same_place() {
    let place = Place::new();
    std::fs::write(place.home.path().join("shared.txt"), "4\n").expect("a file");
    place.run(&["%load ../../shared.txt -> x", "print x"]);
    let published = place.publish("2").expect("published");
    assert_eq!(published.cells[1].agreement, Agreement::IDENTICAL);
    let shown = show(&place.lab, &"sums@1".parse().expect("a reference")).expect("it can be read");
    assert_eq!(shown.pipeline.inputs[0].name, "../shared.txt");
    assert_eq!(place.replay("sums@1").agreement(), Some(Agreement::IDENTICAL));
}

#[test]
fn an_untraced_write_is_followed_to_its_cell() {
    let place = Place::after(&[
        "let a = 2",
        "write \"out.txt\" a",
        "let b = 3",
        "%source numbers out.txt",
        "%table numbers -> df",
    ]);
    let published = place.publish("5").expect("published");
    let kept: Vec<u32> = published.plan.kept.iter().map(|kept| kept.execution.execution_count).collect();
    assert_eq!(kept, [1, 2, 4, 5]);
    assert_eq!(published.plan.inputs, []);
}

#[test]
fn what_is_attested_later_stands_beside_the_same_version() {
    let place = Place::after(&["let x = 1\nprint x"]);
    let first = place.publish("1").expect("published");
    for state in ["pass", "fail"] {
        let again = place.publish_with_scores("1", serde_json::json!([{ "state": state }]));
        assert_eq!((again.location.version, again.unchanged, &again.id), (1, true, &first.id));
        let read =
            std::fs::read_to_string(again.location.directory.join("attestations/scores.json")).expect("it is there");
        assert!(read.contains(state), "{read}");
    }
    let verified = kernwerk_promote::verify(&place.lab, &"sums@1".parse().expect("a reference"), &Work::silent());
    assert!(verified.expect("it can be read").is_sound());
    place.assert_clean();
}

#[test]
fn cells_run_in_their_directory_where_no_name_of_a_notebook_tells_it() {
    let place = Place::new();
    let mut kernel = place.kernel();
    for cell in ["let a = 2", "write \"out.txt\" a", "%source numbers out.txt", "%table numbers -> df"] {
        kernel.execute("shell", cell);
    }
    let mut nameless = spec("4");
    nameless.plan.notebook = "shell".to_owned();
    let published = wait(publish(&place.lab, &nameless, &MiniRunner::default(), &Work::silent())).expect("published");
    // The file that the second cell wrote is the one that the third read: no input, and the same in a fresh process.
    assert_eq!((published.plan.inputs.len(), &published.notes), (0, &Vec::new()));
    assert!(published.cells.iter().all(|cell| cell.agreement == Agreement::IDENTICAL), "{:?}", published.cells);
    assert_eq!(published.cells[2].compared, 2, "the file read and the table written");
    assert_eq!(place.replay("sums@1").agreement(), Some(Agreement::IDENTICAL));
}

#[test]
fn hidden_state_is_refused_and_the_first_cell_named() {
    let place = Place::after(&["tick", "let x = 1\ntick", "print x"]);
    match place.publish("2") {
        Err(error @ Error::ProofDiffers { count: 2, .. }) => {
            assert!(error.to_string().contains("In[2]") && error.to_string().contains("tick"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    // On the way to the target it is let pass, told, and not compared later.
    let published = place.publish("3").expect("published");
    assert!(published.notes[0].starts_with("In[2] is not part of the target"), "{:?}", published.notes);
    assert!(!place.files("pipelines/sums/1").iter().any(|file| file.starts_with("outputs/01")));
    assert_eq!(place.replay("sums").agreement(), Some(Agreement::IDENTICAL));
    // A target that shows nothing is only as good as the way to it.
    assert!(matches!(place.publish("x"), Err(Error::ProofDiffers { count: 2, .. })));
}

#[test]
fn a_cell_that_failed_is_expected_to_fail_again() {
    let place = Place::after(&["let x = 1", "let x = 2\npanic", "print x"]);
    let published = place.publish("3").expect("published");
    assert_eq!(published.notes, ["In[2] failed in the notebook and is expected to fail again"]);
    assert_eq!(place.replay("sums@1").agreement(), Some(Agreement::IDENTICAL));
}

#[test]
fn changed_inputs_and_runs_that_cannot_be_done_are_told() {
    let place = Place::after(&["%load ../data/more.txt -> x", "print x"]);
    assert!(matches!(place.publish_with("2", &MiniRunner::dying_in(0)), Err(Error::NotRun { .. })));
    assert!(matches!(place.publish_with("2", &MiniRunner::dying_in(2)), Err(Error::ProofFailed { count: 2, .. })));
    std::fs::write(place.path("data/more.txt"), "11\n").expect("a file");
    match place.publish("2") {
        Err(Error::Obstacles { obstacles }) => {
            assert_eq!(obstacles, ["file `data/more.txt` has changed since In[1] read it: run the cells again"]);
        }
        other => panic!("{other:?}"),
    }
    std::fs::remove_file(place.path("data/more.txt")).expect("it is there");
    assert!(matches!(place.publish("2"), Err(Error::Obstacles { obstacles }) if obstacles[0].contains("is gone")));
    assert!(!place.path("pipelines").exists());
    place.assert_clean();
}

#[test]
fn streams_in_pieces_are_one_output() {
    let place = Place::after(&["let x = 1", "print x\nprint x\ncolour x\nprint x"]);
    place.publish("2").expect("published");
    let files = place.files("pipelines/sums/1");
    let outputs: Vec<&String> = files.iter().filter(|file| file.starts_with("outputs/")).collect();
    assert_eq!(outputs, ["outputs/02-1-stdout.txt", "outputs/02-2-display.html"]);
    let other_cut = MiniRunner::bending(|outcome| {
        let text: Vec<u8> = outcome
            .outputs
            .iter()
            .filter(|one| one.channel == Channel::Stdout)
            .flat_map(|one| one.bytes.clone())
            .collect();
        if let Some(first) = outcome.outputs.first_mut() {
            first.bytes = text;
        }
        let mut first = true;
        outcome.outputs.retain(|one| one.channel != Channel::Stdout || std::mem::take(&mut first));
    });
    assert_eq!(place.replay_with("sums", None, &other_cut).agreement(), Some(Agreement::IDENTICAL));
}

#[test]
fn an_interrupt_leaves_nothing_behind() {
    let place = Place::after(&["let x = 1", "print x"]);
    let cancel = Cancel::new();
    let work = Work::new(cancel.clone(), std::sync::Arc::new(Silent));
    let runner = MiniRunner::bending(move |_| cancel.cancel());
    let result = wait(publish(&place.lab, &spec("2"), &runner, &work));
    assert!(matches!(result, Err(Error::Cancelled(_))), "{result:?}");
    assert!(!place.path("pipelines").exists());
    place.assert_clean();
}

#[test]
fn two_publish_at_once_and_both_versions_are_whole() {
    let place = Place::after(&["let x = 1\nprint x", "let y = 2\nprint y"]);
    std::thread::scope(|scope| {
        for target in ["1", "2"] {
            let lab = Lab::open(place.lab.root()).expect("the lab opens");
            scope.spawn(move || {
                wait(publish(&lab, &spec(target), &MiniRunner::default(), &Work::silent())).expect("published")
            });
        }
    });
    for reference in ["sums@1", "sums@2"] {
        assert_eq!(place.replay(reference).agreement(), Some(Agreement::IDENTICAL), "{reference}");
    }
}

/// Not a test of its own: publishes without end in the process that [`a_kill_leaves_no_half_artifact`] starts and kills.
#[test]
fn publishes_until_it_is_killed() {
    let Ok(root) = std::env::var("KERNWERK_TEST_PUBLISH_IN") else { return };
    let lab = Lab::open(root.as_ref()).expect("the lab opens");
    for target in ["1", "2"].iter().cycle() {
        wait(publish(&lab, &spec(target), &MiniRunner::default(), &Work::silent())).expect("published");
    }
}

#[test]
fn a_kill_leaves_no_half_artifact() {
    let place = Place::after(&["let x = 1\nprint x", "let y = 2\nprint y"]);
    let root = place.lab.root().to_owned();
    drop(place.lab);
    let published = || list(&Lab::open(&root).expect("the lab opens")).len();
    let mut told = 0;
    for round in 0..6u64 {
        let before = published();
        let mut child = std::process::Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "publishing::publishes_until_it_is_killed"])
            .env("KERNWERK_TEST_PUBLISH_IN", &root)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the child starts");
        // Killed only once it has published, however long it took to start.
        let begun = Instant::now();
        while published() == before && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(3 + 37 * round));
        child.kill().expect("the child is killed");
        child.wait().expect("the child is gone");
        let lab = Lab::open(&root).expect("the lab opens after a kill");
        told += lab.recovered().iter().filter(|line| line.contains("publish") && line.contains("sums")).count();
        for listed in list(&lab) {
            let reference = listed.location.to_string().parse().expect("a reference");
            let verification = kernwerk_promote::verify(&lab, &reference, &Work::silent()).expect("it can be read");
            assert!(verification.is_sound(), "{:?}", verification.findings());
        }
        let stray: Vec<_> = std::fs::read_dir(root.join(".kernwerk/tmp"))
            .expect("the directory is there")
            .flatten()
            .filter(|entry| {
                walkdir::WalkDir::new(entry.path()).into_iter().flatten().any(|below| below.file_type().is_file())
            })
            .collect();
        assert!(stray.is_empty(), "{stray:?}");
    }
    assert!(told > 0, "no kill was told as a publication that was cut off");
    assert_eq!(NOTEBOOK, "notebooks/sums.ipynb");
}
