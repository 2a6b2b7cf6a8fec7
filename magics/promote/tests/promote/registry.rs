//! Stages, aliases, approvals and rollbacks, and the history that they are read from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kernwerk_core::Work;
use kernwerk_promote::{
    Author, Error, Event, Reference, accept_gone, alias, approve, history, list, registry, rollback, show, stage,
    unalias, verify, withdraw,
};
use kernwerk_store::Lab;
use proptest::prelude::*;

use crate::place::Place;

const HISTORY: &str = "pipelines/sums/history";

/// A place with so many versions of one artifact, each of its own cells.
fn versions(count: u32) -> Place {
    let place = Place::new();
    for number in 1..=count {
        place.run(&[&format!("let x = {number}"), "print x"]);
        assert_eq!(place.publish("2").expect("published").location.version, number);
    }
    place
}

fn by(person: &str) -> Author {
    Author { by: person.to_owned(), why: Some("a reason".to_owned()) }
}

fn reference(text: &str) -> Reference {
    text.parse().expect("a reference")
}

fn to_stage(lab: &Lab, artifact: &str, label: &str) -> Result<Event, Error> {
    stage(lab, &reference(artifact), label, by("ada"), &Work::silent())
}

fn back(lab: &Lab, label: &str) -> Result<Event, Error> {
    rollback(lab, "sums", label, by("ada"), &Work::silent())
}

/// The version that a reference names.
fn named(lab: &Lab, artifact: &str) -> u32 {
    show(lab, &reference(artifact)).expect("it is there").location.version
}

/// The files of the history, by name.
fn events(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(root.join(HISTORY)).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).expect("it can be read"))
        })
        .collect()
}

#[test]
fn a_stage_moves_and_goes_back() {
    let place = versions(3);
    let lab = &place.lab;
    to_stage(lab, "sums@1", "production").expect("staged");
    to_stage(lab, "sums@2", "staging").expect("staged");
    to_stage(lab, "sums@staging", "production").expect("staged");
    to_stage(lab, "sums", "production").expect("staged");
    assert_eq!((named(lab, "sums@production"), named(lab, "sums@staging"), named(lab, "sums@latest")), (3, 2, 3));
    let listed: Vec<Vec<String>> = list(lab).into_iter().map(|one| one.labels).collect();
    assert_eq!(listed, [vec![], vec!["staging".to_owned()], vec!["production".to_owned()]]);

    for expected in [2, 1] {
        assert_eq!(back(lab, "production").expect("rolled back").version, expected);
        assert_eq!(named(lab, "sums@production"), expected);
    }
    assert!(matches!(back(lab, "production"), Err(Error::NothingBefore { .. })));
    to_stage(lab, "sums@3", "production").expect("staged");
    assert_eq!(back(lab, "production").expect("rolled back").version, 1, "what was rolled back is not gone back to");

    let told = history(lab, "sums").expect("it can be read");
    assert_eq!(told.findings, Vec::<String>::new());
    let told: Vec<String> = told
        .events
        .iter()
        .map(|event| format!("{} {} {} {}", event.number, event.action.name(), event.version, event.label))
        .collect();
    assert_eq!(
        told,
        [
            "1 stage 1 production",
            "2 stage 2 staging",
            "3 stage 2 production",
            "4 stage 3 production",
            "5 rollback 2 production",
            "6 rollback 1 production",
            "7 stage 3 production",
            "8 rollback 1 production"
        ]
    );
    place.assert_clean();
}

