//! Finding, making and opening labs; their configuration, principals, files and blobs.

use std::path::Path;

use kernwerk_core::{Problem, Resource, Usage};
use kernwerk_store::{Error, Lab, Price, Principal, WriteMode};

use crate::common::{Place, rows, run};

#[test]
fn a_lab_is_found_from_below() {
    let place = Place::new();
    let below = place.root().join("notebooks").join("deep");
    std::fs::create_dir_all(&below).unwrap();
    assert_eq!(Lab::find(&below).as_deref(), Some(place.root()));
    assert_eq!(Lab::find(place.root()).as_deref(), Some(place.root()));
    let elsewhere = tempfile::tempdir().unwrap();
    assert_eq!(Lab::find(elsewhere.path()), None);
}

#[test]
fn where_there_is_no_lab_the_error_says_how_to_make_one() {
    let elsewhere = tempfile::tempdir().unwrap();
    for place in [elsewhere.path().to_owned(), elsewhere.path().join("missing")] {
        let problem = Problem::from(Lab::open(&place).err().unwrap());
        assert_eq!(problem.name, "NoLab");
        assert!(problem.hint.unwrap().contains("%lab init"));
    }
}

#[test]
fn init_makes_the_directory_and_is_repeatable() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("new").join("lab");
    let lab = Lab::init(&root).unwrap();
    assert!(root.join("kernwerk.toml").is_file());
    assert_eq!(std::fs::read_to_string(root.join(".kernwerk/.gitignore")).unwrap(), "*\n");
    std::fs::write(root.join("kernwerk.toml"), "language = 'de'\n").unwrap();
    let again = Lab::init(&root).unwrap();
    assert_eq!(lab.id(), again.id());
    assert_eq!(again.config().language.as_deref(), Some("de"));
    assert!(again.recovered().is_empty());
}

#[test]
fn a_checkout_without_data_opens() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("kernwerk.toml"), "").unwrap();
    let lab = Lab::open(directory.path()).unwrap();
    assert!(lab.names(Resource::Table).is_empty());
    assert!(!lab.id().is_nil());
}

#[test]
fn a_lab_keeps_its_identity_when_it_moves() {
    let place = Place::new();
    place.write("rides", WriteMode::Append, rows([1, 2], "x"));
    let digest = run(place.table("rides").digest()).unwrap();
    let moved = tempfile::tempdir().unwrap();
    let target = moved.path().join("lab");
    std::fs::rename(place.root(), &target).unwrap();
    let lab = Lab::open(&target).unwrap();
    assert_eq!(lab.id(), place.lab.id());
    assert_eq!(run(run(lab.dataset(Resource::Table, "rides")).unwrap().digest()).unwrap(), digest);
}

#[test]
fn odd_characters_in_the_path_do_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("Büro #1 100% %20 a+b [x]");
    let lab = Lab::init(&root).unwrap();
    let work = kernwerk_core::Work::silent();
    run(lab.write(Resource::Table, "rides", WriteMode::Append, vec![rows([1], "x")], &work)).unwrap();
    run(lab.write(Resource::Table, "rides", WriteMode::Append, vec![rows([2], "x")], &work)).unwrap();
    let stored = run(lab.dataset(Resource::Table, "rides")).unwrap();
    assert_eq!(run(stored.rows()).unwrap(), 2);
    assert!(root.join(".kernwerk/tables/rides.lance").is_dir());
}

#[test]
fn a_wrong_configuration_is_named_by_line() {
    let directory = tempfile::tempdir().unwrap();
    let cases: [(&[u8], &str, &str); 6] = [
        (b"language = 'de'\n\nlangauge = 'en'\n", ", line 3:", "langauge"),
        (b"language = 5\n", ", line 1:", "string"),
        (b"[principals.ada]\ngroups = 'finance'\n", ", line 2:", "sequence"),
        (b"[models\n", ", line 1:", ""),
        (b"# ok\nlanguage = '\xff'\n", ", line 2:", "UTF-8"),
        (b"\n[prices.x]\ncurrency = 'EUR'\ncpu_hour = -1\n", ", line 2:", "negative"),
    ];
    for (text, line, word) in cases {
        std::fs::write(directory.path().join("kernwerk.toml"), text).unwrap();
        let problem = Problem::from(Lab::open(directory.path()).err().unwrap());
        assert_eq!(problem.name, "BadConfig");
        assert!(problem.message.contains(line), "{} lacks {line}", problem.message);
        assert!(problem.message.contains(word), "{} lacks {word}", problem.message);
    }
}

