//! The gates: each stops what it is there for, all are asked, and of a secret nothing is written but where it stood.

use std::collections::BTreeMap;
use std::path::Path;

use kernwerk_core::{CellId, ModelId, Usage, Work};
use kernwerk_promote::{
    Author, CrateSources, Demand, Error, GateReport, GateSpec, PublishSpec, Published, SigningKey, State,
    judge_published, judge_target, publish, show, sign, stage, verify,
};
use kernwerk_store::Call;
use serde_json::{Value, json};

use crate::kernel::{MiniRunner, store, wait};
use crate::place::{NOTEBOOK, Place, spec};

/// Put together here, so that nothing that scans this repository stumbles over it.
fn token() -> String {
    ["gh", "p_", "7Qx2ZmK9vR4tB1nW8cYpL5", "sD3fHgJ6kAeTuVq"].concat()
}

fn publish_knowing(place: &Place, target: &str, gates: GateSpec) -> Result<Published, Error> {
    publish_on(place, target, gates, &MiniRunner::default())
}

fn publish_on(place: &Place, target: &str, gates: GateSpec, runner: &MiniRunner) -> Result<Published, Error> {
    wait(publish(&place.lab, &PublishSpec { gates, ..spec(target) }, runner, &Work::silent()))
}

/// The gates that stood in the way, by name, with their state and what they said.
fn refused(result: Result<Published, Error>) -> Vec<(String, State, String)> {
    match result {
        Err(Error::GatesNotPassed { refused }) => {
            refused.into_iter().map(|report| (report.gate.clone(), report.state, report.why())).collect()
        }
        other => panic!("expected a refusal, found {other:?}"),
    }
}

fn report<'r>(reports: &'r [GateReport], gate: &str) -> &'r GateReport {
    reports.iter().find(|report| report.gate == gate).unwrap_or_else(|| panic!("no gate {gate} in {reports:?}"))
}

