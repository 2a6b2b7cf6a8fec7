//! Slices of Python: what they are pinned to, what their artifacts hold, and that what changed or is missing is named.

use kernwerk_core::{Language, Verdict, Work};
use kernwerk_promote::{Agreement, Error, Published, publish, show};

use crate::kernel::{MiniRunner, wait};
use crate::place::{NOTEBOOK, Place, spec};

const CELLS: [&str; 4] =
    ["%source numbers ../data/numbers.txt", "%table numbers -> df", "let idle = 3", "let total = df + 1"];
const PACKAGES: [(&str, &str); 2] = [("numpy", "2.4.6"), ("polars", "2.1.0")];

/// A place whose notebook of Python has run these cells, and the digest of a variable of it.
fn after(cells: &[&str], variable: &str) -> (Place, String) {
    let place = Place::new();
    let mut kernel = place.kernel();
    for cell in cells {
        kernel.language = if cell.starts_with('%') { Language::Rust } else { Language::Python };
        kernel.execute(NOTEBOOK, cell);
    }
    let digest = kernel.binding(variable).digest;
    (place, digest)
}

fn publish_value(place: &Place, target: &str, digest: Option<&str>) -> Result<Published, Error> {
    let spec = kernwerk_promote::PublishSpec { value: digest.map(str::to_owned), ..spec(target) };
    wait(publish(&place.lab, &spec, &MiniRunner::python(&PACKAGES), &Work::silent()))
}

#[test]
fn an_artifact_of_python_is_a_notebook_and_a_script_with_pinned_packages() {
    let (place, digest) = after(&CELLS, "total");
    let published = publish_value(&place, "total", Some(&digest)).expect("it is published");
    assert_eq!(published.notes, Vec::<String>::new());
    assert_eq!(
        place.files("pipelines/sums/1"),
        [
            ".gitattributes",
            "MANIFEST.json",
            "attestations/MANIFEST.json",
            "attestations/gates.json",
            "attestations/proof.json",
            "cells/01.py",
            "cells/02.py",
            "cells/03.py",
            "lab.toml",
            "notebook.ipynb",
            "outputs/02-1-display.arrow",
            "outputs/03-total.json",
            "pipeline.py",
            "pipeline.toml",
        ]
    );
    let read = |file: &str| std::fs::read_to_string(place.path("pipelines/sums/1").join(file)).expect("a file");
    let shown = show(&place.lab, &"sums@1".parse().expect("a reference")).expect("it can be read").pipeline;
    let python = shown.python.expect("it is of Python");
    assert_eq!((python.implementation.as_str(), python.version.as_str()), ("CPython", "3.11.2"));
    assert!(shown.environment.threads >= 1 && shown.made_with.toolchain.is_none());
    let description = read("pipeline.toml");
    assert!(description.contains("[python.packages]\nnumpy = \"2.4.6\"\npolars = \"2.1.0\"\n"), "{description}");
    assert_eq!(read("outputs/03-total.json"), "7");
    let script = read("pipeline.py");
    let version = env!("CARGO_PKG_VERSION");
    for part in [
        "# requires-python = \"==3.11.*\"\n",
        &format!(
            "#     \"kernwerk[ipython]=={version}\",\n#     \"numpy==2.4.6\",\n#     \"polars==2.1.0\",\n# ]\n# ///\n"
        ),
        "from kernwerk.script import get_ipython\n",
        "\n# %% 2\nget_ipython() %table numbers -> df\n\n# %% 3\nlet total = df + 1\n",
    ] {
        assert!(script.contains(part), "{part} is not in\n{script}");
    }
    let notebook: serde_json::Value = serde_json::from_str(&read("notebook.ipynb")).expect("JSON");
    assert_eq!(notebook["metadata"]["kernelspec"]["name"], "python3");
    assert_eq!(notebook["cells"][0]["source"], serde_json::json!(["%load_ext kernwerk"]));
    assert_eq!(notebook["cells"][3]["source"], serde_json::json!(["let total = df + 1"]));
    place.assert_clean();
}

#[test]
fn the_value_of_the_target_is_compared_with_that_of_the_notebook() {
    let (place, _) = after(&CELLS, "total");
    match publish_value(&place, "total", Some("0")) {
        Err(error @ Error::ProofDiffers { count: 4, .. }) => assert!(error.to_string().contains("`total`"), "{error}"),
        other => panic!("{other:?}"),
    }
    assert!(!place.path("pipelines/sums").exists());
    // From another process nobody sees the value; that of the proof run stands.
    publish_value(&place, "total", None).expect("it is published");
    let mut runner = MiniRunner::python(&PACKAGES);
    assert_eq!(place.replay_with("sums@1", None, &runner).agreement(), Some(Agreement::IDENTICAL));
    runner.bend = Some(Box::new(|outcome| {
        outcome
            .bindings
            .iter_mut()
            .filter(|bound| bound.name == "total")
            .for_each(|bound| bound.digest = "0".to_owned());
    }));
    let replay = place.replay_with("sums@1", None, &runner);
    assert_eq!(replay.verdict, Verdict::Failed);
    let difference = replay.first_divergence().and_then(|cell| cell.difference.clone());
    assert!(difference.is_some_and(|difference| difference.contains("`total` holds something else")), "{replay:?}");
}

#[test]
fn magics_alone_need_no_python() {
    let (place, _) = after(&["%source numbers ../data/numbers.txt", "%table numbers -> df", "let x = df"], "x");
    let runner = MiniRunner::default();
    let published = place.publish_with("df", &runner).expect("it is published");
    assert_eq!(published.plan.kept.len(), 2);
    assert!(!runner.requests.lock().expect("unlocked")[0].python);
    assert!(place.files("pipelines/sums/1").contains(&"cells/01.rs".to_owned()));
}

#[test]
fn another_version_is_told_and_the_likely_cause_of_a_difference() {
    let (place, digest) = after(&CELLS, "total");
    publish_value(&place, "total", Some(&digest)).expect("it is published");
    let mut newer = MiniRunner::python(&[("numpy", "2.4.6"), ("polars", "2.2.0")]);
    let replay = place.replay_with("sums@1", None, &newer);
    assert_eq!((replay.verdict, replay.agreement()), (Verdict::Passed, Some(Agreement::IDENTICAL)));
    assert_eq!(replay.notes, ["package `polars` is 2.2.0 here, published with 2.1.0"]);
    newer.bend = Some(Box::new(|outcome| outcome.bindings.clear()));
    let replay = place.replay_with("sums@1", None, &newer);
    assert_eq!(replay.verdict, Verdict::Failed);
    assert_eq!(replay.findings, ["likely cause: package `polars` is 2.2.0 here, published with 2.1.0"]);
}

#[test]
fn without_a_package_nothing_runs() {
    let (place, digest) = after(&CELLS, "total");
    publish_value(&place, "total", Some(&digest)).expect("it is published");
    let without = MiniRunner::python(&[("numpy", "2.4.6")]);
    let replay = place.replay_with("sums@1", None, &without);
    assert_eq!((replay.verdict, replay.cells.len(), without.runs()), (Verdict::Undecided, 0, 0));
    assert_eq!(replay.findings, ["missing: package `polars` 2.1.0, which this Python does not have"]);
}

#[test]
fn a_file_that_python_names_is_an_input() {
    let (place, _) = after(&["read \"../data/more.txt\" -> x", "let y = x"], "y");
    let published = publish_value(&place, "y", None).expect("published");
    assert_eq!(published.notes, ["file `data/more.txt` counts as an input because cells name it"]);
}
