//! Deleting and appending in one step: what it does, and that nobody sees half of it.

use std::sync::atomic::{AtomicBool, Ordering};

use kernwerk_core::{Resource, Work};
use kernwerk_store::{Error, Lab, WriteMode, Written};

use crate::common::{Place, numbers, rows, run};

fn rewrite(place: &Place, delete: Option<&str>, append: &[i64]) -> Result<Written, Error> {
    let append = if append.is_empty() { Vec::new() } else { vec![rows(append.iter().copied(), "b")] };
    run(place.lab.rewrite(Resource::Table, "docs", delete.map(str::to_owned), append, &Work::silent()))
}

#[test]
fn a_rewrite_is_one_version() {
    let place = Place::new();
    place.write("docs", WriteMode::Create, rows(0..10, "a"));
    let written = rewrite(&place, Some("number >= 8"), &[20, 21, 22]).unwrap();
    assert_eq!((written.version, written.rows, written.appended, written.deleted), (2, 11, 3, 2));
    assert_eq!(place.numbers("docs"), [0, 1, 2, 3, 4, 5, 6, 7, 20, 21, 22]);
    // A fragment that loses all its rows vanishes.
    let written = rewrite(&place, Some("text = 'a'"), &[30]).unwrap();
    assert_eq!((written.version, written.rows, written.deleted), (3, 4, 8));
    assert_eq!(place.numbers("docs"), [20, 21, 22, 30]);
    let written = rewrite(&place, Some("true"), &[40]).unwrap();
    assert_eq!((written.version, written.rows, written.deleted), (4, 1, 4));
    assert_eq!(place.numbers("docs"), [40]);
}

#[test]
fn each_half_may_be_missing() {
    let place = Place::new();
    assert_eq!(rewrite(&place, Some("number = 1"), &[1, 2, 3]).unwrap().version, 1);
    assert_eq!(rewrite(&place, None, &[4]).unwrap().rows, 4);
    assert_eq!(rewrite(&place, Some("number < 3"), &[]).unwrap().rows, 2);
    assert_eq!(place.numbers("docs"), [3, 4]);
    let same = rewrite(&place, Some("number = 99"), &[]).unwrap();
    assert_eq!((same.version, same.rows, same.deleted), (3, 2, 0));
    let none = run(place.lab.rewrite(Resource::Table, "none", Some("true".into()), Vec::new(), &Work::silent()));
    assert!(matches!(none, Err(Error::Unknown { .. })));
}

#[test]
fn a_null_is_not_matched_and_a_wrong_condition_changes_nothing() {
    let place = Place::new();
    rewrite(&place, None, &[1, 2]).unwrap();
    for wrong in ["nmber = 1", "number =", "text"] {
        assert!(matches!(rewrite(&place, Some(wrong), &[3]), Err(Error::Predicate { .. })), "{wrong}");
    }
    assert_eq!(rewrite(&place, Some("number = NULL"), &[3]).unwrap().deleted, 0);
    assert_eq!(place.numbers("docs"), [1, 2, 3]);
}

#[test]
fn old_versions_keep_what_was_deleted() {
    let place = Place::new();
    rewrite(&place, None, &[1, 2]).unwrap();
    rewrite(&place, Some("number = 1"), &[3]).unwrap();
    let old = run(place.lab.dataset_at(Resource::Table, "docs", 1)).unwrap();
    assert_eq!(numbers(&run(old.read(None, None)).unwrap()), [1, 2]);
}

/// Readers with handles of their own look while a writer replaces generation by generation. Seen to fail when the deletion
/// and the insertion are committed one after the other.
#[test]
fn no_reader_sees_half_of_a_rewrite() {
    const SIZE: usize = 40;
    let place = Place::new();
    place.write("docs", WriteMode::Create, rows(std::iter::repeat_n(0, SIZE), "a"));
    let over = AtomicBool::new(false);
    let looks: usize = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let lab = Lab::open(place.root()).unwrap();
                    run(async {
                        let mut looks = 0;
                        while !over.load(Ordering::SeqCst) {
                            let stored = lab.dataset(Resource::Table, "docs").await.unwrap();
                            let seen = numbers(&stored.read(None, None).await.unwrap());
                            assert_eq!(seen.len(), SIZE, "version {}", stored.version());
                            assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
                            looks += 1;
                        }
                        looks
                    })
                })
            })
            .collect();
        run(async {
            for generation in 1..40 {
                let append = vec![rows(std::iter::repeat_n(generation, SIZE), "b")];
                let delete = Some(format!("number = {}", generation - 1));
                place.lab.rewrite(Resource::Table, "docs", delete, append, &Work::silent()).await.unwrap();
            }
        });
        over.store(true, Ordering::SeqCst);
        readers.into_iter().map(|reader| reader.join().unwrap()).sum()
    });
    assert!(looks > 10, "only {looks} looks");
    assert_eq!(place.table("docs").version(), 40);
}
