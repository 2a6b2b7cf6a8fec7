//! Data sets: round trips, versions, history, conditions, and the errors for what does not fit.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, FixedSizeListArray,
    Float32Array, Float64Array, Int64Array, LargeStringArray, ListArray, RecordBatch, StringArray, StringViewArray,
    StructArray, TimestampMicrosecondArray, TimestampNanosecondArray, UInt8Array,
};
use arrow::datatypes::{DataType, Field, Float32Type, Int32Type, Schema};
use kernwerk_core::{Cancel, Event, Events, Problem, Resource, Work};
use kernwerk_store::{Error, WriteMode, content_digest};

use crate::common::{Place, files_below, numbers, rows, rows_with, run};

fn all_types() -> RecordBatch {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None, Some(vec![])]);
    let vectors = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(
        [Some(vec![Some(1.0), Some(2.0)]), Some(vec![Some(3.0), Some(4.0)]), Some(vec![Some(5.0), Some(6.0)])],
        2,
    );
    let inner = Arc::new(StringArray::from(vec![Some("a"), None, Some("c")])) as ArrayRef;
    let structure = StructArray::from(vec![(Arc::new(Field::new("inner", DataType::Utf8, true)), inner)]);
    let keys: DictionaryArray<Int32Type> = [Some("x"), None, Some("x")].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("byte", Arc::new(UInt8Array::from(vec![1, 2, 255]))),
        ("integer", Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(i64::MAX)]))),
        ("single", Arc::new(Float32Array::from(vec![Some(-0.0), None, Some(f32::INFINITY)]))),
        ("double", Arc::new(Float64Array::from(vec![Some(f64::NAN), None, Some(1e-300)]))),
        ("text", Arc::new(StringArray::from(vec![Some(""), None, Some("ü")]))),
        ("large text", Arc::new(LargeStringArray::from(vec![Some("a"), None, Some("b")]))),
        ("bytes", Arc::new(BinaryArray::from(vec![Some(&b"\0\xff"[..]), None, Some(b"")]))),
        ("date", Arc::new(Date32Array::from(vec![Some(-1), None, Some(20_000)]))),
        ("naive", Arc::new(TimestampNanosecondArray::from(vec![Some(1), None, Some(-1)]))),
        ("utc", Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None, Some(-1)]).with_timezone("UTC"))),
        ("offset", Arc::new(TimestampMicrosecondArray::from(vec![1, 2, 3]).with_timezone("+02:00"))),
        ("zone", Arc::new(TimestampMicrosecondArray::from(vec![1, 2, 3]).with_timezone("Europe/Berlin"))),
        ("decimal", Arc::new(Decimal128Array::from(vec![1, -2, 3]).with_precision_and_scale(20, 4).unwrap())),
        ("list", Arc::new(list)),
        ("vector", Arc::new(vectors)),
        ("struct", Arc::new(structure)),
        ("dictionary", Arc::new(keys)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

#[test]
fn every_type_comes_back_as_it_was() {
    let place = Place::new();
    let given = all_types();
    place.write("types", WriteMode::Replace, given.clone());
    let stored = place.table("types");
    assert_eq!(stored.schema().fields(), given.schema().fields());
    let back = run(stored.read(None, None)).unwrap();
    let back = arrow::compute::concat_batches(&stored.schema(), &back).unwrap();
    for (index, field) in given.schema().fields().iter().enumerate() {
        // NaN is not itself, so that texts are compared and digests after it.
        assert_eq!(format!("{:?}", back.column(index)), format!("{:?}", given.column(index)), "{}", field.name());
    }
    assert_eq!(run(stored.digest()).unwrap(), content_digest(&given.schema(), std::slice::from_ref(&given)));
}

#[test]
fn views_are_stored_as_plain_text() {
    let place = Place::new();
    let view = Arc::new(StringViewArray::from(vec![Some("short"), None, Some("longer than twelve bytes")])) as ArrayRef;
    let plain = Arc::new(StringArray::from(vec![Some("short"), None, Some("longer than twelve bytes")])) as ArrayRef;
    place.write("texts", WriteMode::Replace, RecordBatch::try_from_iter([("text", view)]).unwrap());
    let back = run(place.table("texts").read(None, None)).unwrap();
    assert_eq!(back[0].column(0), &plain);
}

#[test]
fn each_write_is_a_version_and_old_ones_stay() {
    let place = Place::new();
    let first = place.write("rides", WriteMode::Create, rows([1, 2], "a"));
    assert_eq!((first.version, first.rows, first.appended, first.deleted), (1, 2, 2, 0));
    let second = place.write("rides", WriteMode::Append, rows([3], "a"));
    assert_eq!((second.version, second.rows, second.appended, second.deleted), (2, 3, 1, 0));
    let third = place.write("rides", WriteMode::Replace, rows([9], "a"));
    assert_eq!((third.version, third.rows, third.appended, third.deleted), (3, 1, 1, 3));
    assert_eq!(place.numbers("rides"), [9]);
    let old = run(place.lab.dataset_at(Resource::Table, "rides", 2)).unwrap();
    assert_eq!(numbers(&run(old.read(None, None)).unwrap()), [1, 2, 3]);
    let history = run(place.table("rides").history()).unwrap();
    assert_eq!(history.iter().map(|one| (one.version, one.rows)).collect::<Vec<_>>(), [(1, 2), (2, 3), (3, 1)]);
    assert!(history.is_sorted_by(|one, next| one.written_at <= next.written_at));
    for missing in [0, 4, 99] {
        let error = run(place.lab.dataset_at(Resource::Table, "rides", missing)).err().unwrap();
        assert!(matches!(error, Error::UnknownVersion { latest: 3, .. }), "{error}");
    }
}

#[test]
fn an_opened_version_stays_while_others_write() {
    let place = Place::new();
    place.write("rides", WriteMode::Create, rows([1], "a"));
    let opened = place.table("rides");
    place.write("rides", WriteMode::Replace, rows([2], "a"));
    assert_eq!(numbers(&run(opened.read(None, None)).unwrap()), [1]);
    assert_eq!(opened.version(), 1);
}

#[test]
fn conditional_modes_refuse_what_somebody_else_wrote() {
    let place = Place::new();
    place.write("rides", WriteMode::Create, rows([1], "a"));
    let write = |mode| run(place.lab.write(Resource::Table, "rides", mode, vec![rows([2], "a")], &Work::silent()));
    assert!(matches!(write(WriteMode::Create), Err(Error::Exists { .. })));
    assert!(matches!(write(WriteMode::ReplaceVersion(2)), Err(Error::Conflict { expected: 2, found: 1, .. })));
    assert_eq!(write(WriteMode::ReplaceVersion(1)).unwrap().version, 2);
}

#[test]
fn metadata_is_that_of_the_rows_and_appends_may_change_it() {
    let place = Place::new();
    let metadata = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    };
    let given = [("event-time", "at"), ("file", "1")];
    place.write("rides", WriteMode::Replace, rows_with([1], "a", metadata(&given)));
    assert_eq!(*place.table("rides").schema().metadata(), metadata(&given));
    place.write("rides", WriteMode::Append, rows([2], "a"));
    assert_eq!(*place.table("rides").schema().metadata(), metadata(&given));
    let written = place.write("rides", WriteMode::Append, rows_with([3], "a", metadata(&[("file", "2")])));
    assert_eq!((written.version, written.rows), (3, 3));
    assert_eq!(*place.table("rides").schema().metadata(), metadata(&[("event-time", "at"), ("file", "2")]));
    assert_eq!(place.numbers("rides"), [1, 2, 3]);
    let history = run(place.table("rides").history()).unwrap();
    assert_eq!(history.iter().map(|one| one.metadata["file"].as_str()).collect::<Vec<_>>(), ["1", "1", "2"]);
}

