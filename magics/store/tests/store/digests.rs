//! The content digest: what it depends on, and what it does not.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, FixedSizeBinaryArray, Float64Array, Int32Array, Int32Builder,
    Int64Array, ListArray, MapBuilder, NullArray, RecordBatch, RunArray, StringArray, StringBuilder, StringViewArray,
    StructArray, UnionArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, UnionFields};
use kernwerk_store::content_digest;
use proptest::option::of;
use proptest::prelude::*;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn digest(batch: &RecordBatch) -> String {
    content_digest(&batch.schema(), std::slice::from_ref(batch))
}

fn digest_of(array: impl Array + 'static) -> String {
    digest(&batch(vec![("column", Arc::new(array))]))
}

#[derive(Clone, Debug)]
struct Row {
    number: Option<i64>,
    float: Option<f64>,
    text: Option<String>,
    flag: Option<bool>,
    list: Option<Vec<Option<i32>>>,
}

fn row() -> impl Strategy<Value = Row> {
    let list = proptest::collection::vec(of(any::<i32>()), 0..4);
    (of(any::<i64>()), of(any::<f64>()), of("[a-c]{0,3}"), of(any::<bool>()), of(list))
        .prop_map(|(number, float, text, flag, list)| Row { number, float, text, flag, list })
}

fn to_batch(rows: &[Row]) -> RecordBatch {
    let texts: StringArray = rows.iter().map(|row| row.text.as_deref()).collect();
    let inner = Arc::new(rows.iter().map(|row| row.number).collect::<Int64Array>()) as ArrayRef;
    let valid = NullBuffer::from(rows.iter().map(|row| row.flag != Some(false)).collect::<Vec<_>>());
    let fields = vec![Arc::new(Field::new("inner", DataType::Int64, true))].into();
    let keys: DictionaryArray<Int32Type> = rows.iter().map(|row| row.text.as_deref()).collect();
    batch(vec![
        ("number", Arc::new(rows.iter().map(|row| row.number).collect::<Int64Array>())),
        ("float", Arc::new(rows.iter().map(|row| row.float).collect::<Float64Array>())),
        ("text", Arc::new(texts)),
        ("view", Arc::new(rows.iter().map(|row| row.text.as_deref()).collect::<StringViewArray>())),
        ("flag", Arc::new(rows.iter().map(|row| row.flag).collect::<BooleanArray>())),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(rows.iter().map(|row| row.list.clone())))),
        ("struct", Arc::new(StructArray::new(fields, vec![inner], Some(valid)))),
        ("dictionary", Arc::new(keys)),
    ])
}

/// The same dictionary column with the values in another order, one of them twice, and some that are not used.
fn with_another_dictionary(column: &ArrayRef) -> ArrayRef {
    let old = column.as_any().downcast_ref::<DictionaryArray<Int32Type>>().unwrap();
    let count = old.values().len();
    let indices: Int32Array = (0..count).rev().chain(0..count).map(|index| index as i32).collect();
    let values = take(old.values(), &indices, None).unwrap();
    let keys: Int32Array = old
        .keys()
        .iter()
        .enumerate()
        .map(|(row, key)| key.map(|key| if row % 2 == 0 { count as i32 - 1 - key } else { count as i32 + key }))
        .collect();
    Arc::new(DictionaryArray::new(keys, values))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn batches_offsets_and_dictionaries_do_not_count(rows in proptest::collection::vec(row(), 0..30), cuts in proptest::collection::vec(0usize..30, 0..5)) {
        let whole = to_batch(&rows);
        let expected = digest(&whole);
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= rows.len()).chain([0, rows.len()]).collect();
        cuts.sort_unstable();
        let slices: Vec<RecordBatch> = cuts.windows(2).map(|cut| whole.slice(cut[0], cut[1] - cut[0])).collect();
        prop_assert_eq!(&content_digest(&whole.schema(), &slices), &expected);
        let copies: Vec<RecordBatch> = cuts.windows(2).map(|cut| to_batch(&rows[cut[0]..cut[1]])).collect();
        prop_assert_eq!(&content_digest(&whole.schema(), &copies), &expected);
        let joined = concat_batches(&whole.schema(), &slices).unwrap();
        prop_assert_eq!(&digest(&joined), &expected);
        let mut columns = whole.columns().to_vec();
        columns[7] = with_another_dictionary(&columns[7]);
        prop_assert_eq!(&digest(&RecordBatch::try_new(whole.schema(), columns).unwrap()), &expected);
    }

    #[test]
    fn every_value_and_its_place_count(rows in proptest::collection::vec(row(), 1..12), at in any::<prop::sample::Index>(), other in row()) {
        let expected = digest(&to_batch(&rows));
        let mut changed = rows.clone();
        *at.get_mut(&mut changed) = other;
        let same = format!("{changed:?}") == format!("{rows:?}");
        prop_assert_eq!(digest(&to_batch(&changed)) == expected, same);
        let mut turned = rows.clone();
        turned.rotate_left(at.index(rows.len()));
        let same = format!("{turned:?}") == format!("{rows:?}");
        prop_assert_eq!(digest(&to_batch(&turned)) == expected, same);
        prop_assert_ne!(digest(&to_batch(&rows[1..])), expected);
    }
}

