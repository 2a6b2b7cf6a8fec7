//! Signed approvals: whose count, and that none is forged, copied or taken from elsewhere.

use std::path::{Path, PathBuf};

use kernwerk_core::Work;
use kernwerk_promote::{
    Approval, Approved, Author, Error, Event, Reference, Signed, SigningKey, approve, approve_signed, history, show,
    stage, verify, withdraw,
};
use kernwerk_store::Lab;
use serde_json::Value;

use crate::place::Place;

const HISTORY: &str = "pipelines/sums/history";

/// Two versions, and the keys of three people.
struct Team {
    place: Place,
    keys: Vec<(&'static str, SigningKey)>,
}

impl Team {
    fn new() -> Self {
        let place = Place::new();
        for number in [1, 2] {
            place.run(&[&format!("let x = {number}"), "print x"]);
            place.publish("2").expect("published");
        }
        let directory = place.home.path().join("keys");
        let key = |name| (name, SigningKey::create(&directory, name).expect("a key"));
        let keys = ["ada", "eve", "grace"].map(key).into_iter().collect();
        Self { place, keys }
    }

    fn key(&self, name: &str) -> &SigningKey {
        &self.keys.iter().find(|(owner, _)| *owner == name).expect("a key").1
    }

    /// With these lines in `[promote]`, and these owners of keys.
    fn with(self, rules: &str, owners: &[(&str, &str)]) -> Self {
        let line = |(name, key): &(&str, &str)| format!("{name} = \"{}\"\n", self.key(key).public().text());
        let lines: String = owners.iter().map(line).collect();
        // Keys without which approvals would not be looked at; versions are signed by all, so that they can be staged.
        let toml = format!("[promote]\n{rules}\n[promote.approvals]\nproduction = 2\n[promote.keys]\n{lines}");
        let place = self.place.with_settings(&toml);
        let this = Self { place, ..self };
        for artifact in ["sums@1", "sums@2"] {
            for (_, key) in &this.keys {
                let _ = kernwerk_promote::sign(this.lab(), &reference(artifact), key, &Work::silent());
            }
        }
        this
    }

    fn strict(self) -> Self {
        self.with("signed_approvals = true", &[("ada", "ada"), ("eve", "eve"), ("grace", "grace")])
    }

    fn lab(&self) -> &Lab {
        &self.place.lab
    }

    fn signed(&self, artifact: &str, label: &str, by: &str, key: &str) -> Result<Approved, Error> {
        approve_signed(self.lab(), &reference(artifact), label, author(by), self.key(key), &Work::silent())
    }

    fn production(&self, artifact: &str) -> Result<Event, Error> {
        stage(self.lab(), &reference(artifact), "production", author("ada"), &Work::silent())
    }

    fn events(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.place.path(HISTORY)).into_iter().flatten().flatten();
        let mut events: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        events.sort();
        events
    }

    /// Puts an event in the place of another, as somebody does who can write files and digest them.
    fn forge(&self, path: &Path, change: impl FnOnce(&mut Value)) {
        let mut event: Value = serde_json::from_slice(&std::fs::read(path).expect("an event")).expect("JSON");
        let before = event.clone();
        change(&mut event);
        assert_ne!(before, event, "something is forged");
        std::fs::remove_file(path).expect("removed");
        self.add(&event);
    }

    fn add(&self, event: &Value) {
        let text = serde_json::to_string_pretty(event).expect("JSON") + "\n";
        let digest = blake3::hash(text.as_bytes()).to_hex().to_string();
        let name = format!("{:04}-{}.json", event["number"].as_u64().expect("a number"), &digest[..16]);
        std::fs::write(self.place.path(HISTORY).join(name), text).expect("written");
    }

    fn findings(&self) -> Vec<String> {
        history(self.lab(), "sums").expect("it can be read").findings
    }
}

fn reference(text: &str) -> Reference {
    text.parse().expect("a reference")
}

fn author(by: &str) -> Author {
    Author { by: by.to_owned(), why: Some("scores as before".to_owned()) }
}

