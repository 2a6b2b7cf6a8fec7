//! The crates that cells are compiled with: the notebook's go into the proof, the proof's into the artifact, and these and no others into every run of it.

use std::path::{Path, PathBuf};

use kernwerk_core::{Captured, CellStatus, Channel, CrateLock, Problem, RunRequest, Verdict, Work};
use kernwerk_promote::{
    Error, InstalledModel, PublishSpec, Published, Run, RunSpec, RunStatus, Vendored, execute, publish, show, vendor,
    verify,
};
use kernwerk_store::Call;

use crate::kernel::{MiniRunner, WEIGHTS, wait};
use crate::place::{Place, spec};

const CELLS: [&str; 2] = [":dep oak = \"1\"\nlet x = 1", "print x"];
const REGISTRY: &str = concat!("registry+https://github.com/rust-lang/crates", ".io-index");

/// A lock file of cells that ask for `oak` in this version, which has these bytes.
fn lock(version: &str, bytes: &[u8]) -> String {
    use ring::digest::{SHA256, digest};
    let checksum: String = digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "version = 4\n\n[[package]]\nname = \"ctx\"\nversion = \"1.0.0\"\ndependencies = [\n \"kernwerk-prelude\",\n \"oak\",\n]\n\n\
         [[package]]\nname = \"kernwerk-prelude\"\nversion = \"0.1.0\"\n\n\
         [[package]]\nname = \"oak\"\nversion = \"{version}\"\nsource = \"{REGISTRY}\"\nchecksum = \"{checksum}\"\n"
    )
}

/// A runner whose cells are compiled with these crates.
fn compiling(lock: String) -> MiniRunner {
    MiniRunner { lock: Some(lock), ..MiniRunner::default() }
}

fn publish_with(place: &Place, notebook: Option<&str>, runner: &MiniRunner) -> Result<Published, Error> {
    let spec = PublishSpec { lock: notebook.map(str::to_owned), ..spec("2") };
    wait(publish(&place.lab, &spec, runner, &Work::silent()))
}

/// The latest request to a runner.
fn asked(runner: &MiniRunner) -> RunRequest {
    let requests = runner.requests.lock().expect("no test panics while it holds this");
    requests.last().expect("it was asked").clone()
}

fn run(place: &Place, runner: &MiniRunner) -> Run {
    let spec = RunSpec {
        reference: "sums".parse().expect("a reference"),
        parameters: Vec::new(),
        retries: 0,
        live: false,
        fresh: true,
        by: "ada".to_owned(),
        toolchain: None,
        lineage: None,
        call: Call::default(),
    };
    let models = |_: &str| Ok(InstalledModel::Digest(WEIGHTS.to_owned()));
    wait(execute(&place.lab, &spec, &models, runner, &Work::silent())).expect("the artifact is there")
}

#[test]
fn the_proof_takes_the_notebooks_versions_and_replays_take_the_proofs() {
    let place = Place::after(&CELLS);
    let proved = lock("1.4.0", b"oak");
    let runner = compiling(proved.clone());
    publish_with(&place, Some("what the notebook was compiled with"), &runner).expect("published");
    let first = CrateLock { text: "what the notebook was compiled with".to_owned(), is_exact: false, packed: None };
    assert_eq!(asked(&runner).lock, Some(first));
    let kept = std::fs::read_to_string(place.path("pipelines/sums/1/Cargo.lock")).expect("a file");
    assert_eq!(kept, proved);
    let shown = show(&place.lab, &"sums@1".parse().expect("a reference")).expect("it can be read");
    let crates = shown.pipeline.rust.expect("it has code of Rust").crates;
    assert_eq!(crates, [("oak".to_owned(), "1.4.0".to_owned())].into(), "the prelude is no crate of theirs");
    let exact = Some(CrateLock { text: proved, is_exact: true, packed: None });
    let runner = MiniRunner::default();
    assert_eq!(place.replay_with("sums@1", None, &runner).verdict, Verdict::Passed);
    assert_eq!(asked(&runner).lock, exact);
    assert_eq!(run(&place, &runner).verdict, Verdict::Passed);
    assert_eq!(asked(&runner).lock, exact);
}

#[test]
fn other_crates_are_another_version_and_the_same_ones_are_not() {
    let place = Place::after(&CELLS);
    let publish = |version: &str| {
        let published = publish_with(&place, None, &compiling(lock(version, b"oak"))).expect("published");
        (published.location.version, published.unchanged)
    };
    assert_eq!([publish("1.4.0"), publish("1.4.0"), publish("1.4.1")], [(1, false), (1, true), (2, false)]);
}

#[test]
fn a_slice_of_magics_has_no_crates() {
    let place = Place::after(&["%source numbers ../data/numbers.txt", "%table numbers -> df"]);
    let runner = compiling(lock("1.4.0", b"oak"));
    place.publish_with("2", &runner).expect("published");
    assert!(!place.path("pipelines/sums/1/Cargo.lock").exists());
    assert_eq!(place.replay_with("sums@1", None, &runner).verdict, Verdict::Passed);
    assert_eq!(asked(&runner).lock, None);
}