/// In the directory it leaves no trace. On another branch it never was, so that nothing is refused for it.
#[test]
fn an_event_taken_from_the_end_is_told_where_it_was_seen() {
    let place = versions(2);
    let lab = &place.lab;
    let colleague = place.checkout();
    let gone = |lab: &Lab| history(lab, "sums").expect("it can be read").gone;
    let take = |number: u32| -> Vec<(PathBuf, Vec<u8>)> {
        let files = events(lab.root()).into_iter().filter(|(name, _)| name.starts_with(&format!("{number:04}-")));
        let taken = files.map(|(name, bytes)| (lab.root().join(HISTORY).join(name), bytes)).collect::<Vec<_>>();
        taken.iter().for_each(|(path, _)| std::fs::remove_file(path).expect("removed"));
        taken
    };
    // Nobody has read them since they were entered.
    to_stage(lab, "sums@1", "production").expect("staged");
    to_stage(lab, "sums@2", "production").expect("staged");
    let taken = take(2);
    let told = gone(lab);
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("number 2, stage production of sums@2 by ada at "), "{told:?}");
    let verification = verify(lab, &reference("sums@1"), &Work::silent()).expect("it is there");
    assert_eq!((verification.gone.clone(), verification.history.clone()), (told.clone(), vec![]));
    assert!(verification.is_sound());
    assert_eq!(named(lab, "sums@production"), 1);
    // What is entered meanwhile, and a new process, change nothing of it.
    to_stage(lab, "sums@2", "staging").expect("staged");
    assert_eq!(gone(&Lab::open(lab.root()).expect("a lab")), told);
    // Who never saw it does not miss it; and what comes from elsewhere is news.
    assert_eq!(gone(&colleague.lab), Vec::<String>::new());
    to_stage(&colleague.lab, "sums@2", "production").expect("staged");
    for (name, bytes) in events(colleague.lab.root()) {
        std::fs::write(lab.root().join(HISTORY).join(name), bytes).expect("written");
    }
    assert_eq!(gone(lab), told);
    for (path, bytes) in &taken {
        std::fs::write(path, bytes).expect("written");
    }
    assert_eq!((gone(lab), history(lab, "sums").expect("read").findings), (vec![], vec![]));
    // All of it, and with the directory.
    std::fs::remove_dir_all(lab.root().join(HISTORY)).expect("removed");
    assert_eq!(gone(lab).len(), 3);
    accept_gone(lab, "sums").expect("forgotten");
    assert_eq!(gone(lab), Vec::<String>::new());
}

#[test]
fn a_name_of_ones_own_comes_and_goes() {
    let place = versions(2);
    let lab = &place.lab;
    let to = |artifact: &str, name: &str| alias(lab, &reference(artifact), name, by("ada"), &Work::silent());
    to("sums@1", "champion").expect("named");
    to("sums@2", "champion").expect("named");
    assert_eq!(named(lab, "sums@champion"), 2);
    assert!(matches!(to("sums@2", "champion"), Err(Error::HeldAlready { .. })));
    // What approvals or gates guard, and what everybody takes for a stage, is none's to give away.
    std::fs::write(
        place.path("kernwerk.toml"),
        "[promote.approvals]\nlive = 2\n[promote.gates]\nstages = [\"night\"]\n",
    )
    .expect("written");
    for name in ["live", "night", "staging"] {
        assert!(matches!(to("sums@2", name), Err(Error::LabelTaken { .. })), "{name}");
    }
    to_stage(lab, "sums@1", "production").expect("staged");
    assert!(matches!(to("sums@2", "production"), Err(Error::LabelTaken { .. })));
    assert!(matches!(to_stage(lab, "sums@1", "champion"), Err(Error::LabelTaken { .. })));
    unalias(lab, "sums", "champion", by("ada"), &Work::silent()).expect("taken away");
    let gone = show(lab, &reference("sums@champion")).expect_err("it is gone");
    assert_eq!(gone.hint().as_deref(), Some("it has `production`"));
    assert!(matches!(unalias(lab, "sums", "champion", by("ada"), &Work::silent()), Err(Error::UnknownLabel { .. })));
}

#[test]
fn as_many_people_agree_as_the_lab_asks_for() {
    let place = versions(2);
    std::fs::write(place.path("kernwerk.toml"), "[promote.approvals]\nproduction = 2\n").expect("a file");
    let place = place.reopened();
    let lab = &place.lab;
    let agree = |artifact: &str, person: &str, label: &str| {
        approve(lab, &reference(artifact), label, by(person), &Work::silent()).expect("approved")
    };
    agree("sums@1", "ada", "production");
    agree("sums@1", "ada", "production");
    agree("sums@1", "grace", "staging");
    agree("sums@2", "grace", "production");
    let refused = to_stage(lab, "sums@1", "production").expect_err("one person is not two");
    assert_eq!(
        refused.to_string(),
        "sums@1 has 1 of the 2 approvals that `production` asks for (by ada)",
        "{refused:?}"
    );
    to_stage(lab, "sums@1", "staging").expect("nobody is asked there");
    agree("sums@1", "grace", "production");
    let back = |person: &str| withdraw(lab, &reference("sums@1"), "production", by(person), &Work::silent());
    assert!(matches!(back("eve"), Err(Error::NothingToWithdraw { .. })));
    back("grace").expect("taken back");
    to_stage(lab, "sums@1", "production").expect_err("one of them has changed her mind");
    agree("sums@1", "grace", "production");
    to_stage(lab, "sums@1", "production").expect("staged");
}