#[test]
fn names_and_types_count_metadata_and_permission_of_nulls_do_not() {
    let column = || Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
    let plain = digest(&batch(vec![("a", column())]));
    assert_ne!(digest(&batch(vec![("b", column())])), plain);
    assert_ne!(digest(&batch(vec![("a", Arc::new(Int32Array::from(vec![1, 2])))])), plain);
    assert_ne!(digest(&batch(vec![("a", column()), ("b", column())])), plain);
    let strict = Schema::new(vec![Field::new("a", DataType::Int64, false)]);
    let strict = strict.with_metadata([("key".to_owned(), "value".to_owned())].into());
    let strict = RecordBatch::try_new(Arc::new(strict), vec![column()]).unwrap();
    assert_eq!(digest(&strict), plain);
}

#[test]
fn neighbours_are_kept_apart() {
    let text = |values: &[Option<&str>]| StringArray::from(values.to_vec());
    assert_ne!(digest_of(text(&[Some("ab"), Some("c")])), digest_of(text(&[Some("a"), Some("bc")])));
    assert_ne!(digest_of(text(&[Some("")])), digest_of(text(&[None])));
    let two = |a: &str, b: &str| {
        let column = |value: &str| Arc::new(StringArray::from(vec![value.to_owned()])) as ArrayRef;
        digest(&batch(vec![("a", column(a)), ("b", column(b))]))
    };
    assert_ne!(two("x", "y"), two("y", "x"));
    let list = |rows: Vec<Option<Vec<Option<i32>>>>| digest_of(ListArray::from_iter_primitive::<Int32Type, _, _>(rows));
    assert_ne!(list(vec![Some(vec![Some(1)]), Some(vec![])]), list(vec![Some(vec![]), Some(vec![Some(1)])]));
    assert_ne!(list(vec![None, Some(vec![])]), list(vec![Some(vec![]), None]));
    assert_ne!(digest_of(NullArray::new(2)), digest_of(NullArray::new(3)));
}

#[test]
fn what_lies_under_a_null_does_not_count() {
    let nulls = || Some(NullBuffer::from(vec![true, false]));
    let padded = |under: i64| digest_of(Int64Array::new(ScalarBuffer::from(vec![1, under]), nulls()));
    assert_eq!(padded(0), padded(77));
    // A null list whose offsets cover items.
    let field = || Arc::new(Field::new_list_field(DataType::Int32, true));
    let items = Arc::new(Int32Array::from(vec![1, 2])) as ArrayRef;
    let covering = ListArray::new(field(), OffsetBuffer::new(vec![0, 1, 2].into()), items, nulls());
    let plain = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)]), None]);
    assert_eq!(digest_of(covering), digest_of(plain));
}

#[test]
fn rare_types_are_covered() {
    let runs: RunArray<Int32Type> = [Some("a"), Some("a"), None, Some("b")].into_iter().collect();
    let others: RunArray<Int32Type> = [Some("a"), Some("b"), None, Some("b")].into_iter().collect();
    assert_ne!(digest_of(runs.clone()), digest_of(others));
    let (head, tail) = (batch(vec![("c", Arc::new(runs.slice(0, 1)))]), batch(vec![("c", Arc::new(runs.slice(1, 3)))]));
    let whole = batch(vec![("c", Arc::new(runs))]);
    assert_eq!(content_digest(&whole.schema(), &[head, tail]), digest(&whole));

    let fields =
        UnionFields::try_new([0, 1], [Field::new("i", DataType::Int32, true), Field::new("s", DataType::Utf8, true)]);
    let fields = fields.unwrap();
    let children = || {
        vec![
            Arc::new(Int32Array::from(vec![1, 2])) as ArrayRef,
            Arc::new(StringArray::from(vec!["a", "b"])) as ArrayRef,
        ]
    };
    let union = |offsets: Vec<i32>| {
        UnionArray::try_new(fields.clone(), vec![0, 1, 0].into(), Some(offsets.into()), children()).unwrap()
    };
    assert_ne!(digest_of(union(vec![0, 0, 1])), digest_of(union(vec![0, 1, 1])));
    let whole = batch(vec![("c", Arc::new(union(vec![0, 0, 1])))]);
    let parts = [whole.slice(0, 2), whole.slice(2, 1)];
    assert_eq!(content_digest(&whole.schema(), &parts), digest(&whole));

    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for count in [2, 0, 1] {
        for key in 0..count {
            map.keys().append_value(format!("k{key}"));
            map.values().append_value(key);
        }
        map.append(true).unwrap();
    }
    let whole = batch(vec![("c", Arc::new(map.finish()))]);
    let parts = [whole.slice(0, 1), whole.slice(1, 2)];
    assert_eq!(content_digest(&whole.schema(), &parts), digest(&whole));

    let fixed = |bytes: [&[u8; 2]; 2]| digest_of(FixedSizeBinaryArray::try_from_iter(bytes.into_iter()).unwrap());
    assert_ne!(fixed([b"ab", b"cd"]), fixed([b"ab", b"ce"]));
}

/// The digest stands in artifacts: it must not change by itself.
#[test]
fn the_digest_of_known_rows_is_known() {
    let rows = [
        Row {
            number: Some(1),
            float: Some(0.5),
            text: Some("a".into()),
            flag: Some(true),
            list: Some(vec![Some(1), None]),
        },
        Row { number: None, float: None, text: None, flag: None, list: None },
        Row { number: Some(-7), float: Some(-0.0), text: Some("".into()), flag: Some(false), list: Some(vec![]) },
    ];
    assert_eq!(digest(&to_batch(&rows)), "19611ca8805c76d87238d63e5d1c5ee8b75a5ce6d8915554fa1c2a54172acd59");
}
