//! Reading Arrow IPC files: which columns there are, and the values of the simple ones. No library, so that the prelude builds in seconds.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use crate::flatbuffer::{Table, Vector, broken, bytes};
use crate::frame::Value;

const MAGIC: &[u8] = b"ARROW1";

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Null,
    Bool,
    Integer {
        bits: usize,
        signed: bool,
    },
    Float {
        bits: usize,
    },
    Text {
        large: bool,
    },
    TextView,
    /// Days since 1970.
    Days,
    /// Units of which there are so many in a second, since 1970; in UTC when there is a time zone.
    Time {
        per_second: i64,
        zoned: bool,
    },
    /// What is shown by its type only.
    Other,
}

/// A column, and where its parts are in a batch.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) type_name: String,
    kind: Kind,
    shape: Shape,
}

/// How many entries a column has in a batch's lists.
#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    nodes: usize,
    buffers: usize,
    /// Columns of views within, each with a number of further buffers.
    views: usize,
}

/// An opened file.
pub(crate) struct ArrowFile {
    file: File,
    pub(crate) fields: Vec<Field>,
    /// Offset and length of each batch's metadata, and its rows.
    batches: Vec<(u64, usize, usize)>,
}

impl ArrowFile {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let end = read(&mut file, length.checked_sub(10).ok_or_else(broken)?, 10)?;
        if &end[4..] != MAGIC {
            return Err(broken());
        }
        let size = u64::from(u32::from_le_bytes(bytes(&end, 0)?));
        let footer = read(&mut file, length.checked_sub(10 + size).ok_or_else(broken)?, size as usize)?;
        let footer = Table::root(&footer)?;
        let fields = footer.table(1)?.ok_or_else(broken)?.vector(1)?;
        let fields = (0..fields.length).map(|index| field(fields.table(index)?)).collect::<Result<_>>()?;
        let blocks = footer.vector(3)?;
        let mut batches = Vec::new();
        for index in 0..blocks.length {
            let offset = u64::try_from(blocks.i64(index, 24, 0)?).map_err(|_| broken())?;
            let size = usize::try_from(blocks.i32(index, 24, 8)?).map_err(|_| broken())?;
            let metadata = read(&mut file, offset, size)?;
            let rows = usize::try_from(batch(&metadata)?.i64(0)?).map_err(|_| broken())?;
            batches.push((offset, size, rows));
        }
        Ok(Self { file, fields, batches })
    }

    pub(crate) fn rows(&self) -> usize {
        self.batches.iter().map(|batch| batch.2).sum()
    }

    /// The values of a column in a range of rows.
    pub(crate) fn values(&mut self, column: usize, range: Range<usize>) -> Result<Vec<Value>> {
        let mut values = Vec::with_capacity(range.len());
        self.parts(column, range, |part, rows| {
            for row in rows {
                values.push(part.value(row)?);
            }
            Ok(())
        })?;
        Ok(values)
    }

    /// All values of a column as numbers; none where there is none.
    pub(crate) fn numbers(&mut self, column: usize) -> Result<Vec<Option<f64>>> {
        let mut numbers = Vec::with_capacity(self.rows());
        self.parts(column, 0..self.rows(), |part, rows| part.numbers(rows, &mut numbers))?;
        Ok(numbers)
    }

    /// Shows a column's part in each batch that has rows of a range, and which rows of the part these are.
    fn parts(
        &mut self,
        column: usize,
        range: Range<usize>,
        mut each: impl FnMut(&Buffers, Range<usize>) -> Result<()>,
    ) -> Result<()> {
        let mut first = 0;
        for (offset, size, rows) in self.batches.clone() {
            let wanted = range.start.max(first)..range.end.min(first + rows);
            if !wanted.is_empty() {
                let metadata = read(&mut self.file, offset, size)?;
                let body = offset + size as u64;
                let part = Buffers::find(&self.fields, column, batch(&metadata)?, &mut self.file, body)?;
                each(&part, wanted.start - first..wanted.end - first)?;
            }
            first += rows;
        }
        Ok(())
    }
}