#[test]
fn a_name_in_other_letters_is_no_second_person() {
    let team = Team::new().with("", &[("ada", "ada")]);
    for by in ["ada l", "Ada L", "ada  l"] {
        approve(team.lab(), &reference("sums@1"), "production", author(by), &Work::silent()).expect("approved");
    }
    let refused = team.production("sums@1").expect_err("it is one person").to_string();
    let words =
        "has 1 of the 2 approvals that `production` asks for (by Ada L); not counted: ada  l (whose name differs";
    assert!(refused.contains(words), "{refused}");
    approve(team.lab(), &reference("sums@1"), "production", author("eve"), &Work::silent()).expect("approved");
    team.production("sums@1").expect("staged");
}

#[test]
fn only_signed_approvals_of_several_people_count() {
    let team = Team::new().with("", &[("ada", "ada"), ("eve", "eve"), ("grace", "grace")]);
    approve(team.lab(), &reference("sums@1"), "production", author("eve"), &Work::silent()).expect("approved");
    let team = team.strict();
    let claimed = approve(team.lab(), &reference("sums@1"), "production", author("grace"), &Work::silent());
    assert!(matches!(claimed, Err(Error::MustSign { .. })), "{claimed:?}");
    let first = team.signed("sums@1", "production", "ada", "ada").expect("approved");
    let Approved::Now(Event { signed: Signed::Yes, at, .. }) = &first else { panic!("{first:?}") };
    let again = team.signed("sums@1", "production", "ada", "ada").expect("approved");
    let Approved::Before { artifact, approval } = &again else { panic!("{again:?}") };
    assert_eq!((artifact.as_str(), approval.by.as_str(), &approval.at), ("sums@1", "ada", at));
    assert_eq!(team.events().len(), 2);
    team.signed("sums@1", "staging", "grace", "grace").expect("approved");
    team.signed("sums@2", "production", "grace", "grace").expect("approved");
    let refused = team.production("sums@1").expect_err("one person is not two");
    assert_eq!(
        refused.to_string(),
        "sums@1 has 1 of the 2 signed approvals that `production` asks for (by ada); not counted: eve (not signed)"
    );
    team.signed("sums@1", "production", "grace", "grace").expect("approved");
    team.production("sums@1").expect("staged");
    let given = [
        ("production", "ada", Signed::Yes),
        ("production", "eve", Signed::No),
        ("production", "grace", Signed::Yes),
        ("staging", "grace", Signed::Yes),
    ];
    let told = |approvals: Vec<Approval>| -> Vec<(String, String, Signed)> {
        approvals.into_iter().map(|Approval { stage, by, signed, .. }| (stage, by, signed)).collect()
    };
    let given = given.map(|(stage, by, signed)| (stage.to_owned(), by.to_owned(), signed));
    assert_eq!(told(show(team.lab(), &reference("sums@1")).expect("it is there").approvals), given);
    assert_eq!(told(verify(team.lab(), &reference("sums@1"), &Work::silent()).expect("it is there").approvals), given);
    team.place.assert_clean();
}

#[test]
fn a_key_speaks_for_its_owner_alone() {
    let team = Team::new().strict();
    let others = team.signed("sums@1", "production", "ada", "eve");
    assert!(matches!(&others, Err(Error::NotTheirKey { owner, .. }) if owner == "eve"), "{others:?}");
    let team = team.with("signed_approvals = true", &[("ada", "ada")]);
    let unknown = team.signed("sums@1", "production", "eve", "eve");
    assert!(matches!(&unknown, Err(Error::UnknownKey { .. })), "{unknown:?}");
    assert!(team.events().is_empty());
    // One key for two would count twice.
    let team = team.with("signed_approvals = true", &[("ada", "ada"), ("eva", "ada")]);
    let shared = verify(team.lab(), &reference("sums@1"), &Work::silent()).expect_err("two people have one key");
    assert_eq!(shared.to_string(), "kernwerk.toml names one key for ada and for eva");
}

