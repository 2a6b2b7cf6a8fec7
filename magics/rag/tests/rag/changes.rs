//! Looking at documents, deleting them, and following their files.

use kernwerk_core::Work;
use kernwerk_rag::{DeleteRequest, Deleted, Documents, Error, Ingested, Mode};
use kernwerk_store::Principal;

use super::support::{Place, records, run, user};

fn place() -> Place {
    let place = Place::new();
    place.write("docs/a.md", "# A\n\nFirst.\n\n## Part\n\nSecond.\n");
    place.write("docs/b.md", "# B\n\nThird.\n");
    place.write("notes.jsonl", records(&[("1", "one"), ("2", "two"), ("3", "")]));
    place.ingest("corpus", &["docs", "notes.jsonl"]);
    place.write("secret/s.md", "# S\n\nFourth.\n");
    place.ingest_for("user:anna", "corpus", &["secret"]);
    place.model.embedded();
    place
}

fn show(place: &Place, who: &Principal, doc_id: Option<&str>) -> Result<Documents, Error> {
    run(kernwerk_rag::documents(&place.lab, who, "corpus", doc_id, &Work::silent()))
}

fn ids(place: &Place, who: &Principal) -> Vec<String> {
    show(place, who, None).expect("documents").documents.into_iter().map(|document| document.doc_id).collect()
}

fn try_delete(place: &Place, who: &Principal, documents: &[&str], sources: &[&str]) -> Result<Deleted, Error> {
    let request = DeleteRequest {
        corpus: "corpus".to_owned(),
        documents: documents.iter().map(|id| (*id).to_owned()).collect(),
        sources: sources.iter().map(|path| place.path(path)).collect(),
    };
    run(kernwerk_rag::delete(&place.lab, who, &request, &Work::silent()))
}

fn delete(place: &Place, documents: &[&str], sources: &[&str]) -> Deleted {
    try_delete(place, &Principal::nobody(), documents, sources).expect("a deletion")
}

fn try_refresh(place: &Place, who: &Principal) -> Result<Ingested, Error> {
    run(kernwerk_rag::refresh(&place.lab, who, "corpus", false, &place.model, &Work::silent()))
}

fn refresh(place: &Place, who: &Principal) -> Ingested {
    try_refresh(place, who).expect("a refresh")
}

fn counts(ingested: &Ingested) -> (usize, usize, usize, usize) {
    (ingested.added, ingested.changed, ingested.removed, ingested.unchanged)
}

#[test]
fn documents_are_shown_with_their_chunks() {
    let place = place();
    assert_eq!(ids(&place, &Principal::nobody()), ["docs/a.md", "docs/b.md", "1", "2", "3"]);
    let found = show(&place, &Principal::nobody(), Some("docs/a.md")).expect("a document");
    let [document] = found.documents.as_slice() else { panic!("{found:?}") };
    assert_eq!((document.title.as_str(), document.source.as_str()), ("A", "docs/a.md"));
    assert_eq!(document.readers.as_slice(), ["everyone"]);
    let chunks: Vec<_> =
        document.chunks.iter().map(|chunk| (chunk.ordinal, chunk.section.as_str(), chunk.text.as_str())).collect();
    assert_eq!(chunks, [(0, "", "First."), (1, "Part", "Second.")]);
    let empty = show(&place, &Principal::nobody(), Some("3")).expect("a document");
    assert!(empty.documents[0].chunks.is_empty());
}

#[test]
fn what_one_may_not_read_is_as_if_it_were_not_there() {
    let place = place();
    let anna = user("anna", &[]);
    assert_eq!(ids(&place, &anna).len(), 6);
    assert!(show(&place, &anna, Some("secret/s.md")).is_ok());
    let hidden = show(&place, &Principal::nobody(), Some("secret/s.md")).expect_err("it is not for everyone");
    let absent = show(&place, &Principal::nobody(), Some("secret/t.md")).expect_err("there is none");
    assert_eq!(hidden.to_string(), absent.to_string().replace("t.md", "s.md"));
    assert_eq!(hidden.hint(), absent.hint());
    // A name that looks alike is offered to those who may read it.
    assert_eq!(
        show(&place, &anna, Some("secret/t.md")).expect_err("none").hint().as_deref(),
        Some("did you mean `secret/s.md`?")
    );
    let before = place.digest("corpus");
    for (documents, sources) in [(&["secret/s.md"][..], &[][..]), (&["1", "secret/s.md"], &[]), (&[], &["secret"])] {
        assert!(try_delete(&place, &Principal::nobody(), documents, sources).is_err(), "{documents:?} {sources:?}");
    }
    assert_eq!(place.digest("corpus"), before, "nothing is half deleted");
    assert_eq!(try_delete(&place, &anna, &["secret/s.md"], &[]).expect("hers").documents, ["secret/s.md"]);
}