fn read(file: &mut File, offset: u64, length: usize) -> Result<Vec<u8>> {
    if offset.checked_add(length as u64).is_none_or(|end| file.metadata().is_ok_and(|metadata| end > metadata.len())) {
        return Err(broken());
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The batch that a message's metadata is about.
fn batch(metadata: &[u8]) -> Result<Table<'_>> {
    let start = if bytes::<4>(metadata, 0)? == [0xff; 4] { 8 } else { 4 };
    Table::root(metadata.get(start..).ok_or_else(broken)?)?.table(2)?.ok_or_else(broken)
}

fn field(table: Table<'_>) -> Result<Field> {
    let (kind, type_name) = kind(table)?;
    Ok(Field { name: table.text(0)?.unwrap_or_default(), type_name, kind, shape: shape(table)? })
}

/// The type's number in Arrow's list, and its own table.
fn kind(field: Table<'_>) -> Result<(Kind, String)> {
    if field.table(4)?.is_some() {
        return Ok((Kind::Other, "dictionary".to_owned()));
    }
    let details = field.table(3)?;
    let number = |index: usize| details.map_or(Ok(0), |details| details.i16(index, 0));
    Ok(match field.u8(2)? {
        1 => (Kind::Null, "null".to_owned()),
        2 => {
            let bits = details.map_or(Ok(0), |details| details.i32(0))?;
            let signed = details.map_or(Ok(0), |details| details.u8(1))? != 0;
            let kind = Kind::Integer { bits: usize::try_from(bits).map_err(|_| broken())?, signed };
            (kind, format!("{}{bits}", if signed { 'i' } else { 'u' }))
        }
        3 => match number(0)? {
            1 => (Kind::Float { bits: 32 }, "f32".to_owned()),
            2 => (Kind::Float { bits: 64 }, "f64".to_owned()),
            _ => (Kind::Other, "f16".to_owned()),
        },
        5 => (Kind::Text { large: false }, "text".to_owned()),
        20 => (Kind::Text { large: true }, "text".to_owned()),
        24 => (Kind::TextView, "text".to_owned()),
        6 => (Kind::Bool, "bool".to_owned()),
        8 => match details.map_or(Ok(1), |details| details.i16(0, 1))? {
            0 => (Kind::Days, "date".to_owned()),
            _ => (Kind::Time { per_second: 1000, zoned: false }, "date".to_owned()),
        },
        10 => {
            let per_second = [1, 1_000, 1_000_000, 1_000_000_000][usize::try_from(number(0)?).unwrap_or(0).min(3)];
            let zone = details.map_or(Ok(None), |details| details.text(1))?;
            let name = zone.as_ref().map_or_else(|| "time".to_owned(), |zone| format!("time, {zone}"));
            (Kind::Time { per_second, zoned: zone.is_some() }, name)
        }
        4 | 19 | 23 => (Kind::Other, "binary".to_owned()),
        7 => (Kind::Other, "decimal".to_owned()),
        9 => (Kind::Other, "time of day".to_owned()),
        18 => (Kind::Other, "duration".to_owned()),
        12 | 16 | 21 => (Kind::Other, "list".to_owned()),
        13 => (Kind::Other, "struct".to_owned()),
        _ => (Kind::Other, "other".to_owned()),
    })
}

fn shape(field: Table<'_>) -> Result<Shape> {
    let mut shape = Shape { nodes: 1, buffers: 2, views: 0 };
    if field.table(4)?.is_some() {
        return Ok(shape);
    }
    match field.u8(2)? {
        1 | 22 => shape.buffers = 0,
        4 | 5 | 19 | 20 => shape.buffers = 3,
        13 | 16 => shape.buffers = 1,
        23 | 24 => shape.views = 1,
        25 | 26 => shape.buffers = 3,
        _ => {}
    }
    let children = field.vector(5)?;
    for index in 0..children.length {
        let child = self::shape(children.table(index)?)?;
        shape.nodes += child.nodes;
        shape.buffers += child.buffers;
        shape.views += child.views;
    }
    Ok(shape)
}

/// A column of one batch.
struct Buffers {
    kind: Kind,
    /// Which values are there, a bit each; empty when all are.
    valid: Vec<u8>,
    parts: Vec<Vec<u8>>,
}

impl Buffers {
    fn find(fields: &[Field], column: usize, batch: Table<'_>, file: &mut File, body: u64) -> Result<Self> {
        let (nodes, buffers, views): (Vector<'_>, _, Vector<'_>) =
            (batch.vector(1)?, batch.vector(2)?, batch.vector(4)?);
        let mut at = Shape::default();
        let extra = |from: usize, count: usize| -> Result<usize> {
            (from..from + count).map(|index| usize::try_from(views.i64(index, 8, 0)?).map_err(|_| broken())).sum()
        };
        for field in &fields[..column] {
            at.buffers += field.shape.buffers + extra(at.views, field.shape.views)?;
            at.nodes += field.shape.nodes;
            at.views += field.shape.views;
        }
        let kind = fields[column].kind.clone();
        if matches!(kind, Kind::Null | Kind::Other) {
            return Ok(Self { kind, valid: Vec::new(), parts: Vec::new() });
        }
        if batch.table(3)?.is_some() {
            return Err(Error::new(ErrorKind::Unsupported, "the file is compressed; `:dep polars` reads it"));
        }
        let count = fields[column].shape.buffers + extra(at.views, fields[column].shape.views)?;
        let mut parts = Vec::with_capacity(count);
        for index in at.buffers..at.buffers + count {
            let (offset, length) = (buffers.i64(index, 16, 0)?, buffers.i64(index, 16, 8)?);
            let (offset, length) =
                (u64::try_from(offset).map_err(|_| broken())?, usize::try_from(length).map_err(|_| broken())?);
            parts.push(read(file, body + offset, length)?);
        }
        let mut valid = parts.remove(0);
        if nodes.i64(at.nodes, 16, 8)? == 0 {
            valid.clear();
        }
        Ok(Self { kind, valid, parts })
    }

    /// Adds numbers as fast as memory gives them; what is none becomes none.
    fn numbers(&self, rows: Range<usize>, into: &mut Vec<Option<f64>>) -> Result<()> {
        match self.kind {
            Kind::Float { bits: 64 } => self.plain(rows, into, f64::from_le_bytes),
            Kind::Float { .. } => self.plain(rows, into, |bytes| f32::from_le_bytes(bytes).into()),
            Kind::Integer { bits: 64, signed: true } => {
                self.plain(rows, into, |bytes| i64::from_le_bytes(bytes) as f64)
            }
            Kind::Integer { bits: 64, signed: false } => {
                self.plain(rows, into, |bytes| u64::from_le_bytes(bytes) as f64)
            }
            Kind::Integer { bits: 32, signed: true } => {
                self.plain(rows, into, |bytes| i32::from_le_bytes(bytes).into())
            }
            Kind::Integer { bits: 32, signed: false } => {
                self.plain(rows, into, |bytes| u32::from_le_bytes(bytes).into())
            }
            _ => {
                for row in rows {
                    into.push(self.value(row)?.number());
                }
                Ok(())
            }
        }
    }

    /// Adds values of `N` bytes each, which lie one behind the other.
    fn plain<const N: usize>(
        &self,
        rows: Range<usize>,
        into: &mut Vec<Option<f64>>,
        number: impl Fn([u8; N]) -> f64,
    ) -> Result<()> {
        let part = self.parts.first().and_then(|part| part.get(N * rows.start..N * rows.end)).ok_or_else(broken)?;
        let values = part.as_chunks::<N>().0.iter().map(|bytes| number(*bytes));
        if self.valid.is_empty() {
            into.extend(values.map(Some));
            return Ok(());
        }
        for (row, value) in rows.zip(values) {
            into.push(bit(&self.valid, row)?.then_some(value));
        }
        Ok(())
    }

    fn value(&self, row: usize) -> Result<Value> {
        if !self.valid.is_empty() && !bit(&self.valid, row)? {
            return Ok(Value::Null);
        }
        let part = |index: usize| self.parts.get(index).ok_or_else(broken);
        Ok(match &self.kind {
            Kind::Null => Value::Null,
            Kind::Other => Value::Other,
            Kind::Bool => Value::Bool(bit(part(0)?, row)?),
            Kind::Integer { bits, signed } => integer(part(0)?, row, *bits, *signed)?,
            Kind::Float { bits: 32 } => Value::Float(f64::from(f32::from_le_bytes(bytes(part(0)?, 4 * row)?))),
            Kind::Float { .. } => Value::Float(f64::from_le_bytes(bytes(part(0)?, 8 * row)?)),
            Kind::Days => {
                let days = i64::from(i32::from_le_bytes(bytes(part(0)?, 4 * row)?));
                Value::Text(day(days))
            }
            Kind::Time { per_second, zoned } => {
                let count = i64::from_le_bytes(bytes(part(0)?, 8 * row)?);
                Value::Text(time(count, *per_second, *zoned))
            }
            Kind::Text { large } => {
                let (start, end) = if *large {
                    let at = |row: usize| bytes(self.parts[0].as_slice(), 8 * row).map(i64::from_le_bytes);
                    (at(row)?, at(row + 1)?)
                } else {
                    let at = |row: usize| {
                        bytes(self.parts[0].as_slice(), 4 * row).map(|bytes| i64::from(i32::from_le_bytes(bytes)))
                    };
                    (at(row)?, at(row + 1)?)
                };
                text(part(1)?, start, end)?
            }
            Kind::TextView => {
                let view: [u8; 16] = bytes(part(0)?, 16 * row)?;
                let length = i64::from(i32::from_le_bytes(bytes(&view, 0)?));
                if length <= 12 {
                    text(&view, 4, 4 + length)?
                } else {
                    let buffer = usize::try_from(i32::from_le_bytes(bytes(&view, 8)?)).map_err(|_| broken())?;
                    let start = i64::from(i32::from_le_bytes(bytes(&view, 12)?));
                    text(part(1 + buffer)?, start, start + length)?
                }
            }
        })
    }
}

fn bit(bytes: &[u8], index: usize) -> Result<bool> {
    bytes.get(index / 8).map(|byte| byte >> (index % 8) & 1 == 1).ok_or_else(broken)
}

fn integer(part: &[u8], row: usize, bits: usize, signed: bool) -> Result<Value> {
    let size = bits / 8;
    let slice = part.get(size * row..size * (row + 1)).ok_or_else(broken)?;
    let mut wide = [if signed && slice.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 }; 8];
    wide.get_mut(..size).ok_or_else(broken)?.copy_from_slice(slice);
    Ok(if signed { Value::Integer(i64::from_le_bytes(wide)) } else { Value::Unsigned(u64::from_le_bytes(wide)) })
}