#[test]
fn rows_with_other_columns_are_refused_in_words() {
    let place = Place::new();
    place.write("rides", WriteMode::Create, rows([1], "a"));
    let number = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let text = || Arc::new(StringArray::from(vec!["a"])) as ArrayRef;
    let cases = [
        (vec![("number", number())], "column `text` is missing"),
        (vec![("number", text()), ("text", text())], "column `number` is Utf8, not Int64"),
        (vec![("number", number()), ("text", text()), ("more", text())], "column `more` is new"),
        (vec![("text", text()), ("number", number())], "the columns are in the order text, number, not number, text"),
    ];
    for (columns, difference) in cases {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let error = run(place.lab.write(Resource::Table, "rides", WriteMode::Append, vec![batch], &Work::silent()));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(difference), "{error}");
    }
    assert_eq!(place.table("rides").version(), 1);
}

#[test]
fn nulls_are_refused_where_the_data_set_has_none() {
    let place = Place::new();
    let batch = |nullable, value| {
        let schema = Arc::new(Schema::new(vec![Field::new("number", DataType::Int64, nullable)]));
        RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from(vec![value]))]).unwrap()
    };
    place.write("strict", WriteMode::Create, batch(false, Some(1)));
    place.write("strict", WriteMode::Append, batch(true, Some(2)));
    assert_eq!(place.numbers("strict"), [1, 2]);
    let work = Work::silent();
    let error = run(place.lab.write(Resource::Table, "strict", WriteMode::Append, vec![batch(true, None)], &work));
    assert!(error.unwrap_err().to_string().contains("column `number` has nulls"));
    // Batches of one write may differ in what they allow.
    place.write("loose", WriteMode::Create, batch(false, Some(1)));
    let mixed = vec![batch(false, Some(1)), batch(true, None)];
    assert_eq!(run(place.lab.write(Resource::Table, "loose", WriteMode::Replace, mixed, &work)).unwrap().rows, 2);
}

