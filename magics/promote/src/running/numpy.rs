//! Arrays of NumPy as lists of numbers: those within values, and those in files of NumPy's own format (NEP 1, version 1.0).

use super::plain::Plain;

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
/// Larger arrays are not written out.
const MOST: usize = 8 << 20;

/// An array or a number as `kernwerk/values.py` has it: its type, its shape, and its bytes in hexadecimal digits, row by row.
pub(super) fn value(parts: &[Plain]) -> Option<Plain> {
    let [Plain::Text(kind), Plain::List(shape), Plain::Text(digits)] = parts else { return None };
    let length = |part: &Plain| match part {
        Plain::Number(digits) => digits.parse().ok(),
        _ => None,
    };
    let shape: Vec<usize> = shape.iter().map(length).collect::<Option<_>>()?;
    nested(kind, &shape, &bytes(digits)?)
}

/// The array in a file of NumPy's format; none where its type is not one of numbers, or it is very large.
pub(super) fn file(bytes: &[u8]) -> Option<Plain> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let length = usize::from(u16::from_le_bytes([*rest.first()?, *rest.get(1)?]));
    let header = std::str::from_utf8(rest.get(2..2 + length)?).ok()?;
    let after = |key: &str| Some(header.split_once(&format!("'{key}':"))?.1.trim_start());
    let kind = after("descr")?.strip_prefix('\'')?.split('\'').next()?;
    if !after("fortran_order")?.starts_with("False") {
        return None;
    }
    let shape = after("shape")?.strip_prefix('(')?.split(')').next()?;
    let shape = shape.split(',').map(str::trim).filter(|part| !part.is_empty());
    let shape: Vec<usize> = shape.map(|part| part.parse().ok()).collect::<Option<_>>()?;
    nested(kind, &shape, rest.get(2 + length..)?)
}

/// Bytes out of hexadecimal digits.
pub(super) fn bytes(digits: &str) -> Option<Vec<u8>> {
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}

fn nested(kind: &str, shape: &[usize], bytes: &[u8]) -> Option<Plain> {
    let (size, read) = element(kind)?;
    let count = shape.iter().try_fold(1_usize, |count, length| count.checked_mul(*length))?;
    if count > MOST || count.checked_mul(size)? != bytes.len() {
        return None;
    }
    let mut values: Vec<Plain> = bytes.chunks_exact(size).map(read).collect();
    for length in shape.iter().skip(1).rev() {
        // Rows of nothing are still rows.
        let rows = if *length == 0 { vec![Vec::new(); shape[0]] } else { chunks(values, *length) };
        values = rows.into_iter().map(Plain::List).collect();
    }
    if shape.is_empty() { values.pop() } else { Some(Plain::List(values)) }
}

fn chunks(values: Vec<Plain>, length: usize) -> Vec<Vec<Plain>> {
    values.chunks(length).map(<[Plain]>::to_vec).collect()
}

type Read = fn(&[u8]) -> Plain;

/// The size of an element in bytes, and how it is read. Values lie as the machine has them, and all that we build for have the low byte first.
fn element(kind: &str) -> Option<(usize, Read)> {
    macro_rules! of {
        ($kind:ty, $write:expr) => {
            Some((
                size_of::<$kind>(),
                (|bytes| $write(<$kind>::from_le_bytes(bytes.try_into().unwrap_or_default()))) as Read,
            ))
        };
    }
    match kind {
        "|b1" => Some((1, |bytes| Plain::Boolean(bytes.first().is_some_and(|byte| *byte != 0)))),
        "|i1" => of!(i8, whole),
        "|u1" => of!(u8, whole),
        "<i2" => of!(i16, whole),
        "<u2" => of!(u16, whole),
        "<i4" => of!(i32, whole),
        "<u4" => of!(u32, whole),
        "<i8" => of!(i64, whole),
        "<u8" => of!(u64, whole),
        // The shortest digits that are read back as the same number.
        "<f4" => of!(f32, |number: f32| floating(number.is_finite(), format!("{number:?}"))),
        "<f8" => of!(f64, |number: f64| floating(number.is_finite(), format!("{number:?}"))),
        _ => None,
    }
}

fn whole(number: impl std::fmt::Display) -> Plain {
    Plain::Number(number.to_string())
}

fn floating(is_finite: bool, digits: String) -> Plain {
    match digits.as_str() {
        _ if is_finite => Plain::Number(digits),
        "inf" => Plain::NoNumber("Infinity".to_owned()),
        "-inf" => Plain::NoNumber("-Infinity".to_owned()),
        _ => Plain::NoNumber("NaN".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{header}\n");
        [MAGIC, &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
    }

    #[test]
    fn a_file_is_read_by_rows() {
        let data: Vec<u8> = [1.5_f64, -2.0, f64::NAN, 1e300].iter().flat_map(|number| number.to_le_bytes()).collect();
        let rows = file(&npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }", &data)).expect("an array");
        assert_eq!(rows.json(), "[\n  [1.5, -2.0],\n  [null, 1e300]\n]\n");
        let line = file(&npy("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", &[1, 0])).expect("an array");
        assert_eq!(line.json(), "[true, false]\n");
    }

    #[test]
    fn what_is_no_array_of_numbers_is_left_alone() {
        for (header, data) in [
            ("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (1,), }", &[0_u8; 4][..]),
            ("{'descr': '<i4', 'fortran_order': True, 'shape': (1,), }", &[0; 4]),
            ("{'descr': '<i4', 'fortran_order': False, 'shape': (9,), }", &[0; 4]),
            ("{'descr': '<i4', 'fortran_order': False, 'shape': (99999999999999999999,), }", &[0; 4]),
            ("{'descr': '<i4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", &[]),
        ] {
            assert_eq!(file(&npy(header, data)), None, "{header}");
        }
        assert_eq!((file(b"no"), file(MAGIC), bytes("0"), bytes("zz")), (None, None, None, None));
    }
}
