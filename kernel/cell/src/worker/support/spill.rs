//! Values written down and read again: how variables of plain types go from one process to another.
//!
//! A compiled cell asks for each variable that it makes; see the stand-in for cargo. The format is little endian, lengths are eight bytes, and
//! nothing says what it is: whoever reads knows the type.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::fs::File;
use std::hash::{BuildHasher, Hash};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::marker::PhantomData;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Room is made for so many items at first: a length that is read may be any number.
const FIRST: usize = 1 << 16;

/// A type whose values are told by their parts.
pub trait Spill: Sized {
    /// Writes the value.
    fn spill(&self, output: &mut dyn Write) -> io::Result<()>;
    /// Reads a value.
    fn restore(input: &mut dyn Read) -> io::Result<Self>;
}

/// How a variable of a type that is [`Spill`] moves.
pub trait SpilledByParts<T> {
    /// Writes the variable to a file.
    fn kernwerk_write(&self, value: &T, path: &Path) -> bool;
    /// Reads it from there.
    fn kernwerk_read(&self, path: &Path) -> Option<T>;
}

// What is compiled into each cell, for each of its types, is as little as can be: the rest is below, compiled once.
impl<T: Spill> SpilledByParts<T> for &&PhantomData<T> {
    fn kernwerk_write(&self, value: &T, path: &Path) -> bool {
        write_file(path, &mut |output| value.spill(output))
    }

    fn kernwerk_read(&self, path: &Path) -> Option<T> {
        let mut value = None;
        let read = read_file(path, &mut |input| {
            value = Some(T::restore(input)?);
            Ok(())
        });
        if read { value } else { None }
    }
}

fn write_file(path: &Path, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> bool {
    let written = File::create(path).and_then(|file| {
        let mut output = BufWriter::new(file);
        write(&mut output)?;
        output.flush()
    });
    written.is_ok()
}

fn read_file(path: &Path, read: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>) -> bool {
    File::open(path).and_then(|file| read(&mut BufReader::new(file))).is_ok()
}

/// What becomes of a variable of any other type.
pub trait NotSpilled<T> {
    /// Writes nothing.
    fn kernwerk_write(&self, _: &T, _: &Path) -> bool {
        false
    }

    /// Reads nothing.
    fn kernwerk_read(&self, _: &Path) -> Option<T> {
        None
    }
}

impl<T> NotSpilled<T> for PhantomData<T> {}

/// Runs what moves a variable; a panic in it, which may come from the user's own code, means that it could not be moved.
pub fn guarded(action: &mut dyn FnMut() -> bool) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(action)).unwrap_or(false)
}

/// A path of which there are only the bytes.
///
/// # Safety
/// `bytes` are `length` bytes that stay as they are while the path is used.
pub unsafe fn path<'a>(bytes: *const u8, length: usize) -> &'a Path {
    use std::os::unix::ffi::OsStrExt;
    // SAFETY: the caller says so.
    Path::new(std::ffi::OsStr::from_bytes(unsafe { std::slice::from_raw_parts(bytes, length) }))
}