#[test]
fn no_rows_make_an_empty_data_set_with_columns() {
    let place = Place::new();
    assert_eq!(place.write("empty", WriteMode::Create, rows([], "a")).rows, 0);
    let stored = place.table("empty");
    assert_eq!(stored.schema().fields().len(), 2);
    assert_eq!(run(stored.rows()).unwrap(), 0);
    assert_eq!(numbers(&run(stored.read(None, None)).unwrap()), Vec::<i64>::new());
    assert_eq!(run(stored.digest()).unwrap(), content_digest(&stored.schema(), &[]));
    place.write("empty", WriteMode::Append, rows([1], "a"));
    assert_eq!(place.numbers("empty"), [1]);
    let work = Work::silent();
    let nothing = run(place.lab.write(Resource::Table, "empty", WriteMode::Append, Vec::new(), &work)).unwrap();
    assert_eq!((nothing.version, nothing.rows, nothing.appended), (2, 1, 0));
    for mode in [WriteMode::Create, WriteMode::Replace, WriteMode::Append] {
        let error = run(place.lab.write(Resource::Table, "fresh", mode, Vec::new(), &work)).unwrap_err();
        assert!(matches!(error, Error::NoColumns { .. }), "{error}");
    }
    assert_eq!(place.lab.names(Resource::Table), ["empty"]);
}

#[test]
fn reads_choose_rows_and_columns_and_keep_the_order() {
    let place = Place::new();
    place.write("rides", WriteMode::Create, rows(0..100_000, "a"));
    place.write("rides", WriteMode::Append, rows((0..10).rev(), "b"));
    let stored = place.table("rides");
    let all = numbers(&run(stored.read(None, None)).unwrap());
    assert!(all.iter().copied().eq((0..100_000).chain((0..10).rev())));
    let some = run(stored.read(Some(&["number"]), Some("text = 'b' AND number < 3"))).unwrap();
    assert_eq!(numbers(&some), [2, 1, 0]);
    assert_eq!(some[0].num_columns(), 1);
    for wrong in ["numbr = 1", "number = ", "number + 'x' ="] {
        let problem = Problem::from(run(stored.read(None, Some(wrong))).unwrap_err());
        assert_eq!(problem.name, "BadCondition", "{}", problem.message);
        assert!(problem.message.contains(wrong), "{}", problem.message);
        assert!(!problem.message.contains(".rs:"), "{}", problem.message);
    }
    assert!(run(stored.read(Some(&["nothing"]), None)).is_err());
}

#[test]
fn sql_sees_the_rows_in_order() {
    let place = Place::new();
    place.write("rides", WriteMode::Create, rows(0..200_000, "a"));
    let answer = run(async {
        let context = datafusion::prelude::SessionContext::new();
        context.register_table("rides", place.table_async("rides").await.provider()).unwrap();
        let frame = context.sql("SELECT number FROM rides WHERE number % 2 = 0").await.unwrap();
        frame.collect().await.unwrap()
    });
    assert!(numbers(&answer).iter().copied().eq((0..200_000).step_by(2)));
}