#[test]
fn what_is_deleted_is_gone_and_costs_nothing() {
    let place = place();
    let deleted = delete(&place, &["2", "docs/a.md"], &[]);
    assert_eq!((deleted.documents.join(" "), deleted.chunks, deleted.version), ("docs/a.md 2".to_owned(), 3, 3));
    assert!(place.found("corpus", "first two").is_empty());
    assert_eq!(place.found("corpus", "third"), ["docs/b.md"]);
    assert_eq!(place.model.embedded(), 0);
    // A directory, one that has gone, and a single record's file.
    place.remove("docs/b.md");
    assert_eq!(delete(&place, &[], &["docs"]).documents, ["docs/b.md"]);
    assert_eq!(delete(&place, &[], &["."]).documents, ["1", "3"]);
    let error = try_delete(&place, &Principal::nobody(), &[], &["docs"]).expect_err("nothing is left");
    assert_eq!(error.to_string(), "corpus `corpus` has no document from docs that you may read");
    assert_eq!(ids(&place, &user("anna", &[])), ["secret/s.md"]);
}

#[test]
fn statistics_follow_a_deletion() {
    let place = Place::new();
    place.write("a.jsonl", records(&[("1", "wing"), ("2", "wing flow"), ("3", "heat")]));
    place.write("b.jsonl", records(&[("2", "wing flow"), ("3", "heat")]));
    place.ingest("corpus", &["a.jsonl"]);
    place.ingest("never", &["b.jsonl"]);
    delete(&place, &["1"], &[]);
    let scores = |corpus: &str, mode: Mode| {
        let answer = place.search(&Principal::nobody(), corpus, mode, "wing heat");
        answer.hits.into_iter().map(|hit| (hit.doc_id, hit.score.to_bits())).collect::<Vec<_>>()
    };
    for mode in [Mode::Text, Mode::Vector, Mode::Hybrid] {
        assert_eq!(scores("corpus", mode), scores("never", mode));
    }
}

#[test]
fn a_refresh_of_the_same_files_changes_nothing() {
    let place = place();
    let before = place.digest("corpus");
    for who in [Principal::nobody(), user("anna", &[])] {
        let again = refresh(&place, &who);
        assert!(!again.written && again.embedded == 0 && again.version == 2, "{again:?}");
    }
    assert_eq!((place.model.embedded(), place.digest("corpus")), (0, before));
}

#[test]
fn a_refresh_follows_the_files() {
    let place = place();
    place.write("docs/a.md", "# A\n\nFirst.\n\n## Part\n\nFifth.\n");
    place.remove("docs/b.md");
    place.write("docs/new.md", "# New\n\nSixth.\n");
    place.write("notes.jsonl", records(&[("1", "one"), ("4", "four")]));
    let again = refresh(&place, &Principal::nobody());
    assert_eq!((counts(&again), again.embedded), ((1, 1, 3, 1), 2), "{again:?}");
    assert_eq!(ids(&place, &Principal::nobody()), ["docs/a.md", "1", "4"]);
    assert_eq!(place.found("corpus", "fifth"), ["docs/a.md"]);
    // What a deletion took out of a file that is still there comes again.
    delete(&place, &["1"], &[]);
    assert_eq!(counts(&refresh(&place, &Principal::nobody())), (1, 0, 0, 2));
}

#[test]
fn a_refresh_touches_only_what_one_may_read_and_keeps_its_readers() {
    let place = place();
    let anna = user("anna", &[]);
    place.remove("docs/a.md");
    place.write("secret/s.md", "# S\n\nSeventh.\n");
    let strangers = refresh(&place, &Principal::nobody());
    assert_eq!(counts(&strangers), (0, 0, 1, 4));
    assert_eq!(place.search(&anna, "corpus", Mode::Text, "fourth").hits.len(), 1);
    assert_eq!(counts(&refresh(&place, &anna)), (0, 1, 0, 4));
    assert!(place.found("corpus", "seventh").is_empty());
    assert_eq!(place.search(&anna, "corpus", Mode::Text, "seventh").hits.len(), 1);
    place.remove("secret/s.md");
    assert_eq!(counts(&refresh(&place, &Principal::nobody())), (0, 0, 0, 4));
    assert_eq!(counts(&refresh(&place, &anna)), (0, 0, 1, 4));
}

#[test]
fn a_refresh_keeps_the_language_that_was_given() {
    let place = Place::new();
    place.write("a.txt", "Häuser");
    let language = kernwerk_rag::Language::parse("de").ok();
    place
        .try_ingest(&kernwerk_rag::IngestRequest { language, ..place.request("corpus", &["a.txt"]) })
        .expect("an ingest");
    assert!(!refresh(&place, &Principal::nobody()).written);
    place.write("a.txt", "Häuser und Gärten");
    assert_eq!(counts(&refresh(&place, &Principal::nobody())), (0, 1, 0, 0));
    assert_eq!(place.found("corpus", "garten"), ["a.txt"]);
}

#[test]
fn a_corpus_that_is_not_there_is_named() {
    let place = place();
    let unknown = run(kernwerk_rag::documents(&place.lab, &Principal::nobody(), "corpu", None, &Work::silent()));
    assert_eq!(unknown.expect_err("no such corpus").hint().as_deref(), Some("did you mean `corpus`?"));
    let empty = Place::new();
    assert!(
        try_refresh(&empty, &Principal::nobody()).is_err()
            && try_delete(&empty, &Principal::nobody(), &["1"], &[]).is_err()
    );
    assert!(!empty.has_corpus("corpus"), "a refresh makes none");
}