/// It would break the history as soon as the key is named.
#[test]
fn before_a_key_is_named_it_speaks_for_its_own_name_alone() {
    let team = Team::new().with("", &[("grace", "grace")]);
    let others = team.signed("sums@1", "production", "bob", "ada");
    assert!(matches!(&others, Err(Error::NotTheirKey { owner, .. }) if owner == "ada"), "{others:?}");
    assert!(team.events().is_empty());
    let own = team.signed("sums@1", "production", "ada", "ada").expect("approved");
    assert!(matches!(&own, Approved::Now(Event { signed: Signed::Stranger, .. })), "{own:?}");
    let shown = |team: &Team| show(team.lab(), &reference("sums@1")).expect("it is there").approvals;
    assert_eq!(shown(&team)[0].signed, Signed::Stranger);
    let team = team.with("", &[("ada", "ada"), ("grace", "grace")]);
    assert_eq!((team.findings(), shown(&team)[0].signed), (Vec::new(), Signed::Yes));
    // What kernwerk.toml says of a key counts for more than how its file is called.
    let team = team.with("", &[("ada", "ada"), ("hopper", "grace")]);
    assert!(team.signed("sums@1", "production", "grace", "grace").is_err());
    let hers = team.signed("sums@1", "production", "hopper", "grace").expect("approved");
    assert!(matches!(&hers, Approved::Now(Event { signed: Signed::Yes, .. })), "{hers:?}");
}

#[test]
fn the_same_approval_is_entered_once() {
    let team = Team::new().with("", &[("ada", "ada"), ("eve", "eve")]);
    let plain = |by: &str| {
        approve(team.lab(), &reference("sums@1"), "production", author(by), &Work::silent()).expect("approved")
    };
    let entered = |approved: Approved| matches!(approved, Approved::Now(_));
    assert!(entered(plain("ada")) && !entered(plain("ada")));
    // A signature is more than was said.
    assert!(entered(team.signed("sums@1", "production", "ada", "ada").expect("approved")) && !entered(plain("ada")));
    withdraw(team.lab(), &reference("sums@1"), "production", author("ada"), &Work::silent()).expect("withdrawn");
    assert!(entered(plain("ada")) && entered(plain("eve")));
    team.production("sums@1").expect("staged");
    assert!(!entered(plain("ada")), "it holds the stage");
    for by in ["ada", "eve"] {
        team.signed("sums@2", "production", by, by).expect("approved");
    }
    team.production("sums@2").expect("staged");
    // It has lost the stage, and somebody wants to see it there again.
    assert!(entered(plain("ada")) && !entered(plain("ada")));
    team.place.assert_clean();
}

#[test]
fn a_signature_by_anothers_key_is_found() {
    // As somebody does whose own settings say that the key is ada's.
    let team = Team::new().with("signed_approvals = true", &[("ada", "eve")]);
    team.signed("sums@1", "production", "ada", "eve").expect("approved there");
    let team = team.strict();
    let findings = team.findings();
    assert!(findings[0].ends_with("for it is in the name of ada and signed with the key of eve"), "{findings:?}");
    team.production("sums@1").expect_err("the history is not whole");
    // Of a key that nobody has it is not known whose it was; it does not count.
    let team = team.with("signed_approvals = true", &[("ada", "ada"), ("grace", "grace")]);
    assert_eq!(team.findings(), Vec::<String>::new());
    team.signed("sums@1", "production", "grace", "grace").expect("approved");
    let refused = team.production("sums@1").expect_err("one of the two counts");
    assert!(
        refused
            .to_string()
            .ends_with("(by grace); not counted: ada (signed with a key that kernwerk.toml does not name)"),
        "{refused}"
    );
}