#[test]
fn only_what_is_sound_gets_a_stage_and_only_that_is_meant_by_it() {
    let place = versions(2);
    let lab = &place.lab;
    to_stage(lab, "sums@1", "production").expect("staged");
    to_stage(lab, "sums@2", "production").expect("staged");
    let cell = place.path("pipelines/sums/1/cells/01.rs");
    let text = std::fs::read(&cell).expect("a cell");
    std::fs::write(&cell, "let x = 9").expect("written");
    assert!(matches!(to_stage(lab, "sums@1", "staging"), Err(Error::NotSound { .. })));
    assert!(matches!(back(lab, "production"), Err(Error::NotSound { .. })));
    std::fs::write(&cell, text).expect("written");
    // Another artifact in the place of the one that was staged.
    std::fs::remove_dir_all(place.path("pipelines/sums/2")).expect("removed");
    assert!(matches!(show(lab, &reference("sums@production")), Err(Error::UnknownVersion { .. })));
    place.run(&["let x = 77", "print x"]);
    assert_eq!(
        place.publish("2").expect("published").location.version,
        3,
        "a number that was in use is not given again"
    );
    std::fs::rename(place.path("pipelines/sums/3"), place.path("pipelines/sums/2")).expect("moved");
    assert!(matches!(show(lab, &reference("sums@production")), Err(Error::OtherIdentity { .. })));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let place = versions(1);
    let lab = &place.lab;
    for label in ["latest", "7", "../up", "", "a b", "-x"] {
        assert!(matches!(to_stage(lab, "sums@1", label), Err(Error::BadLabel { .. })), "{label}");
    }
    assert!(matches!(to_stage(lab, "sum@1", "production"), Err(Error::UnknownArtifact { .. })));
    assert!(matches!(to_stage(lab, "sums@3", "production"), Err(Error::UnknownVersion { .. })));
    assert!(matches!(to_stage(lab, "sums@nowhere", "production"), Err(Error::UnknownLabel { .. })));
    assert!(matches!(back(lab, "production"), Err(Error::UnknownLabel { .. })));
    assert!(matches!(history(lab, "../sums"), Err(Error::BadReference { .. })));
    assert!("sums@../x".parse::<Reference>().is_err());
    assert_eq!(events(lab.root()).len(), 0);
}

#[test]
fn whatever_is_done_to_the_history_is_found() {
    let place = versions(2);
    let lab = &place.lab;
    for artifact in ["sums@1", "sums@2", "sums@1"] {
        to_stage(lab, artifact, "production").expect("staged");
    }
    let sound = events(lab.root());
    let directory = place.path(HISTORY);
    let names: Vec<&String> = sound.keys().collect();
    let expect = |what: &str| {
        let findings = history(lab, "sums").expect("it can be read").findings;
        assert!(findings.iter().any(|finding| finding.starts_with(what)), "{what}: {findings:?}");
        assert!(matches!(to_stage(lab, "sums@2", "production"), Err(Error::BrokenHistory { .. })), "{what}");
        assert!(matches!(show(lab, &reference("sums@production")), Err(Error::BrokenHistory { .. })), "{what}");
        assert!(verify(lab, &reference("sums@1"), &Work::silent()).is_ok(), "versions can still be named by number");
        for (name, bytes) in &sound {
            std::fs::write(directory.join(name), bytes).expect("written");
        }
    };
    for (name, bytes) in &sound {
        for at in (0..bytes.len()).step_by(7) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            std::fs::write(directory.join(name), changed).expect("written");
            expect("changed: history/");
        }
    }
    for name in &names[..2] {
        std::fs::remove_file(directory.join(name)).expect("removed");
        expect("missing: the event");
    }
    std::fs::write(directory.join("0009-note.txt"), "hello").expect("written");
    expect("extra: history/0009-note.txt");
    std::fs::remove_file(directory.join("0009-note.txt")).expect("removed");
    // An event of another artifact, under its own good name.
    let other = place.path("pipelines/other/history");
    std::fs::create_dir_all(&other).expect("made");
    std::fs::write(other.join(names[0]), &sound[names[0]]).expect("written");
    assert!(matches!(registry(lab, "other"), Err(Error::BrokenHistory { .. })));
    #[cfg(unix)]
    {
        std::fs::remove_file(directory.join(names[0])).expect("removed");
        std::os::unix::fs::symlink(other.join(names[0]), directory.join(names[0])).expect("linked");
        let findings = history(lab, "sums").expect("it can be read").findings;
        assert!(findings.contains(&format!("extra: history/{}", names[0])), "{findings:?}");
    }
}

