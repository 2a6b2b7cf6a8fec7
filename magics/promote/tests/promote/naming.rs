//! What artifacts, stages and aliases cannot be called.

use kernwerk_core::Work;
use kernwerk_promote::{Author, Error, PublishSpec, alias, publish, stage};

use crate::kernel::{MiniRunner, wait};
use crate::place::{Place, spec};

fn author() -> Author {
    Author { by: "ada".to_owned(), why: None }
}

#[test]
fn a_name_that_means_something_else_is_refused_before_anything_runs() {
    let place = Place::after(&["let x = 1", "print x"]);
    place.publish("2").expect("published");
    let lab = &place.lab;
    alias(lab, &"sums@1".parse().expect("a reference"), "champion", author(), &Work::silent()).expect("named");
    let runner = MiniRunner::default();
    let refused = |name: &str| {
        let spec = PublishSpec { name: name.to_owned(), ..spec("2") };
        wait(publish(lab, &spec, &runner, &Work::silent())).expect_err(name).to_string()
    };
    let long = "x".repeat(101);
    for (name, why) in [
        ("latest", "it stands for the last version"),
        ("production", "it is the name of a stage"),
        ("Staging", "it is the name of a stage"),
        ("champion", "a version of `sums` is called so"),
        ("Sums", "`Sums` is `sums`, which is an artifact already, but for the size of letters"),
        ("CON", "Windows takes it for a device"),
        ("Nul", "Windows takes it for a device"),
        ("sums.", "'.' stands in it"),
        (".git", "it begins with '.'"),
        ("3", "it begins with '3'"),
        (&long, "it is longer than 64 letters"),
    ] {
        let error = refused(name);
        assert!(error.contains(why), "{error}");
    }
    assert_eq!(runner.runs(), 0);
    let entries: Vec<_> = std::fs::read_dir(place.path("pipelines")).expect("a directory").flatten().collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
}

#[test]
fn a_label_that_means_something_else_is_refused() {
    let place = Place::after(&["let x = 1", "print x"]);
    place.publish("2").expect("published");
    let give =
        |label: &str| stage(&place.lab, &"sums@1".parse().expect("a reference"), label, author(), &Work::silent());
    give("canary").expect("staged");
    for (label, why) in [
        ("Latest", "it stands for the last version"),
        ("sums", "it is the name of an artifact"),
        ("aux", "Windows takes it for a device"),
        ("Production", "`Production` is `production`, which is a stage or an alias already"),
        ("Canary", "`Canary` is `canary`, which is a stage or an alias already"),
    ] {
        let error = give(label).expect_err(label);
        assert!(error.to_string().contains(why), "{error}");
        assert!(matches!(error, Error::BadLabel { .. } | Error::LikeAnother { .. }));
    }
}