#[test]
fn a_signature_is_of_one_approval_alone() {
    let changes: [(&str, Value); 8] = [
        ("label", "staging".into()),
        ("version", 2.into()),
        ("identity", "0".repeat(64).into()),
        ("by", "grace".into()),
        ("why", "anything".into()),
        ("at", "2026-01-01T00:00:00.000Z".into()),
        ("number", 7.into()),
        ("action", "stage".into()),
    ];
    for (field, value) in changes {
        let team = Team::new().strict();
        team.signed("sums@1", "production", "ada", "ada").expect("approved");
        team.forge(&team.events()[0], |event| event[field] = value.clone());
        let findings = team.findings();
        assert_eq!(findings.len(), 1, "{field}: {findings:?}");
        assert!(findings[0].starts_with("changed: history/"), "{field}: {findings:?}");
        for artifact in ["sums@1", "sums@2"] {
            let refused = team.production(artifact);
            assert!(
                matches!(refused, Err(Error::BrokenHistory { .. } | Error::NotSound { .. })),
                "{field}: {refused:?}"
            );
            let verified = verify(team.lab(), &reference(artifact), &Work::silent()).expect("it is there");
            assert_eq!(
                (verified.history, verified.approvals.iter().any(|given| given.signed == Signed::Yes)),
                (findings.clone(), false)
            );
        }
    }
    // A signature that is none, under the name of ada's key; none at all; and two.
    let signatures: [fn(&mut Value); 3] = [
        |event| event["signature"]["signatures"][0]["sig"] = format!("{}==", "A".repeat(86)).into(),
        |event| event["signature"]["signatures"] = Value::Array(Vec::new()),
        |event| {
            let first = event["signature"]["signatures"][0].clone();
            event["signature"]["signatures"].as_array_mut().expect("a list").push(first);
        },
    ];
    for change in signatures {
        let team = Team::new().strict();
        team.signed("sums@1", "production", "ada", "ada").expect("approved");
        team.forge(&team.events()[0], change);
        assert_eq!(team.findings().len(), 1, "{:?}", team.findings());
    }
}

#[test]
fn an_approval_from_another_history_is_no_approval_here() {
    let team = Team::new().strict();
    let there = Team { place: team.place.checkout(), keys: Vec::new() };
    // There, ada's approval follows another event.
    stage(there.lab(), &reference("sums@2"), "staging", author("grace"), &Work::silent()).expect("staged");
    approve_signed(there.lab(), &reference("sums@1"), "production", author("ada"), team.key("ada"), &Work::silent())
        .expect("approved there");
    let approval = there.events().pop().expect("an event");
    let copied = team.place.path(HISTORY).join(approval.file_name().expect("a name"));
    std::fs::create_dir_all(team.place.path(HISTORY)).expect("made");
    std::fs::copy(&approval, &copied).expect("copied");
    assert!(team.findings()[0].starts_with("missing: the event"), "{:?}", team.findings());
    // Put at the beginning it is not what was signed.
    team.forge(&copied, |event| {
        event["number"] = 1.into();
        event["after"] = Value::Array(Vec::new());
    });
    assert!(team.findings()[0].ends_with("for what was signed is another approval"), "{:?}", team.findings());
    team.production("sums@1").expect_err("it is refused");
}

/// Any byte of a history with signed approvals, a stage and a removal.
#[test]
fn no_byte_of_the_history_changes_unseen() {
    let team = Team::new().strict();
    for by in ["ada", "grace"] {
        team.signed("sums@1", "production", by, by).expect("approved");
    }
    team.production("sums@1").expect("staged");
    let sound = || {
        verify(team.lab(), &reference("sums@1"), &Work::silent())
            .is_ok_and(|verification| verification.is_sound() && verification.history.is_empty())
    };
    assert!(sound());
    let mut changes = 0;
    for path in team.events() {
        let bytes = std::fs::read(&path).expect("an event");
        for at in (0..bytes.len()).step_by(3) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 + (at % 255) as u8;
            std::fs::write(&path, &changed).expect("written");
            assert!(!sound(), "byte {at} of {} was changed and nobody saw it", path.display());
            changes += 1;
        }
        std::fs::write(&path, &bytes).expect("written");
    }
    assert!(sound() && changes > 900, "{changes}");
}