#[test]
fn the_template_is_right_when_its_comments_are_removed() {
    let place = Place::new();
    let template = std::fs::read_to_string(place.root().join("kernwerk.toml")).unwrap();
    let is_setting = |line: &&str| line.contains('=') || line.starts_with("# [");
    let settings: Vec<&str> = template.lines().filter(is_setting).map(|line| line.trim_start_matches("# ")).collect();
    std::fs::write(place.root().join("kernwerk.toml"), settings.join("\n")).unwrap();
    let lab = Lab::open(place.root()).unwrap();
    assert_eq!(lab.config().language.as_deref(), Some("en"));
    let price = lab.price("all-MiniLM-L6-v2").unwrap().unwrap();
    assert_eq!((price.currency.as_str(), price.from), ("EUR", "2026-01-01".parse().ok()));
    assert_eq!(lab.principal(Some("ada")).unwrap().groups, ["finance"]);
}

#[test]
fn principals_have_the_groups_of_the_file_and_nobody_reads_only_what_is_for_everyone() {
    let place = Place::new();
    assert_eq!(place.lab.principal(Some("bob")).unwrap().groups, Vec::<String>::new());
    std::fs::write(place.root().join("kernwerk.toml"), "[principals.ada]\ngroups = ['finance']\n").unwrap();
    let lab = Lab::open(place.root()).unwrap();
    let ada = lab.principal(Some("ada")).unwrap();
    let nobody = lab.principal(None).unwrap();
    assert_eq!(nobody, Principal::nobody());
    for (reader, for_ada, for_nobody) in [
        ("everyone", true, true),
        ("user:ada", true, false),
        ("group:finance", true, false),
        ("user:finance", false, false),
        ("group:ada", false, false),
        ("ada", false, false),
        ("", false, false),
        ("user:", false, false),
    ] {
        assert_eq!(ada.may_read(&[reader]), for_ada, "{reader}");
        assert_eq!(nobody.may_read(&[reader]), for_nobody, "{reader}");
    }
    assert!(!ada.may_read(&[]));
    assert!(ada.may_read(&["user:bob", "group:finance"]));
    let problem = Problem::from(lab.principal(Some("adda")).unwrap_err());
    assert_eq!((problem.name.as_str(), problem.hint.as_deref()), ("UnknownPrincipal", Some("did you mean `ada`?")));
    for bad in ["", "a b", "group:x", "a,b"] {
        assert!(matches!(lab.principal(Some(bad)), Err(Error::BadPrincipal { .. })), "{bad}");
    }
}

#[test]
fn a_price_is_exact_to_a_millionth_and_absent_where_something_was_not_measured() {
    let directory = tempfile::tempdir().unwrap();
    let text = "[prices.m]\ncurrency = 'EUR'\nmillion_tokens_in = 0.02\nmillion_tokens_out = 3\ncpu_hour = 0.36\n";
    std::fs::write(directory.path().join("kernwerk.toml"), text).unwrap();
    let price = Lab::open(directory.path()).unwrap().price("m").unwrap().unwrap();
    let usage =
        |cpu_seconds| Usage { model: None, tokens_in: 1_000_000, tokens_out: 2, wall_seconds: 9.0, cpu_seconds };
    assert_eq!(price.cost(&usage(Some(10.0))).unwrap().amount_micros, 20_000 + 6 + 1_000);
    assert_eq!(price.cost(&usage(None)), None);
}

#[test]
fn what_nobody_said_a_price_for_is_unpriced_and_not_free() {
    let place = Place::new();
    let file = place.root().join("kernwerk.toml");
    let cost = |amounts: &str, tokens_in, tokens_out| {
        std::fs::write(&file, format!("[prices.m]\ncurrency = 'EUR'\n{amounts}\n")).unwrap();
        let usage = Usage { model: None, tokens_in, tokens_out, wall_seconds: 1.0, cpu_seconds: Some(36.0) };
        let price = place.lab.price("m").unwrap().unwrap();
        price.cost(&usage).map(|money| money.amount_micros)
    };
    let read_only = "million_tokens_in = 2";
    assert_eq!(cost(read_only, 10, 0), Some(20));
    assert_eq!(cost(read_only, 10, 1), None, "what it writes has no price");
    assert_eq!(cost("million_tokens_in = 2\nmillion_tokens_out = 0", 10, 1), Some(20), "free is 0");
    assert_eq!(cost("million_tokens_out = 2\ncpu_hour = 1", 1, 0), None, "what it reads has no price");
    assert_eq!(cost("cpu_hour = 1", 10, 10), Some(10_000), "its time is the whole price");
    assert_eq!(cost("", 1, 0), None);
    // What is written for an absent amount is nothing.
    let price = Price { million_tokens_in: Some(2.0), ..place.lab.price("m").unwrap().unwrap() };
    place.lab.add_price("n", &price).unwrap();
    assert!(!std::fs::read_to_string(&file).unwrap().contains("\nmillion_tokens_out"));
    assert_eq!(place.lab.price("n").unwrap(), Some(price));
}

