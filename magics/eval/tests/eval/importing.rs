//! Files become golden sets.

use kernwerk_core::{Resource, Work};
use kernwerk_eval::{Error, Golden, golden_sets};
use kernwerk_store::WriteMode;

use super::support::{Place, wait};

const QUERIES: &str = "{\"_id\": \"1\", \"text\": \"who?\"}\n{\"_id\": \"2\", \"text\": \"what?\", \"answers\": [\"that\"]}\n\
                       {\"_id\": \"3\", \"text\": \"where?\", \"metadata\": {}}\n";
const JUDGED: &str = "query-id\tcorpus-id\tscore\n1\ta\t2\n1\tb\t0\n1\ta\t2\n2\ta\t0\n";

#[test]
fn a_collection_of_beir_is_taken_in() {
    let place = Place::new();
    place.write("set/queries.jsonl", QUERIES);
    place.write("set/qrels.tsv", JUDGED);
    place.write("set/corpus.jsonl", "{\"_id\": \"a\", \"text\": \"x\"}\n");
    let imported = place.import("golden", "set/");
    assert!(imported.changed);
    assert_eq!(
        imported.notes,
        ["1 judged document is not in corpus.jsonl", "left out 1 question with neither judged documents nor answers"]
    );
    let files: Vec<&str> = imported.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(files, ["set/queries.jsonl", "set/qrels.tsv", "set/corpus.jsonl"]);
    let golden = place.golden("golden");
    assert_eq!(golden, imported.golden);
    assert_eq!((golden.items.len(), golden.judged(), golden.answered()), (2, 2, 1));
    let gains: Vec<(&str, i64)> =
        golden.items[0].judged.iter().flatten().map(|(name, gain)| (name.as_str(), *gain)).collect();
    assert_eq!(gains, [("a", 2), ("b", 0)]);
    assert_eq!(golden.items[1].answers, Some(vec!["that".to_owned()]));
}

#[test]
fn the_same_content_is_the_same_version() {
    let place = Place::new();
    place.write("a.jsonl", "{\"question\": \"who?\", \"relevant\": [\"a\"]}\n");
    place.write("b.jsonl", "\n{\"_id\": 1, \"text\": \"who?\", \"relevant\": {\"a\": 1}, \"metadata\": 0}\n");
    // Without an `_id` a question is called after its line.
    let first = place.import("golden", "a.jsonl");
    let second = place.import("golden", "b.jsonl");
    assert_eq!((first.golden.version, second.changed), (1, false));
    assert_eq!(first.golden, second.golden);
    place.write("a.jsonl", "{\"question\": \"who?\", \"relevant\": [\"b\"]}\n");
    let third = place.import("golden", "a.jsonl");
    assert!(third.changed);
    assert_eq!(third.golden.version, 2);
}

#[test]
fn a_split_is_chosen() {
    let place = Place::new();
    place.write("set/queries.jsonl", QUERIES);
    place.write("set/qrels/train.tsv", "1\ta\t1\n");
    assert_eq!(place.import("golden", "set").golden.judged(), 1);
    place.write("set/qrels/test.tsv", "2\ta\t1\n");
    let (message, hint) = place.import_error("set");
    assert_eq!(
        (message.as_str(), hint.as_str()),
        ("set/qrels: there are judgements for test, train", "choose one, such as `--split test`")
    );
    let test = place.try_import("golden", "set", Some("test")).expect("the test split");
    assert_eq!(test.golden.items[0].question.id, "2");
    let error = place.try_import("golden", "set", Some("dev")).expect_err("no such split");
    assert_eq!(
        (error.to_string().as_str(), error.hint().as_deref()),
        ("set/qrels: there is no dev.tsv", Some("there are test, train"))
    );
}

#[test]
fn answers_are_taken_as_squad_and_its_kin_write_them() {
    let place = Place::new();
    let lines = [
        "{\"question\": \"1?\", \"answers\": [\"a\", \"b\"]}",
        "{\"question\": \"2?\", \"answers\": [{\"text\": \"a\", \"answer_start\": 3}]}",
        "{\"question\": \"3?\", \"answers\": {\"text\": [\"a\"], \"answer_start\": [3]}}",
        "{\"question\": \"4?\", \"answers\": []}",
        "{\"question\": \"5?\", \"answers\": null, \"relevant\": []}",
    ];
    place.write("a.jsonl", &lines.join("\n"));
    let golden = place.import("golden", "a.jsonl").golden;
    let answers: Vec<Option<usize>> = golden.items.iter().map(|item| item.answers.as_ref().map(Vec::len)).collect();
    assert_eq!(answers, [Some(2), Some(1), Some(1), Some(0), None]);
    assert_eq!(golden.items[4].judged.as_ref().map(|judged| judged.len()), Some(0));
}

