//! The corners of the point-in-time join, one by one. Each was seen to fail under the mutation that its comment names.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, DictionaryArray, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, StringViewArray, TimestampMicrosecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use kernwerk_feature::merge::{Outcome, Spine, SpineIndex, ViewRows, common_key_type, join};
use kernwerk_feature::{Outcome as Public, Ttl};

const HOUR: i64 = 3_600_000_000;

/// A row of a view: key, event time, created time, value; times in hours.
type Row = (Option<i64>, i64, Option<i64>, i64);

struct Case {
    ttl: Ttl,
    created: bool,
    cutoff: bool,
}

const PLAIN: Case = Case { ttl: Ttl::Unbounded, created: false, cutoff: true };
const CREATED: Case = Case { created: true, ..PLAIN };
const TWO_HOURS: Ttl = Ttl::Micros(2 * HOUR);

fn hours(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.into_iter().map(|value| value.map(|hours| hours * HOUR)).collect::<TimestampMicrosecondArray>())
}

fn features(values: Vec<i64>) -> RecordBatch {
    RecordBatch::try_from_iter([("value", Arc::new(Int64Array::from(values)) as ArrayRef)]).expect("a batch")
}

impl Case {
    /// What each row of the spine, given as (key, hour), gets.
    fn join(&self, spine: &[(Option<i64>, Option<i64>)], view: &[Row]) -> Vec<Result<i64, Outcome>> {
        let keys = |keys: Vec<Option<i64>>| vec![Arc::new(Int64Array::from(keys)) as ArrayRef];
        let spine =
            Spine { keys: keys(spine.iter().map(|row| row.0).collect()), times: hours(spine.iter().map(|row| row.1)) };
        let view = ViewRows {
            keys: keys(view.iter().map(|row| row.0).collect()),
            event_times: hours(view.iter().map(|row| Some(row.1))),
            created: self.created.then(|| hours(view.iter().map(|row| row.2))),
            features: features(view.iter().map(|row| row.3).collect()),
        };
        results(vec![spine], &[view], &[DataType::Int64], self.ttl, self.cutoff)
    }
}

fn results(
    spine: Vec<Spine>,
    view: &[ViewRows],
    types: &[DataType],
    ttl: Ttl,
    cutoff: bool,
) -> Vec<Result<i64, Outcome>> {
    let index = Arc::new(SpineIndex::new(types, &spine).expect("an index"));
    let matched = join(&index, view, ttl, cutoff).expect("a join");
    let values = matched.feature(0, 0..index.rows()).expect("a column");
    let values = values.as_primitive::<Int64Type>();
    matched
        .outcomes()
        .iter()
        .enumerate()
        .map(|(row, outcome)| {
            assert_eq!(values.is_valid(row), *outcome == Outcome::Found);
            if *outcome == Outcome::Found { Ok(values.value(row)) } else { Err(*outcome) }
        })
        .collect()
}

/// One key, one question per hour.
fn at(hours: &[i64]) -> Vec<(Option<i64>, Option<i64>)> {
    hours.iter().map(|hour| (Some(1), Some(*hour))).collect()
}

#[test]
fn both_ends_of_the_window_count() {
    // Fails when `event < T - ttl` becomes `<=`, or when the slot search takes times `<=` rather than `<`.
    let case = Case { ttl: TWO_HOURS, ..PLAIN };
    let found = case.join(&at(&[9, 10, 11, 12, 13]), &[(Some(1), 10, None, 7)]);
    assert_eq!(found, [Err(Outcome::Future), Ok(7), Ok(7), Ok(7), Err(Outcome::Expired)]);
}

#[test]
fn without_a_ttl_nothing_expires() {
    assert_eq!(PLAIN.join(&at(&[1_000_000]), &[(Some(1), 0, None, 7)]), [Ok(7)]);
}

#[test]
fn the_latest_event_wins_then_the_latest_created_then_the_last_row() {
    // Fails when a later row with an equal rank does not replace an earlier one (`>` for `>=`), and when ranks are compared by
    // created time first.
    let rows = [
        (Some(1), 5, Some(5), 1),
        (Some(1), 6, Some(9), 2),
        (Some(1), 6, Some(8), 3),
        (Some(1), 6, Some(9), 4),
        (Some(1), 4, Some(10), 5),
    ];
    assert_eq!(CREATED.join(&at(&[10]), &rows), [Ok(4)]);
    assert_eq!(Case { cutoff: false, ..CREATED }.join(&at(&[10]), &rows), [Ok(4)]);
    let no_created = rows.map(|(key, event, _, value)| (key, event, None, value));
    assert_eq!(PLAIN.join(&at(&[10]), &no_created), [Ok(4)]);
}

