//! Answers: which sentences, what they cite, when there is none, and for whom.

use kernwerk_core::{CitedAnswer, Work};
use kernwerk_rag::{Answers, AskRequest, Error, Language};
use kernwerk_store::Principal;

use super::support::{Place, records, run, user};

const STATION: &str = "# Station\n\nThe cable car begins here. It leaves every hour.\n\n## Prices\n\nA ticket for adults costs nine \
                       euros. Children under six ride for free.\n";

fn station() -> Place {
    let place = Place::new();
    place.write("station.md", STATION);
    let texts = [
        ("train", "The train to the lake is late today. Its driver is ill."),
        ("wind", "Strong winds stop cars and trains. Then a bus goes."),
    ];
    place.write("notes.jsonl", records(&texts));
    place.ingest("cars", &["station.md", "notes.jsonl"]);
    place
}

fn request(corpus: &str) -> AskRequest {
    AskRequest { corpus: corpus.to_owned(), language: None, sentences: 3, threshold: None }
}

fn try_ask(place: &Place, who: &Principal, request: &AskRequest, questions: &[&str]) -> Result<Answers, Error> {
    run(kernwerk_rag::ask(&place.lab, who, request, questions, &place.model, &Work::silent()))
}

fn ask(place: &Place, request: &AskRequest, question: &str) -> CitedAnswer {
    try_ask(place, &Principal::nobody(), request, &[question]).expect("an answer").answers.remove(0)
}

#[test]
fn an_answer_is_a_sentence_with_its_place() {
    let place = station();
    let answer =
        ask(&place, &AskRequest { sentences: 1, ..request("cars") }, "What is the price of a ticket for adults?");
    assert_eq!(answer.text().as_deref(), Some("A ticket for adults costs nine euros."));
    assert_eq!(answer.cited_text().as_deref(), Some("A ticket for adults costs nine euros. [1]"));
    let [citation] = answer.citations.as_slice() else { panic!("{answer:?}") };
    assert_eq!((citation.number, citation.doc_id.as_str(), citation.source.as_str()), (1, "station.md", "station.md"));
    assert_eq!((citation.section.as_str(), citation.ordinal), ("Prices", 1));
    assert_eq!(citation.place(), "station.md, Prices");
    let confidence = answer.confidence.expect("something was found");
    assert!(confidence >= answer.threshold && confidence <= 1.0, "{answer:?}");
    assert_eq!(answer.sentences[0].score, confidence);
}

