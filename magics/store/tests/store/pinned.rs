//! Inputs of another lab.

use kernwerk_core::{Pin, Resource, Work};
use kernwerk_store::{Error, WriteMode};

use crate::common::{Place, numbers, rows, run};

/// The first version of the rides of a lab.
fn pin(source: &Place) -> Pin {
    let stored = run(source.lab.dataset_at(Resource::Table, "rides", 1)).unwrap();
    let digest = run(stored.digest()).unwrap();
    Pin { resource: Resource::Table, name: "rides".into(), version: 1, uri: stored.uri().into(), digest }
}

#[test]
fn a_pinned_data_set_is_read_from_its_lab_and_version() {
    let (source, place) = (Place::new(), Place::new());
    source.write("rides", WriteMode::Create, rows([1], "a"));
    source.write("rides", WriteMode::Append, rows([2], "a"));
    let pin = pin(&source);
    let lab = place.lab.clone().with_pins(vec![pin]);
    let read = || {
        numbers(&run(async { lab.dataset(Resource::Table, "rides").await.unwrap().read(None, None).await }).unwrap())
    };
    assert_eq!(read(), [1]);
    assert_eq!(lab.names(Resource::Table), ["rides"]);
    assert_eq!(run(lab.datasets(Resource::Table)).unwrap()[0].version, 1);
    let stored = run(lab.dataset(Resource::Table, "rides")).unwrap();
    let original = run(source.lab.dataset_at(Resource::Table, "rides", 1)).unwrap();
    assert_eq!(run(stored.digest()).unwrap(), run(original.digest()).unwrap());
    assert!(matches!(run(place.lab.dataset(Resource::Table, "rides")), Err(Error::Unknown { .. })));
    assert!(matches!(run(lab.dataset(Resource::Corpus, "rides")), Err(Error::Unknown { .. })));

    // Rows cannot be added to another lab's data set, but the run may make one of its own.
    let work = Work::silent();
    let append = run(lab.write(Resource::Table, "rides", WriteMode::Append, vec![rows([3], "a")], &work));
    assert!(matches!(append, Err(Error::Pinned { .. })));
    let rewrite = run(lab.rewrite(Resource::Table, "rides", Some("true".into()), vec![rows([3], "a")], &work));
    assert!(matches!(rewrite, Err(Error::Pinned { .. })));
    run(lab.write(Resource::Table, "rides", WriteMode::Replace, vec![rows([4], "a")], &work)).unwrap();
    assert_eq!(read(), [4]);
    run(lab.write(Resource::Table, "rides", WriteMode::Append, vec![rows([5], "a")], &work)).unwrap();
    assert_eq!(read(), [4, 5]);
    assert_eq!(source.numbers("rides"), [1, 2]);
}

#[test]
fn a_pin_wins_over_what_the_lab_had_before() {
    let place = Place::new();
    place.write("rides", WriteMode::Create, rows([1], "a"));
    place.write("rides", WriteMode::Append, rows([2], "a"));
    let pin = pin(&place);
    let lab = place.lab.clone().with_pins(vec![pin]);
    assert_eq!(run(lab.dataset(Resource::Table, "rides")).unwrap().version(), 1);
    assert_eq!(place.numbers("rides"), [1, 2]);
}