#[test]
fn of_several_prices_the_latest_that_has_begun_holds() {
    let place = Place::new();
    let file = place.root().join("kernwerk.toml");
    let price = |from: &str, amount: f64| Price {
        from: Some(from.parse().unwrap()),
        currency: "EUR".to_owned(),
        million_tokens_in: Some(amount),
        million_tokens_out: None,
        cpu_hour: None,
    };
    // The lab sees what was written since it was opened, its own words and those of an editor.
    assert_eq!(place.lab.price("org/m 1").unwrap(), None);
    place.lab.add_price("org/m 1", &price("2026-01-01", 1.0)).unwrap();
    place.lab.add_price("org/m 1", &price("2025-01-01", 2.0)).unwrap();
    place.lab.add_price("org/m 1", &price("9999-01-01", 3.0)).unwrap();
    assert_eq!(place.lab.price("org/m 1").unwrap(), Some(price("2026-01-01", 1.0)));
    let prices = place.lab.prices().unwrap();
    let day = |text: &str| text.parse().unwrap();
    assert_eq!(prices["org/m 1"].on(day("2025-12-31")), Some(&price("2025-01-01", 2.0)));
    assert_eq!(prices["org/m 1"].on(day("2024-12-31")), None);
    assert_eq!(prices["org/m 1"].history().len(), 3);
    // What would not be read is not written.
    let before = std::fs::read_to_string(&file).unwrap();
    for wrong in [price("2026-01-01", 4.0), price("2027-01-01", -1.0)] {
        assert_eq!(Problem::from(place.lab.add_price("org/m 1", &wrong).unwrap_err()).name, "BadConfig");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    std::fs::write(&file, "[[prices.m]]\nfrom = 2026-01-01\ncurrency = 'EUR'\n").unwrap();
    assert_eq!(place.lab.price("m").unwrap().unwrap().from, Some(day("2026-01-01")));
    std::fs::write(&file, "[[prices.m]]\nfrom = 'soon'\ncurrency = 'EUR'\n").unwrap();
    assert!(place.lab.price("m").unwrap_err().to_string().contains("`soon` is no day"));
}

#[test]
fn paths_in_records_are_relative_to_the_lab() {
    let place = Place::new();
    let inside = place.root().join("notebooks/../data/rides.csv");
    assert_eq!(place.lab.relative(&inside), "data/rides.csv");
    assert_eq!(place.lab.relative(Path::new("/nowhere/x")), "/nowhere/x");
    let link = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(place.root(), link.path().join("link")).unwrap();
    assert_eq!(place.lab.relative(&link.path().join("link/new/a.txt")), "new/a.txt");
}

#[test]
fn a_file_is_written_whole_and_leaves_no_draft() {
    let place = Place::new();
    let path = place.root().join("run.trec");
    place.lab.atomic_write(&path, b"one").unwrap();
    place.lab.atomic_write(&path, b"two").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"two");
    let problem = place.lab.atomic_write(&place.root().join("missing/run.trec"), b"x").unwrap_err().to_string();
    assert!(problem.contains("missing/run.trec"), "{problem}");
    assert!(place.lab.atomic_write(place.root(), b"x").is_err());
    assert_eq!(crate::common::files_below(&place.lab.data_dir().join("tmp")), Vec::<String>::new());
}

#[test]
fn what_a_link_points_to_is_replaced_and_the_link_stays() {
    let place = Place::new();
    let (target, link) = (place.root().join("target"), place.root().join("link"));
    std::fs::write(&target, "old").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    place.lab.atomic_write(&link, b"new").unwrap();
    assert!(link.is_symlink());
    assert_eq!(std::fs::read(&target).unwrap(), b"new");
}

#[test]
fn blobs_are_found_by_their_digest_and_checked() {
    let place = Place::new();
    let blobs = place.lab.blobs();
    let digest = blobs.put(b"an output").unwrap();
    assert_eq!(blobs.put(b"an output").unwrap(), digest);
    assert_eq!(digest, blake3::hash(b"an output").to_hex().as_str());
    assert!(blobs.contains(&digest));
    assert_eq!(blobs.get(&digest).unwrap(), b"an output");
    let path = place.lab.data_dir().join("blobs").join(&digest[..2]).join(&digest[2..]);
    std::fs::write(path, "another").unwrap();
    assert!(matches!(blobs.get(&digest), Err(Error::DamagedBlob { .. })));
    let missing = "0".repeat(64);
    assert!(!blobs.contains(&missing));
    assert!(matches!(blobs.get(&missing), Err(Error::NoBlob { .. })));
    for bad in ["", "../../ledger.sqlite", &"A".repeat(64)] {
        assert!(matches!(blobs.get(bad), Err(Error::BadDigest { .. })), "{bad}");
    }
}