#[test]
fn unknown_names_come_with_those_that_look_alike() {
    let place = Place::new();
    for name in ["rides", "riders", "zones"] {
        place.write(name, WriteMode::Create, rows([1], "a"));
    }
    let problem = Problem::from(run(place.lab.dataset(Resource::Table, "rider")).err().unwrap());
    assert_eq!(problem.name, "UnknownTable");
    assert_eq!(problem.message, "no table is called `rider`");
    assert_eq!(problem.hint.as_deref(), Some("did you mean `riders` or `rides`?"));
    let problem = Problem::from(run(place.lab.dataset(Resource::Corpus, "rides")).err().unwrap());
    assert_eq!((problem.name.as_str(), problem.hint), ("UnknownCorpus", None));
    for bad in ["", "../x", "a/b", "a b"] {
        assert!(matches!(run(place.lab.dataset(Resource::Table, bad)), Err(Error::BadName { .. })));
    }
    assert!(matches!(run(place.lab.dataset(Resource::File, "x")), Err(Error::NotADataset { .. })));
}

#[test]
fn data_sets_are_listed_by_name() {
    let place = Place::new();
    place.write("b", WriteMode::Create, rows([1], "a"));
    place.write("a", WriteMode::Create, rows([1, 2], "a"));
    place.write("a", WriteMode::Append, rows([3], "a"));
    std::fs::create_dir_all(place.lab.data_dir().join("tables/never-written.lance/data")).unwrap();
    std::fs::write(place.lab.data_dir().join("tables/stray.txt"), "").unwrap();
    assert_eq!(place.lab.names(Resource::Table), ["a", "b"]);
    let summaries = run(place.lab.datasets(Resource::Table)).unwrap();
    let told: Vec<_> = summaries.iter().map(|one| (one.name.as_str(), one.version, one.rows, one.columns)).collect();
    assert_eq!(told, [("a", 2, 3, 2), ("b", 1, 1, 2)]);
    assert!(summaries.iter().all(|one| one.bytes.is_some_and(|bytes| bytes > 0)));
    assert!(run(place.lab.datasets(Resource::Corpus)).unwrap().is_empty());
}

/// Cancels at the first word of progress.
struct CancelAtProgress(Cancel);

impl Events for CancelAtProgress {
    fn emit(&self, _event: Event) {
        self.0.cancel();
    }
}

#[test]
fn a_cancel_in_the_middle_leaves_the_lab_as_it_was() {
    let place = Place::new();
    let cancelled_work = || {
        let cancel = Cancel::new();
        Work::new(cancel.clone(), Arc::new(CancelAtProgress(cancel)))
    };
    let write = |mode| {
        run(place.lab.write(Resource::Table, "rides", mode, vec![rows(0..1_000_000, "late")], &cancelled_work()))
    };
    assert!(matches!(write(WriteMode::Create), Err(Error::Cancelled(_))));
    assert_eq!(place.lab.names(Resource::Table), Vec::<String>::new());
    assert!(files_below(&place.lab.data_dir().join("tables")).is_empty());
    place.write("rides", WriteMode::Create, rows([1], "a"));
    let before = files_below(&place.lab.data_dir().join("tables"));
    for mode in [WriteMode::Append, WriteMode::Replace] {
        assert!(matches!(write(mode), Err(Error::Cancelled(_))));
    }
    let append = vec![rows(0..1_000_000, "late")];
    let rewritten = run(place.lab.rewrite(Resource::Table, "rides", Some("true".into()), append, &cancelled_work()));
    assert!(matches!(rewritten, Err(Error::Cancelled(_))));
    assert_eq!(files_below(&place.lab.data_dir().join("tables")), before);
    assert_eq!(place.numbers("rides"), [1]);
    assert!(kernwerk_store::Lab::open(place.root()).unwrap().recovered().is_empty());
}

#[test]
fn who_waits_for_a_lock_can_be_interrupted() {
    let place = Place::new();
    let _held = place.lab.lock(Resource::Table, "rides", &Cancel::new()).unwrap();
    let cancel = Cancel::new();
    let waiting = std::thread::spawn({
        let (lab, cancel) = (place.lab.clone(), cancel.clone());
        move || lab.lock(Resource::Table, "rides", &cancel).map(drop)
    });
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert!(!waiting.is_finished());
    cancel.cancel();
    assert!(matches!(waiting.join().unwrap(), Err(Error::Cancelled(_))));
    place.lab.lock(Resource::Table, "other", &Cancel::new()).unwrap();
}
