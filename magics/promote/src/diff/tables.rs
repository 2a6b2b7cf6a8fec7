//! How one table became another: columns, rows, and numbers. Rows are matched by columns that name each of them, where there are some.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::row::{RowConverter, Rows, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use kernwerk_core::{Side, Work};
use serde::Serialize;

use super::lines::visible;
use crate::Error;
use crate::frame::Frame;

/// So many rows of each kind are shown.
const SHOWN_ROWS: usize = 5;
/// So many columns together may name a row.
const WIDEST_KEY: usize = 3;
const LONGEST_VALUE: usize = 120;
/// How often a cancel is heard.
const STRIDE: usize = 1 << 16;

/// How two tables differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableDiff {
    pub rows_before: usize,
    pub rows_after: usize,
    /// Columns that were added, removed, or have another type.
    pub columns: Vec<ColumnChange>,
    pub matched_by: MatchedBy,
    /// Rows that are only after, only before, and on both sides with other values.
    pub added: usize,
    pub removed: usize,
    pub changed: usize,
    /// Columns of matched rows whose values differ.
    pub values: Vec<ValueChange>,
    /// A few of the rows.
    pub examples: Vec<RowChange>,
    /// Columns whose values were not compared, for what they are.
    pub left_out: Vec<String>,
}

impl TableDiff {
    /// Whether nothing that was compared differs; of columns that were left out nothing is known.
    pub fn is_same(&self) -> bool {
        self.columns.is_empty() && self.added + self.removed + self.changed == 0 && self.left_out.is_empty()
    }
}

/// What makes two rows the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MatchedBy {
    /// These columns have other values in each row of a table.
    Columns(Vec<String>),
    /// Their place; there are as many rows before as after.
    Position,
    /// All their values: a row that changed is removed and added.
    Values,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnChange {
    pub name: String,
    /// The type; none where there is no such column.
    pub before: Option<String>,
    pub after: Option<String>,
}

/// What differs in a column of matched rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValueChange {
    pub column: String,
    /// Rows with another value.
    pub rows: usize,
    /// Of numbers, the change that is largest by its amount.
    pub largest: Option<NumberChange>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NumberChange {
    pub before: f64,
    pub after: f64,
    /// In which row.
    pub row: String,
}