#[test]
fn crates_that_cannot_be_had_leave_it_undecided() {
    let place = Place::after(&CELLS);
    publish_with(&place, None, &compiling(lock("1.4.0", b"oak"))).expect("published");
    let runner = MiniRunner::bending(|outcome| {
        let words = format!("{}: crates cannot be had: {} `oak`\nhint", Problem::CRATES_NOT_LOCKED, "x".repeat(200));
        outcome.status = CellStatus::Error;
        outcome.outputs = vec![Captured {
            channel: Channel::Error,
            format: "txt".to_owned(),
            bytes: words.into_bytes(),
            volatile: false,
        }];
    });
    let replay = place.replay_with("sums@1", None, &runner);
    assert_eq!((replay.verdict, replay.cells.len()), (Verdict::Undecided, 0), "{replay:?}");
    assert!(replay.findings[0].starts_with("could not run: cell 1: ") && replay.findings[0].ends_with("`oak`"));
    let ran = run(&place, &runner);
    assert_eq!((ran.verdict, ran.record.expect("a record").status), (Verdict::Undecided, RunStatus::NotRun));
    assert!(ran.findings[0].contains("cell 1: ") && ran.findings[0].ends_with("`oak`"), "{:?}", ran.findings);
}

/// A cargo home that has fetched these crates.
fn fetched(place: &Place, crates: &[(&str, &[u8])]) -> PathBuf {
    let home = place.home.path().join("cargo");
    let cache = home.join("registry/cache/index");
    std::fs::create_dir_all(&cache).expect("a directory");
    for (name, bytes) in crates {
        std::fs::write(cache.join(name), bytes).expect("a file");
    }
    home
}

#[test]
fn crates_beside_an_artifact_are_those_of_its_lock_or_nothing() {
    let place = Place::after(&CELLS);
    let location = publish_with(&place, None, &compiling(lock("1.4.0", b"oak"))).expect("published").location;
    let beside = place.path("pipelines/sums/crates");
    let put = |home: &Path| vendor(&place.lab, &location, home, &Work::silent());
    for home in [fetched(&place, &[]), fetched(&place, &[("oak-1.4.0.crate", b"pine")])] {
        let Err(Error::NotVendored { reasons, .. }) = put(&home) else { panic!("cargo does not have it") };
        assert_eq!(reasons, ["cargo does not have oak-1.4.0.crate here"]);
        assert!(!beside.exists());
    }
    let home = fetched(&place, &[("oak-1.4.0.crate", b"oak")]);
    assert_eq!(put(&home).expect("it is there"), Vendored { crates: 1, added: 1, bytes: 3 });
    assert_eq!(put(&home).expect("it is there"), Vendored { crates: 1, added: 0, bytes: 3 });
    place.assert_clean();
    let runner = MiniRunner::default();
    assert_eq!(place.replay_with("sums@1", None, &runner).verdict, Verdict::Passed);
    assert_eq!(asked(&runner).lock.and_then(|lock| lock.packed), Some(beside.clone()));
    // Another version of the same artifact needs another one, and takes what is there from where it comes.
    publish_with(&place, None, &compiling(lock("1.4.1", b"oak"))).expect("published");
    assert_eq!(place.replay_with("sums@2", None, &runner).verdict, Verdict::Passed);
    assert_eq!(asked(&runner).lock.and_then(|lock| lock.packed), None);
    let verified = |artifact: &str| {
        let verification = verify(&place.lab, &artifact.parse().expect("a reference"), &Work::silent());
        verification.expect("it is there").findings()
    };
    assert_eq!((verified("sums@1"), verified("sums@2")), (vec![], vec![]));
    std::fs::write(beside.join("oak-1.4.0.crate"), b"pine").expect("a file");
    assert_eq!(
        verified("sums@1"),
        ["changed: ../crates/oak-1.4.0.crate: it is not the crate of which Cargo.lock has the checksum"]
    );
    assert_eq!(verified("sums@2"), Vec::<String>::new(), "it does not need that one");
    assert!(place.try_replay("sums@1").expect_err("it is another one").to_string().contains("oak-1.4.0.crate"));
}

#[test]
fn what_is_of_no_registry_is_not_put_beside() {
    let place = Place::after(&CELLS);
    let forked = lock("1.4.0", b"oak").replace(REGISTRY, "git+https://example.org/oak");
    let location = publish_with(&place, None, &compiling(forked)).expect("published").location;
    let refused =
        vendor(&place.lab, &location, &fetched(&place, &[]), &Work::silent()).expect_err("it is of a repository");
    assert!(refused.to_string().contains("crate `oak` comes from elsewhere"), "{refused}");
}
