//! Points in time of any unit as one number, so that they compare exactly.

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{
    ArrowTemporalType, DataType, Date32Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};

use crate::Error;
use crate::times::a_second;

/// Nanoseconds since 1970 in UTC. Wide enough for every unit's whole range, so that no comparison rounds.
pub(super) type Instant = i128;

/// Stands for a null: before every real instant.
pub(super) const UNKNOWN: Instant = i128::MIN;

/// The instants of a column of times or dates. Times without a zone are UTC, dates are midnight in UTC.
pub(super) fn instants(array: &ArrayRef) -> Result<Vec<Instant>, Error> {
    const A_SECOND: i128 = 1_000_000_000;
    let factor = |unit: TimeUnit| A_SECOND / i128::from(a_second(unit));
    Ok(match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => scaled(array.as_primitive::<TimestampSecondType>(), A_SECOND),
        DataType::Timestamp(unit @ TimeUnit::Millisecond, _) => {
            scaled(array.as_primitive::<TimestampMillisecondType>(), factor(*unit))
        }
        DataType::Timestamp(unit @ TimeUnit::Microsecond, _) => {
            scaled(array.as_primitive::<TimestampMicrosecondType>(), factor(*unit))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => scaled(array.as_primitive::<TimestampNanosecondType>(), 1),
        DataType::Date32 => scaled(array.as_primitive::<Date32Type>(), 86_400 * A_SECOND),
        other => {
            return Err(Error::Training {
                message: format!("points in time cannot be of type {}", crate::source::types::type_name(other)),
                hint: Some("use a column of timestamps or dates".to_owned()),
            });
        }
    })
}

fn scaled<T: ArrowTemporalType>(array: &PrimitiveArray<T>, factor: i128) -> Vec<Instant>
where
    T::Native: Into<i128>,
{
    if array.null_count() == 0 {
        return array.values().iter().map(|value| (*value).into() * factor).collect();
    }
    array.iter().map(|value| value.map_or(UNKNOWN, |value| value.into() * factor)).collect()
}