/// A row as it was and is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowChange {
    /// Both where it changed.
    pub side: Side,
    pub cells: Vec<CellChange>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellChange {
    pub column: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// Compares two tables.
///
/// # Errors
/// Interrupted.
pub(super) fn compare(before: &Frame, after: &Frame, work: &Work) -> Result<TableDiff, Error> {
    let columns = column_changes(&before.rows, &after.rows);
    let shared: Vec<Shared> = shared(&before.rows, &after.rows);
    let (matched_by, pairs) = pair(&shared, before.rows.num_rows(), after.rows.num_rows(), work)?;
    let mut left_out: Vec<String> =
        before.left_out.iter().chain(&after.left_out).map(|(name, kind)| format!("{name} ({kind})")).collect();
    left_out.dedup();
    let mut diff = TableDiff {
        rows_before: before.rows.num_rows(),
        rows_after: after.rows.num_rows(),
        columns,
        added: pairs.added.len(),
        removed: pairs.removed.len(),
        changed: 0,
        values: Vec::new(),
        examples: Vec::new(),
        left_out,
        matched_by,
    };
    let changed = changed_rows(&shared, &pairs.matched, &mut diff, work)?;
    diff.changed = changed.len();
    for (one, other) in changed.into_iter().take(SHOWN_ROWS) {
        diff.examples.push(RowChange { side: Side::Both, cells: cells(&shared, Some(one), Some(other)) });
    }
    for row in pairs.added.into_iter().take(SHOWN_ROWS) {
        diff.examples.push(RowChange { side: Side::After, cells: cells(&shared, None, Some(row)) });
    }
    for row in pairs.removed.into_iter().take(SHOWN_ROWS) {
        diff.examples.push(RowChange { side: Side::Before, cells: cells(&shared, Some(row), None) });
    }
    Ok(diff)
}

fn column_changes(before: &RecordBatch, after: &RecordBatch) -> Vec<ColumnChange> {
    let (before, after) = (before.schema(), after.schema());
    let kind = |field: &arrow::datatypes::Field| Some(field.data_type().to_string());
    let changes = before.fields().iter().map(|field| ColumnChange {
        name: visible(field.name()),
        before: kind(field),
        after: after.field_with_name(field.name()).ok().and_then(kind),
    });
    let new = after.fields().iter().filter(|field| before.field_with_name(field.name()).is_err());
    let new = new.map(|field| ColumnChange { name: visible(field.name()), before: None, after: kind(field) });
    changes.chain(new).filter(|change| change.before != change.after).collect()
}

/// A column that both tables have, with one type.
struct Shared {
    name: String,
    before: ArrayRef,
    after: ArrayRef,
}

fn shared(before: &RecordBatch, after: &RecordBatch) -> Vec<Shared> {
    let (schema, other) = (before.schema(), after.schema());
    let mut shared = Vec::new();
    for (field, column) in schema.fields().iter().zip(before.columns()) {
        let found = other.column_with_name(field.name());
        if let Some((index, _)) = found.filter(|(_, found)| found.data_type() == field.data_type()) {
            shared.push(Shared {
                name: visible(field.name()),
                before: column.clone(),
                after: after.column(index).clone(),
            });
        }
    }
    shared
}

/// Which rows belong together, by their numbers.
#[derive(Default)]
struct Pairs {
    matched: Vec<(usize, usize)>,
    added: Vec<usize>,
    removed: Vec<usize>,
}

fn pair(shared: &[Shared], before: usize, after: usize, work: &Work) -> Result<(MatchedBy, Pairs), Error> {
    if let Some((columns, pairs)) = by_key(shared, work)? {
        return Ok((MatchedBy::Columns(columns), pairs));
    }
    if shared.is_empty() {
        let pairs = Pairs { matched: Vec::new(), added: (0..after).collect(), removed: (0..before).collect() };
        return Ok((MatchedBy::Values, pairs));
    }
    if before == after {
        let matched = (0..before).map(|row| (row, row)).collect();
        return Ok((MatchedBy::Position, Pairs { matched, ..Pairs::default() }));
    }
    let all: Vec<&Shared> = shared.iter().collect();
    Ok((MatchedBy::Values, by_values(&all, work)?))
}

/// Matches rows by the first columns, as few as possible, that name each row of either table and that most rows share.
fn by_key(shared: &[Shared], work: &Work) -> Result<Option<(Vec<String>, Pairs)>, Error> {
    let may_name =
        |column: &&Shared| !(column.before.data_type().is_floating() || column.before.data_type().is_nested());
    let candidates: Vec<&Shared> = shared.iter().filter(may_name).collect();
    let single = candidates.iter().map(|column| vec![*column]);
    let wider = (2..=WIDEST_KEY.min(candidates.len())).map(|width| candidates[..width].to_vec());
    let mut best: Option<(Vec<&Shared>, Pairs)> = None;
    for key in single.chain(wider) {
        let is_wider = best.as_ref().is_some_and(|(best, _)| best.len() < key.len());
        if is_wider {
            break;
        }
        let Some(pairs) = by_unique(&key, work)? else { continue };
        let most = best.as_ref().map_or(0, |(_, best)| best.matched.len());
        if pairs.matched.len() > most {
            best = Some((key, pairs));
        }
    }
    Ok(best.map(|(key, pairs)| (key.into_iter().map(|column| column.name.clone()).collect(), pairs)))
}

/// The pairs of rows with the same values in `key`; none where the values do not name each row.
fn by_unique(key: &[&Shared], work: &Work) -> Result<Option<Pairs>, Error> {
    let Some((before, after)) = rows(key) else { return Ok(None) };
    let mut known = HashMap::with_capacity(before.num_rows());
    for (number, row) in before.iter().enumerate() {
        pause(number, work)?;
        if known.insert(row, number).is_some() {
            return Ok(None);
        }
    }
    let mut pairs = Pairs::default();
    let mut seen = HashSet::with_capacity(after.num_rows());
    for (number, row) in after.iter().enumerate() {
        pause(number, work)?;
        if !seen.insert(row) {
            return Ok(None);
        }
        match known.get(&row) {
            Some(earlier) => pairs.matched.push((*earlier, number)),
            None => pairs.added.push(number),
        }
    }
    pairs.removed =
        before.iter().enumerate().filter(|(_, row)| !seen.contains(row)).map(|(number, _)| number).collect();
    Ok(Some(pairs))
}

/// The pairs of rows with the same values in all columns, however often each comes.
fn by_values(columns: &[&Shared], work: &Work) -> Result<Pairs, Error> {
    let mut pairs = Pairs::default();
    let Some((before, after)) = rows(columns) else { return Ok(pairs) };
    let mut known: HashMap<_, Vec<usize>> = HashMap::with_capacity(before.num_rows());
    for (number, row) in before.iter().enumerate() {
        pause(number, work)?;
        known.entry(row).or_default().push(number);
    }
    known.values_mut().for_each(|numbers| numbers.reverse());
    for (number, row) in after.iter().enumerate() {
        pause(number, work)?;
        match known.get_mut(&row).and_then(Vec::pop) {
            Some(earlier) => pairs.matched.push((earlier, number)),
            None => pairs.added.push(number),
        }
    }
    pairs.removed = known.into_values().flatten().collect();
    pairs.removed.sort_unstable();
    Ok(pairs)
}

/// The rows of both sides in a form that compares; none where a type has none.
fn rows(columns: &[&Shared]) -> Option<(Rows, Rows)> {
    let fields = columns.iter().map(|column| SortField::new(column.before.data_type().clone())).collect();
    let converter = RowConverter::new(fields).ok()?;
    let convert = |side: fn(&Shared) -> &ArrayRef| {
        let arrays: Vec<ArrayRef> = columns.iter().map(|column| side(column).clone()).collect();
        converter.convert_columns(&arrays).ok()
    };
    Some((convert(|column| &column.before)?, convert(|column| &column.after)?))
}

fn pause(number: usize, work: &Work) -> Result<(), Error> {
    if number.is_multiple_of(STRIDE) { Ok(work.check()?) } else { Ok(()) }
}

/// The matched rows in which a column differs, and what differs by column.
fn changed_rows(
    shared: &[Shared],
    matched: &[(usize, usize)],
    diff: &mut TableDiff,
    work: &Work,
) -> Result<Vec<(usize, usize)>, Error> {
    let mut changed = vec![false; matched.len()];
    for (column, done) in shared.iter().zip(1..) {
        work.progress("compare", done, Some(shared.len() as u64), "columns");
        let Some((before, after)) = rows(&[column]) else {
            diff.left_out.push(format!("{} ({})", column.name, column.before.data_type()));
            continue;
        };
        let numbers = numbers(&column.before).zip(numbers(&column.after));
        let mut change = ValueChange { column: column.name.clone(), rows: 0, largest: None };
        for (place, (one, other)) in matched.iter().enumerate() {
            pause(place, work)?;
            if before.row(*one) == after.row(*other) {
                continue;
            }
            changed[place] = true;
            change.rows += 1;
            let values = numbers.as_ref().filter(|(from, to)| from.is_valid(*one) && to.is_valid(*other));
            if let Some((from, to)) = values.map(|(from, to)| (from.value(*one), to.value(*other))) {
                let size = |change: &NumberChange| (change.after - change.before).abs();
                let is_larger = change.largest.as_ref().is_none_or(|largest| (to - from).abs() > size(largest));
                if is_larger && (to - from).is_finite() {
                    change.largest =
                        Some(NumberChange { before: from, after: to, row: named(shared, diff, *one, *other) });
                }
            }
        }
        if change.rows > 0 {
            diff.values.push(change);
        }
    }
    Ok(matched.iter().zip(changed).filter(|(_, changed)| *changed).map(|(pair, _)| *pair).collect())
}

/// What a row is called: by the columns that name it, or its number.
fn named(shared: &[Shared], diff: &TableDiff, before: usize, after: usize) -> String {
    match &diff.matched_by {
        MatchedBy::Columns(names) => {
            let key = shared.iter().filter(|column| names.contains(&column.name));
            let parts = key.map(|column| format!("{} {}", column.name, value(&column.before, before)));
            parts.collect::<Vec<_>>().join(", ")
        }
        _ => format!("row {}", after + 1),
    }
}

fn numbers(column: &ArrayRef) -> Option<Float64Array> {
    if !column.data_type().is_numeric() {
        return None;
    }
    cast(column, &DataType::Float64).ok()?.as_primitive_opt::<Float64Type>().cloned()
}

fn cells(shared: &[Shared], before: Option<usize>, after: Option<usize>) -> Vec<CellChange> {
    let cells = shared.iter().map(|column| CellChange {
        column: column.name.clone(),
        before: before.map(|row| value(&column.before, row)),
        after: after.map(|row| value(&column.after, row)),
    });
    cells.collect()
}

fn value(column: &ArrayRef, row: usize) -> String {
    let text = match ArrayFormatter::try_new(column, &FormatOptions::default().with_null("–")) {
        Ok(formatter) => formatter.value(row).try_to_string().unwrap_or_else(|error| error.to_string()),
        Err(error) => error.to_string(),
    };
    let shown: String = text.chars().take(LONGEST_VALUE).collect();
    format!("{}{}", visible(&shown), if shown.len() < text.len() { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};

    use super::*;

    fn frame(columns: Vec<(&str, ArrayRef)>) -> Frame {
        let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
        Frame::of(batch.schema(), &[batch]).expect("a table")
    }

    fn texts(values: &[&str]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    fn floats(values: &[f64]) -> ArrayRef {
        Arc::new(Float64Array::from(values.to_vec()))
    }

    fn whole(values: &[i64]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    fn diff(before: &Frame, after: &Frame) -> TableDiff {
        compare(before, after, &Work::silent()).expect("nobody interrupts")
    }

    #[test]
    fn rows_are_matched_by_what_names_them() {
        let before = frame(vec![
            ("zone", texts(&["a", "b", "c"])),
            ("fare", floats(&[1.0, 2.0, 3.0])),
            ("old", whole(&[1, 1, 1])),
        ]);
        let after = frame(vec![
            ("zone", texts(&["c", "a", "d"])),
            ("fare", floats(&[3.0, 9.5, 4.0])),
            ("new", whole(&[1, 1, 1])),
        ]);
        let diff = diff(&before, &after);
        assert_eq!(diff.matched_by, MatchedBy::Columns(vec!["zone".to_owned()]));
        assert_eq!((diff.added, diff.removed, diff.changed), (1, 1, 1));
        let largest = diff.values[0].largest.as_ref().expect("numbers");
        assert_eq!((largest.before, largest.after, largest.row.as_str()), (1.0, 9.5, "zone a"));
        let columns: Vec<_> =
            diff.columns.iter().map(|change| (change.name.as_str(), change.before.is_some())).collect();
        assert_eq!(columns, [("old", true), ("new", false)]);
        assert_eq!(diff.examples.len(), 3);
        assert_eq!(diff.examples[0].cells[1].after.as_deref(), Some("9.5"));
    }

    #[test]
    fn two_columns_may_name_a_row_together() {
        let table = |fares: &[f64]| {
            frame(vec![("zone", whole(&[1, 1, 2])), ("day", whole(&[1, 2, 1])), ("fare", floats(fares))])
        };
        let diff = diff(&table(&[1.0, 2.0, 3.0]), &table(&[1.0, 2.0, 3.5]));
        assert_eq!(diff.matched_by, MatchedBy::Columns(vec!["zone".to_owned(), "day".to_owned()]));
        assert_eq!((diff.added, diff.removed, diff.changed), (0, 0, 1));
    }

    #[test]
    fn rows_without_a_name_are_matched_by_place_or_by_all_they_hold() {
        let one = frame(vec![("x", floats(&[1.0, 1.0, 2.0]))]);
        let moved = diff(&one, &frame(vec![("x", floats(&[1.0, 1.5, 2.0]))]));
        assert_eq!((moved.matched_by, moved.changed), (MatchedBy::Position, 1));
        let longer = diff(&one, &frame(vec![("x", floats(&[1.0, 2.0, 1.0, 1.0]))]));
        assert_eq!((longer.matched_by, longer.added, longer.removed, longer.changed), (MatchedBy::Values, 1, 0, 0));
    }

    #[test]
    fn a_column_of_another_type_is_told_and_not_compared() {
        let before = frame(vec![("id", whole(&[1, 2])), ("x", whole(&[1, 2]))]);
        let after = frame(vec![("id", whole(&[1, 2])), ("x", floats(&[1.0, 2.0]))]);
        let diff = diff(&before, &after);
        assert_eq!(diff.columns[0].after.as_deref(), Some("Float64"));
        assert_eq!((diff.added, diff.removed, diff.changed), (0, 0, 0));
        assert!(!diff.is_same());
        assert!(super::compare(&before, &before, &Work::silent()).expect("silent").is_same());
    }
}
