//! Rows that somebody may not read change nothing for them: no score, no count, no rank.

use kernwerk_core::Work;
use kernwerk_rag::{Mode, Query, read_queries};
use kernwerk_store::Principal;
use proptest::prelude::*;

use super::support::{Place, asking, records, run, user};

const OPEN: &[(&str, &str)] =
    &[("1", "the cable car stops at noon"), ("2", "cable cars need strong cables"), ("3", "the train is late today")];
const SECRET: &[(&str, &str)] =
    &[("8", "cable cable cable cars of the board"), ("9", "late trains cost the board its noon tea and cable")];

/// Two corpora: `open` has what everyone may read, `both` has besides what Anna and the board may read.
fn place() -> Place {
    let place = Place::new();
    place.write("open.jsonl", records(OPEN));
    place.write("secret.jsonl", records(SECRET));
    place.ingest("open", &["open.jsonl"]);
    place.ingest("both", &["open.jsonl"]);
    place.ingest_for("user:anna,group:board", "both", &["secret.jsonl"]);
    place
}

/// Everything that a search tells of the hits, as text.
fn told(place: &Place, who: &Principal, corpus: &str, mode: Mode, query: &str) -> String {
    let answer = place.search(who, corpus, mode, query);
    format!("{} of {:?}", answer.searched, answer.hits)
}

#[test]
fn who_may_not_read_rows_cannot_tell_that_they_are_there() {
    let place = place();
    for stranger in [Principal::nobody(), user("bo", &["staff"]), user("board", &["anna"])] {
        for mode in [Mode::Text, Mode::Vector, Mode::Hybrid] {
            for query in ["cable", "board", "late noon", "strong cable cars"] {
                // The search of somebody who may comes first: nothing of it must stay.
                assert_ne!(
                    told(&place, &user("anna", &[]), "both", mode, query),
                    told(&place, &stranger, "open", mode, query)
                );
                assert_eq!(told(&place, &stranger, "both", mode, query), told(&place, &stranger, "open", mode, query));
            }
        }
    }
}

#[test]
fn who_may_read_rows_finds_them() {
    let place = place();
    for reader in [user("anna", &[]), user("bo", &["staff", "board"])] {
        let answer = place.search(&reader, "both", Mode::Text, "board");
        assert_eq!(answer.hits.len(), 2);
        assert_eq!(answer.searched, 5);
    }
}

#[test]
fn lists_count_what_may_be_read() {
    let place = place();
    let counts = |who: &Principal| {
        let corpora = run(kernwerk_rag::list(&place.lab, who, &Work::silent())).expect("a list");
        corpora.iter().map(|corpus| (corpus.name.clone(), corpus.documents, corpus.chunks)).collect::<Vec<_>>()
    };
    assert_eq!(counts(&Principal::nobody()), [("both".to_owned(), 3, 3), ("open".to_owned(), 3, 3)]);
    assert_eq!(counts(&user("anna", &[])), [("both".to_owned(), 5, 5), ("open".to_owned(), 3, 3)]);
}

#[test]
fn runs_are_made_of_what_may_be_read() {
    let place = place();
    place.write("queries.jsonl", records(&[("q1", "cable of the board"), ("q2", "board")]));
    let queries = read_queries(&place.path("queries.jsonl")).expect("queries");
    let text = |who: &Principal, corpus: &str, mode: Mode| {
        let made = place.run(who, &asking(corpus, mode), &queries).expect("a run");
        (made.text, made.unanswered, made.searched)
    };
    for mode in [Mode::Text, Mode::Vector, Mode::Hybrid] {
        assert_eq!(text(&Principal::nobody(), "both", mode), text(&Principal::nobody(), "open", mode));
        assert!(text(&user("anna", &[]), "both", mode).0.contains(" 9 "));
    }
}

#[test]
fn the_language_of_most_is_that_of_most_readable_documents() {
    let place = Place::new();
    let german = "Die Kabelbahn fährt im Winter nur bis zur Mittelstation, weil oben der Wind zu stark ist.";
    let english = "In winter the cable car goes no further than the middle station because of the strong wind.";
    place.write("open.jsonl", records(&[("en", english), ("short", "houses")]));
    place.write("secret.jsonl", records(&[("de", german), ("de2", german)]));
    place.ingest("corpus", &["open.jsonl"]);
    place.ingest_for("user:anna", "corpus", &["secret.jsonl"]);
    // English stems `housing` and `houses` alike, German does not.
    assert_eq!(place.found("corpus", "housing"), ["short"]);
    assert!(place.search(&user("anna", &[]), "corpus", Mode::Text, "housing").hits.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_view_equals_a_corpus_of_what_it_shows(
        texts in prop::collection::vec("(wing|flow|heat|drag|lift|wall){1}( (wing|flow|heat|drag|lift|wall)){0,6}", 1..12),
        owners in prop::collection::vec(0_usize..3, 12),
        words in "(wing|flow|heat) (drag|lift|wall)",
    ) {
        let place = Place::new();
        let lists = ["everyone", "user:anna", "group:board"];
        let mut seen = Vec::new();
        let ids: Vec<String> = (0..texts.len()).map(|number| format!("d{number}")).collect();
        for (owner, readers) in lists.iter().enumerate() {
            let own: Vec<(&str, &str)> = (0..texts.len())
                .filter(|number| owners[*number] == owner)
                .map(|number| (ids[number].as_str(), texts[number].as_str()))
                .collect();
            if own.is_empty() {
                continue;
            }
            let file = format!("{owner}.jsonl");
            place.write(&file, records(&own));
            place.ingest_for(readers, "all", &[&file]);
            if owner != 1 {
                place.ingest("shown", &[&file]);
                seen.extend(own);
            }
        }
        prop_assume!(!seen.is_empty());
        let queries = [Query { id: "q".to_owned(), text: words.clone() }];
        for mode in [Mode::Text, Mode::Vector, Mode::Hybrid] {
            let bo = user("bo", &["board"]);
            let hits = |who: &Principal, corpus: &str| {
                let answer = place.search(who, corpus, mode, &words);
                let hits: Vec<_> = answer.hits.into_iter().map(|hit| (hit.doc_id, hit.score.to_bits())).collect();
                (hits, answer.searched, place.run(who, &asking(corpus, mode), &queries).expect("a run").text)
            };
            prop_assert_eq!(hits(&bo, "all"), hits(&Principal::nobody(), "shown"));
        }
    }
}