fn broken() -> io::Error {
    io::Error::from(ErrorKind::InvalidData)
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Spill for $number {
            fn spill(&self, output: &mut dyn Write) -> io::Result<()> {
                output.write_all(&self.to_le_bytes())
            }

            fn restore(input: &mut dyn Read) -> io::Result<Self> {
                let mut bytes = [0; size_of::<Self>()];
                input.read_exact(&mut bytes)?;
                Ok(Self::from_le_bytes(bytes))
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, f32, f64, usize, isize);

/// Types that are written as another one: how to get there, and back.
macro_rules! as_other {
    ($($kind:ty as $other:ty: $there:expr, $back:expr;)*) => {$(
        impl Spill for $kind {
            fn spill(&self, output: &mut dyn Write) -> io::Result<()> {
                let there: fn(&$kind) -> $other = $there;
                there(self).spill(output)
            }

            fn restore(input: &mut dyn Read) -> io::Result<Self> {
                let back: fn($other) -> Option<$kind> = $back;
                back(<$other>::restore(input)?).ok_or_else(broken)
            }
        }
    )*};
}

as_other! {
    bool as u8: |value| u8::from(*value), |value| Some(value != 0);
    char as u32: |value| u32::from(*value), char::from_u32;
    Duration as (u64, u32): |value| (value.as_secs(), value.subsec_nanos()), |(seconds, nanos)| Some(Duration::new(seconds, nanos));
    PathBuf as String: |value| value.to_string_lossy().into_owned(), |value| Some(value.into());
}

impl Spill for () {
    fn spill(&self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn restore(_: &mut dyn Read) -> io::Result<Self> {
        Ok(())
    }
}

impl Spill for String {
    fn spill(&self, output: &mut dyn Write) -> io::Result<()> {
        self.len().spill(output)?;
        output.write_all(self.as_bytes())
    }

    fn restore(input: &mut dyn Read) -> io::Result<Self> {
        let length = u64::restore(input)?;
        let mut bytes = Vec::new();
        if input.take(length).read_to_end(&mut bytes)? as u64 != length {
            return Err(io::Error::from(ErrorKind::UnexpectedEof));
        }
        Self::from_utf8(bytes).map_err(|_| broken())
    }
}

/// It lived for ever before, and does so again.
impl Spill for &'static str {
    fn spill(&self, output: &mut dyn Write) -> io::Result<()> {
        (*self).to_owned().spill(output)
    }

    fn restore(input: &mut dyn Read) -> io::Result<Self> {
        Ok(Box::leak(String::restore(input)?.into_boxed_str()))
    }
}

impl<T: Spill> Spill for Option<T> {
    fn spill(&self, output: &mut dyn Write) -> io::Result<()> {
        self.is_some().spill(output)?;
        self.as_ref().map_or(Ok(()), |value| value.spill(output))
    }

    fn restore(input: &mut dyn Read) -> io::Result<Self> {
        bool::restore(input)?.then(|| T::restore(input)).transpose()
    }
}

impl<T: Spill, E: Spill> Spill for Result<T, E> {
    fn spill(&self, output: &mut dyn Write) -> io::Result<()> {
        self.is_ok().spill(output)?;
        match self {
            Ok(value) => value.spill(output),
            Err(error) => error.spill(output),
        }
    }

    fn restore(input: &mut dyn Read) -> io::Result<Self> {
        Ok(if bool::restore(input)? { Ok(T::restore(input)?) } else { Err(E::restore(input)?) })
    }
}

/// Types that hold one value.
macro_rules! holders {
    ($($holder:ident, $get:expr;)*) => {$(
        impl<T: Spill> Spill for $holder<T> {
            fn spill(&self, output: &mut dyn Write) -> io::Result<()> {
                let get: fn(&Self, &mut dyn Write) -> io::Result<()> = $get;
                get(self, output)
            }

            fn restore(input: &mut dyn Read) -> io::Result<Self> {
                Ok(Self::new(T::restore(input)?))
            }
        }
    )*};
}

holders! {
    Box, |value, output| (**value).spill(output);
    RefCell, |value, output| value.try_borrow().map_err(|_| broken())?.spill(output);
}

impl<T: Spill + Copy> Spill for Cell<T> {
    fn spill(&self, output: &mut dyn Write) -> io::Result<()> {
        self.get().spill(output)
    }

    fn restore(input: &mut dyn Read) -> io::Result<Self> {
        Ok(Self::new(T::restore(input)?))
    }
}

impl<T: Spill, const N: usize> Spill for [T; N] {
    fn spill(&self, output: &mut dyn Write) -> io::Result<()> {
        self.iter().try_for_each(|value| value.spill(output))
    }

    fn restore(input: &mut dyn Read) -> io::Result<Self> {
        let values = (0..N).map(|_| T::restore(input)).collect::<io::Result<Vec<T>>>()?;
        Self::try_from(values).map_err(|_| broken())
    }
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),+))*) => {$(
        impl<$($name: Spill),+> Spill for ($($name,)+) {
            fn spill(&self, output: &mut dyn Write) -> io::Result<()> {
                $(self.$index.spill(output)?;)+
                Ok(())
            }

            fn restore(input: &mut dyn Read) -> io::Result<Self> {
                Ok(($($name::restore(input)?,)+))
            }
        }
    )*};
}

tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}

impl<T: Spill> Spill for Range<T> {
    fn spill(&self, output: &mut dyn Write) -> io::Result<()> {
        self.start.spill(output)?;
        self.end.spill(output)
    }

    fn restore(input: &mut dyn Read) -> io::Result<Self> {
        Ok(T::restore(input)?..T::restore(input)?)
    }
}

impl<T: Spill> Spill for RangeInclusive<T> {
    fn spill(&self, output: &mut dyn Write) -> io::Result<()> {
        self.start().spill(output)?;
        self.end().spill(output)
    }

    fn restore(input: &mut dyn Read) -> io::Result<Self> {
        Ok(T::restore(input)?..=T::restore(input)?)
    }
}

/// Writes how many there are, and each.
fn spill_all<'a, T: Spill + 'a>(
    values: impl ExactSizeIterator<Item = &'a T>,
    output: &mut dyn Write,
) -> io::Result<()> {
    values.len().spill(output)?;
    values.into_iter().try_for_each(|value| value.spill(output))
}

/// Reads as many as there are.
fn restore_all<T: Spill>(input: &mut dyn Read) -> io::Result<Vec<T>> {
    let length = usize::restore(input)?;
    let mut values = Vec::with_capacity(length.min(FIRST));
    for _ in 0..length {
        values.push(T::restore(input)?);
    }
    Ok(values)
}

/// Types that hold many values of one type, and are made of them again.
macro_rules! collections {
    ($($collection:ident < T $(: $bound:ident $(+ $more:ident)*)? >),* $(,)?) => {$(
        impl<T: Spill $(+ $bound $(+ $more)*)?> Spill for $collection<T> {
            fn spill(&self, output: &mut dyn Write) -> io::Result<()> {
                spill_all(self.iter(), output)
            }

            fn restore(input: &mut dyn Read) -> io::Result<Self> {
                Ok(restore_all(input)?.into_iter().collect())
            }
        }
    )*};
}

collections!(Vec<T>, VecDeque<T>, BTreeSet<T: Ord>, BinaryHeap<T: Ord>);

impl<T: Spill + Eq + Hash, S: BuildHasher + Default> Spill for HashSet<T, S> {
    fn spill(&self, output: &mut dyn Write) -> io::Result<()> {
        spill_all(self.iter(), output)
    }

    fn restore(input: &mut dyn Read) -> io::Result<Self> {
        Ok(restore_all(input)?.into_iter().collect())
    }
}

/// Writes how many entries there are, and each.
fn spill_entries<'a, K: Spill + 'a, V: Spill + 'a>(
    entries: impl ExactSizeIterator<Item = (&'a K, &'a V)>,
    output: &mut dyn Write,
) -> io::Result<()> {
    entries.len().spill(output)?;
    entries.into_iter().try_for_each(|(key, value)| {
        key.spill(output)?;
        value.spill(output)
    })
}

impl<K: Spill + Ord, V: Spill> Spill for BTreeMap<K, V> {
    fn spill(&self, output: &mut dyn Write) -> io::Result<()> {
        spill_entries(self.iter(), output)
    }

    fn restore(input: &mut dyn Read) -> io::Result<Self> {
        Ok(restore_all::<(K, V)>(input)?.into_iter().collect())
    }
}

impl<K: Spill + Eq + Hash, V: Spill, S: BuildHasher + Default> Spill for HashMap<K, V, S> {
    fn spill(&self, output: &mut dyn Write) -> io::Result<()> {
        spill_entries(self.iter(), output)
    }

    fn restore(input: &mut dyn Read) -> io::Result<Self> {
        Ok(restore_all::<(K, V)>(input)?.into_iter().collect())
    }
}
