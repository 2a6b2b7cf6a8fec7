//! What searches find, in which order, and how they fail.

use kernwerk_core::Work;
use kernwerk_rag::{Error, Language, Mode, SearchRequest};
use kernwerk_store::Principal;

use super::support::{Place, WordModel, asking, records, run};

fn cable_cars() -> Place {
    let place = Place::new();
    let texts = [
        ("1", "the cable car stops at noon"),
        ("2", "cable cars need strong cables"),
        ("3", "the train is late today"),
        ("4", "strong winds stop trains and cars"),
    ];
    place.write("cars.jsonl", records(&texts));
    place.ingest("cars", &["cars.jsonl"]);
    place
}

fn ids(place: &Place, mode: Mode, query: &str) -> Vec<String> {
    place.search(&Principal::nobody(), "cars", mode, query).hits.into_iter().map(|hit| hit.doc_id).collect()
}

#[test]
fn words_meaning_and_both() {
    let place = cable_cars();
    assert_eq!(ids(&place, Mode::Text, "cable"), ["2", "1"]);
    assert_eq!(ids(&place, Mode::Vector, "the train is late today")[0], "3");
    assert_eq!(ids(&place, Mode::Vector, "cable").len(), 4);
    let answer = place.search(&Principal::nobody(), "cars", Mode::Hybrid, "the cable car stops at noon");
    assert_eq!(answer.hits[0].doc_id, "1");
    assert!((answer.hits[0].score - 2.0 / 61.0).abs() < 1e-12, "first in both rankings");
    assert_eq!(answer.hits.iter().map(|hit| hit.rank).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!((answer.searched, answer.version), (4, 1));
    assert_eq!(answer.digest, place.digest("cars"));
}

#[test]
fn equal_scores_have_one_order() {
    let place = Place::new();
    place.write(
        "a.jsonl",
        records(&[("a", "same words"), ("c", "same words"), ("b", "same words"), ("B", "same words")]),
    );
    place.ingest("cars", &["a.jsonl"]);
    for mode in [Mode::Text, Mode::Vector, Mode::Hybrid] {
        assert_eq!(ids(&place, mode, "same"), ["c", "b", "a", "B"], "{mode:?}");
    }
}

#[test]
fn no_more_results_than_asked_for() {
    let place = cable_cars();
    let request = SearchRequest { limit: 1, ..asking("cars", Mode::Hybrid) };
    assert_eq!(place.try_search(&Principal::nobody(), &request, "cable").expect("an answer").hits.len(), 1);
    let none = SearchRequest { limit: 0, ..request };
    assert!(matches!(place.try_search(&Principal::nobody(), &none, "cable"), Err(Error::NoResults)));
}

#[test]
fn a_new_version_is_searched_at_once() {
    let place = cable_cars();
    assert!(ids(&place, Mode::Text, "ferry").is_empty());
    place.write("ferry.md", "The ferry is new.");
    place.ingest("cars", &["ferry.md"]);
    assert_eq!(ids(&place, Mode::Text, "ferries"), ["ferry.md"]);
}

#[test]
fn a_corpus_is_searched_where_it_is_whatever_was_searched_before() {
    let before = cable_cars();
    ids(&before, Mode::Text, "cable");
    drop(before);
    // The same content in another lab; the place of the first is gone.
    assert_eq!(ids(&cable_cars(), Mode::Vector, "the train is late today")[0], "3");
}

#[test]
fn the_lab_says_what_short_documents_are_written_in() {
    let place = cable_cars();
    assert_eq!(ids(&place, Mode::Text, "stopping"), ["1", "4"], "they look English");
    place.write("kernwerk.toml", "language = \"de\"\n");
    let place = place.reopened();
    assert!(ids(&place, Mode::Text, "stopping").is_empty());
}

#[test]
fn a_language_can_be_asked_for() {
    let place = Place::new();
    let german = "Die Kabelbahn fährt im Winter nur bis zur Mittelstation, weil oben der Wind zu stark ist.";
    let english = "In winter the cable car goes no further than the middle station because of the strong wind.";
    let other = "In winter the cable railway needs a lot of attention, and some of the staff stay up there.";
    place.write("a.jsonl", records(&[("de", german), ("en", english), ("en2", other), ("short", "winters")]));
    place.ingest("corpus", &["a.jsonl"]);
    let found = |language: Option<&str>| {
        let language = language.map(|code| Language::parse(code).expect("a language"));
        let request = SearchRequest { language, ..asking("corpus", Mode::Text) };
        let answer = place.try_search(&Principal::nobody(), &request, "winter").expect("an answer");
        let mut ids: Vec<String> = answer.hits.into_iter().map(|hit| hit.doc_id).collect();
        ids.sort();
        (ids.join(" "), answer.searched)
    };
    // What is too short to tell is taken for the language of most.
    assert_eq!(found(None), ("de en en2 short".to_owned(), 4));
    assert_eq!(found(Some("de")), ("de".to_owned(), 1));
    assert_eq!(found(Some("en")), ("en en2 short".to_owned(), 3));
    assert_eq!(found(Some("fr")), (String::new(), 0));
}

#[test]
fn wrong_searches_say_what_is_wrong() {
    let place = cable_cars();
    let fails = |corpus: &str, query: &str| {
        place.try_search(&Principal::nobody(), &asking(corpus, Mode::Text), query).expect_err("a wrong search")
    };
    for empty in ["", "  ", "…?!"] {
        assert!(matches!(fails("cars", empty), Error::EmptyQuery), "{empty:?}");
    }
    let unknown = fails("card", "cable");
    assert_eq!(unknown.to_string(), "no corpus is called `card`");
    assert_eq!(unknown.hint().as_deref(), Some("did you mean `cars`?"));
    let other = WordModel::called("other");
    let request = asking("cars", Mode::Vector);
    let searched =
        run(kernwerk_rag::search(&place.lab, &Principal::nobody(), &request, "x", Some(&other), &Work::silent()));
    assert!(matches!(searched, Err(Error::OtherModel { .. })));
    let without = run(kernwerk_rag::search(&place.lab, &Principal::nobody(), &request, "x", None, &Work::silent()));
    assert!(matches!(without, Err(Error::NoModel { mode: "vector" })));
}
