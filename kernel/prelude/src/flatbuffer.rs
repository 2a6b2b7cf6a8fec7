//! Reading the encoding of Arrow's metadata: tables of fields found through offsets. Every read is checked, so that a broken file is an error.

use std::io::{Error, ErrorKind, Result};

/// A table within a buffer.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    buffer: &'a [u8],
    at: usize,
}

/// The elements of a vector.
#[derive(Clone, Copy)]
pub(crate) struct Vector<'a> {
    buffer: &'a [u8],
    first: usize,
    pub(crate) length: usize,
}

pub(crate) fn broken() -> Error {
    Error::new(ErrorKind::InvalidData, "this is no Arrow file, or a broken one")
}

/// The `N` bytes at `at`.
pub(crate) fn bytes<const N: usize>(buffer: &[u8], at: usize) -> Result<[u8; N]> {
    let end = at.checked_add(N).ok_or_else(broken)?;
    buffer.get(at..end).and_then(|bytes| bytes.try_into().ok()).ok_or_else(broken)
}

fn offset(buffer: &[u8], at: usize) -> Result<usize> {
    let offset = u32::from_le_bytes(bytes(buffer, at)?) as usize;
    at.checked_add(offset).ok_or_else(broken)
}

impl<'a> Table<'a> {
    /// The table that a buffer is about.
    pub(crate) fn root(buffer: &'a [u8]) -> Result<Self> {
        Ok(Self { buffer, at: offset(buffer, 0)? })
    }

    /// Where a field's value is, if the field is there.
    fn field(&self, index: usize) -> Result<Option<usize>> {
        let back = i64::from(i32::from_le_bytes(bytes(self.buffer, self.at)?));
        let layout = usize::try_from(self.at as i64 - back).map_err(|_| broken())?;
        let size = usize::from(u16::from_le_bytes(bytes(self.buffer, layout)?));
        let entry = 4 + 2 * index;
        if entry + 2 > size {
            return Ok(None);
        }
        let place = usize::from(u16::from_le_bytes(bytes(self.buffer, layout + entry)?));
        Ok((place != 0).then_some(self.at + place))
    }

    pub(crate) fn u8(&self, index: usize) -> Result<u8> {
        self.field(index)?.map_or(Ok(0), |at| bytes::<1>(self.buffer, at).map(|bytes| bytes[0]))
    }

    pub(crate) fn i16(&self, index: usize, default: i16) -> Result<i16> {
        self.field(index)?.map_or(Ok(default), |at| bytes(self.buffer, at).map(i16::from_le_bytes))
    }

    pub(crate) fn i32(&self, index: usize) -> Result<i32> {
        self.field(index)?.map_or(Ok(0), |at| bytes(self.buffer, at).map(i32::from_le_bytes))
    }

    pub(crate) fn i64(&self, index: usize) -> Result<i64> {
        self.field(index)?.map_or(Ok(0), |at| bytes(self.buffer, at).map(i64::from_le_bytes))
    }

    pub(crate) fn table(&self, index: usize) -> Result<Option<Self>> {
        self.field(index)?.map(|at| Ok(Self { buffer: self.buffer, at: offset(self.buffer, at)? })).transpose()
    }

    pub(crate) fn text(&self, index: usize) -> Result<Option<String>> {
        let Some(at) = self.field(index)? else { return Ok(None) };
        let at = offset(self.buffer, at)?;
        let length = u32::from_le_bytes(bytes(self.buffer, at)?) as usize;
        let text = at
            .checked_add(4)
            .and_then(|start| self.buffer.get(start..start.checked_add(length)?))
            .ok_or_else(broken)?;
        Ok(Some(String::from_utf8_lossy(text).into_owned()))
    }

    /// A vector; an empty one when the field is not there.
    pub(crate) fn vector(&self, index: usize) -> Result<Vector<'a>> {
        let Some(at) = self.field(index)? else { return Ok(Vector { buffer: self.buffer, first: 0, length: 0 }) };
        let at = offset(self.buffer, at)?;
        let length = u32::from_le_bytes(bytes(self.buffer, at)?) as usize;
        if length > self.buffer.len() {
            return Err(broken());
        }
        Ok(Vector { buffer: self.buffer, first: at + 4, length })
    }
}

impl<'a> Vector<'a> {
    /// An element that is a table.
    pub(crate) fn table(&self, index: usize) -> Result<Table<'a>> {
        Ok(Table { buffer: self.buffer, at: offset(self.buffer, self.first + 4 * index)? })
    }

    /// The integer that stands `at` bytes into an element of `size` bytes.
    pub(crate) fn i64(&self, index: usize, size: usize, at: usize) -> Result<i64> {
        bytes(self.buffer, self.first + size * index + at).map(i64::from_le_bytes)
    }

    /// As [`Vector::i64`], of four bytes.
    pub(crate) fn i32(&self, index: usize, size: usize, at: usize) -> Result<i32> {
        bytes(self.buffer, self.first + size * index + at).map(i32::from_le_bytes)
    }
}