#[test]
fn sentences_stand_word_for_word_where_their_spans_say() {
    let place = station();
    let texts = place.column("cars", "text");
    let every = AskRequest { sentences: 50, threshold: Some(0.0), ..request("cars") };
    let answer = ask(&place, &every, "tickets, trains, cars and children");
    assert_eq!(answer.sentences.len(), 8, "{answer:?}");
    for sentence in &answer.sentences {
        let (start, end) = sentence.span;
        let cited = |text: &&String| text.chars().skip(start).take(end - start).collect::<String>() == sentence.text;
        assert_eq!(texts.iter().filter(cited).count(), 1, "{sentence:?}");
    }
    assert!(answer.sentences.is_sorted_by(|one, next| one.score >= next.score));
    // Chunks are numbered as they are first cited, and each is cited once.
    let numbers: Vec<usize> = answer.citations.iter().map(|citation| citation.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(answer.sentences[0].citation, 1);
}

#[test]
fn what_no_document_says_is_not_known() {
    let place = station();
    let answer = ask(&place, &request("cars"), "Who wrote the ninth symphony?");
    assert!(answer.sentences.is_empty() && answer.citations.is_empty() && answer.text().is_none(), "{answer:?}");
    assert!(answer.confidence.is_some_and(|confidence| confidence < answer.threshold), "{answer:?}");
    // A threshold of one's own.
    let question = "What is the price of a ticket for adults?";
    let strict = AskRequest { threshold: Some(1.0), ..request("cars") };
    assert!(ask(&place, &strict, question).sentences.is_empty());
    let lax = AskRequest { threshold: Some(0.0), ..request("cars") };
    assert_eq!(ask(&place, &lax, "Who wrote the ninth symphony?").sentences.len(), 3);
}

#[test]
fn many_questions_are_answered_as_each_alone_and_cost_less() {
    let place = station();
    let questions = ["Where does the cable car begin?", "When do trains stop?", "Is the driver of the train ill?"];
    let alone: Vec<CitedAnswer> = questions.iter().map(|question| ask(&place, &request("cars"), question)).collect();
    let cost_alone = place.model.embedded();
    let together = try_ask(&place, &Principal::nobody(), &request("cars"), &questions).expect("answers");
    assert_eq!(together.answers, alone);
    assert_eq!((together.searched, together.version), (4, 1));
    assert!(place.model.embedded() < cost_alone);
}

#[test]
fn the_same_sentence_is_said_once() {
    let place = Place::new();
    let same = "The harbour opens at nine. ";
    place.write("a.jsonl", records(&[("a", same), ("b", same), ("c", &format!("{same} It closes at noon."))]));
    place.ingest("harbour", &["a.jsonl"]);
    let every = AskRequest { sentences: 9, threshold: Some(0.0), ..request("harbour") };
    let answer = ask(&place, &every, "When does the harbour open?");
    let texts: Vec<&str> = answer.sentences.iter().map(|sentence| sentence.text.as_str()).collect();
    assert_eq!(texts, ["The harbour opens at nine.", "It closes at noon."]);
}

#[test]
fn answers_are_made_of_what_may_be_read() {
    let place = station();
    place.write(
        "secret.jsonl",
        records(&[("secret", "A ticket for the board costs nothing. Adults of the board ride for free.")]),
    );
    place.ingest_for("group:board", "cars", &["secret.jsonl"]);
    place.ingest("open", &["station.md", "notes.jsonl"]);
    let question = "What does a ticket for adults of the board cost?";
    let all = AskRequest { sentences: 50, threshold: Some(0.0), ..request("cars") };
    let asked = |who: &Principal, corpus: &str| {
        let found = try_ask(&place, who, &AskRequest { corpus: corpus.to_owned(), ..all.clone() }, &[question]);
        let found = found.expect("an answer");
        (found.searched, found.answers)
    };
    let board = asked(&user("anna", &["board"]), "cars");
    assert!(board.1[0].citations.iter().any(|citation| citation.doc_id == "secret"));
    for stranger in [Principal::nobody(), user("bo", &[])] {
        assert_eq!(asked(&stranger, "cars"), asked(&stranger, "open"));
    }
}

#[test]
fn only_documents_in_a_language_are_asked() {
    let place = Place::new();
    let german = "Die Kabelbahn fährt im Winter nur bis zur Mittelstation, weil oben der Wind zu stark ist.";
    let english = "In winter the cable car goes no further than the middle station because of the strong wind.";
    place.write("a.jsonl", records(&[("de", german), ("en", english)]));
    place.ingest("corpus", &["a.jsonl"]);
    let german = Language::parse("de").ok();
    let lax = AskRequest { language: german, threshold: Some(0.0), ..request("corpus") };
    let answer = ask(&place, &lax, "winter wind");
    assert_eq!(answer.citations.iter().map(|citation| citation.doc_id.as_str()).collect::<Vec<_>>(), ["de"]);
}

#[test]
fn wrong_questions_say_what_is_wrong() {
    let place = station();
    let fails = |request: &AskRequest, question: &str| {
        try_ask(&place, &Principal::nobody(), request, &[question]).expect_err("a wrong question")
    };
    assert!(matches!(fails(&request("cars"), " ?"), Error::EmptyQuery));
    assert!(matches!(fails(&AskRequest { sentences: 0, ..request("cars") }, "cars"), Error::NoResults));
    for given in [-0.1, 1.1, f64::NAN] {
        let bad = AskRequest { threshold: Some(given), ..request("cars") };
        assert!(matches!(fails(&bad, "cars"), Error::BadThreshold { .. }), "{given}");
    }
    assert_eq!(fails(&request("card"), "cars").hint().as_deref(), Some("did you mean `cars`?"));
}

#[test]
fn an_empty_corpus_knows_nothing() {
    let place = Place::new();
    place.write("a.jsonl", records(&[("a", "")]));
    place.ingest("empty", &["a.jsonl"]);
    let answer = ask(&place, &AskRequest { threshold: Some(0.0), ..request("empty") }, "anything");
    assert!(answer.sentences.is_empty() && answer.confidence.is_none());
}