fn text(part: &[u8], start: i64, end: i64) -> Result<Value> {
    let range = usize::try_from(start).map_err(|_| broken())?..usize::try_from(end).map_err(|_| broken())?;
    part.get(range).map(|bytes| Value::Text(String::from_utf8_lossy(bytes).into_owned())).ok_or_else(broken)
}

/// A count of days since 1970 as `2026-03-01`, after Howard Hinnant's `civil_from_days`.
fn day(days: i64) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

fn time(count: i64, per_second: i64, zoned: bool) -> String {
    let (seconds, fraction) = (count.div_euclid(per_second), count.rem_euclid(per_second));
    let of_day = seconds.rem_euclid(86_400);
    let mut text =
        format!("{}T{:02}:{:02}:{:02}", day(seconds.div_euclid(86_400)), of_day / 3600, of_day / 60 % 60, of_day % 60);
    if fraction > 0 {
        let digits = per_second.ilog10() as usize;
        text.push_str(format!(".{fraction:0digits$}").trim_end_matches('0'));
    }
    if zoned {
        text.push('Z');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_iso_8601() {
        assert_eq!(time(0, 1, true), "1970-01-01T00:00:00Z");
        assert_eq!(time(-1, 1_000, false), "1969-12-31T23:59:59.999");
        assert_eq!(time(1_772_352_300_250_000, 1_000_000, true), "2026-03-01T08:05:00.25Z");
        assert_eq!(day(19_782), "2024-02-29");
    }
}