#[test]
fn what_two_places_added_at_once_is_merged_by_putting_the_files_together() {
    let one = versions(3);
    to_stage(&one.lab, "sums@1", "production").expect("staged");
    let other = one.checkout();
    to_stage(&one.lab, "sums@2", "production").expect("staged");
    alias(&other.lab, &reference("sums@1"), "champion", by("grace"), &Work::silent()).expect("named");
    to_stage(&other.lab, "sums@3", "production").expect("staged");
    for (from, to) in [(&one, &other), (&other, &one)] {
        for (name, bytes) in events(from.lab.root()) {
            std::fs::write(to.path(HISTORY).join(name), bytes).expect("written");
        }
    }
    assert_eq!(events(one.lab.root()), events(other.lab.root()));
    for place in [&one, &other] {
        let told = history(&place.lab, "sums").expect("it can be read");
        assert_eq!(told.findings, Vec::<String>::new());
        assert_eq!(told.events.iter().map(|event| event.number).collect::<Vec<_>>(), [1, 2, 2, 3]);
        assert_eq!((named(&place.lab, "sums@production"), named(&place.lab, "sums@champion")), (3, 1));
    }
    // The next event follows both ends.
    let next = back(&one.lab, "production").expect("rolled back");
    assert_eq!((next.number, next.version, next.after.len()), (4, 2, 2));
}

#[test]
fn many_at_once_lose_nothing() {
    let place = versions(2);
    let root = place.lab.root();
    std::thread::scope(|scope| {
        for person in 0..4 {
            scope.spawn(move || {
                let lab = Lab::open(root).expect("the lab opens");
                for turn in 0..10 {
                    let label = format!("s{person}-{turn}");
                    to_stage(&lab, "sums@1", &label).expect("staged");
                    let _ = to_stage(&lab, "sums@2", "production");
                }
            });
        }
    });
    let told = history(&place.lab, "sums").expect("it can be read");
    assert_eq!(told.findings, Vec::<String>::new());
    let numbers: Vec<u32> = told.events.iter().map(|event| event.number).collect();
    assert_eq!(numbers, (1..=41).collect::<Vec<u32>>(), "one after the other, and production was staged once");
    place.assert_clean();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// A stage is a stack of versions: staging puts one on top, rolling back takes it off.
    #[test]
    fn a_stage_is_a_stack(steps in proptest::collection::vec((0..4u32, proptest::bool::ANY), 1..14)) {
        let place = versions(3);
        let mut stacks: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for (version, is_production) in steps {
            let label = if is_production { "production" } else { "staging" };
            let stack = stacks.entry(label).or_default();
            let result = match version {
                0 => back(&place.lab, label),
                version => to_stage(&place.lab, &format!("sums@{version}"), label),
            };
            match version {
                0 if stack.len() < 2 => prop_assert!(result.is_err()),
                0 => {
                    stack.pop();
                    // A version that was on top twice is gone back to where it lay last.
                    prop_assert_eq!(result.map(|event| event.version).ok(), stack.last().copied());
                }
                version if stack.last() == Some(&version) => prop_assert!(result.is_err()),
                version => {
                    stack.push(version);
                    prop_assert!(result.is_ok());
                }
            }
            for (label, stack) in &stacks {
                let holder = registry(&place.lab, "sums").map(|registry| registry.holder(label).map(|holder| holder.version));
                prop_assert_eq!(holder.ok(), Some(stack.last().copied()));
            }
        }
    }
}