#[test]
fn late_rows_count_only_from_when_they_were_known() {
    // Fails when a row is known from its event time on whatever its created time is, and when the running maximum is not carried
    // over the slots: at 12 the late row is newly known, at 9 and 11 it is not.
    let rows = [(Some(1), 6, Some(6), 1), (Some(1), 8, Some(12), 2), (Some(1), 7, Some(7), 3)];
    assert_eq!(CREATED.join(&at(&[6, 9, 11, 12, 13]), &rows), [Ok(1), Ok(3), Ok(3), Ok(2), Ok(2)]);
    // Without the cut-off the created time only orders rows of the same event time.
    assert_eq!(Case { cutoff: false, ..CREATED }.join(&at(&[9]), &rows), [Ok(2)]);
}

#[test]
fn a_late_old_row_does_not_replace_a_newer_one() {
    // Fails when the last row that became known wins, in place of the latest event.
    let rows = [(Some(1), 8, Some(8), 1), (Some(1), 5, Some(10), 2)];
    assert_eq!(CREATED.join(&at(&[9, 11]), &rows), [Ok(1), Ok(1)]);
}

#[test]
fn created_times_that_are_not_known_are_never_before_anything() {
    // Fails when a null created time counts as known since ever.
    let rows = [(Some(1), 5, None, 1)];
    assert_eq!(CREATED.join(&at(&[9]), &rows), [Err(Outcome::Future)]);
    assert_eq!(Case { cutoff: false, ..CREATED }.join(&at(&[9]), &rows), [Ok(1)]);
    let tied = [(Some(1), 5, Some(6), 1), (Some(1), 5, None, 2)];
    assert_eq!(Case { cutoff: false, ..CREATED }.join(&at(&[9]), &tied), [Ok(1)]);
}

#[test]
fn every_miss_has_its_reason() {
    // Fails when keys that only have ineligible rows are taken for unknown ones (`seen` set after the search for a slot).
    let case = Case { ttl: TWO_HOURS, ..PLAIN };
    let spine = [(Some(1), Some(10)), (Some(2), Some(10)), (Some(3), Some(10)), (None, Some(10)), (Some(1), None)];
    let view = [(Some(1), 5, None, 1), (Some(1), 20, None, 2), (Some(2), 20, None, 3), (None, 10, None, 4)];
    assert_eq!(
        case.join(&spine, &view),
        [
            Err(Outcome::Expired),
            Err(Outcome::Future),
            Err(Outcome::NoKey),
            Err(Outcome::NullKey),
            Err(Outcome::NullKey)
        ]
    );
    assert_eq!(Public::Future.name(), "future");
}

#[test]
fn rows_out_are_rows_in_and_keep_their_order() {
    // Fails when the results are given in the order of the slots, and when equal spine rows are taken for one.
    let spine = [(Some(2), Some(9)), (Some(1), Some(9)), (Some(2), Some(3)), (Some(2), Some(9)), (Some(1), Some(9))];
    let view = [(Some(1), 1, None, 1), (Some(2), 8, None, 3), (Some(2), 2, None, 2)];
    assert_eq!(PLAIN.join(&spine, &view), [Ok(3), Ok(1), Ok(2), Ok(3), Ok(1)]);
    assert_eq!(PLAIN.join(&[], &view), []);
    assert_eq!(PLAIN.join(&at(&[3]), &[]), [Err(Outcome::NoKey)]);
}

