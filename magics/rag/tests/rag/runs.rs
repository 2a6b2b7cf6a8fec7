//! Many queries at once: files of queries, and runs as `trec_eval` reads them.

use std::collections::BTreeMap;

use kernwerk_rag::{Error, Mode, Run, SearchRequest, read_queries};
use kernwerk_store::Principal;

use super::support::{Place, asking, records};

fn try_run(place: &Place, mode: Mode, limit: usize) -> Result<Run, Error> {
    let queries = read_queries(&place.path("queries.jsonl"))?;
    place.run(&Principal::nobody(), &SearchRequest { limit, ..asking("corpus", mode) }, &queries)
}

/// Documents by query, with score and rank as written.
fn parsed(text: &str) -> BTreeMap<String, Vec<(String, f64, usize)>> {
    let mut queries: BTreeMap<String, Vec<(String, f64, usize)>> = BTreeMap::new();
    for line in text.lines() {
        let [query, "Q0", document, rank, score, "kernwerk"] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("not a line of a run: {line}");
        };
        let entry = (document.to_owned(), score.parse().expect("a score"), rank.parse().expect("a rank"));
        queries.entry(query.to_owned()).or_default().push(entry);
    }
    queries
}

fn place() -> Place {
    let place = Place::new();
    let words = ["wing", "flow", "heat", "drag", "lift", "wall", "jet"];
    let texts: Vec<(String, String)> = (0..120_usize)
        .map(|number| {
            let text: Vec<&str> = (0..3 + number % 70).map(|place| words[(number * place + number / 7) % 7]).collect();
            (format!("d{number}"), text.join(" "))
        })
        .collect();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(id, text)| (id.as_str(), text.as_str())).collect();
    place.write("corpus.jsonl", records(&texts));
    place.write("queries.jsonl", records(&[("q2", "wing"), ("q1", "jet drag heat"), ("q3", "unheard")]));
    place.ingest("corpus", &["corpus.jsonl"]);
    place
}

#[test]
fn a_run_is_ordered_as_trec_eval_orders_it() {
    let place = place();
    for mode in [Mode::Text, Mode::Vector, Mode::Hybrid] {
        let made = try_run(&place, mode, 1000).expect("a run");
        assert_eq!(made.lines, made.text.lines().count());
        assert!(made.text.starts_with("q2 Q0 "), "the queries come as they were given");
        for (query, documents) in parsed(&made.text) {
            let mut sorted = documents.clone();
            // As trec_eval: single precision, the best first, among equals the greater id first.
            sorted.sort_by(|one, other| (other.1 as f32).total_cmp(&(one.1 as f32)).then_with(|| other.0.cmp(&one.0)));
            assert_eq!(documents, sorted, "{query} {mode:?}");
            assert!(documents.iter().zip(1..).all(|((_, _, rank), wanted)| *rank == wanted));
            let ids: std::collections::BTreeSet<&str> = documents.iter().map(|(id, _, _)| id.as_str()).collect();
            assert_eq!(ids.len(), documents.len(), "a document twice");
        }
    }
}

#[test]
fn a_hybrid_run_fuses_the_other_two() {
    let place = place();
    let parsed_run = |mode| parsed(&try_run(&place, mode, 1000).expect("a run").text);
    let (text, vector, hybrid) = (parsed_run(Mode::Text), parsed_run(Mode::Vector), parsed_run(Mode::Hybrid));
    for (query, documents) in hybrid {
        for (document, score, _) in documents {
            let part = |run: &BTreeMap<String, Vec<(String, f64, usize)>>| {
                let found = run.get(&query).and_then(|documents| documents.iter().find(|(id, _, _)| *id == document));
                found.map_or(0.0, |(_, _, rank)| 1.0 / (60.0 + *rank as f64))
            };
            assert!((score - part(&text) - part(&vector)).abs() < 1e-8, "{query} {document}");
        }
    }
}

#[test]
fn the_best_chunk_of_a_document_counts() {
    let place = place();
    let made = try_run(&place, Mode::Text, 1000).expect("a run");
    let wanted = place.search(&Principal::nobody(), "corpus", Mode::Text, "jet drag heat").hits;
    let best = |id: &str| wanted.iter().filter(|hit| hit.doc_id == id).map(|hit| hit.score).fold(0.0, f64::max);
    for (document, score, _) in parsed(&made.text)["q1"].iter().take(20) {
        assert!((score - best(document)).abs() < 1e-6, "{document}");
    }
}

#[test]
fn what_is_not_found_is_told() {
    let place = place();
    let made = try_run(&place, Mode::Text, 100).expect("a run");
    assert_eq!(made.unanswered, ["q3"]);
    assert_eq!(parsed(&made.text)["q2"].len(), 100);
}

#[test]
fn the_same_run_twice_is_the_same() {
    let place = place();
    assert_eq!(
        try_run(&place, Mode::Hybrid, 1000).expect("a run"),
        try_run(&place, Mode::Hybrid, 1000).expect("a run")
    );
}

#[test]
fn wrong_queries_are_named_with_their_line() {
    let place = place();
    let fails = |content: &str| {
        place.write("queries.jsonl", content);
        try_run(&place, Mode::Text, 1000).expect_err("wrong queries").to_string()
    };
    assert!(fails("").contains("holds no queries"));
    assert!(fails("{\"text\": \"wing\"}").contains("line 1: there is no `_id`"));
    assert!(fails("{\"_id\": \"1\"}").contains("line 1: there is no `text`"));
    assert!(
        fails("{\"_id\": \"1\", \"text\": \"wing\"}\n{\"_id\": \"2\", \"text\": \"?\"}")
            .contains("line 2: the query has no words")
    );
    assert!(fails(&records(&[("1", "wing"), ("1", "flow")])).contains("line 2: query `1` stands on line 1 already"));
    assert!(fails(&records(&[("a b", "wing")])).contains("query `a b` cannot stand in a TREC run"));
    place.write("with blank.md", "Wing.");
    place.ingest("corpus", &["with blank.md"]);
    assert!(fails(&records(&[("1", "wing")])).contains("document `with blank.md` cannot stand in a TREC run"));
}
