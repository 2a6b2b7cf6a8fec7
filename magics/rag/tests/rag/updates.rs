//! Ingesting again: only what is new is embedded, and what a corpus holds follows from its documents alone.

use kernwerk_core::Work;
use kernwerk_rag::Error;

use super::support::{Place, WordModel, records, run, user};

fn three_documents() -> Place {
    let place = Place::new();
    place.write("docs/a.md", "# A\n\nFirst.\n\n## Part\n\nSecond.\n");
    place.write("docs/b.md", "# B\n\nThird.\n");
    place.write("other/c.md", "# C\n\nFourth.\n");
    place.ingest("corpus", &["docs", "other"]);
    place.model.embedded();
    place
}

#[test]
fn the_same_files_again_change_nothing() {
    let place = three_documents();
    let before = place.digest("corpus");
    for paths in [&["docs", "other"][..], &["docs"], &["docs/a.md"], &["docs/a.md", "docs"], &["."]] {
        let again = place.ingest("corpus", paths);
        assert!(!again.written && again.version == 1 && again.embedded == 0, "{paths:?}");
        assert_eq!((again.added, again.changed, again.removed), (0, 0, 0), "{paths:?}");
    }
    assert_eq!(place.model.embedded(), 0);
    assert_eq!(place.digest("corpus"), before);
}

#[test]
fn only_what_changed_is_embedded() {
    let place = three_documents();
    place.write("docs/a.md", "# A\n\nFirst.\n\n## Part\n\nChanged.\n");
    let again = place.ingest("corpus", &["docs"]);
    assert_eq!((again.added, again.changed, again.removed, again.unchanged), (0, 1, 0, 1));
    assert_eq!((again.embedded, place.model.embedded()), (1, 1));
    assert_eq!(again.version, 2);
    assert!(place.found("corpus", "second").is_empty());
    assert_eq!(place.found("corpus", "changed"), ["docs/a.md"]);
    assert_eq!(place.found("corpus", "fourth"), ["other/c.md"]);
}

#[test]
fn what_is_gone_from_a_source_is_gone_from_the_corpus() {
    let place = three_documents();
    place.remove("docs/a.md");
    let again = place.ingest("corpus", &["docs"]);
    assert_eq!((again.removed, again.unchanged, again.embedded), (1, 1, 0));
    assert!(place.found("corpus", "first").is_empty());
    assert_eq!(place.found("corpus", "fourth"), ["other/c.md"]);
    // A file of another kind that was named once is there still.
    place.write("docs/NOTES", "Fifth.");
    place.ingest("corpus", &["docs/NOTES"]);
    assert_eq!(place.ingest("corpus", &["docs"]).removed, 0);
    assert_eq!(place.found("corpus", "fifth"), ["docs/NOTES"]);
    place.remove("docs/NOTES");
    assert_eq!(place.ingest("corpus", &["docs"]).removed, 1);
    // The last one, too.
    place.remove("docs/b.md");
    assert_eq!(place.ingest("corpus", &["docs"]).removed, 1);
    // Text that moves to another file is known.
    place.write("other/d.md", "# C\n\nFourth.\n");
    place.remove("other/c.md");
    let moved = place.ingest("corpus", &["other"]);
    assert_eq!((moved.added, moved.removed, moved.embedded), (1, 1, 0));
    assert_eq!(place.found("corpus", "fourth"), ["other/d.md"]);
}

#[test]
fn records_are_updated_one_by_one() {
    let place = Place::new();
    place.write("a.jsonl", records(&[("1", "one"), ("2", "two"), ("3", "three")]));
    place.ingest("corpus", &["a.jsonl"]);
    place.model.embedded();
    place.write("a.jsonl", records(&[("1", "one"), ("3", "drei"), ("4", "one")]));
    let again = place.ingest("corpus", &["a.jsonl"]);
    assert_eq!((again.added, again.changed, again.removed, again.unchanged), (1, 1, 1, 1));
    // `one` is known, whichever document says it.
    assert_eq!(place.model.embedded(), 1);
    assert_eq!(place.found("corpus", "one"), ["4", "1"]);
}

#[test]
fn content_follows_from_the_documents_and_not_from_the_way() {
    let place = three_documents();
    place.write("docs/a.md", "# A\n\nFirst.\n");
    place.remove("other/c.md");
    place.write("other/d.md", "# D\n\nFifth.\n");
    place.ingest("corpus", &["other"]);
    place.ingest("corpus", &["docs"]);
    place.ingest("at_once", &["other", "docs"]);
    assert_eq!(place.digest("corpus"), place.digest("at_once"));
}

#[test]
fn a_document_belongs_to_one_source() {
    let place = Place::new();
    place.write("a.jsonl", records(&[("1", "one")]));
    place.write("b.jsonl", records(&[("1", "uno")]));
    place.ingest("corpus", &["a.jsonl"]);
    let error = place.try_ingest(&place.request("corpus", &["b.jsonl"])).expect_err("the id is taken");
    assert_eq!(error.to_string(), "document `1` of b.jsonl, line 1 is in corpus `corpus` already, from another source");
    let both = place.try_ingest(&place.request("both", &["a.jsonl", "b.jsonl"])).expect_err("the id is taken");
    assert!(matches!(both, Error::SameDocumentTwice { .. }), "{both}");
    assert_eq!(place.found("corpus", "one uno"), ["1"]);
}

#[test]
fn another_model_is_refused() {
    let place = three_documents();
    let other = WordModel::called("other");
    let refused = run(kernwerk_rag::ingest(&place.lab, &place.request("corpus", &["docs"]), &other, &Work::silent()));
    let error = refused.expect_err("another model");
    assert!(error.to_string().contains("words") && error.to_string().contains("other"), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn new_readers_are_stored_without_embedding() {
    let place = three_documents();
    assert_eq!(place.found("corpus", "third"), ["docs/b.md"]);
    let closed = place.ingest_for("user:anna", "corpus", &["docs/b.md"]);
    assert_eq!((closed.changed, closed.embedded, closed.version), (1, 0, 2));
    assert!(place.found("corpus", "third").is_empty());
    let anna = place.search(&user("anna", &[]), "corpus", kernwerk_rag::Mode::Text, "third");
    assert_eq!(anna.hits.len(), 1);
    assert!(!place.ingest_for("user:anna", "corpus", &["docs/b.md"]).written);
    assert_eq!(place.ingest_for("everyone", "corpus", &["docs/b.md"]).embedded, 0);
    assert_eq!(place.found("corpus", "third"), ["docs/b.md"]);
}

#[test]
fn readers_stay_where_none_are_given() {
    let place = Place::new();
    place.write("secret/a.md", "Salaries.");
    place.write("open/b.md", "Lunch.");
    place.ingest_for("group:hr", "corpus", &["secret"]);
    place.ingest("corpus", &["open"]);
    // A new file among those for a few is for these few, and so is a changed one.
    place.write("secret/a.md", "Salaries rise.");
    place.write("secret/new.md", "Dismissals.");
    let again = place.ingest("corpus", &["secret"]);
    assert_eq!(again.kept_readers.len(), 1);
    assert!(place.found("corpus", "dismissals salaries").is_empty());
    assert_eq!(place.search(&user("bo", &["hr"]), "corpus", kernwerk_rag::Mode::Text, "dismissals").hits.len(), 1);
    // Where it is not clear who they are, somebody has to say it.
    place.write("third.md", "Rumours.");
    let error = place.try_ingest(&place.request("corpus", &["."])).expect_err("unclear readers");
    assert!(matches!(&error, Error::UnclearReaders { file, .. } if file == "third.md"), "{error}");
}