/// Joins on these key columns; every time is the same, values count the view's rows.
fn on_keys(spine: Vec<ArrayRef>, view: Vec<ArrayRef>) -> Vec<Result<i64, Outcome>> {
    let types: Vec<DataType> = spine
        .iter()
        .zip(&view)
        .map(|(left, right)| common_key_type(left.data_type(), right.data_type()).expect("comparable keys"))
        .collect();
    let (spine_rows, view_rows) = (spine[0].len(), view[0].len());
    let spine = Spine { keys: spine, times: hours(vec![Some(1); spine_rows]) };
    let view = ViewRows {
        keys: view,
        event_times: hours(vec![Some(1); view_rows]),
        created: None,
        features: features((0..view_rows as i64).collect()),
    };
    results(vec![spine], &[view], &types, Ttl::Unbounded, true)
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn composite_keys_do_not_collide() {
    // Fails when key columns are glued together as text: (1, 23) and (12, 3) are then the same key.
    let found = on_keys(
        vec![texts(&["1", "12", "123", ""]), texts(&["23", "3", "", "123"])],
        vec![texts(&["12", "1", "", "1"]), texts(&["3", "23", "123", "2"])],
    );
    assert_eq!(found, [Ok(1), Ok(0), Err(Outcome::NoKey), Ok(2)]);
}

#[test]
fn keys_of_every_type_are_found() {
    let none = Err(Outcome::NoKey);
    let null = Err(Outcome::NullKey);
    // Fails when unsigned numbers are compared as signed ones: what does not fit is no null key.
    let narrow: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]));
    let wide: ArrayRef = Arc::new(Int64Array::from(vec![3, 1 << 40]));
    assert_eq!(on_keys(vec![narrow.clone()], vec![wide.clone()]), [none, null, Ok(0)]);
    let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 3]));
    assert_eq!(on_keys(vec![unsigned.clone()], vec![wide]), [none, Ok(0)]);
    assert_eq!(on_keys(vec![unsigned.clone()], vec![unsigned]), [Ok(0), Ok(1)]);
    let plain = texts(&["a", "b"]);
    let viewed: ArrayRef = Arc::new(StringViewArray::from(vec!["b", "c"]));
    let coded: ArrayRef = Arc::new(["b", "c"].into_iter().collect::<DictionaryArray<Int32Type>>());
    assert_eq!(on_keys(vec![plain.clone()], vec![viewed]), [none, Ok(0)]);
    assert_eq!(on_keys(vec![plain], vec![coded]), [none, Ok(0)]);
    let yes: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]));
    assert_eq!(on_keys(vec![yes.clone()], vec![yes.slice(1, 2)]), [none, Ok(0), null]);
    let days: ArrayRef = Arc::new(Date32Array::from(vec![1, 2]));
    assert_eq!(on_keys(vec![days.clone()], vec![days.slice(1, 1)]), [none, Ok(0)]);
    let seconds: ArrayRef = Arc::new(TimestampSecondArray::from(vec![1, 2]).with_timezone("UTC"));
    let nanos: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![2_000_000_000, 2_000_000_001]));
    assert_eq!(on_keys(vec![seconds], vec![nanos]), [none, Ok(0)]);
    // Fails when floats are compared by their bits: -0 is 0, and not-a-number is equal to nothing.
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.0, f64::NAN, 1.5]));
    let others: ArrayRef = Arc::new(Float64Array::from(vec![-0.0, f64::NAN, 1.5]));
    assert_eq!(on_keys(vec![floats], vec![others]), [Ok(0), null, Ok(2)]);
    assert_eq!(common_key_type(&DataType::Utf8, &DataType::Int64), None);
    assert_eq!(common_key_type(&DataType::Float64, &DataType::Int64), None);
}

#[test]
fn without_a_key_all_rows_are_one() {
    let spine = Spine { keys: Vec::new(), times: hours([Some(1), Some(5), None]) };
    let view = ViewRows {
        keys: Vec::new(),
        event_times: hours([Some(2), Some(4)]),
        created: None,
        features: features(vec![1, 2]),
    };
    let found = results(vec![spine], &[view], &[], Ttl::Unbounded, true);
    assert_eq!(found, [Err(Outcome::Future), Ok(2), Err(Outcome::NullKey)]);
}

#[test]
fn units_of_time_compare_exactly() {
    // Fails when times are brought to the coarser unit: one nanosecond after is after.
    let spine = Spine { keys: Vec::new(), times: Arc::new(TimestampSecondArray::from(vec![2, 253_402_300_799])) };
    let times = TimestampNanosecondArray::from(vec![2_000_000_000, 2_000_000_001]);
    let view =
        ViewRows { keys: Vec::new(), event_times: Arc::new(times), created: None, features: features(vec![1, 2]) };
    assert_eq!(results(vec![spine], &[view], &[], Ttl::Unbounded, true), [Ok(1), Ok(2)]);
    let days = Spine { keys: Vec::new(), times: Arc::new(Date32Array::from(vec![1])) };
    let view = ViewRows {
        keys: Vec::new(),
        event_times: hours([Some(24), Some(25)]),
        created: None,
        features: features(vec![1, 2]),
    };
    assert_eq!(results(vec![days], &[view], &[], Ttl::Unbounded, true), [Ok(1)]);
}

#[test]
fn long_views_are_kept_only_where_they_lead() {
    // Every pass over the view overtakes rows of the pass before, until so many were kept that those without a slot are dropped;
    // some slots are led from before that on, some from after it. Fails when the leaders' places are not renumbered.
    const SLOTS: i64 = 40_000;
    const PASSES: i64 = 20;
    let row_of = |slot: i64| (Some(slot % 2), slot / 2);
    let passes: Vec<ViewRows> = (0..PASSES)
        .map(|pass| {
            let slots: Vec<i64> = (0..SLOTS).filter(|slot| slot % PASSES >= pass).collect();
            ViewRows {
                keys: vec![Arc::new(slots.iter().map(|slot| row_of(*slot).0).collect::<Int64Array>())],
                event_times: hours(slots.iter().map(|slot| Some(row_of(*slot).1))),
                created: None,
                features: features(slots.iter().map(|slot| pass * SLOTS + slot).collect()),
            }
        })
        .collect();
    let spine = Spine {
        keys: vec![Arc::new((0..SLOTS).map(|slot| row_of(slot).0).collect::<Int64Array>())],
        times: hours((0..SLOTS).map(|slot| Some(row_of(slot).1))),
    };
    let found = results(vec![spine], &passes, &[DataType::Int64], Ttl::Unbounded, true);
    let expected: Vec<_> = (0..SLOTS).map(|slot| Ok(slot % PASSES * SLOTS + slot)).collect();
    assert!(found == expected);
}