#[test]
fn a_wrong_line_is_named() {
    let place = Place::new();
    for (line, message) in [
        ("{", "column 1: EOF while parsing an object"),
        ("[]", "is no JSON object"),
        ("{\"answers\": []}", "there is no `question`; its fields are `answers`"),
        ("{\"question\": \" \", \"answers\": []}", "`question` is empty, not text"),
        ("{\"question\": \"?\"}", "there is neither `answers` nor `relevant`; its fields are `question`"),
        ("{\"question\": \"?\", \"answers\": \"a\"}", "`answers` is text, not a list"),
        ("{\"question\": \"?\", \"answers\": [1]}", "`answers` has a number, not texts"),
        (
            "{\"question\": \"?\", \"relevant\": \"a\"}",
            "`relevant` is text, neither a list of documents nor their gains",
        ),
        ("{\"question\": \"?\", \"relevant\": [\"\"]}", "`relevant` has empty, not a document's name"),
        ("{\"question\": \"?\", \"relevant\": [\"a\", \"a\"]}", "`relevant` names document `a` twice"),
        (
            "{\"question\": \"?\", \"relevant\": {\"a\": 0.5}}",
            "the gain of document `a` is a number, not a whole number",
        ),
        ("{\"question\": \"?\", \"relevant\": {\"a\": -2}}", "the gain of document `a` is -2, below 0"),
        (
            "{\"question\": \"?\", \"answers\": [], \"relevent\": [\"a\"]}",
            "there is no field `relevent` in a golden set",
        ),
        ("{\"_id\": \"1\", \"question\": \"?\", \"answers\": []}", "question `1` stands on line 1 already"),
        ("{\"_id\": [], \"question\": \"?\", \"answers\": []}", "`_id` is a list, not text or a number"),
    ] {
        place.write("a.jsonl", &format!("{{\"question\": \"?\", \"answers\": []}}\n\n{line}\n"));
        assert_eq!(place.import_error("a.jsonl").0, format!("a.jsonl, line 3: {message}"));
    }
}

#[test]
fn a_field_that_nobody_reads_is_a_slip_of_the_pen() {
    let place = Place::new();
    place.write("a.jsonl", "{\"question\": \"?\", \"answers\": [], \"relevent\": [\"a\"]}\n");
    assert_eq!(place.import_error("a.jsonl").1, "did you mean `relevant`?");
    place.write("set/queries.jsonl", "{\"_id\": \"1\", \"text\": \"?\", \"anwsers\": []}\n");
    let message = "set/queries.jsonl, line 1: there is no field `anwsers` in a golden set";
    assert_eq!(place.import_error("set"), (message.to_owned(), "did you mean `answers`?".to_owned()));
}

#[test]
fn a_wrong_judgement_is_named() {
    let place = Place::new();
    place.write("set/queries.jsonl", QUERIES);
    for (line, message) in [
        ("1 a 1", "there are not a query, a document and a gain with tabs between"),
        ("1\t\t1", "there are not a query, a document and a gain with tabs between"),
        ("1\ta\tx", "the gain `x` is no whole number"),
        ("1\ta\t-1", "the gain of document `a` is -1, below 0"),
        ("9\ta\t1", "query `9` is not in queries.jsonl"),
        ("1\tb\t3", "query `1` and document `b` have another gain already"),
    ] {
        place.write("set/qrels.tsv", &format!("query-id\tcorpus-id\tscore\n1\tb\t1\n{line}\n"));
        assert_eq!(place.import_error("set").0, format!("set/qrels.tsv, line 3: {message}"));
    }
}

#[test]
fn what_has_nothing_to_measure_is_refused() {
    let place = Place::new();
    place.write("a.jsonl", "\n");
    assert!(place.import_error("a.jsonl").0.starts_with("a.jsonl: has no questions"));
    place.write("set/queries.jsonl", "{\"_id\": \"1\", \"text\": \"who?\"}\n");
    assert!(place.import_error("set").0.starts_with("set/queries.jsonl: has no questions"));
    assert!(place.import_error("none.jsonl").0.starts_with("none.jsonl: cannot be read"));
    std::fs::write(place.path("b.jsonl"), b"{\"question\": \"\xff\"}").expect("a file");
    assert_eq!(place.import_error("b.jsonl").0, "b.jsonl: is not UTF-8 from byte 14 on");
    assert!(place.lab.names(Resource::Table).is_empty());
}

#[test]
fn a_table_of_another_kind_is_left_alone() {
    let place = Place::new();
    place.write("a.jsonl", "{\"question\": \"who?\", \"relevant\": [\"a\"]}\n");
    let golden = place.import("golden", "a.jsonl").golden;
    // The same columns do not make a golden set.
    let rows = wait(async {
        let stored = place.lab.dataset(Resource::Table, "golden").await?;
        stored.read(Some(&["query", "question"]), None).await
    });
    let (rows, work) = (without_metadata(rows.expect("rows")), Work::silent());
    wait(place.lab.write(Resource::Table, "other", WriteMode::Create, rows, &work)).expect("a table");
    let error = place.try_import("other", "a.jsonl", None).expect_err("a taken name");
    assert!(matches!(error, Error::NameTaken { .. }), "{error}");
    assert!(matches!(wait(Golden::load(&place.lab, "other")), Err(Error::NotGolden { .. })));
    let sets = wait(golden_sets(&place.lab)).expect("golden sets");
    let found: Vec<(&Golden, &str)> = sets.iter().map(|set| (&set.golden, set.source.as_str())).collect();
    assert_eq!(found, [(&golden, "a.jsonl")]);
}

fn without_metadata(rows: Vec<arrow::array::RecordBatch>) -> Vec<arrow::array::RecordBatch> {
    let plain = |batch: arrow::array::RecordBatch| {
        let schema = arrow::datatypes::Schema::new(batch.schema().fields().clone());
        arrow::array::RecordBatch::try_new(std::sync::Arc::new(schema), batch.columns().to_vec()).expect("rows")
    };
    rows.into_iter().map(plain).collect()
}
