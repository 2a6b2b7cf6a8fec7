//! Vectors of ingests that were cut off.

use crate::common::{Place, files_below};

#[test]
fn what_was_computed_is_there_for_the_next_one_until_it_has_found_its_place() {
    let place = Place::new();
    let known = |model: &str| {
        let known = place.lab.embeddings(model).known(["a", "b", "c"].into_iter());
        let mut known: Vec<(String, Vec<f32>)> = known.into_iter().collect();
        known.sort_by(|left, right| left.0.cmp(&right.0));
        known
    };
    let before = files_below(place.root());
    assert!(known("m").is_empty());
    assert_eq!(files_below(place.root()), before, "a look makes no file");
    let mut cut_off = place.lab.embeddings("m");
    cut_off.keep("a", &[0.1, -2.5]);
    cut_off.keep("b", &[f32::MIN_POSITIVE, 1e30]);
    drop(cut_off);
    let both = [("a".to_owned(), vec![0.1, -2.5]), ("b".to_owned(), vec![f32::MIN_POSITIVE, 1e30])];
    assert_eq!(known("m"), both);
    assert!(known("other").is_empty());
    // One that reaches its end leaves nothing behind, and only its own is taken away.
    let mut whole = place.lab.embeddings("m");
    whole.keep("c", &[3.0, 4.0]);
    whole.done(["a", "c"].into_iter());
    assert_eq!(known("m"), both[1..]);
    // What is damaged is no loss.
    std::fs::write(
        place.root().join(".kernwerk/embeddings.sqlite"),
        "no database at all, and longer than a header".repeat(9),
    )
    .unwrap();
    assert!(known("m").is_empty());
    let mut anew = place.lab.embeddings("m");
    anew.keep("a", &[0.1, -2.5]);
    drop(anew);
    assert_eq!(known("m"), both[..1]);
}