fn attested(place: &Place) -> Value {
    let text = std::fs::read_to_string(place.path("pipelines/sums/1/attestations/gates.json")).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

/// The files below the lab that hold these bytes.
fn holding(root: &Path, bytes: &[u8]) -> Vec<String> {
    let files = walkdir::WalkDir::new(root).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    let holds =
        |path: &Path| std::fs::read(path).is_ok_and(|found| found.windows(bytes.len()).any(|part| part == bytes));
    files.filter(|entry| holds(entry.path())).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// A suite that was judged elsewhere.
fn quality() -> GateReport {
    GateReport {
        gate: "quality".to_owned(),
        state: State::Fail,
        demand: Demand::Require,
        looked_at: "a run".to_owned(),
        findings: Vec::new(),
        reasons: vec!["it is bad".to_owned()],
        detail: json!({ "run": "quality@1" }),
        remedy: String::new(),
    }
}

#[test]
fn a_secret_in_a_cell_stops_the_publication_and_is_written_nowhere() {
    let place = Place::after(&["let x = 1", &format!("say login {}", token()), "print x"]);
    let place = place.with_settings("");
    let error = place.publish("2").expect_err("it is refused");
    let words = format!("{error} {:?}", error.hint());
    assert!(words.contains("gate `secrets` fails: cell 1 (In[2]), line 1 and 2 more places: GitHub token"), "{words}");
    assert!(!words.contains(&token()[4..]), "{words}");
    assert!(!place.path("pipelines").exists());
    place.assert_clean();
    // The record of cells holds the text of each cell that ran, and nothing else does.
    let found = holding(place.lab.root(), token().as_bytes());
    assert!(found.iter().all(|file| file.starts_with("ledger.sqlite")), "{found:?}");
    // A cell that is no part of the slice stands in nobody's way.
    assert_eq!(report(&place.publish("3").expect("published").gates, "secrets").state, State::Pass);
}

#[test]
fn a_secret_that_only_an_output_shows_is_found() {
    let (front, back) = (token()[..9].to_owned(), token()[9..].to_owned());
    let place = Place::after(&[&format!("glue {front} {back}")]);
    let found = refused(place.publish("1"));
    assert_eq!(found.len(), 1);
    assert!(found[0].2.starts_with("the output of cell 1 (In[1]), line 1: GitHub token (fingerprint "), "{found:?}");
}

#[test]
fn the_secrets_of_the_environment_are_known_by_their_values() {
    let place = Place::after(&["say the word is plain-words-9"]);
    let knowing = |variable: &str| GateSpec {
        environment: vec![(variable.to_owned(), "plain-words-9".to_owned())],
        ..GateSpec::default()
    };
    let found = refused(publish_knowing(&place, "1", knowing("RIDES_PASSWORD")));
    assert!(found[0].2.contains("value of the environment variable RIDES_PASSWORD"), "{found:?}");
    assert!(!format!("{:?}", knowing("RIDES_PASSWORD")).contains("plain-words-9"));
    publish_knowing(&place, "1", knowing("RIDES_TITLE")).expect("it is no secret");
}

#[test]
fn a_false_alarm_is_allowed_by_its_fingerprint() {
    let place = Place::after(&[&format!("say {}", token())]);
    let found = refused(place.publish("1"));
    let fingerprint = found[0].2.split("fingerprint ").nth(1).and_then(|rest| rest.get(..16)).expect("a fingerprint");
    let place = place.with_settings(&format!("[promote.gates]\nallow = [\"{fingerprint}\"]\n"));
    let published = place.publish("1").expect("it is allowed");
    let secrets = report(&published.gates, "secrets");
    assert_eq!(
        (secrets.state, secrets.reasons.clone()),
        (State::Pass, vec!["1 finding below `allow` in kernwerk.toml".to_owned()])
    );
    assert!(!attested(&place).to_string().contains(fingerprint));
    let other = place.with_settings("[promote.gates]\nallow = [\"0000000000000000\"]\n");
    assert_eq!(refused(other.publish("1")).len(), 1);
}

#[test]
fn personal_data_is_told_and_can_be_refused() {
    let place = Place::after(&["say write to ada@analytical.engine.org"]);
    let published = place.publish("1").expect("it is only told");
    let pii = report(&published.gates, "pii");
    assert_eq!((pii.state, pii.demand), (State::Fail, Demand::Warn));
    assert!(pii.why().contains("cell 1 (In[1]), line 1") && pii.why().contains("e-mail address"), "{pii:?}");
    let place = place.with_settings("[promote.gates]\nrequire = [\"pii\"]\n");
    assert_eq!(refused(place.publish("1"))[0].0, "pii");
}

#[test]
fn a_stale_value_is_refused_unless_it_is_meant() {
    let cells = ["let x = 1", "let y = x + 1", "let z = y + 1", "let x = 1"];
    let place = Place::after(&cells);
    let found = refused(place.publish("z"));
    let why = "In[2]: a stale value, for `x` came from In[1], which ran again as In[4]; \
               In[3]: a stale value, for `y` came from In[2], which is stale";
    assert_eq!(found, [("staleness".to_owned(), State::Fail, why.to_owned())]);
    place.publish("x").expect("that is fresh");
    let place = place.with_settings("[promote.gates]\nwarn = [\"staleness\"]\n");
    let published = place.publish("z").expect("it is only told");
    assert_eq!(report(&published.gates, "staleness").state, State::Fail);
}

#[test]
fn what_a_later_cell_of_the_slice_writes_anew_is_not_stale() {
    let place = Place::after(&[
        "%source t ../data/numbers.txt",
        "%table t -> a",
        "%source t ../data/more.txt",
        "%table t -> b",
    ]);
    place.run(&[]);
    let both = [
        "%source t ../data/numbers.txt",
        "%table t -> a",
        "%source t ../data/more.txt",
        "%table t -> b",
        "let c = a + b",
    ];
    place.run(&both);
    place.publish("c").expect("the slice writes both versions, each before it is read");
    // Where the later version is no part of the slice, the value is old.
    let found = refused(place.publish("a"));
    assert!(
        found[0].2.starts_with("In[2]: a stale value, for table `t` has changed: it was read in version "),
        "{found:?}"
    );
}

#[test]
fn input_tables_may_be_too_old() {
    let place = Place::new().with_settings("[promote.gates]\nmax_age = \"0 seconds\"\n");
    store(&place.lab, "old", vec![1.0, 2.0]);
    place.run(&["%table old -> df"]);
    let found = refused(place.publish("df"));
    assert_eq!(found[0].2, "table `old`: data that is 0 days old");
    let place = place.with_settings("[promote.gates]\nmax_age = \"1d\"\n");
    place.publish("df").expect("it is new enough");
    let place = place.with_settings("[promote.gates]\nmax_age = \"soon\"\n");
    assert_eq!(refused(place.publish("df"))[0].1, State::Unmeasured);
}

const LOCK: &str = "version = 4\n\n\
    [[package]]\nname = \"ctx\"\nversion = \"1.0.0\"\ndependencies = [\"oak\"]\n\n\
    [[package]]\nname = \"oak\"\nversion = \"1.4.0\"\nsource = \"registry+r\"\ndependencies = [\"moss\", \"windows-only\"]\n\n\
    [[package]]\nname = \"moss\"\nversion = \"0.3.1\"\nsource = \"registry+r\"\n\n\
    [[package]]\nname = \"windows-only\"\nversion = \"1.0.0\"\nsource = \"registry+r\"\n";

/// A runner of cells that are compiled with these crates.
fn compiling() -> MiniRunner {
    MiniRunner { lock: Some(LOCK.to_owned()), ..MiniRunner::default() }
}

/// A cargo home with the sources of some crates.
fn knowing_crates(place: &Place, licences: &[(&str, &str)]) -> GateSpec {
    let cargo_home = place.home.path().join("cargo");
    for (name, licence) in licences {
        let directory = cargo_home.join("registry/src/index").join(name);
        std::fs::create_dir_all(&directory).expect("a directory");
        let said = if licence.is_empty() { String::new() } else { format!("license = \"{licence}\"\n") };
        std::fs::write(directory.join("Cargo.toml"), format!("[package]\nname = \"x\"\n{said}")).expect("a file");
    }
    GateSpec { crates: CrateSources::of(&cargo_home), ..GateSpec::default() }
}

#[test]
fn licences_of_crates_are_looked_up_with_all_that_they_need() {
    let place = Place::after(&[":dep oak = \"1\"\nlet x = 1"])
        .with_settings("[promote.gates]\nlicences = [\"MIT\", \"Apache-2.0\"]\n");
    let with = |moss: &str| knowing_crates(&place, &[("oak-1.4.0", "MIT/Apache-2.0"), ("moss-0.3.1", moss)]);
    let found = refused(publish_on(&place, "1", with("GPL-3.0-only AND MIT"), &compiling()));
    assert_eq!(found[0].0, "licences");
    assert!(
        found[0].2.starts_with("crate `moss` 0.3.1: the licence GPL-3.0-only AND MIT is not in the list"),
        "{found:?}"
    );
    let found = refused(publish_on(&place, "1", with(""), &compiling()));
    assert_eq!(found[0].1, State::Unmeasured);
    assert!(found[0].2.contains("what licence they have is not known: crate `moss` 0.3.1"), "{found:?}");
    let published = publish_on(&place, "1", with("MIT OR GPL-3.0-only"), &compiling()).expect("there is a choice");
    let licences = report(&published.gates, "licences");
    assert_eq!(licences.looked_at, "3 crates, 0 models");
    assert_eq!(licences.reasons, ["1 crate of other systems not looked at, for their sources are not here"]);
}

#[test]
fn licences_of_models_and_packages_are_looked_up() {
    let settings = "[promote.gates]\nlicences = [\"Apache-2.0\"]\n";
    let place = Place::after(&["%model tiny\nlet x = 1", "print x"]).with_settings(settings);
    let knowing = |licence: &str| GateSpec {
        model_licences: BTreeMap::from([(crate::kernel::WEIGHTS.to_owned(), licence.to_owned())]),
        ..GateSpec::default()
    };
    assert!(refused(place.publish("2"))[0].2.contains("model `tiny`"));
    assert_eq!(refused(publish_knowing(&place, "2", knowing("CC-BY-NC-4.0")))[0].1, State::Fail);
    publish_knowing(&place, "2", knowing("Apache-2.0")).expect("it is in the list");

    let place = Place::new().with_settings(settings);
    let mut kernel = place.kernel();
    kernel.language = kernwerk_core::Language::Python;
    kernel.execute(NOTEBOOK, "let x = 1");
    let digest = kernel.binding("x").digest;
    let mut runner = MiniRunner::python(&[("numpy", "2.4.6")]);
    let with = || PublishSpec { value: Some(digest.clone()), ..spec("x") };
    let found = refused(wait(publish(&place.lab, &with(), &runner, &Work::silent())));
    assert!(found[0].2.contains("package `numpy` 2.4.6"), "{found:?}");
    runner.licences.insert("numpy".to_owned(), "Apache Software License".to_owned());
    wait(publish(&place.lab, &with(), &runner, &Work::silent())).expect("it is in the list");
}

/// An advisory about `moss`.
fn advisory(withdrawn: bool) -> Value {
    let mut advisory = json!({
        "id": "RUSTSEC-2026-0001",
        "summary": "reads out of bounds",
        "affected": [{
            "package": { "ecosystem": concat!("crates", ".io"), "name": "moss" },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0.0.0-0" }, { "fixed": "0.3.2" }] }],
        }],
    });
    if withdrawn {
        advisory["withdrawn"] = "2026-02-01T00:00:00Z".into();
    }
    advisory
}

#[test]
fn known_vulnerabilities_are_refused() {
    let place = Place::after(&[":dep oak = \"1\"\nlet x = 1"]);
    let knowing = |place: &Place| knowing_crates(place, &[]);
    let published = publish_on(&place, "1", knowing(&place), &compiling()).expect("nobody gave advisories");
    assert_eq!(report(&published.gates, "advisories").state, State::Unmeasured);

    let place = place.with_settings("[promote.gates]\nadvisories = \"osv\"\n");
    let found = refused(publish_on(&place, "1", knowing(&place), &compiling()));
    assert_eq!(found[0].1, State::Unmeasured, "there is no such directory");
    let write = |file: &str, text: &str| {
        std::fs::create_dir_all(place.path("osv/crates")).expect("a directory");
        std::fs::write(place.path("osv").join(file), text).expect("a file");
    };
    write("crates/one.json", &advisory(false).to_string());
    let found = refused(publish_on(&place, "1", knowing(&place), &compiling()));
    assert_eq!(found[0].2, "crate `moss` 0.3.1: RUSTSEC-2026-0001: reads out of bounds; fixed in 0.3.2");
    write("crates/one.json", &json!([advisory(true)]).to_string());
    let published = publish_on(&place, "1", knowing(&place), &compiling()).expect("it was withdrawn");
    assert_eq!(report(&published.gates, "advisories").looked_at, "3 crates against 1 advisories");
    write("two.json", "{ \"id\":");
    let found = refused(publish_on(&place, "1", knowing(&place), &compiling()));
    assert!(found[0].1 == State::Unmeasured && found[0].2.contains("two.json cannot be read"), "{found:?}");
}

#[test]
fn the_budget_holds_for_the_cells_of_the_slice() {
    let place = Place::after(&["let x = 1", "let idle = 2"]);
    let use_up = |cell: i64, tokens| {
        let call = Call { cell: Some(CellId(cell)), notebook: None, verb: "rag ask".to_owned() };
        let model = Some(ModelId { name: "tiny".to_owned(), digest: "77".to_owned() });
        let usage = Usage { model, tokens_in: tokens, tokens_out: 0, wall_seconds: 1.0, cpu_seconds: None };
        place.lab.ledger().add_usage(&call, &usage, None).expect("it is recorded");
    };
    let ids: Vec<i64> = place.lab.ledger().cells(NOTEBOOK).expect("cells").iter().map(|cell| cell.id.0).collect();
    use_up(ids[0], 70);
    use_up(ids[1], 7000);
    let place = place.with_settings("[promote.gates]\nbudget = \"69 tokens\"\n");
    assert_eq!(refused(place.publish("x"))[0].2, "the cells of the slice: they used up 70 tokens of 69 tokens");
    let place = place.with_settings("[promote.gates]\nbudget = \"1 EUR\"\n");
    let found = refused(place.publish("x"));
    assert_eq!((found[0].1, found[0].2.as_str()), (State::Unmeasured, "1 call of models that have no price in EUR"));
    let place = place.with_settings("[promote.gates]\nbudget = \"70 tokens\"\n");
    place.publish("x").expect("that is just enough");
}

#[test]
fn what_changes_against_production_is_told() {
    let place = Place::after(&["%source numbers ../data/numbers.txt", "%table numbers -> df", "let x = df + 1"]);
    let first = place.publish("x").expect("published");
    assert_eq!(report(&first.gates, "production").looked_at, "no version of `sums` is in production");
    let author = Author { by: "ada".to_owned(), why: None };
    stage(&place.lab, &"sums@1".parse().expect("a reference"), "production", author, &Work::silent()).expect("staged");
    std::fs::write(place.path("data/numbers.txt"), "1\n2\n4\n").expect("a file");
    place.run(&["%source numbers ../data/numbers.txt", "%table numbers -> df", "let x = df + 2"]);
    let second = place.publish("x").expect("published");
    let production = report(&second.gates, "production");
    assert_eq!(production.reasons, ["1 input changed: `data/numbers.txt`", "1 step changed: cell 3"]);
    assert_eq!((production.state, production.looked_at.as_str()), (State::Pass, "sums@1, which is in production"));
}

#[test]
fn all_gates_are_asked_also_behind_one_that_fails() {
    let place = Place::after(&[&format!("say {} ada@analytical.engine.org", token())]);
    let reports = wait(judge_target(&place.lab, &spec("1"), &MiniRunner::default(), &Work::silent())).expect("judged");
    let states: Vec<(&str, State, Demand)> =
        reports.iter().map(|report| (report.gate.as_str(), report.state, report.demand)).collect();
    let expected = [
        ("secrets", State::Fail, Demand::Require),
        ("pii", State::Fail, Demand::Warn),
        ("staleness", State::Pass, Demand::Require),
        ("licences", State::Pass, Demand::Warn),
        ("advisories", State::Pass, Demand::Warn),
        ("budget", State::Unmeasured, Demand::Warn),
        ("production", State::Pass, Demand::Warn),
    ];
    assert_eq!(states, expected);
    assert!(!place.path("pipelines").exists(), "nothing was published");
    place.assert_clean();
}

#[test]
fn the_settings_decide_and_their_mistakes_are_told() {
    let cells = [&*format!("say {}", token())];
    let place = Place::after(&cells).with_settings("[promote.gates]\noff = [\"secrets\"]\nrequire = [\"budget\"]\n");
    let found = refused(place.publish("1"));
    assert_eq!(
        (found[0].0.as_str(), found[0].1),
        ("budget", State::Unmeasured),
        "what is required and unmeasured does not pass"
    );
    let place = place.with_settings("[promote.gates]\noff = [\"secrets\", \"production\"]\n");
    let published = place.publish("1").expect("published");
    assert!(published.gates.iter().all(|report| report.gate != "secrets" && report.gate != "production"));
    let place = place.with_settings("[promote.gates]\nrequire = [\"secret\"]\n");
    let error = place.publish("1").expect_err("it is no gate");
    assert_eq!(error.to_string(), "`secret` in [promote.gates] of kernwerk.toml is no gate");
    assert!(error.hint().is_some_and(|hint| hint.contains("secrets")), "{:?}", error.hint());
    // A suite that was judged elsewhere is one more.
    let place = place.with_settings("[promote.gates]\nwarn = [\"quality\"]\noff = [\"secrets\"]\n");
    let published = publish_knowing(&place, "1", GateSpec { judged: vec![quality()], ..GateSpec::default() })
        .expect("it is only told");
    assert_eq!(report(&published.gates, "quality").demand, Demand::Warn);
    let place = place.with_settings("[promote.gates]\noff = [\"secrets\"]\n");
    let found = refused(publish_knowing(&place, "1", GateSpec { judged: vec![quality()], ..GateSpec::default() }));
    assert_eq!(found, [("quality".to_owned(), State::Fail, "it is bad".to_owned())]);
}

#[test]
fn what_the_gates_said_stays_with_the_version() {
    let place = Place::after(&["let x = 1", "print x"]);
    let published = place.publish("2").expect("published");
    let attested = attested(&place);
    assert_eq!(attested["artifact"], published.id.as_str());
    assert_eq!(attested["gates"][0]["gate"], "secrets");
    let reference = "sums@1".parse().expect("a reference");
    assert_eq!(show(&place.lab, &reference).expect("shown").gates.map(|gates| gates.len()), Some(7));
    let judge = |place: &Place| {
        judge_published(&place.lab, &reference, &GateSpec::default(), &MiniRunner::default(), &Work::silent())
            .expect("judged")
            .1
    };
    let staleness = |reports: &[GateReport]| report(reports, "staleness").clone();
    let judged = staleness(&judge(&place));
    assert_eq!((judged.state, judged.looked_at.as_str()), (State::Pass, "2 cells, when it was published"));
    // What a reader of the files can see is judged anew.
    let place = place.with_settings("[promote.gates]\nrequire = [\"secrets\"]\n");
    std::fs::write(place.path("pipelines/sums/1/cells/01.rs"), format!("say {}", token())).expect("a file");
    assert_eq!(report(&judge(&place), "secrets").state, State::Fail);
    std::fs::remove_file(place.path("pipelines/sums/1/attestations/gates.json")).expect("it was there");
    assert_eq!(staleness(&judge(&place)).state, State::Unmeasured);
}

#[test]
fn publishing_again_leaves_what_was_said_and_signed() {
    let place = Place::after(&["let x = 1", "print x"]);
    place.publish("2").expect("published");
    let (file, reference) =
        (place.path("pipelines/sums/1/attestations/gates.json"), "sums@1".parse().expect("a reference"));
    let first = std::fs::read(&file).expect("a file");
    let author = || Author { by: "ada".to_owned(), why: None };
    stage(&place.lab, &reference, "production", author(), &Work::silent()).expect("staged");
    assert_eq!(report(&place.publish("2").expect("published").gates, "production").reasons, ["nothing changes"]);
    assert_eq!(std::fs::read(&file).expect("a file"), first, "they came to the same");
    // Another gate is news, until somebody has signed.
    let judged = || GateReport { state: State::Pass, ..quality() };
    publish_knowing(&place, "2", GateSpec { judged: vec![judged()], ..GateSpec::default() }).expect("published");
    assert_eq!(attested(&place)["gates"][7]["detail"]["run"], "quality@1");
    let directory = place.home.path().join("keys");
    let key = SigningKey::create(&directory, "ada").expect("a key");
    sign(&place.lab, &reference, &key, &Work::silent()).expect("signed");
    let again = place.publish("2").expect("published");
    assert!(again.unchanged && again.gates.len() == 7);
    let verification = verify(&place.lab, &reference, &Work::silent()).expect("verified");
    assert!(verification.is_sound(), "{verification:?}");
}
