//! Keys of one or more columns as bytes that are equal exactly when all columns are: no separator to be confused by, and no
//! difference between the widths of an integer.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::buffer::NullBuffer;
use arrow::compute::{cast, nullif};
use arrow::datatypes::{DataType, Float64Type, TimeUnit};
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::HashMap;

use crate::Error;
use crate::source::types::plain_type;

/// The type in which a spine's and a view's key column are compared; none when values of the two can never be equal.
pub fn common_key_type(spine: &DataType, view: &DataType) -> Option<DataType> {
    let (spine, view) = (plain_type(spine), plain_type(view));
    let fits_signed = |data_type: &DataType| data_type.is_integer() && *data_type != DataType::UInt64;
    match (&spine, &view) {
        (left, right) if fits_signed(left) && fits_signed(right) => Some(DataType::Int64),
        (DataType::UInt64, DataType::UInt64) => Some(DataType::UInt64),
        (left, right) if left.is_integer() && right.is_integer() => Some(DataType::Decimal128(38, 0)),
        (left, right) if left.is_floating() && right.is_floating() => Some(DataType::Float64),
        (DataType::Timestamp(left, _), DataType::Timestamp(right, _)) => {
            Some(DataType::Timestamp(*finer(left, right), None))
        }
        (left, right) if left == right && is_key_type(left) => Some(spine),
        _ => None,
    }
}

/// Whether rows can be told apart by such a column.
fn is_key_type(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8
            | DataType::Binary
            | DataType::FixedSizeBinary(_)
            | DataType::Boolean
            | DataType::Date32
            | DataType::Decimal128(..)
    )
}

fn finer<'a>(left: &'a TimeUnit, right: &'a TimeUnit) -> &'a TimeUnit {
    if crate::times::a_second(*left) >= crate::times::a_second(*right) { left } else { right }
}

/// Numbers the keys of a spine, and finds those of a view again.
pub(super) struct KeyEncoder {
    types: Vec<DataType>,
    converter: RowConverter,
    ids: HashMap<Vec<u8>, u32>,
}

impl KeyEncoder {
    pub(super) fn new(types: &[DataType]) -> Result<Self, Error> {
        let fields = types.iter().map(|data_type| SortField::new(data_type.clone())).collect();
        Ok(Self { types: types.to_vec(), converter: RowConverter::new(fields)?, ids: HashMap::default() })
    }

    /// Keys learned so far; without key columns there is one.
    pub(super) fn keys(&self) -> usize {
        if self.types.is_empty() { 1 } else { self.ids.len() }
    }

    /// The number of each row's key, new ones included; none where a part of the key is null.
    pub(super) fn learn(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<Option<u32>>, Error> {
        if self.types.is_empty() {
            return Ok(vec![Some(0); rows]);
        }
        let (keys, nulls) = self.encode(columns)?;
        let mut ids = Vec::with_capacity(rows);
        for row in 0..rows {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                ids.push(None);
                continue;
            }
            let next = u32::try_from(self.ids.len()).map_err(|_| Error::Training {
                message: "the spine has more than four thousand million keys".to_owned(),
                hint: None,
            })?;
            ids.push(Some(*self.ids.entry_ref(keys.row(row).as_ref()).or_insert(next)));
        }
        Ok(ids)
    }

    /// The number of each row's key; none where a part of it is null, or the spine does not have it.
    pub(super) fn find(&self, columns: &[ArrayRef], rows: usize) -> Result<Vec<Option<u32>>, Error> {
        if self.types.is_empty() {
            return Ok(vec![Some(0); rows]);
        }
        let (keys, nulls) = self.encode(columns)?;
        let is_null = |row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        Ok((0..rows)
            .map(|row| if is_null(row) { None } else { self.ids.get(keys.row(row).as_ref()).copied() })
            .collect())
    }

    fn encode(&self, columns: &[ArrayRef]) -> Result<(Rows, Option<NullBuffer>), Error> {
        let columns = columns
            .iter()
            .zip(&self.types)
            .map(|(column, data_type)| as_key(column, data_type))
            .collect::<Result<Vec<_>, _>>()?;
        let nulls = columns
            .iter()
            .fold(None, |nulls, column| NullBuffer::union(nulls.as_ref(), column.logical_nulls().as_ref()));
        Ok((self.converter.convert_columns(&columns)?, nulls))
    }
}

/// A key column in the common type. Equal floats get equal bytes: -0 is 0, and not-a-number equals nothing, as a null.
fn as_key(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, Error> {
    let column = cast(column, data_type)?;
    if *data_type != DataType::Float64 {
        return Ok(column);
    }
    let numbers: Float64Array = column.as_primitive::<Float64Type>().unary(|number| number + 0.0);
    let not_numbers = numbers.iter().map(|number| Some(number.is_some_and(f64::is_nan))).collect();
    Ok(nullif(&numbers, &not_numbers)?)
}
