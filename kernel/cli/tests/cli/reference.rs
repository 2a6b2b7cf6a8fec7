//! The reference page in docs/ is the one that the declarations make.

use crate::program::Place;

#[test]
fn the_reference_page_is_up_to_date() {
    let made = Place::new().run(&["reference"]).ok();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/magics.md");
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(made == kept, "docs/magics.md is stale: `make docs` writes it anew");
}

#[test]
fn every_verb_has_an_example() {
    for verb in &kernwerk_server::language().verbs {
        assert!(!verb.examples.is_empty(), "{} {} has no example", verb.magic, verb.name);
    }
}
