//! What an ingest makes of files of all kinds, and what it says of bad ones.

use kernwerk_rag::{Error, IngestRequest, Language};

use super::support::{Place, WordModel, records, run};
use kernwerk_core::Work;

#[test]
fn all_kinds_of_files_are_read_in_order() {
    let place = Place::new();
    place.write("docs/b.md", "# Lift\n\nIntro.\n\n## Use\n\nPress the button.\n");
    place.write("docs/a.txt", "Plain words.");
    place.write("docs/deep/page.html", "<title>Page</title><h1>Page</h1><p>Seen.</p><script>unseen()</script>");
    place.write("docs/c.jsonl", records(&[("7", "a record"), ("3", "another")]));
    place.write("docs/picture.png", [0xff, 0xd8]);
    place.write("docs/.hidden/x.md", "hidden");
    let ingested = place.ingest("corpus", &["docs"]);
    assert_eq!((ingested.added, ingested.chunks, ingested.embedded), (5, 6, 6));
    assert_eq!(ingested.left_out, ["docs/picture.png"]);
    assert_eq!(ingested.hidden, ["docs/.hidden"]);
    let sources: Vec<&str> = ingested.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(sources, ["docs/a.txt", "docs/b.md", "docs/c.jsonl", "docs/deep/page.html"]);
    assert_eq!(
        place.column("corpus", "doc_id"),
        ["docs/a.txt", "docs/b.md", "docs/b.md", "7", "3", "docs/deep/page.html"]
    );
    assert_eq!(place.column("corpus", "section"), ["", "", "Use", "", "", ""]);
    assert_eq!(place.column("corpus", "title"), ["", "Lift", "Lift", "", "", "Page"]);
    assert_eq!(
        place.column("corpus", "text"),
        ["Plain words.", "Intro.", "Press the button.", "a record", "another", "Seen."]
    );
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_of_a_directory_is_left_out() {
    let place = Place::new();
    place.write("secret.md", "not meant");
    place.write("docs/a.md", "meant");
    for (link, target) in [("out.md", "../secret.md"), ("in.md", "a.md"), ("gone.md", "nowhere.md")] {
        std::os::unix::fs::symlink(target, place.path("docs").join(link)).expect("a link");
    }
    let ingested = place.ingest("corpus", &["docs"]);
    // A link is called by what it leads to, which is taken in once.
    assert_eq!(ingested.left_out, ["docs/gone.md", "secret.md"]);
    assert_eq!(place.column("corpus", "text"), ["meant"]);
    // Whoever names the link means what it leads to.
    assert_eq!(place.ingest("other", &["docs/out.md"]).chunks, 1);
}

#[test]
fn a_file_that_is_named_is_read_whatever_its_kind() {
    let place = Place::new();
    place.write("NOTES", "Plain words.");
    assert_eq!(place.ingest("corpus", &["NOTES"]).chunks, 1);
    place.write("docs/NOTES", "Plain words.");
    let error = place.try_ingest(&place.request("other", &["docs"])).expect_err("nothing to read");
    assert!(matches!(&error, Error::NothingToRead { left_out: 1, .. }), "{error}");
    assert!(!place.has_corpus("other"));
}

#[test]
fn a_title_is_searched_and_not_said_twice() {
    let place = Place::new();
    let lines = [
        r#"{"_id": "1", "title": "wing flow .", "text": "wing flow . a study"}"#,
        r#"{"_id": "2", "title": "heat", "text": "a wall"}"#,
    ];
    place.write("a.jsonl", lines.join("\n"));
    place.ingest("corpus", &["a.jsonl"]);
    assert_eq!(place.found("corpus", "heat"), ["2"]);
    let score =
        |query: &str| place.search(&Default::default(), "corpus", kernwerk_rag::Mode::Text, query).hits[0].score;
    // `wing` and `study` stand once each in the searched text.
    assert_eq!(score("wing"), score("study"));
}

#[test]
fn documents_without_text_are_kept_and_told() {
    let place = Place::new();
    place.write(
        "a.jsonl",
        "{\"_id\": \"1\", \"title\": \"\", \"text\": \"\"}\n{\"_id\": \"2\", \"title\": \"Only\", \"text\": \" \"}\n",
    );
    let ingested = place.ingest("corpus", &["a.jsonl"]);
    assert_eq!((ingested.added, ingested.chunks, ingested.embedded), (2, 1, 1));
    assert_eq!(ingested.without_text, ["1"]);
    assert_eq!(place.column("corpus", "doc_id"), ["1", "2"]);
    let answer = place.search(&Default::default(), "corpus", kernwerk_rag::Mode::Hybrid, "only");
    assert_eq!(answer.hits.len(), 1);
    assert_eq!(answer.hits[0].doc_id, "2");
    assert!(!place.ingest("corpus", &["a.jsonl"]).written);
}

#[test]
fn long_documents_fit_the_model_and_lose_nothing() {
    let place = Place::new();
    let sentences: Vec<String> = (0..40).map(|number| format!("Sentence {number} has some six words here.")).collect();
    let text = format!("# Title of the page\n\n## Part\n\n{}\n", sentences.join(" "));
    place.write("long.md", &text);
    // The model of the tests fails on a text that is too long for it.
    let ingested = place.ingest("corpus", &["long.md"]);
    assert!(ingested.chunks > 5);
    assert_eq!(place.column("corpus", "text").join(" "), sentences.join(" "));
    assert!(place.column("corpus", "text").iter().all(|chunk| chunk.ends_with('.')), "cut inside a sentence");
    let request = IngestRequest { chunk_tokens: Some(20), ..place.request("corpus", &["long.md"]) };
    let smaller = place.try_ingest(&request).expect("an ingest");
    assert!(smaller.chunks > 2 * ingested.chunks);
    // From then on the corpus keeps to it.
    assert!(!place.ingest("corpus", &["long.md"]).written);
    for tokens in [3, 49] {
        let request = IngestRequest { chunk_tokens: Some(tokens), ..request.clone() };
        assert!(matches!(place.try_ingest(&request), Err(Error::BadChunkTokens { least: 16, most: 48, .. })));
    }
}

#[test]
fn languages_are_found_or_given() {
    let place = Place::new();
    let german = "Die Kabelbahn fährt im Winter nur bis zur Mittelstation, weil oben der Wind zu stark ist.";
    let english = "In winter the cable car goes no further than the middle station because of the strong wind.";
    place.write("a.jsonl", records(&[("de", german), ("en", english), ("short", "Kabelbahnen")]));
    place.ingest("corpus", &["a.jsonl"]);
    assert_eq!(place.column("corpus", "lang"), ["de", "en", "-"]);
    let request = IngestRequest { language: Language::parse("german").ok(), ..place.request("given", &["a.jsonl"]) };
    place.try_ingest(&request).expect("an ingest");
    assert_eq!(place.column("given", "lang"), ["de", "de", "de"]);
}

#[test]
fn bad_files_are_named_and_change_nothing() {
    let place = Place::new();
    place.write("docs/a.md", "Good.");
    place.ingest("corpus", &["docs"]);
    let before = place.digest("corpus");
    let fails = |name: &str, content: &[u8], words: &[&str]| {
        place.write(name, content);
        for corpus in ["corpus", "new"] {
            let strict = IngestRequest { is_strict: true, ..place.request(corpus, &["docs"]) };
            let error = place.try_ingest(&strict).expect_err("a bad file").to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        }
        assert_eq!(place.digest("corpus"), before);
        assert!(!place.has_corpus("new"));
        place.remove(name);
    };
    fails("docs/b.txt", b"f\xfcnf", &["b.txt", "byte 1"]);
    fails("docs/c.jsonl", b"{\"text\": \"a\"}\n{\"text\": \"b\",}\n", &["docs/c.jsonl", "line 2"]);
    fails("docs/d.jsonl", b"{\"title\": \"a\"}\n", &["docs/d.jsonl, line 1", "`text`", "`title`"]);
    let missing = place.try_ingest(&place.request("new", &["nowhere"])).expect_err("no file");
    assert!(missing.to_string().contains("nowhere"), "{missing}");
    assert!(matches!(place.try_ingest(&place.request("a b", &["docs"])), Err(Error::Store(_))));
}

#[test]
fn an_ingest_goes_on_behind_bad_files_and_names_them_all() {
    let place = Place::new();
    place.write("docs/a.md", "One.");
    place.write("docs/b.txt", "Two.");
    place.write("docs/c.jsonl", records(&[("3", "three")]));
    place.ingest("corpus", &["docs"]);
    place.write("docs/a.md", "Four.");
    place.write("docs/b.txt", b"f\xfcnf");
    place.write("docs/c.jsonl", "{\"text\": \"six\",}");
    let request = place.request("corpus", &["docs"]);
    let ingested = place.try_ingest(&request).expect("one file can be read");
    assert_eq!((ingested.changed, ingested.removed, ingested.added), (1, 0, 0));
    let [text, lines] = ingested.unread.as_slice() else { panic!("{:?}", ingested.unread) };
    assert!(
        text.contains("docs/b.txt is not UTF-8") && lines.starts_with("docs/c.jsonl, line 1: column 16"),
        "{text} {lines}"
    );
    let sources: Vec<&str> = ingested.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(sources, ["docs/a.md"]);
    // What cannot be read is as it was, and not taken for gone.
    let mut found = place.found("corpus", "two three four");
    found.sort();
    assert_eq!(found, ["3", "docs/a.md", "docs/b.txt"]);
    // The same of a corpus that follows its files.
    place.write("docs/a.md", "Seven.");
    let nobody = kernwerk_store::Principal::nobody();
    let refresh =
        |is_strict| run(kernwerk_rag::refresh(&place.lab, &nobody, "corpus", is_strict, &place.model, &Work::silent()));
    let error = refresh(true).expect_err("all or nothing").to_string();
    assert!(
        error.starts_with("2 files cannot be read:\n") && error.contains("b.txt") && error.contains("c.jsonl"),
        "{error}"
    );
    assert!(place.found("corpus", "seven").is_empty());
    let refreshed = refresh(false).expect("one file can be read");
    assert_eq!((refreshed.changed, refreshed.removed, refreshed.unread.len()), (1, 0, 2));
    // A new corpus has what can be read; where that is nothing, there is none.
    assert_eq!(place.ingest("new", &["docs"]).added, 1);
    let error = place.try_ingest(&place.request("none", &["docs/b.txt", "docs/c.jsonl"])).expect_err("nothing is left");
    assert!(error.to_string().starts_with("2 files cannot be read"), "{error}");
    assert!(!place.has_corpus("none"));
}

#[test]
fn a_cancel_leaves_the_corpus_as_it_was() {
    let place = Place::new();
    place.write("docs/a.md", "One.\n\n# Two\n\nThree.\n\n# Four\n\nFive.\n");
    let model = WordModel::cancelling_after(2);
    let request = place.request("corpus", &["docs"]);
    let cancelled = run(kernwerk_rag::ingest(&place.lab, &request, &model, &Work::silent()));
    assert!(matches!(cancelled, Err(Error::Cancelled(_))));
    assert!(!place.has_corpus("corpus"));
    // What was computed is not lost, and the corpus is the same as one that was made at once.
    let again = place.ingest("corpus", &["docs"]);
    assert_eq!((again.embedded, again.remembered, place.model.embedded()), (1, 2, 1));
    assert_eq!(place.ingest("at_once", &["docs"]).remembered, 0, "the vectors have found their place");
    assert_eq!(place.digest("at_once"), place.digest("corpus"));
    let before = place.digest("corpus");
    place.write("docs/a.md", "Six.\n\n# Seven\n\nEight.\n\n# Nine\n\nTen.\n");
    let cancelled = run(kernwerk_rag::ingest(&place.lab, &request, &model, &Work::silent()));
    assert!(matches!(cancelled, Err(Error::Cancelled(_))));
    assert_eq!(place.digest("corpus"), before);
    assert_eq!(kernwerk_store::Lab::open(place.lab.root()).expect("the lab").recovered(), [] as [String; 0]);
}
